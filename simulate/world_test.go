package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
)

// demo is the default world's truth; the tests that look at numbers share it.
var demo = sync.OnceValue(func() Truth { return New(Options{Seed: 1}).Truth() })

var small = Options{Seed: 7, Contacts: 120, Days: 30}

func digest(t *testing.T, o Options) string {
	t.Helper()
	h := sha256.New()
	w := New(o)
	lines := json.NewEncoder(h)
	for l := range w.Lines() {
		if err := lines.Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	posts(w, h)
	return hex.EncodeToString(h.Sum(nil))
}

func posts(w *World, h hash.Hash) {
	for p := range w.WhatsApp() {
		fmt.Fprintln(h, p.At.Unix(), p.Facts)
		h.Write(p.Body)
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	first := digest(t, small)
	if again := digest(t, small); again != first {
		t.Errorf("the same options gave %s, then %s", first, again)
	}
	other := small
	other.Seed++
	if digest(t, other) == first {
		t.Error("another seed gave the same bytes")
	}
	null := small
	null.Null = true
	if digest(t, null) == first {
		t.Error("the null world is the same as the other")
	}
}

// The payloads are the same on every machine. Whoever changes the world on purpose changes this too.
func TestBytesAreThoseOfEveryMachine(t *testing.T) {
	const want = "43d96712d31ab6d981b1342d2595be7eed729fd8e464e7e7da306b1fdb5d038f"
	h := sha256.New()
	posts(New(small), h)
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the world's payloads hash to %s, want %s", got, want)
	}
}

// Every line is one that the collectors accept.
func TestLinesAreAccepted(t *testing.T) {
	decoder := canonical.NewDecoder()
	received := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	n := 0
	all := slices.Concat(slices.Collect(New(small).Lines()), slices.Collect(New(supported).Lines()), slices.Collect(New(supported).Own()))
	for _, l := range all {
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var draft ingest.Draft
		if err := decoder.Decode(text, "shop", received, &draft); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if draft.TimeFlag != "" || !draft.Time.Equal(l.EventTime) {
			t.Fatalf("time is taken for %v (%s) in %s", draft.Time, draft.TimeFlag, text)
		}
		n++
	}
	if n == 0 {
		t.Error("no lines")
	}
}

func TestTellingStopsWhereItIsLeft(t *testing.T) {
	w := New(small)
	n := 0
	for range w.Lines() {
		if n++; n == 10 {
			break
		}
	}
	for range w.WhatsApp() {
		break
	}
	all := 0
	for range w.Lines() {
		all++
	}
	if all <= 10 {
		t.Errorf("told %d lines after a telling that was left early", all)
	}
}

func TestTinyWorlds(t *testing.T) {
	for _, o := range []Options{
		{Contacts: 1, Days: 1},
		{Contacts: 1, Days: 400, Seed: math.MaxUint64},
		{Contacts: 30, Days: 1, Seed: 3},
		{Contacts: -1, Days: -1, Start: time.Date(2026, 3, 2, 23, 59, 59, 1, time.FixedZone("", 9*3600))},
	} {
		w := New(o)
		if o.Contacts < 0 {
			if got := w.Options; got.Contacts != 3000 || got.Days != 90 || got.Start.Format(time.RFC3339Nano) != "2026-03-02T00:00:00Z" {
				t.Errorf("options came to %+v", got)
			}
			continue
		}
		truth := w.Truth()
		if _, err := json.Marshal(truth); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
		facts := 0
		for p := range w.WhatsApp() {
			facts += p.Facts
		}
		if facts != truth.Reference.Lines {
			t.Errorf("%+v: %d facts posted, %d lines told", o, facts, truth.Reference.Lines)
		}
	}
}

func TestArrival(t *testing.T) {
	w := New(Options{Seed: 1})
	var facts, lates, copies, backwards int
	var last, latest int64
	told := map[[4]int64]int64{}
	for f := range w.facts {
		if f.arrival < last {
			t.Fatalf("a fact arrives at %d, after one at %d", f.arrival, last)
		}
		last = f.arrival
		if f.at < w.start || f.at >= w.end || f.arrival < f.at || f.arrival > f.at+week {
			t.Fatalf("a fact of %d arrives at %d; the data runs from %d to %d", f.at, f.arrival, w.start, w.end)
		}
		key := [4]int64{int64(f.contact), int64(f.message), int64(f.what)}
		if f.message == 0 {
			key[3] = f.at
		}
		at, known := told[key]
		if known != f.repeats {
			t.Fatalf("fact %+v was told before: %v", f, known)
		}
		if known {
			copies++
			if at != f.at {
				t.Fatalf("a copy of a fact of %d says %d", at, f.at)
			}
			continue
		}
		told[key] = f.at
		facts++
		if f.late {
			lates++
			if f.arrival-f.at < lateLeast || f.arrival-f.at > lateMost {
				t.Fatalf("a late fact comes after %d s", f.arrival-f.at)
			}
		}
		if f.at < latest {
			backwards++
		}
		latest = max(latest, f.at)
	}
	share := func(name string, n int, want float64) {
		t.Helper()
		got := float64(n) / float64(facts)
		if spread := 5 * math.Sqrt(want/float64(facts)); math.Abs(got-want) > spread {
			t.Errorf("%s: %.4f of facts, want %.4f within %.4f", name, got, want, spread)
		}
	}
	share("late", lates, late)
	share("copied", copies, copied)
	if backwards < facts/20 {
		t.Errorf("only %d of %d facts arrive out of order", backwards, facts)
	}
	if truth := demo(); truth.Late != lates || truth.Reference.Copies != copies || truth.Reference.Lines != facts+copies {
		t.Errorf("truth says %d late, %d copies, %d lines; counted %d, %d, %d",
			truth.Late, truth.Reference.Copies, truth.Reference.Lines, lates, copies, facts+copies)
	}
}

// In the order of happening, nobody is messaged unasked who has left or has not yet come.
func TestNoProactiveSendWithoutConsent(t *testing.T) {
	w := New(Options{Seed: 1})
	var facts []fact
	consents := map[int32]bool{}
	for f := range w.facts {
		if !f.repeats {
			facts = append(facts, f)
		}
		if f.what == factOptIn && !f.returns {
			consents[f.contact] = true
		}
	}
	slices.SortStableFunc(facts, func(a, b fact) int { return int(a.at - b.at) })
	in, left := map[int32]bool{}, map[int32]int64{}
	var leavers, returned, seconds int
	sends := map[[2]int64]bool{}
	for _, f := range facts {
		switch {
		case f.what == factOptIn:
			if in[f.contact] {
				t.Fatalf("contact %d opts in twice", f.contact)
			}
			in[f.contact] = true
			if _, ok := left[f.contact]; ok != f.returns {
				t.Fatalf("contact %d opts in: returns %v, had left %v", f.contact, f.returns, ok)
			}
			if f.returns {
				returned++
			}
			delete(left, f.contact)
		case f.what == factOptOut:
			if _, ok := left[f.contact]; ok {
				t.Fatalf("contact %d leaves twice", f.contact)
			}
			left[f.contact] = f.at
			in[f.contact] = false
			leavers++
		case f.what == factSent:
			key := [2]int64{int64(f.contact), f.at}
			if sends[key] {
				seconds++
			}
			sends[key] = true
			if f.campaign == response {
				break
			}
			if at, ok := left[f.contact]; ok {
				t.Fatalf("contact %d left at %d and is messaged at %d", f.contact, at, f.at)
			}
			if consents[f.contact] && !in[f.contact] {
				t.Fatalf("contact %d is messaged at %d, before the opt-in", f.contact, f.at)
			}
		}
	}
	if seconds > 0 {
		t.Errorf("%d sends share their second with another to the same contact", seconds)
	}
	if leavers < 100 || returned < 10 {
		t.Errorf("%d left and %d came back: too few to show anything", leavers, returned)
	}
}

func TestNumbersBelongToTheirMarket(t *testing.T) {
	key := [32]byte{1}
	p, err := ingest.NewPseudonymizer(key[:])
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range markets {
		m := &markets[i]
		if m.number(-1) != m.display {
			t.Errorf("%s: the sending number %s is not the range's first, %s", m.Code, m.display, m.number(-1))
		}
		for n := -1; n < 25_000; n++ {
			number := m.number(n)
			if seen[number] {
				t.Fatalf("%s: number %d is taken", m.Code, n)
			}
			seen[number] = true
			if n > 2000 && n%97 != 0 {
				continue
			}
			address, err := ingest.ParseAddress(ingest.Phone, "+"+number)
			if err != nil {
				t.Fatalf("%s: number %d: %v", m.Code, n, err)
			}
			e := p.Seal(&ingest.Draft{Address: address})
			if e.Market != m.Code || !strings.Contains(number, "555") && n < 2000 {
				t.Fatalf("%s: number %d is taken for one of %q, or is not recognisable as invented", m.Code, n, e.Market)
			}
		}
	}
}

// What is sent to an address that does not exist fails, nobody there does anything, and nobody is another than without.
func TestDeadAddresses(t *testing.T) {
	o := Options{Seed: 7, Contacts: 200, Days: 40, Dead: .5}
	w := New(o)
	living := o
	living.Dead = 0
	dies := map[string]int64{}
	for address, c := range w.byAddress() {
		if c.dies > 0 {
			dies[address] = c.dies
		}
		c.dies = 0
		if other := New(living).byAddress()[address]; c != other {
			t.Fatalf("%s: %+v is another than %+v", address, c, other)
		}
	}
	if len(dies) < 80 || len(dies) > 120 {
		t.Errorf("%d of 200 addresses cease to exist, want about half", len(dies))
	}
	failed := map[string]bool{}
	for l := range w.Lines() {
		at, ok := dies[l.Address]
		switch {
		case !ok || l.EventTime.Unix() < at:
			if l.ErrorCode == "30005" {
				t.Errorf("%s fails at %v for good, and does not", l.Address, l.EventTime)
			}
		case l.EventType == "failed" && l.ErrorCode == "30005":
			failed[l.Address] = true
		case l.EventType != "send" && l.ErrorCode != "131049":
			t.Errorf("%s at %v: %s, after the end", l.Address, l.EventTime, l.EventType)
		}
	}
	if len(failed) < 40 {
		t.Errorf("%d addresses are known not to exist", len(failed))
	}
	for p := range w.WhatsApp() {
		if strings.Contains(string(p.Body), "30005") {
			t.Fatal("a webhook tells a code that the platform has not")
		}
	}
}
