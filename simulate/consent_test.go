package simulate

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/messenger"
	"drumbeat/ingest/whatsapp"
)

// longWorld lives through every rule that changed.
var longWorld = ConsentOptions{Seed: 7, Contacts: 100, Days: 560, Start: time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)}

// Everything that the world is for happens in it, and as often as the model says.
func TestConsentWorld(t *testing.T) {
	ref := MeasureConsent(NewConsent(longWorld).Lines(), ConsentRates())
	counts := map[string]int{}
	for _, c := range ref.Counts() {
		counts[c.Name] = c.Count
		t.Log(c.Name, c.Count)
	}
	for _, name := range []string{
		"spells begun first", "spells begun resumed", "spells begun again", "spells begun changed", "renewals",
		"spells ended on", "spells ended expired", "spells ended stopped", "spells ended blocked", "spells ended changed", "spells ended used",
		"requests", "requests answered", "periods daily partial", "periods weekly unused", "periods monthly exceeded",
		"messages standard", "messages human_agent", "messages free_entry_point", "messages ad_entry", "messages one_time_token", "messages recurring_token",
		"messages message_tag", "messages paid_template", "messages sponsored", "messages unknown", "messages none", "messages refused for the window",
		"breaches after_opt_out", "breaches after_expiry", "breaches without_opt_in",
		"breaches after keyword", "breaches after preference", "breaches after block", "breaches after link", "breaches after error",
		"uncharged failed", "uncharged same_conversation", "uncharged not_billable", "uncharged free_customer_service", "uncharged free_entry_point", "uncharged not_delivered",
		"charged per conversation", "charged per message", "service windows answered", "service windows unanswered",
	} {
		if counts[name] == 0 {
			t.Errorf("no %s", name)
		}
	}
	if len(ref.Spend()) != 2 {
		t.Errorf("spend in %v, want two currencies", ref.Spend())
	}
	// A promise is broken when the business planned so and the consent lasted; some planned messages come after the consent's end.
	for _, promise := range promises {
		exceeded, all := counts["periods "+promise+" exceeded"], 0
		for _, state := range []string{"kept", "exceeded", "unused"} {
			all += counts["periods "+promise+" "+state]
		}
		share := float64(exceeded) / float64(all)
		slack := 3 * math.Sqrt(share*(1-share)/float64(all))
		if planned := consentModel.Exceeds[promise]; share > planned+slack || share < 0.8*planned-slack {
			t.Errorf("%s: %d of %d periods exceeded, planned %v", promise, exceeded, all, planned)
		}
	}
}

func TestConsentWorldIsDeterministic(t *testing.T) {
	o := ConsentOptions{Seed: 3, Contacts: 40}
	all := func(o ConsentOptions) (text []byte) {
		w := NewConsent(o)
		for l := range w.Lines() {
			line, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, line...)
		}
		for post := range w.Messenger() {
			text = append(text, post.Body...)
		}
		for post := range w.WhatsApp() {
			text = append(text, post.Body...)
		}
		return text
	}
	first := all(o)
	if !bytes.Equal(first, all(o)) {
		t.Error("the same options give other bytes")
	}
	if o.Seed++; bytes.Equal(first, all(o)) {
		t.Error("another seed gives the same bytes")
	}
}

// Any order, and any number of copies, give the same reference.
func TestConsentReferenceKnowsNoOrder(t *testing.T) {
	lines := slices.Collect(NewConsent(ConsentOptions{Seed: 5, Contacts: 60}).Lines())
	rates := ConsentRates()
	want := MeasureConsent(slices.Values(lines), rates)
	r := rand.New(rand.NewPCG(1, 2))
	lines = append(lines, lines[:len(lines)/3]...)
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	got := MeasureConsent(slices.Values(lines), rates)
	if got.Copies != want.Copies+len(lines)/4 {
		t.Errorf("%d copies of %d lines, before %d", got.Copies, len(lines), want.Copies)
	}
	got.Lines, got.Copies = want.Lines, want.Copies
	a, b := must(json.Marshal(got)), must(json.Marshal(want))
	if !bytes.Equal(a, b) {
		t.Error("another order gives another reference")
	}
}

// Had everybody been promised weekly messages, more of them would be opened than of daily ones; as people chose, the engaged
// markets have the daily ones, and the crude rates lie nearer together.
func TestPromisesHaveAKnownEffect(t *testing.T) {
	truth := NewConsent(ConsentOptions{Seed: 1, Contacts: 400}).Truth()
	rate := func(o PromiseOutcomes) float64 { return float64(o.Opened) / float64(o.Messages) }
	daily, weekly := truth.Promises[0], truth.Promises[1]
	crude, causal := rate(weekly.Crude)-rate(daily.Crude), rate(weekly.Causal)-rate(daily.Causal)
	t.Logf("crude %.3f, causal %.3f", crude, causal)
	if causal < 0.05 || crude > causal-0.03 {
		t.Errorf("weekly over daily: crude %.3f, causal %.3f", crude, causal)
	}
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

// The collectors make the same events of the platforms' payloads and the sender's lines as of the world's lines alone, down to
// the hashes of contacts and messages; a consent, reaction or referral is known by another key.
func TestCollectorsReadConsentsAlike(t *testing.T) {
	p, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	o := longWorld
	o.Contacts = 40
	w := NewConsent(o)
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
