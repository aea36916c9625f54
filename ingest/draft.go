package ingest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Draft is an event on its way in: the canonical fields plus the clear-text address and ids that
// Seal turns into keyed hashes. It lives in memory only and is never stored, logged or printed.
type Draft struct {
	Event // ContactID, MessageID, InReplyTo, EventID and ConversationID are still zero

	Address         Address
	MessageKey      string   // the platform's or sender's id of the message
	ReplyToKey      string   // the id of the message that a reply quotes
	EventKey        []string // what identifies the fact where (MessageKey, Type) does not
	ConversationKey string
	PerRecipient    bool // one MessageKey covers several contacts, as in a group
}

// ConsentKey is the EventKey of a consent or complaint that has no id of its own: the same from every source.
func ConsentKey(at time.Time, scope string) []string {
	return []string{"at", strconv.FormatInt(at.UnixMilli(), 10), scope}
}

// String hides what a draft holds, so that no format verb can print it by accident.
func (d Draft) String() string { return "draft of " + string(d.Type) }

// GoString hides what a draft holds from %#v.
func (d Draft) GoString() string { return d.String() }

// MarshalText keeps a draft out of what is written by encoders, such as a log's.
func (d Draft) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// AddressKind says how an address is normalised, and within what it is unique.
type AddressKind string

// The kinds of address.
const (
	Phone  AddressKind = "phone"  // E.164; unique in the world, so one contact on every channel
	Email  AddressKind = "email"  // unique in the world
	Scoped AddressKind = "scoped" // given by a platform, unique within one account: page-scoped ids
	BSUID  AddressKind = "bsuid"  // given by a platform, unique within one business
)

// Address is where a contact is reached, in clear text. Get one from ParseAddress.
type Address struct {
	Kind AddressKind
	text string // normalised
}

// String hides the address from every format verb.
func (a Address) String() string { return string(a.Kind) + " address" }

// GoString hides the address from %#v.
func (a Address) GoString() string { return a.String() }

// IsZero reports whether a holds no address.
func (a Address) IsZero() bool { return a.text == "" }

// ErrAddress says that an address cannot be read as its kind. It never quotes the address.
var ErrAddress = errors.New("unusable address")

// ParseAddress normalises text as an address of kind, so that one contact gets one pseudonym
// however the address was written. An empty kind is guessed: what has an @ is an email address,
// all else a phone number. It returns ErrAddress, wrapped with the reason.
func ParseAddress(kind AddressKind, text string) (Address, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Address{}, fmt.Errorf("%w: it is empty", ErrAddress)
	}
	if kind == "" {
		kind = Phone
		if strings.Contains(text, "@") {
			kind = Email
		}
	}
	var err error
	switch kind {
	case Phone:
		text, err = phoneDigits(text)
	case Email:
		text, err = mailbox(text)
	case Scoped, BSUID:
		if len(text) > 256 || !utf8.ValidString(text) {
			err = fmt.Errorf("%w: an id has at most 256 bytes of UTF-8", ErrAddress)
		}
	default:
		err = fmt.Errorf("%w: its kind is none of phone, email, scoped, bsuid", ErrAddress)
	}
	if err != nil {
		return Address{}, err
	}
	return Address{kind, text}, nil
}

// phoneDigits returns the E.164 digits of a phone number in international form: "+63 917 555 0142",
// "0063917...", "whatsapp:+63917...", or digits alone that begin with the country's code.
func phoneDigits(text string) (string, error) {
	if scheme, rest, ok := strings.Cut(text, ":"); ok {
		switch strings.ToLower(scheme) {
		case "whatsapp", "rcs", "sms", "tel":
			text = strings.TrimSpace(rest)
		}
	}
	// The trunk zero, in brackets as in "+44 (0)20 ...", is not part of the number.
	text = strings.Replace(text, "(0)", "", 1)
	digits := make([]byte, 0, 16)
	for i, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case r == '+' && i == 0, r == ' ', r == '-', r == '.', r == '(', r == ')', r == '/', r == '\u00a0':
		default:
			return "", fmt.Errorf("%w: a phone number has digits, and nothing else but a leading + and separators", ErrAddress)
		}
	}
	number := string(digits)
	if text[:min(1, len(text))] != "+" {
		number = strings.TrimPrefix(number, "00")
	}
	switch {
	case len(number) < 7 || len(number) > 15:
		return "", fmt.Errorf("%w: a phone number has 7 to 15 digits", ErrAddress)
	case number[0] == '0':
		return "", fmt.Errorf("%w: a phone number begins with its country's calling code, not with 0", ErrAddress)
	}
	return number, nil
}

func mailbox(text string) (string, error) {
	text = strings.ToLower(text)
	local, domain, ok := cutLast(text, '@')
	if !ok || local == "" || domain == "" || len(text) > 320 || strings.ContainsAny(text, " \t\r\n<>,;") || !utf8.ValidString(text) {
		return "", fmt.Errorf("%w: an email address is one mailbox, name@domain", ErrAddress)
	}
	return text, nil
}

func cutLast(text string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(text, sep); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

// market returns the market an address was issued in, or "".
func (a Address) market() string {
	switch a.Kind {
	case Phone:
		return marketOfPhone(a.text)
	case BSUID:
		// Meta's business-scoped ids begin with the country: "US.1349...".
		if len(a.text) > 3 && a.text[2] == '.' && isUpper(a.text[0]) && isUpper(a.text[1]) {
			return a.text[:2]
		}
	}
	return ""
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
