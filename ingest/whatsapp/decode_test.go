package whatsapp

import (
	"errors"
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
)

var update = flag.Bool("update", false, "rewrite testdata/*.want")

var received = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

// contacts are the invented people of the fixtures.
var contacts = map[ingest.Address]string{
	parsed("phone", "+12125550100"):            "ana",
	parsed("phone", "+16315551181"):            "meta's test user",
	parsed("bsuid", "US.13491208655302741918"): "ana's user id",
}

func parsed(kind ingest.AddressKind, text string) ingest.Address {
	a, err := ingest.ParseAddress(kind, text)
	if err != nil {
		panic(err)
	}
	return a
}

// show writes what was decoded as text, one line per draft and reason, leaving out what is empty
// or the same in all.
func show(d ingest.Decoded) string {
	var out strings.Builder
	for _, e := range d.Drafts {
		contact, ok := contacts[e.Address]
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
		add("time_flag", e.TimeFlag)
		if e.AccountID != "106540352242922" {
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
		add("author", e.Author)
		add("category", e.Category)
		add("campaign", e.CampaignID)
		add("scope", e.Scope)
		add("reason", e.Reason)
		add("pricing", strings.Trim(e.PricingModel+" "+e.PricingType, " "))
		add("billable", e.Billable)
		add("error", e.ErrorCode)
		flag("test", e.IsTest)
		for _, key := range slices.Sorted(maps.Keys(e.Attributes)) {
			add(key, e.Attributes[key])
		}
		out.WriteString("\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(d.Skipped)) {
		fmt.Fprintf(&out, "skipped %d: %s\n", d.Skipped[reason], reason)
	}
	return out.String()
}

func TestFixtures(t *testing.T) {
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
			decoded, err := Source{}.Decode(body, ingest.Intake{BusinessID: "acme", Received: received})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range decoded.Drafts {
				if e.BusinessID != "acme" || e.Channel != "whatsapp" || e.Provider != "meta" || !e.IngestedAt.Equal(received) {
					t.Errorf("%s: business %q, channel %q, provider %q, ingested at %s", e.Type, e.BusinessID, e.Channel, e.Provider, e.IngestedAt)
				}
			}
			got := show(decoded)
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

func TestWhatIsNotJSON(t *testing.T) {
	for _, body := range []string{"", "{", `{"object":"whatsapp_business_account"} x`, "object=1&entry=2", strings.Repeat("[", 100_000)} {
		if _, err := (Source{}).Decode([]byte(body), ingest.Intake{}); !errors.Is(err, ingest.ErrBody) {
			t.Errorf("%.20q: %v, want ErrBody", body, err)
		}
	}
}

// Whatever comes, it is read without a panic, and every draft can be sealed and names a contact.
func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	p, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		decoded, err := Source{}.Decode(body, ingest.Intake{BusinessID: "acme", Received: received})
		if err != nil && len(decoded.Drafts) > 0 {
			t.Fatal("drafts beside an error")
		}
		for _, e := range decoded.Drafts {
			sealed := p.Seal(&e)
			if sealed.ContactID.IsZero() || sealed.Time.IsZero() || sealed.Type == "" {
				t.Fatalf("%+v", sealed)
			}
			if sealed.MessageID.IsZero() && sealed.EventID.IsZero() {
				t.Fatalf("a fact without identity: %+v", sealed)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"status_sent_per_message_pricing", "message_text"} {
		body, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			b.Fatal(err)
		}
		b.Run("body="+name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (Source{}).Decode(body, ingest.Intake{Received: received}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
