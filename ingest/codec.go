package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The spool keeps events as CBOR (RFC 8949): a record is a sequence of maps from the key numbers
// of Event to values, so that a reader can skip keys that it does not know. Instants are whole
// milliseconds since 1970; what is empty is left out. The encoding is written out by hand because
// a general encoder costs more than the rest of the way from the socket to the disk.

const (
	cborUint  = 0 << 5
	cborNeg   = 1 << 5
	cborBytes = 2 << 5
	cborText  = 3 << 5
	cborArray = 4 << 5
	cborMap   = 5 << 5
	cborTag   = 6 << 5
	cborOther = 7 << 5
	cborFalse = cborOther | 20
	cborTrue  = cborOther | 21
)

func appendHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= 0xff:
		return append(dst, major|24, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= 0xffffffff:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

// eventWriter appends the fields of one event and counts them.
type eventWriter struct {
	dst    []byte
	fields int
}

func (w *eventWriter) key(k uint64) {
	w.dst = appendHead(w.dst, cborUint, k)
	w.fields++
}

func (w *eventWriter) text(k uint64, s string) {
	if s != "" {
		w.key(k)
		w.dst = append(appendHead(w.dst, cborText, uint64(len(s))), s...)
	}
}

func (w *eventWriter) id(k uint64, id ID) {
	if !id.IsZero() {
		w.key(k)
		w.dst = append(appendHead(w.dst, cborBytes, uint64(len(id))), id[:]...)
	}
}

func (w *eventWriter) time(k uint64, at time.Time) {
	if at.IsZero() {
		return
	}
	w.key(k)
	if ms := at.UnixMilli(); ms >= 0 {
		w.dst = appendHead(w.dst, cborUint, uint64(ms))
	} else {
		w.dst = appendHead(w.dst, cborNeg, uint64(-1-ms))
	}
}

func (w *eventWriter) flag(k uint64, set bool) {
	if set {
		w.key(k)
		w.dst = append(w.dst, cborTrue)
	}
}

// appendEvent appends e in the spool's format.
func appendEvent(dst []byte, e *Event) []byte {
	count := len(dst) + 1
	w := eventWriter{dst: append(dst, cborMap|24, 0)}
	w.text(1, string(e.Type))
	w.time(2, e.Time)
	w.time(3, e.IngestedAt)
	w.text(4, e.TimeFlag)
	w.text(5, e.BusinessID)
	w.text(6, e.AccountID)
	w.text(7, e.Channel)
	w.text(8, e.Provider)
	w.id(9, e.ContactID)
	w.id(10, e.MessageID)
	w.id(11, e.InReplyTo)
	w.id(12, e.EventID)
	w.text(13, e.Kind)
	if e.TextChars > 0 {
		w.key(14)
		w.dst = appendHead(w.dst, cborUint, uint64(e.TextChars))
	}
	w.text(15, e.Method)
	w.time(16, e.Watermark)
	w.text(17, e.Author)
	w.text(18, e.Purpose)
	w.text(19, e.Category)
	w.text(20, e.TemplateID)
	w.text(21, e.CampaignID)
	w.text(22, e.MessageTag)
	w.text(23, e.Arm)
	w.id(24, e.ConversationID)
	w.text(25, e.Scope)
	w.text(26, e.PromisedFrequency)
	w.time(27, e.ExpiresAt)
	w.text(28, e.Reason)
	w.text(29, e.Market)
	w.text(30, e.Language)
	w.text(31, e.Zone)
	w.text(32, e.PricingType)
	w.text(33, e.PricingModel)
	w.text(34, e.Billable)
	w.text(35, e.ErrorCode)
	w.flag(36, e.IsMachine)
	w.flag(37, e.Standby)
	w.flag(38, e.IsTest)
	if len(e.Attributes) > 0 {
		w.key(39)
		w.dst = appendHead(w.dst, cborMap, uint64(len(e.Attributes)))
		for key, value := range e.Attributes {
			w.dst = append(appendHead(w.dst, cborText, uint64(len(key))), key...)
			w.dst = append(appendHead(w.dst, cborText, uint64(len(value))), value...)
		}
	}
	w.dst[count] = byte(w.fields)
	return w.dst
}

var errEncoding = errors.New("not an event of this version or an earlier one")

// eventReader decodes what appendEvent wrote. It hands out one string for equal texts, because
// channels, campaigns and the like repeat in every event.
type eventReader struct {
	raw   []byte
	texts map[string]string
}

// maxTexts bounds the memory of eventReader.texts; real traffic has some hundred.
const maxTexts = 10_000

// events decodes every event of a record and hands each to each, which must not keep the pointer.
func (r *eventReader) events(record []byte, each func(*Event) error) error {
	r.raw = record
	var e Event
	for len(r.raw) > 0 {
		e = Event{}
		if !r.event(&e) {
			return fmt.Errorf("decode spooled event at byte %d: %w", len(record)-len(r.raw), errEncoding)
		}
		if err := each(&e); err != nil {
			return err
		}
	}
	return nil
}

// head reads a type and its number; ok is false at the end of the record and for indefinite lengths.
func (r *eventReader) head() (major byte, n uint64, ok bool) {
	if len(r.raw) == 0 {
		return 0, 0, false
	}
	major, low := r.raw[0]&0xe0, r.raw[0]&0x1f
	size := 0
	switch {
	case low < 24:
		n = uint64(low)
	case low < 28:
		size = 1 << (low - 24)
	default:
		return 0, 0, false
	}
	if len(r.raw) < 1+size {
		return 0, 0, false
	}
	for _, b := range r.raw[1 : 1+size] {
		n = n<<8 | uint64(b)
	}
	r.raw = r.raw[1+size:]
	return major, n, true
}

func (r *eventReader) take(want byte) (b []byte, ok bool) {
	major, n, ok := r.head()
	if !ok || major != want || n > uint64(len(r.raw)) {
		return nil, false
	}
	b, r.raw = r.raw[:n], r.raw[n:]
	return b, true
}

func (r *eventReader) text(s *string) bool {
	b, ok := r.take(cborText)
	if !ok {
		return false
	}
	known, ok := r.texts[string(b)] // this lookup does not allocate
	if !ok {
		known = string(b)
		if r.texts == nil || len(r.texts) >= maxTexts {
			r.texts = make(map[string]string)
		}
		r.texts[known] = known
	}
	*s = known
	return true
}

func (r *eventReader) id(id *ID) bool {
	b, ok := r.take(cborBytes)
	return ok && copy(id[:], b) == len(id) && len(b) == len(id)
}

func (r *eventReader) time(at *time.Time) bool {
	major, n, ok := r.head()
	if !ok || n > 1<<62 {
		return false
	}
	switch major {
	case cborUint:
		*at = time.UnixMilli(int64(n)).UTC()
	case cborNeg:
		*at = time.UnixMilli(-1 - int64(n)).UTC()
	default:
		return false
	}
	return true
}

func (r *eventReader) flag(b *bool) bool {
	major, n, ok := r.head()
	*b = n == cborTrue&0x1f
	return ok && major == cborOther && (n == cborTrue&0x1f || n == cborFalse&0x1f)
}

func (r *eventReader) event(e *Event) bool {
	major, fields, ok := r.head()
	if !ok || major != cborMap {
		return false
	}
	for range fields {
		major, key, ok := r.head()
		if !ok || major != cborUint {
			return false
		}
		switch key {
		case 1:
			ok = r.text((*string)(&e.Type))
		case 2:
			ok = r.time(&e.Time)
		case 3:
			ok = r.time(&e.IngestedAt)
		case 4:
			ok = r.text(&e.TimeFlag)
		case 5:
			ok = r.text(&e.BusinessID)
		case 6:
			ok = r.text(&e.AccountID)
		case 7:
			ok = r.text(&e.Channel)
		case 8:
			ok = r.text(&e.Provider)
		case 9:
			ok = r.id(&e.ContactID)
		case 10:
			ok = r.id(&e.MessageID)
		case 11:
			ok = r.id(&e.InReplyTo)
		case 12:
			ok = r.id(&e.EventID)
		case 13:
			ok = r.text(&e.Kind)
		case 14:
			var n uint64
			major, n, ok = r.head()
			ok = ok && major == cborUint && n <= 0xffffffff
			e.TextChars = uint32(n)
		case 15:
			ok = r.text(&e.Method)
		case 16:
			ok = r.time(&e.Watermark)
		case 17:
			ok = r.text(&e.Author)
		case 18:
			ok = r.text(&e.Purpose)
		case 19:
			ok = r.text(&e.Category)
		case 20:
			ok = r.text(&e.TemplateID)
		case 21:
			ok = r.text(&e.CampaignID)
		case 22:
			ok = r.text(&e.MessageTag)
		case 23:
			ok = r.text(&e.Arm)
		case 24:
			ok = r.id(&e.ConversationID)
		case 25:
			ok = r.text(&e.Scope)
		case 26:
			ok = r.text(&e.PromisedFrequency)
		case 27:
			ok = r.time(&e.ExpiresAt)
		case 28:
			ok = r.text(&e.Reason)
		case 29:
			ok = r.text(&e.Market)
		case 30:
			ok = r.text(&e.Language)
		case 31:
			ok = r.text(&e.Zone)
		case 32:
			ok = r.text(&e.PricingType)
		case 33:
			ok = r.text(&e.PricingModel)
		case 34:
			ok = r.text(&e.Billable)
		case 35:
			ok = r.text(&e.ErrorCode)
		case 36:
			ok = r.flag(&e.IsMachine)
		case 37:
			ok = r.flag(&e.Standby)
		case 38:
			ok = r.flag(&e.IsTest)
		case 39:
			ok = r.attributes(e)
		default:
			ok = r.skip(0)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (r *eventReader) attributes(e *Event) bool {
	major, n, ok := r.head()
	if !ok || major != cborMap || n > uint64(len(r.raw)) {
		return false
	}
	e.Attributes = make(map[string]string, n)
	for range n {
		var key, value string
		if !r.text(&key) || !r.text(&value) {
			return false
		}
		e.Attributes[key] = value
	}
	return true
}

// skip passes over a value of any kind, of a key that a later version introduced.
func (r *eventReader) skip(depth int) bool {
	major, n, ok := r.head()
	if !ok || depth > 8 {
		return false
	}
	switch major {
	case cborBytes, cborText:
		if n > uint64(len(r.raw)) {
			return false
		}
		r.raw = r.raw[n:]
	case cborTag:
		return r.skip(depth + 1)
	case cborArray, cborMap:
		if major == cborMap {
			n *= 2
		}
		if n > uint64(len(r.raw)) {
			return false
		}
		for range n {
			if !r.skip(depth + 1) {
				return false
			}
		}
	}
	return true
}
