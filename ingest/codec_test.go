package ingest

import (
	"errors"
	"math/rand/v2"
	"reflect"
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
	var record []byte
	for i := range want {
		record = appendEvent(record, &want[i])
	}
	var got []Event
	if err := readEvents(record, func(e *Event) error {
		got = append(got, *e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("event %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

// The keys are the format: an old spool must still be readable.
func TestSpoolKeysAreDistinct(t *testing.T) {
	kind := reflect.TypeOf(Event{})
	seen := map[string]string{}
	for i := range kind.NumField() {
		field := kind.Field(i)
		key, options, _ := strings.Cut(field.Tag.Get("cbor"), ",")
		if !strings.HasPrefix(options, "keyasint") {
			t.Errorf("%s has no key number", field.Name)
		}
		if other, taken := seen[key]; taken {
			t.Errorf("%s and %s share key %s", field.Name, other, key)
		}
		seen[key] = field.Name
	}
}

func TestKeysOfALaterVersionAreSkipped(t *testing.T) {
	raw, err := cbor.Marshal(map[int]any{
		1: "send", 90: "new", 91: []any{1, "x", map[string]any{"a": 1.5}}, 92: nil, 93: []byte{1, 2}, 94: -7, 95: cbor.Tag{Number: 1, Content: 5}, 6: "account",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got Event
	if err := readEvents(raw, func(e *Event) error { got = *e; return nil }); err != nil {
		t.Fatal(err)
	}
	if want := (Event{Type: Send, AccountID: "account"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func FuzzEvents(f *testing.F) {
	e := randomEvent(rand.New(rand.NewPCG(5, 6)))
	f.Add(appendEvent(nil, &e))
	f.Add(appendEvent(appendEvent(nil, &Event{Type: Reply}), &Event{}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := readEvents(raw, func(e *Event) error {
			return readEvents(appendEvent(nil, e), func(again *Event) error {
				if !reflect.DeepEqual(again, e) {
					t.Errorf("%+v came back as %+v", e, again)
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errEncoding) {
			t.Fatal(err)
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	at := time.Date(2026, 3, 2, 1, 15, 0, 0, time.UTC)
	e := Event{Type: Send, Time: at, IngestedAt: at, BusinessID: "acme", AccountID: "111222333", Channel: "whatsapp", Provider: "meta",
		ContactID: ID{1}, MessageID: ID{2}, CampaignID: "spring", Category: "marketing", Market: "PH", Zone: "Asia/Manila", Purpose: "proactive"}
	raw := appendEvent(nil, &e)
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(raw)))
		var buf []byte
		for b.Loop() {
			buf = appendEvent(buf[:0], &e)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if err := readEvents(raw, func(*Event) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
