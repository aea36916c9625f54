package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// A record of the spool is a sequence of events. Each begins with a byte that tells its form:
//
//	1  what differs from the empty event
//	2  what differs from the event before it in the record
//
// Then comes, as a uvarint, the set of the keys that follow (bit n is key n of Event), and for each
// of them in ascending order its length, as a uvarint, and its value: text as it is, an ID's 16 bytes, a time
// as 8 bytes of milliseconds since 1970, a count as 4 bytes and a flag as one, all little-endian; attributes as
// keys and values, each after its length. Because every value has a length, a reader skips keys that it does
// not know, and an older record reads as an event without the newer fields.
//
// Until the first release events were CBOR maps (RFC 8949) from key numbers to values. They are still
// read, for a spool may outlive an upgrade; their first byte is one that no form uses.
const (
	formWhole      = 1
	formDifference = 2
	formCBOR       = 0xa0 // the three upper bits of the first byte of a map
)

// errEncoding says that a record's bytes are no events, although its checksum is right.
var errEncoding = errors.New("spooled events unreadable")

// lastKey is the highest key of Event; a set of keys has 64 bits.
const lastKey = 39

// fields returns where e keeps the value of each key.
func (e *Event) fields() [lastKey + 1]any {
	return [...]any{
		1: (*string)(&e.Type), 2: &e.Time, 3: &e.IngestedAt, 4: &e.TimeFlag,
		5: &e.BusinessID, 6: &e.AccountID, 7: &e.Channel, 8: &e.Provider,
		9: &e.ContactID, 10: &e.MessageID, 11: &e.InReplyTo, 12: &e.EventID,
		13: &e.Kind, 14: &e.TextChars, 15: &e.Method, 16: &e.Watermark, 17: &e.Author,
		18: &e.Purpose, 19: &e.Category, 20: &e.TemplateID, 21: &e.CampaignID, 22: &e.MessageTag, 23: &e.Arm, 24: &e.ConversationID,
		25: &e.Scope, 26: &e.PromisedFrequency, 27: &e.ExpiresAt, 28: &e.Reason,
		29: &e.Market, 30: &e.Language, 31: &e.Zone,
		32: &e.PricingType, 33: &e.PricingModel, 34: &e.Billable,
		35: &e.ErrorCode, 36: &e.IsMachine, 37: &e.Standby, 38: &e.IsTest, 39: &e.Attributes,
	}
}

var emptyEvent Event

// appendEvent appends e in the spool's format. Times keep their milliseconds.
func appendEvent(dst []byte, e *Event) []byte { return appendAfter(dst, nil, e) }

// appendAfter is appendEvent for an event that follows another in its record: before, or nil.
func appendAfter(dst []byte, before, e *Event) []byte {
	form := byte(formDifference)
	if before == nil {
		before, form = &emptyEvent, formWhole
	}
	// The set stands before the values and is known after them; all keys together need six bytes.
	const room = 6
	dst = append(dst, form)
	at := len(dst)
	dst = append(dst, make([]byte, room)...)
	var set uint64
	had, has := before.fields(), e.fields()
	for key := 1; key <= lastKey; key++ {
		size := len(dst)
		switch value := has[key].(type) {
		case *string:
			if *value != *had[key].(*string) {
				dst = appendText(dst, *value)
			}
		case *ID:
			if *value != *had[key].(*ID) {
				dst = append(append(dst, byte(len(value))), value[:]...)
			}
		case *time.Time:
			if !value.Equal(*had[key].(*time.Time)) {
				dst = binary.LittleEndian.AppendUint64(append(dst, 8), uint64(value.UnixMilli()))
			}
		case *uint32:
			if *value != *had[key].(*uint32) {
				dst = binary.LittleEndian.AppendUint32(append(dst, 4), *value)
			}
		case *bool:
			if *value != *had[key].(*bool) {
				flag := byte(0)
				if *value {
					flag = 1
				}
				dst = append(dst, 1, flag)
			}
		case *map[string]string:
			if !maps.Equal(*value, *had[key].(*map[string]string)) {
				var pairs []byte
				for name, text := range *value {
					pairs = appendText(appendText(pairs, name), text)
				}
				dst = append(binary.AppendUvarint(dst, uint64(len(pairs))), pairs...)
			}
		}
		if len(dst) > size {
			set |= 1 << key
		}
	}
	n := binary.PutUvarint(dst[at:at+room], set)
	return append(dst[:at+n], dst[at+room:]...)
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// readEvents decodes every event of a record and hands each to each, which must not keep the
// pointer. It returns errEncoding, or what each returned.
func readEvents(record []byte, each func(*Event) error) error {
	rest := string(record) // one copy, which the texts of all events share
	var e Event
	for rest != "" {
		var err error
		switch form := rest[0]; {
		case form == formWhole:
			e = Event{}
			rest, err = e.read(rest[1:])
		case form == formDifference:
			rest, err = e.read(rest[1:])
		case form&0xe0 == formCBOR:
			e = Event{}
			var left []byte
			left, err = cborReader.UnmarshalFirst(record[len(record)-len(rest):], &e)
			rest = rest[len(rest)-len(left):]
		default:
			err = fmt.Errorf("unknown form %d", form)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errEncoding, err)
		}
		if err := each(&e); err != nil {
			return err
		}
	}
	return nil
}

// cborReader is read-only after init; its options are constants, so it cannot fail.
var cborReader = func() cbor.DecMode {
	// Whatever a source called text has been accepted; it must come out again.
	mode, err := cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// read changes e by what text begins with, and returns what follows it.
func (e *Event) read(text string) (rest string, err error) {
	set, rest, err := cutUvarint(text)
	fields := e.fields()
	for ; set != 0 && err == nil; set &= set - 1 {
		var value string
		if value, rest, err = cutText(rest); err != nil {
			break
		}
		if key := bits.TrailingZeros64(set); key <= lastKey {
			err = readValue(fields[key], value)
		}
	}
	return rest, err
}

var (
	errValue = errors.New("a value has a wrong length")
	errShort = errors.New("the record ends within an event")
)

// readValue sets one field of an event.
func readValue(field any, value string) error {
	switch to := field.(type) {
	case nil: // a key that was never used
		return nil
	case *string:
		*to = value
		return nil
	case *ID:
		if copy(to[:], value) == len(value) && len(value) == len(to) {
			return nil
		}
	case *time.Time:
		if len(value) == 8 {
			*to = time.Time{}
			if ms := int64(littleEndian(value)); ms != to.UnixMilli() { // the zero time is its own
				*to = time.UnixMilli(ms).UTC()
			}
			return nil
		}
	case *uint32:
		if len(value) == 4 {
			*to = uint32(littleEndian(value))
			return nil
		}
	case *bool:
		if len(value) == 1 {
			*to = value[0] != 0
			return nil
		}
	case *map[string]string:
		*to = nil
		if value != "" {
			*to = map[string]string{}
		}
		for value != "" {
			var name, text string
			var err error
			if name, value, err = cutText(value); err != nil {
				return err
			}
			if text, value, err = cutText(value); err != nil {
				return err
			}
			(*to)[name] = text
		}
		return nil
	}
	return errValue
}

func littleEndian(value string) (n uint64) {
	for i := range len(value) {
		n |= uint64(value[i]) << (8 * i)
	}
	return n
}

// cutText returns the text that text begins with, and what follows it.
func cutText(text string) (value, rest string, err error) {
	size, rest, err := cutUvarint(text)
	if err == nil && size > uint64(len(rest)) {
		err = errShort
	}
	if err != nil {
		return "", "", err
	}
	return rest[:size], rest[size:], nil
}

func cutUvarint(text string) (n uint64, rest string, err error) {
	if text != "" && text[0] < 0x80 { // nearly all
		return uint64(text[0]), text[1:], nil
	}
	n, size := binary.Uvarint([]byte(text[:min(len(text), binary.MaxVarintLen64)]))
	if size <= 0 {
		return 0, "", errShort
	}
	return n, text[size:], nil
}
