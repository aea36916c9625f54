package ingest

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// randomEvent fills every field of an Event, so that a field forgotten anywhere on the way from
// the spool to the warehouse fails a test.
func randomEvent(r *rand.Rand) Event {
	var e Event
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		switch field := v.Field(i); field.Interface().(type) {
		case string, Type:
			field.SetString(v.Type().Field(i).Name + "-" + strings.Repeat("ä", r.IntN(4)))
		case time.Time:
			// Partitions are months; a handful is enough here.
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(60*24*3600*1000)) * time.Millisecond)
			field.Set(reflect.ValueOf(at))
		case ID:
			var id ID
			for j := range id {
				id[j] = byte(r.Uint32())
			}
			field.Set(reflect.ValueOf(id))
		case uint32:
			field.SetUint(uint64(r.Uint32()) | 1)
		case bool:
			field.SetBool(true)
		case map[string]string:
			field.Set(reflect.ValueOf(map[string]string{"url_host": "example.com", "origin": strings.Repeat("x", r.IntN(300))}))
		default:
			panic("randomEvent does not know the type of " + v.Type().Field(i).Name)
		}
	}
	return e
}

func TestEventsSurviveTheSpool(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	want := []Event{{Type: Send}, {}}
	for range 200 {
		e := randomEvent(r)
		// Half of the fields are empty in half of the events.
		v := reflect.ValueOf(&e).Elem()
		for i := range v.NumField() {
			if r.IntN(2) == 0 {
				v.Field(i).SetZero()
			}
		}
		want = append(want, e)
	}
	want = append(want, Event{Time: time.UnixMilli(-1).UTC()}, randomEvent(r))
	var whole, differences, old, mixed []byte
	for i := range want {
		var before *Event
		if i > 0 {
			before = &want[i-1]
		}
		whole = appendEvent(whole, &want[i])
		differences = appendAfter(differences, before, &want[i])
		old = appendCBOR(t, old, &want[i])
		switch i % 3 {
		case 0:
			mixed = appendAfter(mixed, before, &want[i])
		case 1:
			mixed = appendCBOR(t, mixed, &want[i])
		case 2:
			mixed = appendEvent(mixed, &want[i])
		}
	}
	f := func(form string, record []byte) {
		t.Helper()
		var got []Event
		if err := readEvents(record, func(e *Event) error {
			got = append(got, *e)
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d events, want %d", form, len(got), len(want))
		}
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("%s: event %d:\n got %+v\nwant %+v", form, i, got[i], want[i])
			}
		}
	}
	f("whole", whole)
	f("differences", differences)
	f("CBOR", old)
	f("mixed", mixed)
}

// appendCBOR appends e as versions before the first release spooled it.
func appendCBOR(t *testing.T, dst []byte, e *Event) []byte {
	t.Helper()
	mode, err := cbor.EncOptions{Time: cbor.TimeRFC3339Nano}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := mode.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return append(dst, raw...)
}

// The keys are the format: an old spool must still be readable.
func TestSpoolKeysAreDistinct(t *testing.T) {
	var e Event
	v := reflect.ValueOf(&e).Elem()
	fields := e.fields()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		text, options, _ := strings.Cut(field.Tag.Get("cbor"), ",")
		key, err := strconv.Atoi(text)
		if err != nil || key < 1 || key > lastKey || !strings.HasPrefix(options, "keyasint") {
			t.Errorf("%s has no key number up to %d", field.Name, lastKey)
			continue
		}
		if at := reflect.ValueOf(fields[key]); !at.IsValid() || at.Pointer() != v.Field(i).Addr().Pointer() {
			t.Errorf("key %d is not where %s is", key, field.Name)
		}
	}
	if n := v.NumField(); n != lastKey {
		t.Errorf("%d keys for %d fields", lastKey, n)
	}
}

// The bytes as they were on the day of the first release.
func TestTheSpoolsFormatStays(t *testing.T) {
	at := time.Date(2026, 3, 2, 1, 15, 0, 123e6, time.UTC)
	e := Event{Type: Open, Time: at, BusinessID: "acme", ContactID: ID{1, 2}, TextChars: 258, IsTest: true, Attributes: map[string]string{"origin": "ad"}}
	next := e
	next.Type, next.Time, next.TextChars, next.IsTest, next.Attributes = Reply, time.Time{}, 0, false, nil
	record := appendAfter(appendEvent(nil, &e), &e, &next)
	const want = "01a68481808018" + "046f70656e" + "089be21cac9c010000" + "0461636d65" + "1001020000000000000000000000000000" + "0402010000" + "0101" + "0a066f726967696e026164" +
		"02868081808018" + "057265706c79" + "080028d3ed7cc7ffff" + "0400000000" + "0100" + "00"
	if got := hex.EncodeToString(record); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestKeysOfALaterVersionAreSkipped(t *testing.T) {
	later, err := cbor.Marshal(map[int]any{
		1: "send", 90: "new", 91: []any{1, "x", map[string]any{"a": 1.5}}, 92: nil, 93: []byte{1, 2}, 94: -7, 95: cbor.Tag{Number: 1, Content: 5}, 6: "account",
	})
	if err != nil {
		t.Fatal(err)
	}
	set := binary.AppendUvarint([]byte{formWhole}, 1<<0|1<<1|1<<6|1<<40|1<<63)
	later = append(append(later, set...), "\x01?\x04send\x07account\x00\x03new"...)
	n := 0
	err = readEvents(later, func(e *Event) error {
		if want := (Event{Type: Send, AccountID: "account"}); !reflect.DeepEqual(*e, want) {
			t.Errorf("%+v", e)
		}
		n++
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestDamagedEventsAreAnError(t *testing.T) {
	e := randomEvent(rand.New(rand.NewPCG(3, 4)))
	raw := appendEvent(nil, &e)
	none := func(*Event) error { t.Error("an event out of damaged bytes"); return nil }
	for n := 1; n < len(raw); n++ {
		if err := readEvents(raw[:n], none); !errors.Is(err, errEncoding) {
			t.Fatalf("%d of %d bytes: %v", n, len(raw), err)
		}
	}
	for _, raw := range []string{"\x00", "\x03\x00", "\x01\x04\x01x", "\x01\x80\x04\x0f...............", "\x7f"} {
		if err := readEvents([]byte(raw), none); !errors.Is(err, errEncoding) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func FuzzEvents(f *testing.F) {
	e := randomEvent(rand.New(rand.NewPCG(5, 6)))
	f.Add(appendEvent(nil, &e))
	f.Add(appendAfter(appendEvent(nil, &Event{Type: Reply}), &Event{Type: Reply}, &Event{}))
	f.Add([]byte{formCBOR | 1, 1, 0x62, 'o', 'k'})
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := readEvents(raw, func(e *Event) error {
			n := 0
			for _, at := range []*time.Time{&e.Time, &e.IngestedAt, &e.Watermark, &e.ExpiresAt} {
				*at = time.UnixMilli(at.UnixMilli()).UTC() // CBOR held more, and zones
				if at.IsZero() {
					*at = time.Time{}
				}
			}
			if len(e.Attributes) == 0 {
				e.Attributes = nil
			}
			return readEvents(appendAfter(appendEvent(nil, e), e, e), func(again *Event) error {
				n++
				if !reflect.DeepEqual(again, e) {
					t.Errorf("copy %d of %+v came back as %+v", n, e, again)
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errEncoding) {
			t.Fatal(err)
		}
	})
}
