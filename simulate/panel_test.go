package simulate

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// What contacts do must be what is expected of them: by dose on person-days, by exposure on messages.
func TestPanelFindsWhatItExpects(t *testing.T) {
	for name, o := range map[string]Options{
		"usual":    {Clicks: true},
		"tired":    {Clicks: true, Fatigue: 3},
		"tireless": {Clicks: true, Tireless: true},
		"timing":   {Clicks: true, Timing: true},
		"arms":     {Clicks: true, Arms: []Arm{{"one", 1}, {"five", 5}, {"usual", 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Seed, o.Contacts, o.Days = 11, 1500, 50
			panel := New(o).Panel()
			// slack is the relative error that the expectation may have itself.
			f := func(what string, slack float64, by func(yield func(k int, found, expected float64))) {
				t.Helper()
				var found, expected [16]float64
				var all, allExpected float64
				by(func(k int, f, e float64) {
					k = min(k, 15)
					found[k] += f
					expected[k] += e
					all += f
					allExpected += e
				})
				if allExpected < 300 {
					t.Errorf("%s: %.0f are expected in all: too few to show anything", what, allExpected)
				}
				for k := range found {
					spread := 4.5*math.Sqrt(expected[k]+1) + slack*expected[k]
					if math.Abs(found[k]-expected[k]) > spread {
						t.Errorf("%s at %d: %.0f found, %.0f expected, within %.0f", what, k, found[k], expected[k], spread)
					}
				}
				if spread := 4.5*math.Sqrt(allExpected) + slack*allExpected; math.Abs(all-allExpected) > spread {
					t.Errorf("%s: %.0f found, %.0f expected, within %.0f", what, all, allExpected, spread)
				}
			}
			days := func(of func(Acts) float64) func(func(int, float64, float64)) {
				return func(yield func(int, float64, float64)) {
					for _, d := range panel.Days {
						yield(d.Dose, of(d.Found), of(d.Expected))
					}
				}
			}
			messages := func(of func(Acts) float64) func(func(int, float64, float64)) {
				return func(yield func(int, float64, float64)) {
					for _, m := range panel.Messages {
						yield(m.Exposure, of(m.Found), of(m.Expected))
					}
				}
			}
			f("opens a day", .01, days(func(a Acts) float64 { return a.Opened }))
			f("clicks a day", .01, days(func(a Acts) float64 { return a.Clicked }))
			f("replies a day", .06, days(func(a Acts) float64 { return a.Replied }))
			f("opened messages", 0, messages(func(a Acts) float64 { return a.Opened }))
			f("clicked messages", 0, messages(func(a Acts) float64 { return a.Clicked }))
		})
	}
}

func TestPanelCountsDaysAsTheReference(t *testing.T) {
	w := New(Options{Seed: 3, Contacts: 300, Days: 40})
	byDose := map[int]Dose{}
	for _, d := range w.Panel().Days {
		x := byDose[d.Dose]
		x.Dose = d.Dose
		x.Days++
		if d.Left {
			x.OptOuts++
		}
		byDose[d.Dose] = x
	}
	want := Measure(w.Lines()).Doses
	if len(want) < 5 || len(want) != len(byDose) {
		t.Errorf("%d doses, want %d", len(byDose), len(want))
	}
	for _, d := range want {
		if byDose[d.Dose] != d {
			t.Errorf("days at risk %+v, want %+v", byDose[d.Dose], d)
		}
	}
}

func (p Panel) slope(t *testing.T, outcome, scale string) Slope {
	t.Helper()
	for _, s := range p.Slopes() {
		if s.Outcome == outcome && s.Scale == scale {
			return s
		}
	}
	t.Fatalf("no slope of %s by %s", outcome, scale)
	return Slope{}
}

// Slopes of four contacts, whose between and within slopes have opposite signs, by two other programs.
func TestSlopesOfKnownPanel(t *testing.T) {
	var l lines
	doses := [][]float64{{1, 2, 3, 4}, {2, 4, 5, 6}, {5, 6, 8, 9}, {8, 10, 11, 12}}
	outcomes := [][]float64{{10, 9, 7, 6}, {14, 12, 12, 10}, {22, 20, 17, 17}, {30, 27, 27, 25}}
	for i := range doses {
		for j := range doses[i] {
			l.add(i, doses[i][j], outcomes[i][j])
		}
	}
	if got := [2]float64{round(l.pooled()), round(l.within())}; got != [2]float64{1.794118, -1.176923} {
		t.Errorf("pooled and within slopes are %v", got)
	}
}

func TestTrueSlopes(t *testing.T) {
	f := func(name string, o Options, check func(open, perMessage Slope) bool) {
		t.Helper()
		o.Seed, o.Contacts, o.Days = 9, 2500, 45
		p := New(o).Panel()
		day, message := p.slope(t, "open", "person_day"), p.slope(t, "open", "message")
		if !check(day, message) {
			t.Errorf("%s: slopes are %+v and %+v", name, day, message)
		}
	}
	f("the usual world misleads: everybody rises, each one falls", Options{}, func(day, message Slope) bool {
		return day.Crude > .02 && day.Causal < -.005 && day.Within < 0 && message.Causal < -.02
	})
	f("where nobody tires, a message loses nothing, and still the crude rate rises", Options{Tireless: true}, func(day, message Slope) bool {
		return math.Abs(message.Causal) < 2e-4 && math.Abs(message.Within) < .005 && message.Crude > .02
	})
	f("more fatigue, steeper", Options{Fatigue: 3}, func(day, message Slope) bool { return day.Causal < -.015 })
}

// Who opens or writes is messaged more after it, and only by a business that reacts.
func TestReactingBusiness(t *testing.T) {
	next := func(reacts bool) float64 {
		w := New(Options{Seed: 2, Contacts: 1200, Days: 45, Tireless: true, Reacts: reacts})
		// The dose seven days on against today's opens, within contacts.
		days := w.Panel().Days
		var l lines
		for i, d := range days {
			if j := i + 8; j < len(days) && days[j].Contact == d.Contact {
				l.add(d.Contact, d.Found.Opened-d.Expected.Opened, float64(days[j].Dose))
			}
		}
		return l.within()
	}
	if usual, reacting := next(false), next(true); math.Abs(usual) > .1 || reacting < .15 {
		t.Errorf("an open that nothing told beforehand moves the next week's sends by %.2f and, of a business that reacts, by %.2f", usual, reacting)
	}
}

func TestArms(t *testing.T) {
	arms := []Arm{{"one", 1}, {"three", 3}, {"nine", 9}, {"usual", 0}}
	w := New(Options{Seed: 6, Contacts: 2000, Days: 45, Clicks: true, Arms: arms})
	plain := New(Options{Seed: 6, Contacts: 2000, Days: 45})
	truth, panel := w.Truth(), w.Panel()
	right, days := make([]int, len(arms)), make([]int, len(arms))
	for i, d := range panel.Days {
		if i < 8 || panel.Days[i-8].Contact != d.Contact {
			continue // the first days after the opt-in
		}
		arm := w.draw(d.Contact, rand.New(w.stream(d.Contact))).arm
		days[arm]++
		if d.Dose == arms[arm].Weekly {
			right[arm]++
		}
	}
	for i, a := range truth.Arms {
		if a.Contacts < 430 || a.Contacts > 570 {
			t.Errorf("arm %s has %d of 2000 contacts", a.Name, a.Contacts)
		}
		if a.Weekly == 0 {
			continue
		}
		if share := float64(right[i]) / float64(days[i]); share < .8 {
			t.Errorf("arm %s: the dose is the arm's on %.2f of the days", a.Name, share)
		}
		// Each arm's expectation is near that of everybody at its dose: nothing but the arm differs.
		if s := truth.Steady[a.Weekly]; math.Abs(a.Opened/s.Opened-1) > .15 || math.Abs(a.OptOut/s.OptOut-1) > .1 {
			t.Errorf("arm %s: %+v; at its dose all contacts would have %+v", a.Name, a, s)
		}
	}
	for i := range 100 {
		a, b := w.draw(i, rand.New(w.stream(i))), plain.draw(i, rand.New(plain.stream(i)))
		a.arm = 0
		if a != b {
			t.Fatalf("contact %d is another one in a test: %+v, without %+v", i, a, b)
		}
	}
	sends := 0
	for l := range w.Lines() {
		if l.EventType == "send" {
			sends++
		}
		if (l.EventType == "send") != (l.Arm != "") {
			t.Fatalf("a %s of arm %q", l.EventType, l.Arm)
		}
	}
	if sends == 0 {
		t.Error("no sends")
	}
	broken := New(Options{Seed: 6, Contacts: 2000, Days: 45, Arms: arms, Mismatch: true}).Truth()
	last := len(arms) - 1
	if got, whole := broken.Arms[last].Contacts, truth.Arms[last].Contacts; math.Abs(float64(got)/float64(whole)-.667) > .06 {
		t.Errorf("the broken arm has %d of %d contacts, want two thirds", got, whole)
	}
	for i := range last {
		if broken.Arms[i].Contacts != truth.Arms[i].Contacts {
			t.Errorf("arm %s lost contacts too", arms[i].Name)
		}
	}
}

// What a person-day is worth has one best dose, neither the least nor the greatest.
func TestUtilityHasABest(t *testing.T) {
	steady := New(Options{Seed: 1, Contacts: 500, Clicks: true}).Steady()
	for _, outcome := range []string{"open", "click", "reply"} {
		best, worth := 0, math.Inf(-1)
		for i, s := range steady {
			if s.Dose != i {
				t.Fatalf("dose %d is in place %d", s.Dose, i)
			}
			if u := s.Utility(outcome, 1, 5, 0); u > worth {
				best, worth = i, u
			}
		}
		if best < 1 || best > 9 {
			t.Errorf("%s: the best dose is %d", outcome, best)
		}
	}
}

// Clicks are told by lines alone, and change nothing else.
func TestClicksAreTold(t *testing.T) {
	with := small
	with.Clicks = true
	types := map[string]int{}
	for l := range New(with).Lines() {
		types[l.EventType]++
	}
	if types["click"] < 20 || types["click"] > types["open"] {
		t.Errorf("%d clicks, %d opens", types["click"], types["open"])
	}
	for p := range New(with).WhatsApp() {
		if strings.Contains(string(p.Body), "click") {
			t.Fatal("a webhook tells of a click")
		}
	}
}

func TestOptionsAreToldInFull(t *testing.T) {
	o := New(Options{Tireless: true, Fatigue: 3, Arms: []Arm{{"a", 99}, {"b", -1}}}).Options
	if o.Fatigue != 0 || o.Arms[0].Weekly != 21 || o.Arms[1].Weekly != 0 {
		t.Errorf("options came to %+v", o)
	}
	if again := New(o).Options; again.Fatigue != 0 || again.Contacts != o.Contacts {
		t.Errorf("options given again came to %+v", again)
	}
	text, err := json.Marshal(New(Options{Seed: 4, Contacts: 60, Days: 20, Clicks: true, Timing: true, Reacts: true, Arms: []Arm{{"a", 2}, {"b", 4}}}).Truth())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"slopes"`, `"steady"`, `"arms"`, `"weekly_sends":4`, `"clicked"`, `"timing"`, `"reacts"`} {
		if !strings.Contains(string(text), key) {
			t.Errorf("no %s in the truth", key)
		}
	}
}
