package simulate

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestDemoMisleadsTheNaive(t *testing.T) {
	truth := demo()
	for name, c := range map[string]Curve{"open": truth.Open, "reply": truth.Reply} {
		if !c.WrongSign || c.CausalSlope >= 0 || c.CrudeSlope <= 0 {
			t.Errorf("%s: the crude slope is %v and the causal one %v, want opposite signs", name, c.CrudeSlope, c.CausalSlope)
		}
		for _, b := range c.Bins {
			if !b.Shown {
				t.Errorf("%s: bin from %d is too small to be shown", name, b.From)
			}
		}
	}
	if len(truth.Open.Bins) != len(exposureBins) || len(truth.OptOut) != len(doseBins) {
		t.Errorf("%d exposure and %d dose bins, want all of %d and %d", len(truth.Open.Bins), len(truth.OptOut), len(exposureBins), len(doseBins))
	}
	if z := trend(truth.Reference.Doses); z < 6 {
		t.Errorf("opt-outs rise with the dose by z = %.1f only", z)
	}
	if n := truth.Reference.Lines; n < 150_000 || n > 250_000 {
		t.Errorf("%d events: too few or too many for a demo", n)
	}
}

// Opt-outs that no dose causes must not look caused, though those who leave get no more messages.
func TestNullWorldIsFlat(t *testing.T) {
	for seed := range uint64(2) {
		truth := New(Options{Seed: seed, Contacts: 1500, Null: true}).Truth()
		if z := trend(truth.Reference.Doses); math.Abs(z) > 3.5 {
			t.Errorf("seed %d: opt-outs follow the dose by z = %.1f", seed, z)
		}
		for _, h := range truth.OptOut {
			if want := round(leaveNull * (1 - leaveByBlock)); h.Causal != want {
				t.Errorf("seed %d: the truth at dose %d is %v, want %v at every dose", seed, h.From, h.Causal, want)
			}
		}
	}
}

// trend is the z of Cochran and Armitage over person-days, the dose capped where the hazard is.
func trend(doses []Dose) float64 {
	var n, y, x, xx, xy float64
	for _, d := range doses {
		s := float64(min(d.Dose, leaveDoseMost))
		n += float64(d.Days)
		y += float64(d.OptOuts)
		x += s * float64(d.Days)
		xx += s * s * float64(d.Days)
		xy += s * float64(d.OptOuts)
	}
	p := y / n
	return (xy - p*x) / math.Sqrt(p*(1-p)*(xx-x*x/n))
}

func TestTrendOfReference(t *testing.T) {
	got := trend([]Dose{{1, 4000, 12}, {2, 3800, 19}, {3, 3500, 33}, {4, 3000, 61}})
	if math.Abs(got-7.73408180) > 1e-7 {
		t.Errorf("z = %v, want 7.73408180", got)
	}
}

// What the reference finds must be what the stated functions make: opens per exposure, with each
// contact's own rate, and opt-outs per dose.
func TestFoundIsWhatWasCaused(t *testing.T) {
	w := New(Options{Seed: 5, Contacts: 2000})
	traits := w.byAddress()
	var ref Reference
	people, since := ref.gather(w.Lines())
	opens, _ := inTime()
	var found, want, spread [32]float64
	for address, p := range people {
		tr := traits[address]
		for _, m := range p.settle() {
			if m.purpose != "proactive" || !m.measurable() || m.sent.After(ref.Cutoff.Add(-openWindow)) || m.sent.Before(since[p.account].Add(lookBack)) {
				continue
			}
			rate := 0.0
			if tr.receipts {
				rate = opens * tr.open * w.Options.openFalls(m.exposure)
			}
			want[m.exposure] += rate
			spread[m.exposure] += rate * (1 - rate)
			if within(m.opened, m.sent, openWindow) {
				found[m.exposure]++
			}
		}
	}
	for k := 1; k <= 12; k++ {
		if z := (found[k] - want[k]) / math.Sqrt(spread[k]); math.Abs(z) > 4 {
			t.Errorf("exposure %d: %v opens, want %.0f (z = %.1f)", k, found[k], want[k], z)
		}
	}
	for _, d := range Measure(w.Lines()).Doses {
		want := w.Options.leaves(d.Dose) * (1 - leaveByBlock) * float64(d.Days)
		// Those who blocked cannot leave: up to a tenth less in the long run.
		if z := (float64(d.OptOuts) - want) / math.Sqrt(want); z > 4 || z < -4-0.1*math.Sqrt(want) {
			t.Errorf("dose %d: %d opt-outs, want %.1f (z = %.1f)", d.Dose, d.OptOuts, want, z)
		}
	}
}

// The truth's counts, counted again from the bare lines.
func TestTruthIsWhatTheLinesSay(t *testing.T) {
	truth := demo()
	unique, sends := map[string]bool{}, 0
	types, days := map[string]int{}, map[string]int{}
	for l := range New(Options{Seed: 1}).Lines() {
		raw, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if unique[string(raw)] {
			continue
		}
		unique[string(raw)] = true
		o := observe(l)
		types[o.what]++
		if o.what == "send" {
			sends++
			days[o.at.Format("2006-01-02")]++
		}
	}
	ref := truth.Reference
	if got := ref.Lines - ref.Copies; got != len(unique) {
		t.Errorf("truth has %d unique facts, the lines %d", got, len(unique))
	}
	for what, got := range map[string]struct {
		counts []Count
		want   map[string]int
	}{"events": {ref.Events, types}, "sends": {ref.Sends, days}} {
		if len(got.counts) != len(got.want) {
			t.Errorf("%s: %d names, want %d", what, len(got.counts), len(got.want))
		}
		for _, c := range got.counts {
			if got.want[c.Name] != c.Count {
				t.Errorf("%s: %s is %d, want %d", what, c.Name, c.Count, got.want[c.Name])
			}
		}
	}
	messages := ref.UnknownExposure + ref.Failed
	for _, e := range ref.Exposures {
		messages += e.Messages
	}
	for _, p := range ref.Purposes {
		if p.Name == "response" {
			messages += p.Count
		}
	}
	if messages != sends {
		t.Errorf("the kinds of messages add up to %d, want %d sends", messages, sends)
	}
	if text, err := json.Marshal(truth); err != nil || strings.Contains(string(text), "wamid") {
		t.Errorf("truth as JSON: %v, or it holds a message id", err)
	}
}
