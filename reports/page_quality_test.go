package reports

import "testing"

func TestQuality(t *testing.T) {
	c := content(t, qualityPage, answers{"arrivals": `
{"channel":"whatsapp","event_type":"open","arrived":10,"unique_events":9,"duplicates":1,"late":2,"first_event_at":"2026-03-01T00:10:00.000Z","last_event_at":"2026-05-29T00:10:00.000Z"}
{"channel":"whatsapp","event_type":"send","arrived":30,"unique_events":28,"duplicates":2,"late":0,"first_event_at":"2026-03-01T00:10:00.000Z","last_event_at":"2026-05-29T00:10:00.000Z"}`})
	if want := "40 events arrived, 3 of them copies of facts already known, 2 late"; c.Finding != want {
		t.Errorf("the page says %q, want %q", c.Finding, want)
	}
	if c := content(t, qualityPage, answers{}); !c.empty() {
		t.Errorf("without rows the page has %d sections, want none", len(c.Sections))
	}
}
