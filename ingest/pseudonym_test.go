package ingest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func pseudonymizer(t testing.TB) *Pseudonymizer {
	t.Helper()
	p, err := NewPseudonymizer(bytes.Repeat([]byte{7}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func addressOf(t testing.TB, kind AddressKind, text string) Address {
	t.Helper()
	a, err := ParseAddress(kind, text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestOneContactHoweverTheAddressIsWritten(t *testing.T) {
	f := func(kind AddressKind, want string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if got := addressOf(t, kind, text); got.text != want {
				t.Errorf("%q reads as %q, want %q", text, got.text, want)
			}
		}
	}
	f(Phone, "12125550142", "+12125550142", "12125550142", " +1 (212) 555-0142 ", "0012125550142", "whatsapp:+12125550142", "tel:+1-212-555-0142", "+1.212.555.0142", "1/212/555 0142")
	f(Phone, "442079460142", "+44 (0)20 7946 0142", "+442079460142")
	f("", "12125550142", "+12125550142")
	f(Email, "ana@example.com", "ana@example.com", " Ana@Example.COM ")
	f("", "ana@example.com", "ANA@example.com")
	f(Scoped, "AbC", "AbC", " AbC ") // platforms' ids know case
}

func TestUnusableAddresses(t *testing.T) {
	f := func(kind AddressKind, text string) {
		t.Helper()
		a, err := ParseAddress(kind, text)
		if !errors.Is(err, ErrAddress) || !a.IsZero() {
			t.Errorf("%s %q: %v", kind, text, err)
		}
		if len(text) > 3 && strings.Contains(err.Error(), text) {
			t.Errorf("the error quotes the address: %v", err)
		}
	}
	for _, text := range []string{"", "  ", "ana", "555-014", "0917 555 0142", "+1212555014212125", "+1212555x142", "12125550142 ext 5", "+", "１２１２５５５０１４２"} {
		f(Phone, text)
	}
	for _, text := range []string{"", "ana", "@example.com", "ana@", "a b@example.com", "Ana <ana@example.com>", "a@b.com,c@d.com", strings.Repeat("a", 400) + "@example.com"} {
		f(Email, text)
	}
	f(Scoped, strings.Repeat("x", 300))
	f("pigeon", "ana@example.com")
}

// The hashes are computed again here, step by step as described, with the standard library alone.
func TestPseudonymsAreKeyedHashesOfWhatTheyShouldDependOn(t *testing.T) {
	p := pseudonymizer(t)
	hash := func(parts ...string) (id ID) {
		mac := hmac.New(sha256.New, bytes.Repeat([]byte{7}, keySize))
		for _, part := range parts {
			mac.Write([]byte{byte(len(part))})
			mac.Write([]byte(part))
		}
		copy(id[:], mac.Sum(nil))
		return id
	}
	d := Draft{
		Event:   Event{Type: OptOut, BusinessID: "acme", AccountID: "page1"},
		Address: addressOf(t, Phone, "+12125550142"), MessageKey: "m1", ReplyToKey: "m0", EventKey: []string{"a", "b"}, ConversationKey: "c1",
	}
	e := p.Seal(&d)
	for _, check := range []struct {
		name      string
		got, want ID
	}{
		{"contact", e.ContactID, hash("contact", "acme", "phone", "12125550142")},
		{"message", e.MessageID, hash("message", "acme", "page1", "m1")},
		{"reply", e.InReplyTo, hash("message", "acme", "page1", "m0")},
		{"event", e.EventID, hash("event", "acme", "page1", "opt_out", "a", "b")},
		{"conversation", e.ConversationID, hash("conversation", "acme", "page1", "c1")},
	} {
		if check.got != check.want {
			t.Errorf("%s: %s, want %s", check.name, check.got, check.want)
		}
	}

	same := func(name string, want bool, change func(*Draft)) {
		t.Helper()
		other := d
		change(&other)
		if got := p.Seal(&other); (got.ContactID == e.ContactID) != want {
			t.Errorf("%s: same contact %t, want %t", name, !want, want)
		}
	}
	same("another account, phone", true, func(d *Draft) { d.AccountID = "page2" })
	same("another business", false, func(d *Draft) { d.BusinessID = "other" })
	same("another kind", false, func(d *Draft) { d.Address = addressOf(t, BSUID, "12125550142") })
	d.Address = addressOf(t, Scoped, "12125550142")
	e = p.Seal(&d)
	same("another account, scoped", false, func(d *Draft) { d.AccountID = "page2" })
	d.Address = addressOf(t, BSUID, "US.1349")
	e = p.Seal(&d)
	same("another account, business-scoped", true, func(d *Draft) { d.AccountID = "page2" })

	d.PerRecipient = true
	one := p.Seal(&d)
	d.Address = addressOf(t, BSUID, "US.1350")
	if two := p.Seal(&d); one.MessageID == two.MessageID || one.MessageID == e.MessageID {
		t.Error("one message id for several recipients")
	}
	// Parts keep their borders.
	if a, b := (&Draft{Event: d.Event, Address: d.Address, EventKey: []string{"ab", "c"}}), (&Draft{Event: d.Event, Address: d.Address, EventKey: []string{"a", "bc"}}); p.Seal(a).EventID == p.Seal(b).EventID {
		t.Error("two keys of the same letters are one event")
	}
	if e := p.Seal(&Draft{Event: Event{AccountID: "page1"}, Address: d.Address}); e.BusinessID != "page1" || !e.MessageID.IsZero() || !e.EventID.IsZero() || !e.ConversationID.IsZero() {
		t.Errorf("%+v", e)
	}
}

func TestMarketComesFromTheAddressIfNothingBetterTellsIt(t *testing.T) {
	p := pseudonymizer(t)
	f := func(kind AddressKind, text, given, want string) {
		t.Helper()
		e := p.Seal(&Draft{Event: Event{AccountID: "a", Market: given}, Address: addressOf(t, kind, text)})
		if e.Market != want {
			t.Errorf("%s: %q, want %q", text, e.Market, want)
		}
	}
	f(Phone, "+63 917 555 0142", "", "PH")
	f(Phone, "+63 917 555 0142", "SG", "SG")
	f(Phone, "+1 212 555 0142", "", "US")
	f(Phone, "+1 416 555 0142", "", "CA")
	f(Phone, "+1 876 555 0142", "", "JM")
	f(Phone, "+7 701 555 0142", "", "KZ")
	f(Phone, "+7 912 555 0142", "", "RU")
	f(Phone, "+44 1534 555014", "", "JE")
	f(Phone, "+886 2 5550 0142", "", "TW")
	f(Phone, "+888 2 5550 0142", "", "") // no country
	f(BSUID, "BR.1349", "", "BR")
	f(Email, "ana@example.com", "", "")
	f(Scoped, "63917550142", "", "")
}

func TestTextsThatHoldTheAddressAreRedacted(t *testing.T) {
	p := pseudonymizer(t)
	d := Draft{
		Event: Event{
			AccountID: "a", CampaignID: "spring-12125550142", TemplateID: "to ana@example.com", MessageTag: "call +49 30 5550 1422", Arm: "B",
			Category: "wamid.HBgLMTIxMjU1NTAxNDIVAgAR", Scope: "2026-03-02", Attributes: map[string]string{"origin": "ad", "link_id": "u=12125550142"},
		},
		Address: addressOf(t, Phone, "+12125550142"), MessageKey: "wamid.HBgLMTIxMjU1NTAxNDIVAgAR",
	}
	e := p.Seal(&d)
	if e.CampaignID != Redacted || e.TemplateID != Redacted || e.MessageTag != Redacted || e.Category != Redacted || e.Attributes["link_id"] != Redacted {
		t.Errorf("%+v", e)
	}
	if e.Arm != "B" || e.Scope != "2026-03-02" || e.Attributes["origin"] != "ad" {
		t.Errorf("redacted too much: %+v", e)
	}
	if d.Attributes["link_id"] != "u=12125550142" {
		t.Error("the draft was changed")
	}
}

func TestAddressesAreRedactedHoweverTheyAreWritten(t *testing.T) {
	p := pseudonymizer(t)
	for text, redacted := range map[string]bool{
		"to 63 917 555 0142":              true,
		"reminder 0917-555-0142":          true,
		"vip_(63)9175550142":              true,
		"a+b for +49 30 5550 1422":        true,
		"@acme: ana@example.com":          true,
		"/leave/ana%40example.com":        true,
		"/leave?to=%2B49%2030%2055501422": true,
		"@acme on 2026-03-02":             false,
		"a+b spring 2026-03-02":           false,
		"100% off until 20260302":         false,
		"order 917555":                    false,
	} {
		d := Draft{Event: Event{AccountID: "a", CampaignID: text}, Address: addressOf(t, Phone, "+639175550142")}
		if e := p.Seal(&d); (e.CampaignID == Redacted) != redacted {
			t.Errorf("%q became %q", text, e.CampaignID)
		}
	}
}

func TestDraftsAndAddressesDoNotPrint(t *testing.T) {
	d := Draft{Event: Event{Type: Send}, Address: addressOf(t, Phone, "+12125550142"), MessageKey: "wamid.secret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{d, &d, d.Address, []Draft{d}, struct{ D Draft }{d}} {
			if out := fmt.Sprintf(verb, value); strings.Contains(out, "5550142") || strings.Contains(out, "wamid") {
				t.Errorf("%s of %T prints %s", verb, value, out)
			}
		}
	}
}

func TestDraftsAreNotEncoded(t *testing.T) {
	d := Draft{Event: Event{Type: Send}, Address: addressOf(t, Phone, "+12125550142"), MessageKey: "wamid.secret"}
	for _, value := range []any{d, &d, d.Address, []Draft{d}} {
		if out, err := json.Marshal(value); err != nil || bytes.Contains(out, []byte("5550142")) || bytes.Contains(out, []byte("wamid")) {
			t.Errorf("%T is encoded as %s (%v)", value, out, err)
		}
	}
}

func TestTimesAreCutToMilliseconds(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 15, 0, 123_456_789, time.FixedZone("PHT", 8*3600))
	e := pseudonymizer(t).Seal(&Draft{Event: Event{AccountID: "a", Time: at}, Address: addressOf(t, Phone, "+12125550142")})
	if want := time.Date(2026, 3, 2, 1, 15, 0, 123_000_000, time.UTC); !reflect.DeepEqual(e.Time, want) || !e.Watermark.IsZero() {
		t.Errorf("%v, watermark %v", e.Time, e.Watermark)
	}
}

func TestKeyIsCreatedOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "key")
	var group sync.WaitGroup
	ids := make([]ID, 8)
	var creations sync.Map
	for i := range ids { // processes that start together agree on one key
		group.Go(func() {
			p, created, err := OpenPseudonymizer(path)
			if err != nil {
				t.Error(err)
				return
			}
			if created {
				creations.Store(i, true)
			}
			ids[i] = p.Seal(&Draft{Event: Event{AccountID: "a"}, Address: addressOf(t, Phone, "+12125550142")}).ContactID
		})
	}
	group.Wait()
	n := 0
	creations.Range(func(any, any) bool { n++; return true })
	for _, id := range ids {
		if id != ids[0] || id.IsZero() {
			t.Fatalf("different keys: %v", ids)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != keySize || n != 1 {
		t.Errorf("%v, %d creations, %v", info, n, err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestUnusableKeyIsNotReplaced(t *testing.T) {
	f := func(name string, content []byte, mode os.FileMode, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, content, mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenPseudonymizer(path); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if kept, _ := os.ReadFile(path); !bytes.Equal(kept, content) {
			t.Errorf("%s: the file was changed", name)
		}
	}
	f("too short", make([]byte, 31), 0o600, "31 bytes")
	f("too long", make([]byte, 33), 0o600, "33 bytes")
	f("empty", nil, 0o600, "0 bytes")
	f("others may read it", make([]byte, 32), 0o640, "chmod 600")
	if _, _, err := OpenPseudonymizer(t.TempDir()); !errors.Is(err, ErrKey) {
		t.Errorf("a folder: %v", err)
	}
}

func TestParseTime(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got, err := ParseTime(text)
		if want == "" {
			if !errors.Is(err, ErrTime) {
				t.Errorf("%q: %v %v", text, got, err)
			}
			return
		}
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %s %v, want %s", text, got.Format(time.RFC3339Nano), err, want)
		}
	}
	f("1772415300", "2026-03-02T01:35:00Z")
	f("1772415300123", "2026-03-02T01:35:00.123Z")
	f("1772415300123456", "2026-03-02T01:35:00.123456Z")
	f("1772415300.25", "2026-03-02T01:35:00.25Z")
	f("1772415300123.5", "2026-03-02T01:35:00.1235Z")
	f("1772415300123456.5", "2026-03-02T01:35:00.1234565Z")
	f("0", "1970-01-01T00:00:00Z")
	f("2026-03-02T01:35:00Z", "2026-03-02T01:35:00Z")
	f("2026-03-02T01:35:00.5+00:00", "2026-03-02T01:35:00.5Z")
	f("2026-03-02T01:35:00+0000", "2026-03-02T01:35:00Z")
	f("2026-03-02T01:35:00.123+0000", "2026-03-02T01:35:00.123Z")
	f("2026-03-02T09:35:00+08:00", "2026-03-02T01:35:00Z")
	for _, text := range []string{"", "soon", "2026-03-02", "2026-03-02T01:35:00", "1e9", "1772415300.", ".5", "99999999999999999999", "-", "1.7724153e9"} {
		f(text, "")
	}
}

func TestEventTime(t *testing.T) {
	received := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	f := func(text, fallback, wantFlag string) {
		t.Helper()
		at, flag := EventTime(text, fallback, received)
		if flag != wantFlag || flag != "" && !at.Equal(received) {
			t.Errorf("%q, %q: %s %q", text, fallback, at, flag)
		}
	}
	f("1772415300", "", "")
	f("", "1772415300", "")
	f("", "", TimeMissing)
	f("soon", "1772415300", TimeUnreadable)
	f("1072915199", "", TimeImplausible) // the last second of 2003
	f("1072915200", "", "")
	f("2026-03-03T02:00:00Z", "", "")
	f("2026-03-03T02:00:01Z", "", TimeImplausible)
}

func BenchmarkSeal(b *testing.B) {
	p := pseudonymizer(b)
	d := Draft{Event: Event{Type: Send, BusinessID: "acme", AccountID: "111222333", CampaignID: "spring"}, Address: addressOf(b, Phone, "+12125550142"), MessageKey: "wamid.HBgLMTIxMjU1NTAxNDIVAgARGBI2"}
	b.ReportAllocs()
	for b.Loop() {
		p.Seal(&d)
	}
}
