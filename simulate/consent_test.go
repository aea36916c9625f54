package simulate

import (
	"encoding/json"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/messenger"
	"drumbeat/ingest/whatsapp"
)

// longWorld lives through every rule that changed.
var longWorld = ConsentOptions{Seed: 7, Contacts: 150, Days: 560, Start: time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)}

func exampleRates(t testing.TB) []Rate {
	t.Helper()
	file, err := os.Open("../testdata/rates/example.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rates, err := ReadRates(file)
	if err != nil || len(rates) == 0 {
		t.Fatalf("%d rates, %v", len(rates), err)
	}
	return rates
}

func TestConsentWorldLook(t *testing.T) {
	for _, o := range []ConsentOptions{{}, longWorld} {
		w := NewConsent(o)
		ref := MeasureConsent(w.Lines(), exampleRates(t))
		t.Log(ref.Lines, ref.Copies, ref.Cutoff)
		c := map[string]int{}
		for _, s := range ref.Spells {
			c["begun "+s.Begun]++
			c["ended "+s.Ended]++
			c["promise "+s.Promise]++
		}
		for _, x := range ref.Periods {
			c["period "+x.Promise+" "+x.State]++
		}
		for _, s := range ref.Sends {
			c["state "+s.State]++
			c["breach "+s.Breach+" "+s.Way]++
			c["why "+s.Unit+" "+s.Why]++
			if s.Charged {
				c["price "+s.Currency+s.Unit]++
			}
			if s.Refused {
				c["refused "+s.State]++
			}
		}
		for _, s := range ref.Windows {
			if s.Over && s.Answered {
				c["answered"]++
			} else if s.Over {
				c["unanswered"]++
			}
		}
		for _, a := range ref.Asks {
			c["asked"]++
			if a.Answered {
				c["agreed"]++
			}
		}
		for _, k := range slices.Sorted(maps.Keys(c)) {
			t.Log(k, c[k])
		}
	}
}

// The collectors make the same events of the platforms' payloads and the sender's lines as of the world's lines alone, down to
// the hashes of contacts and messages; a consent, reaction or referral is known by another key.
func TestCollectorsReadConsentsAlike(t *testing.T) {
	p, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	w := NewConsent(longWorld)
	received := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(events map[string]int, draft *ingest.Draft) {
		t.Helper()
		e := p.Seal(draft)
		if e.Type != ingest.Open && e.Type != ingest.Delivered {
			e.EventID = ingest.ID{}
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		events[string(text)]++
	}
	decoder := canonical.NewDecoder("app_id")
	read := func(events map[string]int, lines iter.Seq[canonical.Line]) {
		t.Helper()
		for l := range lines {
			text, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			var draft ingest.Draft
			if err := decoder.Decode(text, "shop", received, &draft); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			add(events, &draft)
		}
	}
	whole, parts := map[string]int{}, map[string]int{}
	read(whole, w.Lines())
	read(parts, w.Own())
	for _, form := range []struct {
		source ingest.Source
		posts  iter.Seq[Post]
	}{{messenger.Source{}, w.Messenger()}, {whatsapp.Source{}, w.WhatsApp()}} {
		for post := range form.posts {
			out, err := form.source.Decode(post.Body, ingest.Intake{BusinessID: "shop", Received: received})
			if err != nil || len(out.Skipped) > 0 || len(out.Drafts) != post.Facts {
				t.Fatalf("%d events of %d facts, skipped %v, %v in %s", len(out.Drafts), post.Facts, out.Skipped, err, post.Body)
			}
			for i := range out.Drafts {
				add(parts, &out.Drafts[i])
			}
		}
	}
	if len(whole) == 0 || !maps.Equal(whole, parts) {
		for text, n := range whole {
			if parts[text] != n {
				t.Fatalf("%d times among the lines and %d times among the payloads: %s", n, parts[text], text)
			}
		}
		for text, n := range parts {
			if whole[text] != n {
				t.Fatalf("%d times among the lines and %d times among the payloads: %s", whole[text], n, text)
			}
		}
	}
}

var _ = strings.Cut
