package messenger

import (
	"errors"
	"strings"
	"testing"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/sourcetest"
)

var suite = sourcetest.Suite{
	Source: Source{}, Channel: "messenger", Account: "104000000000001",
	// The invented people of the payloads.
	Contacts: map[ingest.Address]string{
		sourcetest.Parsed("scoped", "7000000000000101"):            "ana",
		sourcetest.Parsed("scoped", "7000000000000102"):            "ben",
		sourcetest.Parsed("scoped", "user_ref:checkbox-7f3a-0001"): "ana's reference",
		sourcetest.Parsed("scoped", "user_ref:chat-plugin-0002"):   "ben's reference",
		sourcetest.Parsed("scoped", "12334"):                       "meta's test user",
	},
}

func TestFixtures(t *testing.T) { suite.Golden(t) }

func FuzzDecode(f *testing.F) { suite.Fuzz(f) }

func TestWhatIsNotJSON(t *testing.T) {
	for _, body := range []string{
		"", "{", `{"object":"page"} x`, `{"object":"page"}{"object":"page"}`, "// a comment\n" + `{"object":"page"}`, "object=page", strings.Repeat("[", 100_000),
	} {
		if _, err := (Source{}).Decode([]byte(body), ingest.Intake{}); !errors.Is(err, ingest.ErrBody) {
			t.Errorf("%.20q: %v, want ErrBody", body, err)
		}
	}
}

// A business that collects webhooks and later imports its history from elsewhere must not count twice.
func TestWebhookAndImportedLineAreOneFact(t *testing.T) {
	p, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	type identity struct {
		contact, message, fact ingest.ID
		kind                   ingest.Type
	}
	of := func(d ingest.Draft) identity {
		e := p.Seal(&d)
		return identity{e.ContactID, e.MessageID, e.EventID, e.Type}
	}
	for name, same := range map[string]struct{ item, line string }{
		"echo":      {`"sender":{"id":"7"},"recipient":{"id":"9"},"message":{"is_echo":true,"mid":"m_1"}`, `"event_type":"send","message_id":"m_1"`},
		"delivery":  {`"sender":{"id":"9"},"recipient":{"id":"7"},"delivery":{"mids":["m_1"],"watermark":1772414460000}`, `"event_type":"delivered","message_id":"m_1"`},
		"read":      {`"sender":{"id":"9"},"recipient":{"id":"7"},"read":{"watermark":1772414460000}`, `"event_type":"open","watermark":"2026-03-02T01:21:00Z"`},
		"delivered": {`"sender":{"id":"9"},"recipient":{"id":"7"},"delivery":{"watermark":1772414460000}`, `"event_type":"delivered","watermark":1772414460`},
		"reply":     {`"sender":{"id":"9"},"recipient":{"id":"7"},"message":{"mid":"m_2","text":"hi"}`, `"event_type":"reply","message_id":"m_2"`},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"object":"page","entry":[{"id":"7","messaging":[{"timestamp":1772414461000,` + same.item + `}]}]}`
			decoded, err := Source{}.Decode([]byte(body), ingest.Intake{BusinessID: "acme", Received: sourcetest.Received})
			if err != nil || len(decoded.Drafts) != 1 {
				t.Fatalf("%d drafts, %v", len(decoded.Drafts), err)
			}
			var line ingest.Draft
			text := `{"account_id":"7","channel":"messenger","address":"9","event_time":"2026-03-02T01:21:01Z",` + same.line + `}`
			if err := canonical.NewDecoder().Decode([]byte(text), "acme", sourcetest.Received, &line); err != nil {
				t.Fatal(err)
			}
			if webhook, imported := of(decoded.Drafts[0]), of(line); webhook != imported {
				t.Errorf("webhook %v\nimport  %v", webhook, imported)
			}
		})
	}
}
