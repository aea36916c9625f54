// Package sourcetest tests a source on payloads in files: testdata/<oddity>.json is a body as a
// platform sends it, <oddity>.want what is read from it.
package sourcetest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/jsontree"
)

var update = flag.Bool("update", false, "rewrite testdata/*.want")

// Received is when the payloads arrive. They happen before it.
var Received = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

// Suite is a source and the invented world of its payloads.
type Suite struct {
	Source   ingest.Source
	Channel  string
	Account  string // the usual one, left out of .want
	Contacts map[ingest.Address]string
}

// Parsed returns an address, or panics.
func Parsed(kind ingest.AddressKind, text string) ingest.Address {
	a, err := ingest.ParseAddress(kind, text)
	if err != nil {
		panic(err)
	}
	return a
}

func pseudonymizer() *ingest.Pseudonymizer {
	p, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		panic(err)
	}
	return p
}

// Golden decodes every payload and compares what is read with its .want; -update writes it anew. No
// sealed event may show an id or text of its payload.
func (s Suite) Golden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := s.Source.Decode(body, ingest.Intake{BusinessID: "acme", Received: Received})
			if err != nil {
				t.Fatal(err)
			}
			s.checkSealed(t, body, decoded)
			got := s.show(decoded)
			golden := strings.TrimSuffix(file, ".json") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func (s Suite) checkSealed(t *testing.T, body []byte, decoded ingest.Decoded) {
	t.Helper()
	root, err := jsontree.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	p := pseudonymizer()
	for _, e := range decoded.Drafts {
		if e.BusinessID != "acme" || e.Channel != s.Channel || e.Provider != "meta" || !e.IngestedAt.Equal(Received) {
			t.Errorf("%s: business %q, channel %q, provider %q, ingested at %s", e.Type, e.BusinessID, e.Channel, e.Provider, e.IngestedAt)
		}
		sealed := p.Seal(&e)
		sealed.AccountID = ""
		shown := fmt.Sprintf("%+v", sealed)
		for text := range personal(root) {
			if strings.Contains(shown, text) {
				t.Errorf("the sealed %s shows %q", e.Type, text)
			}
		}
	}
}

// personalKeys are the fields of payloads whose values may be in no event.
var personalKeys = map[string]bool{
	"id": true, "mid": true, "mids": true, "from": true, "to": true, "wa_id": true, "user_id": true, "recipient_id": true, "user_ref": true,
	"identifier": true, "previous": true, "current": true, "body": true, "caption": true, "emoji": true, "name": true, "payload": true, "phone": true,
	"ref": true, "text": true, "url": true, "notification_messages_token": true, "one_time_notif_token": true,
}

// personal returns the texts under v that may be in no event; those of a few letters are in everything.
func personal(v jsontree.Value) map[string]bool {
	out := map[string]bool{}
	collect(v, false, func(text string) {
		if len(text) >= 6 {
			out[text] = true
		}
	})
	return out
}

func collect(v jsontree.Value, wanted bool, add func(string)) {
	if wanted {
		add(v.Text())
	}
	for element := range v.Elements() {
		collect(element, wanted, add)
	}
	for key, member := range v.Members() {
		collect(member, personalKeys[key], add)
	}
}

// show writes what was decoded as text, one line per draft and reason, leaving out what is empty
// or the same in all.
func (s Suite) show(d ingest.Decoded) string {
	var out strings.Builder
	p := pseudonymizer()
	type identity struct {
		contact, message, event ingest.ID
		kind                    ingest.Type
	}
	lines := map[identity]int{}
	for i, e := range d.Drafts {
		contact, ok := s.Contacts[e.Address]
		if !ok {
			contact = "UNKNOWN " + e.Address.String()
		}
		fmt.Fprintf(&out, "%s %s contact=%q", e.Type, e.Time.Format("15:04:05.000"), contact)
		add := func(name, value string) {
			if value != "" {
				fmt.Fprintf(&out, " %s=%q", name, value)
			}
		}
		flag := func(name string, set bool) {
			if set {
				out.WriteString(" " + name)
			}
		}
		at := func(name string, t time.Time) {
			if !t.IsZero() {
				add(name, t.Format("2006-01-02 15:04:05.000"))
			}
		}
		add("time_flag", e.TimeFlag)
		if e.AccountID != s.Account {
			add("account", e.AccountID)
		}
		add("message", e.MessageKey)
		flag("per_recipient", e.PerRecipient)
		add("quotes", e.ReplyToKey)
		add("key", strings.Join(e.EventKey, " "))
		add("conversation", e.ConversationKey)
		add("kind", e.Kind)
		if e.TextChars > 0 {
			fmt.Fprintf(&out, " chars=%d", e.TextChars)
		}
		add("method", e.Method)
		at("watermark", e.Watermark)
		add("author", e.Author)
		add("category", e.Category)
		add("campaign", e.CampaignID)
		add("scope", e.Scope)
		add("promised", e.PromisedFrequency)
		at("expires", e.ExpiresAt)
		add("reason", e.Reason)
		add("zone", e.Zone)
		add("pricing", strings.Trim(e.PricingModel+" "+e.PricingType, " "))
		add("billable", e.Billable)
		add("error", e.ErrorCode)
		flag("standby", e.Standby)
		flag("test", e.IsTest)
		for _, key := range slices.Sorted(maps.Keys(e.Attributes)) {
			add(key, e.Attributes[key])
		}
		sealed := p.Seal(&e)
		fact := identity{sealed.ContactID, sealed.MessageID, sealed.EventID, sealed.Type}
		if first, again := lines[fact]; again {
			fmt.Fprintf(&out, " copy_of_line=%d", first)
		} else {
			lines[fact] = i + 1
		}
		out.WriteString("\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(d.Skipped)) {
		fmt.Fprintf(&out, "skipped %d: %s\n", d.Skipped[reason], reason)
	}
	return out.String()
}

// Fuzz starts from the payloads. Whatever comes, it is read without a panic; every draft names a contact
// and a fact, and the event that it is sealed to does not show the ids it stands for.
func (s Suite) Fuzz(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	p := pseudonymizer()
	f.Fuzz(func(t *testing.T, body []byte) {
		decoded, err := s.Source.Decode(body, ingest.Intake{BusinessID: "acme", Received: Received})
		if err != nil && len(decoded.Drafts) > 0 {
			t.Fatal("drafts beside an error")
		}
		for _, e := range decoded.Drafts {
			sealed := p.Seal(&e)
			if e.Address.IsZero() || e.Address.Kind == "" || sealed.ContactID.IsZero() || sealed.Time.IsZero() || sealed.Type == "" {
				t.Fatalf("%+v", sealed)
			}
			if sealed.MessageID.IsZero() && sealed.EventID.IsZero() {
				t.Fatalf("a fact without identity: %+v", sealed)
			}
			shown := []string{
				sealed.Kind, sealed.Category, sealed.TemplateID, sealed.CampaignID, sealed.MessageTag, sealed.Arm, sealed.Scope, sealed.Reason,
				sealed.PricingType, sealed.PricingModel, sealed.ErrorCode,
			}
			for _, text := range sealed.Attributes {
				shown = append(shown, text)
			}
			for _, text := range shown {
				for _, id := range []string{e.MessageKey, e.ReplyToKey} {
					// Shorter ones cannot be told from words.
					if len(id) >= 16 && strings.Contains(text, id) {
						t.Fatalf("the sealed %s shows an id", e.Type)
					}
				}
				if a, err := ingest.ParseAddress(e.Address.Kind, text); err == nil && a == e.Address && len(text) >= 7 {
					t.Fatalf("the sealed %s shows the address", e.Type)
				}
			}
		}
	})
}
