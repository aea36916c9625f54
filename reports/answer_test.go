package reports

import (
	"strings"
	"testing"
)

func said(a answer) string {
	return Content{Finding: a.Title, Lede: a.Sentence, Caveat: a.Caveat}.text()
}

var exposureBins = [][2]uint16{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 7}, {8, 10}, {11, noUpperEnd}}

// cells makes shown bins 1, 2, 3 ... of (rate, lower, upper); a zero rate is a suppressed bin.
func cells(points ...[3]float64) []cell {
	var list []cell
	for i, p := range points {
		b := exposureBins[i]
		list = append(list, cell{From: b[0], To: b[1], Contacts: 900, N: 9000, Events: 90, Rate: p[0], Lower: p[1], Upper: p[2], Shown: p[0] > 0})
	}
	return list
}

var (
	flat    = [][3]float64{{.10, .09, .11}, {.101, .09, .112}, {.105, .095, .115}}
	rising  = [][3]float64{{.10, .09, .11}, {.13, .12, .14}, {.16, .15, .17}}
	falling = [][3]float64{{.10, .09, .11}, {.095, .085, .105}, {.06, .05, .07}}
	peaking = [][3]float64{{.10, .09, .11}, {.16, .15, .17}, {.105, .095, .12}}
	dipping = [][3]float64{{.10, .09, .11}, {.05, .04, .06}, {.105, .095, .12}}
	hilly   = [][3]float64{{.10, .09, .11}, {.20, .19, .21}, {.14, .13, .15}}
	few     = [][3]float64{{.10, .09, .11}}
	hidden  = [][3]float64{{}, {}, {}}
)

func TestChange(t *testing.T) {
	f := func(name string, points [][3]float64, want direction, from, between uint16) {
		t.Helper()
		shown := curve{Cells: cells(points...)}.shown()
		got := changeOf(shown)
		bin := func(c *cell) uint16 {
			if c == nil {
				return 0
			}
			return c.From
		}
		if got.direction != want || bin(got.from) != from || bin(got.between) != between {
			t.Errorf("%s: direction %d from %d between %d, want %d from %d between %d",
				name, got.direction, bin(got.from), bin(got.between), want, from, between)
		}
	}
	f("flat", flat, unclear, 0, 0)
	f("rising", rising, rises, 2, 0)
	f("falling", falling, falls, 0, 0) // only the highest bin is apart
	f("peaking", peaking, peaks, 0, 2)
	f("dipping", dipping, dips, 0, 2)
	f("hilly", hilly, rises, 2, 2)
	f("one bin", few, unknown, 0, 0)
	f("all suppressed", hidden, unknown, 0, 0)
	f("nothing", nil, unknown, 0, 0)
	// One small bin just outside a large one: apart if it is the only comparison, and no more than chance makes of seven.
	sure, near := [3]float64{.10, .099, .101}, [3]float64{.113, .102, .124}
	f("near, alone", [][3]float64{sure, near}, rises, 0, 0)
	f("near, one of seven", [][3]float64{sure, sure, sure, sure, sure, sure, near, sure}, unclear, 0, 0)
	f("touching", [][3]float64{{.10, .09, .11}, {.12, .11, .13}}, unclear, 0, 0)
	f("a rise that is lost again is no `from`", [][3]float64{{.10, .09, .11}, {.2, .19, .21}, {.11, .1, .12}, {.2, .19, .21}}, rises, 0, 0)
}

func TestAnswer(t *testing.T) {
	f := func(reply, open, optOut [][3]float64, want ...string) {
		t.Helper()
		engagement := map[string]curve{}
		if reply != nil {
			engagement["reply"] = curve{Cells: cells(reply...)}
		}
		if open != nil {
			engagement["open"] = curve{Cells: cells(open...)}
		}
		a := answerOf(engagement, curve{Cells: cells(optOut...)}, nil)
		all := strings.ReplaceAll(said(a), "\u00a0", " ")
		for _, w := range want {
			if !strings.Contains(all, w) {
				t.Errorf("the answer\n%s\nlacks %q", all, w)
			}
		}
		if strings.Contains(all, "%!") || strings.Contains(all, "NaN") || strings.Contains(all, ";;") {
			t.Errorf("the answer is broken: %s", all)
		}
	}
	f(falling, nil, rising, "More messages go with a lower reply rate and more opt-outs.",
		"At 1 message in 7 days, 10.0% of messages were answered (95% interval 9.0 to 11.0%); at 3, 6.0% (5.0 to 7.0%).",
		"After a week with 1 message there were 100.00 opt-outs per 1,000 person-days (90.00 to 110.00); after a week with 3, 160.00 (150.00 to 170.00).",
		"From 2 messages a week on, the opt-out rate is clearly higher than at 1.", "an association")
	f(rising, nil, rising, "More messages go with a higher reply rate, but also with more opt-outs.")
	f(rising, nil, falling, "a higher reply rate and fewer opt-outs.")
	f(falling, nil, falling, "a lower reply rate, but also with fewer opt-outs.")
	f(flat, nil, flat, "No clear change in the reply rate or in opt-outs with more messages.", "With these intervals this is no clear change.")
	f(flat, nil, rising, "More messages go with more opt-outs; the reply rate shows no clear change.")
	f(peaking, nil, rising, "More messages go with more opt-outs; the reply rate peaks in between.",
		"Between these, the rate is clearly higher than at 1: 16.0% at 2 (15.0 to 17.0%).")
	f(peaking, nil, flat, "From few messages to many, the reply rate peaks in between; opt-outs show no clear change.")
	f(hilly, nil, dipping, "More messages go with a higher reply rate; opt-outs are lowest in between.", "It is higher still in between: 20.0% at 2")
	f(rising, nil, few, "a higher reply rate; there is too little data on opt-outs.", "Opt-outs can be shown only after a week with 1 message")
	f(few, nil, rising, "more opt-outs; there is too little data on replies.", "Only messages sent at 1 in 7 days")
	f(hidden, nil, hidden, "There is too little data to say yet.", "Every group of messages is too small to show a reply rate", "Every group of days")
	f(nil, nil, nil, "There are no messages old enough to judge yet.")
	f(nil, nil, flat, "No message is old enough yet")
	f(few, falling, rising, "a lower open rate and more opt-outs.", "were opened") // replies cannot be compared
	f(nil, hidden, rising, "there is too little data on opens.")
}

// A crude curve that the same contacts do not show is not what the title says; one that they show needs no second word, and what cannot be told none.
func TestAnswerBelievesTheSameContacts(t *testing.T) {
	slope := func(estimate, lower, upper float64, verdict string) *curveRow {
		return &curveRow{Estimate: &estimate, Lower: &lower, Upper: &upper, Verdict: verdict}
	}
	for _, c := range []struct {
		engagement [][3]float64
		slope      *curveRow
		want       []string
	}{
		{rising, slope(-.02, -.03, -.01, "association"), []string{"More messages go with a lower reply rate of the same contacts and more opt-outs.",
			"who gets more messages differs", "contacts have a lower reply rate at more messages: −2.0 pp for each (95% interval −3.0 to −1.0 pp)"}},
		{peaking, slope(.001, -.01, .01, "association"), []string{"More messages go with more opt-outs; the reply rate of the same contacts shows no clear change."}},
		{falling, slope(-.02, -.03, -.01, "association"), []string{"More messages go with a lower reply rate and more opt-outs."}},
		{rising, slope(-.02, -.03, -.01, "cannot tell"), []string{"More messages go with a higher reply rate, but also with more opt-outs."}},
		{rising, &curveRow{Suppressed: 1, Verdict: "association"}, []string{"More messages go with a higher reply rate, but also with more opt-outs."}},
	} {
		a := answerOf(map[string]curve{"reply": {Cells: cells(c.engagement...)}}, curve{Cells: cells(rising...)}, c.slope)
		all := strings.ReplaceAll(said(a), "\u00a0", " ")
		for _, w := range c.want {
			if !strings.Contains(all, w) {
				t.Errorf("the answer\n%s\nlacks %q", all, w)
			}
		}
	}
}

// The comparison starts at one message, where the dose of none is not one of two.
func TestAnswerStartsAtOneMessage(t *testing.T) {
	none := cell{Contacts: 90, N: 900, Events: 9, Rate: .001, Lower: .0005, Upper: .0015, Shown: true}
	one := cell{From: 1, To: 1, Contacts: 90, N: 900, Events: 9, Rate: .01, Lower: .005, Upper: .015, Shown: true}
	two := cell{From: 2, To: noUpperEnd, Contacts: 90, N: 900, Events: 9, Rate: .011, Lower: .005, Upper: .015, Shown: true}
	if got := said(answerOf(nil, curve{Cells: []cell{none, one, two}}, nil)); !strings.Contains(got, "After a week with 1 message") || !strings.Contains(got, "opt-outs show no clear change") {
		t.Error(got)
	}
	// Who leaves after the first message of a week leaves at none, so that is nothing to compare with.
	if got := said(answerOf(nil, curve{Cells: []cell{none, one}}, nil)); strings.Contains(got, "no message.") || strings.Contains(got, "ore opt-outs") || !strings.Contains(got, "nothing to compare") {
		t.Error(got)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1.0k", 9949: "9.9k", 9950: "10k", 999_499: "999k", 999_500: "1.0m", 12_345_678: "12m", 3_000_000_000: "3.0bn"} {
		if got := shortCount(n); got != want {
			t.Errorf("shortCount(%d) = %q, want %q", n, got, want)
		}
	}
	for _, c := range []struct{ from, to, want string }{
		{"2026-03-01", "2026-03-02", "1 March 2026"},
		{"2026-03-01", "2026-03-15", "1 to 14 March 2026"},
		{"2026-03-01", "2026-05-30", "1 March to 29 May 2026"},
		{"2025-12-01", "2026-01-01", "1 to 31 December 2025"},
		{"2025-12-01", "2026-01-02", "1 December 2025 to 1 January 2026"},
	} {
		if got := days(date(c.from), date(c.to)); got != c.want {
			t.Errorf("days(%s, %s) = %q, want %q", c.from, c.to, got, c.want)
		}
	}
	if got := bin(1, 1) + " " + bin(6, 7) + " " + bin(11, noUpperEnd); got != "1 6–7 11+" {
		t.Error(got)
	}
}
