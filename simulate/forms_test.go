package simulate

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/whatsapp"
)

// The collectors make the same events of both forms, down to the hashes of contacts and messages;
// zone and purpose are told by lines only, as are author, tag and template, and a consent is known by another key.
func TestCollectorsReadBothFormsAlike(t *testing.T) {
	for _, o := range []Options{{Seed: 4, Contacts: 300, Days: 40}, {Seed: 4, Contacts: 200, Days: 40, Support: true}} {
		bothForms(t, o)
	}
}

func bothForms(t *testing.T, o Options) {
	t.Helper()
	key := [32]byte{1}
	p, err := ingest.NewPseudonymizer(key[:])
	if err != nil {
		t.Fatal(err)
	}
	w := New(o)
	received := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(events map[string]int, draft *ingest.Draft) {
		t.Helper()
		e := p.Seal(draft)
		e.Zone, e.Purpose, e.EventID = "", "", ingest.ID{}
		e.Author, e.MessageTag, e.TemplateID = "", "", ""
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		events[string(text)]++
	}
	lines, posts := map[string]int{}, map[string]int{}
	decoder := canonical.NewDecoder()
	for l := range w.Lines() {
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var draft ingest.Draft
		if err := decoder.Decode(text, "shop", received, &draft); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		add(lines, &draft)
	}
	for post := range w.WhatsApp() {
		out, err := whatsapp.Source{}.Decode(post.Body, ingest.Intake{BusinessID: "shop", Received: received})
		if err != nil {
			t.Fatal(err)
		}
		for i := range out.Drafts {
			add(posts, &out.Drafts[i])
		}
	}
	if len(lines) == 0 || !maps.Equal(lines, posts) {
		for text, n := range lines {
			if posts[text] != n {
				t.Fatalf("%d times among the lines and %d times among the payloads: %s", n, posts[text], text)
			}
		}
		t.Fatalf("%d events among the lines, %d among the payloads", len(lines), len(posts))
	}
}
