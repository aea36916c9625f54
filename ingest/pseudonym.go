package ingest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// keySize is the length of the pseudonym key: the output of SHA-256, beyond which HMAC gains nothing.
const keySize = 32

// ErrKey says that the pseudonym key's file cannot be used as it is.
var ErrKey = errors.New("pseudonym key unusable")

// Pseudonymizer turns drafts into events: addresses and platform ids become keyed hashes
// (HMAC-SHA256, cut to 128 bits). Without the key nobody can test whether a number is among the
// contacts; with another key every contact would become a new one. Safe for concurrent use.
type Pseudonymizer struct {
	macs sync.Pool // of *mac
}

type mac struct {
	hash.Hash
	buf []byte
	sum []byte
}

// NewPseudonymizer returns a Pseudonymizer with a key of 32 bytes. It returns ErrKey, wrapped, for
// any other length.
func NewPseudonymizer(key []byte) (*Pseudonymizer, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("%w: it has %d bytes instead of %d", ErrKey, len(key), keySize)
	}
	key = append([]byte(nil), key...)
	return &Pseudonymizer{macs: sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }}}, nil
}

// OpenPseudonymizer reads the key in the file at path. Where there is none it creates one of 32 random
// bytes, mode 0600; created tells so. A file of another size, or that others may read, is an
// ErrKey: a key is never replaced, because every pseudonym depends on it.
func OpenPseudonymizer(path string) (p *Pseudonymizer, created bool, err error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if created, err = createKey(path); err != nil {
			return nil, false, fmt.Errorf("create pseudonym key %s: %w", path, err)
		}
		key, err = readKey(path)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read pseudonym key %s: %w", path, err)
	}
	p, err = NewPseudonymizer(key)
	return p, created, err
}

func readKey(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: it is not a regular file", ErrKey)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%w: its mode is %04o, so others can read it; run chmod 600 on it, and consider it known if they could log in", ErrKey, info.Mode().Perm())
	case info.Size() != keySize:
		return nil, fmt.Errorf("%w: it has %d bytes instead of %d; restore it from a copy, or remove it to begin anew with contacts that match no earlier ones", ErrKey, info.Size(), keySize)
	}
	key := make([]byte, keySize)
	_, err = io.ReadFull(file, key)
	return key, err
}

// createKey writes a new key beside path and links it into place: a crash leaves no half key, and
// of two processes that start together one creates and both read the same.
func createKey(path string) (created bool, err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	var name [8]byte
	key := make([]byte, keySize)
	rand.Read(name[:]) // never fails
	rand.Read(key)
	temp := fmt.Sprintf("%s.new-%x", path, name)
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, err
	}
	defer os.Remove(temp)
	_, err = file.Write(key)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return false, err
	}
	switch err := os.Link(temp, path); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Fingerprint tells keys apart and says nothing of them: two Pseudonymizers make the same pseudonyms if
// their fingerprints are equal.
func (p *Pseudonymizer) Fingerprint() string {
	m := p.macs.Get().(*mac)
	defer p.macs.Put(m)
	return m.hash("fingerprint").String()
}

// hash returns the keyed hash of parts within domain. Every part is preceded by its length, so
// that no two lists of parts are the same bytes.
func (m *mac) hash(domain string, parts ...string) ID {
	m.buf = binary.AppendUvarint(m.buf[:0], uint64(len(domain)))
	m.buf = append(m.buf, domain...)
	for _, part := range parts {
		m.buf = binary.AppendUvarint(m.buf, uint64(len(part)))
		m.buf = append(m.buf, part...)
	}
	m.Reset()
	m.Write(m.buf)
	m.sum = m.Sum(m.sum[:0])
	clear(m.buf)
	return ID(m.sum[:16])
}

// Seal turns a draft into the event that may be stored: hashes for the address and ids, the market
// from the address where nothing better told it, times in UTC and whole milliseconds. The address
// must come from ParseAddress; the business defaults to the account.
func (p *Pseudonymizer) Seal(d *Draft) Event {
	m := p.macs.Get().(*mac)
	defer p.macs.Put(m)
	e := d.Event
	if e.BusinessID == "" {
		e.BusinessID = e.AccountID
	}
	if e.Market == "" {
		e.Market = d.Address.market()
	}
	switch d.Address.Kind {
	case Scoped:
		e.ContactID = m.hash("contact", e.BusinessID, string(Scoped), e.AccountID, d.Address.text)
	default:
		e.ContactID = m.hash("contact", e.BusinessID, string(d.Address.Kind), d.Address.text)
	}
	message := func(key string) ID {
		if key == "" {
			return ID{}
		}
		if d.PerRecipient {
			return m.hash("message", e.BusinessID, e.AccountID, key, string(e.ContactID[:]))
		}
		return m.hash("message", e.BusinessID, e.AccountID, key)
	}
	e.MessageID, e.InReplyTo = message(d.MessageKey), message(d.ReplyToKey)
	if len(d.EventKey) > 0 {
		e.EventID = m.hash("event", append([]string{e.BusinessID, e.AccountID, string(e.Type)}, d.EventKey...)...)
	}
	if d.ConversationKey != "" {
		e.ConversationID = m.hash("conversation", e.BusinessID, e.AccountID, d.ConversationKey)
	}
	for _, at := range []*time.Time{&e.Time, &e.IngestedAt, &e.Watermark, &e.ExpiresAt} {
		if !at.IsZero() {
			*at = at.UTC().Truncate(time.Millisecond)
		}
	}
	d.redact(&e)
	return e
}

// Redacted stands in a text field that held the contact's address or the message's platform id.
const Redacted = "redacted"

// redact keeps the address and the ids of a draft out of the text fields that senders fill
// freely: a campaign named after its only recipient would undo the hashing.
func (d *Draft) redact(e *Event) {
	personal := func(text string) bool {
		// Shorter texts cannot hold an address, and are the rule.
		if len(text) < 7 {
			return false
		}
		return strings.Contains(text, d.Address.text) && len(d.Address.text) >= 7 ||
			d.Address.Kind == Phone && holdsNumber(text, d.Address.text) ||
			len(d.MessageKey) >= 16 && strings.Contains(text, d.MessageKey) ||
			len(d.ReplyToKey) >= 16 && strings.Contains(text, d.ReplyToKey) ||
			looksLikeAddress(text)
	}
	for _, text := range []*string{
		&e.Kind, &e.Category, &e.TemplateID, &e.CampaignID, &e.MessageTag, &e.Arm, &e.Scope, &e.Reason,
		&e.PricingType, &e.PricingModel, &e.ErrorCode,
	} {
		if personal(*text) {
			*text = Redacted
		}
	}
	copied := false
	for key, text := range e.Attributes {
		if personal(text) {
			if !copied { // the draft's map stays as it was
				copied = true
				attributes := make(map[string]string, len(e.Attributes))
				for k, v := range e.Attributes {
					attributes[k] = v
				}
				e.Attributes = attributes
			}
			e.Attributes[key] = Redacted
		}
	}
}

// holdsNumber reports whether text holds a phone number however it is written, with separators or as it
// is dialled within its country: nine digits tell one person from all others well enough.
func holdsNumber(text, number string) bool {
	number = number[max(0, len(number)-9):]
	if len(text) < len(number) {
		return false
	}
	digits := make([]byte, 0, 64)
	for i := range len(text) {
		if text[i] >= '0' && text[i] <= '9' {
			digits = append(digits, text[i])
		}
	}
	return bytes.Contains(digits, []byte(number))
}

// looksLikeAddress reports whether text is, or holds, an email address or a phone number written
// with its +, also as it is written in the address of a page.
func looksLikeAddress(text string) bool {
	if strings.Contains(text, "%") {
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
	}
	for i := range len(text) {
		switch text[i] {
		case '@':
			if i > 0 && strings.IndexByte(text[i:], '.') > 1 {
				return true
			}
		case '+':
			if startsWithNumber(text[i+1:]) {
				return true
			}
		}
	}
	return false
}

func startsWithNumber(text string) bool {
	digits := 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c != ' ' && c != '-' && c != '.' && c != '(' && c != ')':
			return digits >= 8
		}
	}
	return digits >= 8
}
