package ingest_test

import (
	"testing"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/whatsapp"
)

// A business that collects webhooks and later imports its history from elsewhere must not count twice.
func TestWebhookAndImportedLineAreOneFact(t *testing.T) {
	p, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	type identity struct {
		business               string
		contact, message, fact ingest.ID
		kind                   ingest.Type
	}
	of := func(d ingest.Draft) identity {
		e := p.Seal(&d)
		return identity{e.BusinessID, e.ContactID, e.MessageID, e.EventID, e.Type}
	}
	for name, same := range map[string]struct{ field, value, line string }{
		"sent":  {"messages", `"statuses":[{"id":"wamid.1","status":"sent","timestamp":"1772414460","recipient_id":"639175550142"}]`, `"event_type":"send","message_id":"wamid.1"`},
		"read":  {"messages", `"statuses":[{"id":"wamid.1","status":"read","timestamp":"1772414460","recipient_id":"639175550142"}]`, `"event_type":"open","message_id":"wamid.1"`},
		"reply": {"messages", `"messages":[{"id":"wamid.2","from":"639175550142","timestamp":"1772414460","type":"text"}]`, `"event_type":"reply","message_id":"wamid.2"`},
		"stop": {"user_preferences", `"user_preferences":[{"wa_id":"639175550142","category":"marketing_messages","value":"stop","timestamp":1772414460}]`,
			`"event_type":"opt_out","scope":"marketing_messages"`},
		"resume": {"user_preferences", `"user_preferences":[{"wa_id":"639175550142","category":"marketing_messages","value":"resume","timestamp":"1772414460"}]`,
			`"event_type":"opt_in","scope":"marketing_messages"`},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"` + same.field + `","value":{"metadata":{"phone_number_id":"7"},` + same.value + `}}]}]}`
			decoded, err := whatsapp.Source{}.Decode([]byte(body), ingest.Intake{BusinessID: "acme", Received: received})
			if err != nil || len(decoded.Drafts) != 1 {
				t.Fatalf("%d drafts, %v", len(decoded.Drafts), err)
			}
			var line ingest.Draft
			text := `{"account_id":"7","channel":"whatsapp","address":"+63 917 555 0142","event_time":"2026-03-02T01:21:00Z",` + same.line + `}`
			if err := canonical.NewDecoder().Decode([]byte(text), "acme", received, &line); err != nil {
				t.Fatal(err)
			}
			if webhook, imported := of(decoded.Drafts[0]), of(line); webhook != imported {
				t.Errorf("webhook %v\nimport  %v", webhook, imported)
			}
		})
	}
}
