package transform

import (
	"math"
	"strings"
	"testing"
)

// Two groups of prior engagement whose high doses do better in one and worse in the other, and are far more frequent in the engaged:
// the crude difference has the wrong sign. Everybody is one unit and a group alone, so that the textbook's variances hold.
func TestLadderOnASimpsonTable(t *testing.T) {
	s := &curveSums{byMarket: map[string]*marketSums{}}
	const bin1, bin4 = 1, 4
	person := 0
	for _, cell := range []struct {
		group, bin int
		y, n       int
	}{{0, bin4, 30, 200}, {0, bin1, 100, 800}, {3, bin4, 240, 800}, {3, bin1, 80, 200}} {
		for i := range cell.n {
			y := 0.0
			if i < cell.y {
				y = 1
			}
			s.market("PH", person).addCell(person, cell.group*len(bins)+cell.bin, 1, 1, y)
			for _, told := range []int{cell.bin, 9, map[int]int{bin1: 10, bin4: 11}[cell.bin], 12} {
				s.contacts[told]++
			}
			person++
		}
	}
	s.markets = []*marketSums{s.byMarket["PH"]}
	rows := s.ladder()
	find := func(identification, measure string, from uint16) *effect {
		t.Helper()
		for _, r := range rows {
			if first, _ := doseLimits(r.doses); r.identification == identification && r.measure == measure && *first == from {
				if r.value == nil {
					t.Fatalf("%s %s is suppressed", identification, measure)
				}
				return r.value
			}
		}
		t.Fatalf("there is no %s %s of %d", identification, measure, from)
		return nil
	}
	check := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %.12f, want %.12f", what, got, want)
		}
	}
	check("crude difference", find("crude", "difference", 4).estimate, .09)
	check("standardised, high", find("standardised", "rate", 4).estimate, .225)
	check("standardised, low", find("standardised", "rate", 1).estimate, .2625)
	// The groups' own differences are .025 and -.1, so how many are in each matters too.
	d := find("standardised", "difference", 4)
	check("standardised difference", d.estimate, -.0375)
	check("its error", *d.stdError, math.Sqrt((.0236469805*.0236469805+.0625*.0625/2000)*2000/1999))
	check("Mantel-Haenszel difference", find("standardised", "risk_difference", 4).estimate, -.0375)
	odds := find("standardised", "odds_ratio", 4)
	check("Mantel-Haenszel odds ratio", odds.estimate, .8058252427184466)
	if math.Abs(*odds.lower-.619103061) > .02 || math.Abs(*odds.upper-1.048863045) > .02 { // theirs take the tables as independent of their margins
		t.Errorf("limits of the odds ratio %v, %v", *odds.lower, *odds.upper)
	}
	ratio := find("standardised", "risk_ratio", 4)
	check("risk ratio", ratio.estimate, .225/.2625)
	value := find("standardised", "e_value", 4)
	inverse := .2625 / .225
	check("E-value", value.estimate, inverse+math.Sqrt(inverse*(inverse-1)))
	check("E-value of a limit beyond 1", *value.lower, 1)
}

// The panel of methods for slopes within and between: each contact is a group alone.
func TestSlopesOfAPanel(t *testing.T) {
	var s curveSums
	for i, c := range [][2][4]float64{
		{{1, 2, 3, 4}, {10, 9, 7, 6}}, {{2, 4, 5, 6}, {14, 12, 12, 10}}, {{5, 6, 8, 9}, {22, 20, 17, 17}}, {{8, 10, 11, 12}, {30, 27, 27, 25}},
	} {
		var k, y, kk, ky float64
		for j, dose := range c[0] {
			k, y, kk, ky = k+dose, y+c[1][j], kk+dose*dose, ky+dose*c[1][j]
		}
		const n, people = 4, 10 // each ten times, so that enough are compared
		s.crude.add(i, []float64{people, people * n, people * y}, []float64{people * k, people * kk, people * ky, people * n, people * y})
		s.within.add(i, []float64{people, people * n, people * y}, []float64{people * (kk - k*k/n), people * (ky - k*y/n)})
	}
	for _, c := range []struct {
		slope           func() (curveRow, bool)
		value, stdError float64
	}{
		{s.crudeSlope, 1.794117647, 0}, {s.betweenSlope, 2.496363636, 0}, {s.withinSlope, -1.176923077, .1007574919},
	} {
		row, ok := c.slope()
		if !ok || row.value == nil || math.Abs(row.value.estimate-c.value) > 1e-9 || c.stdError > 0 && math.Abs(*row.value.stdError-c.stdError) > 1e-9 {
			t.Errorf("%s %s: %+v, want %v, %v", row.identification, row.measure, row.value, c.value, c.stdError)
		}
	}
}

func TestVerdict(t *testing.T) {
	row := func(measure string, estimate, lower, upper float64) curveRow {
		return curveRow{identification: "within", measure: measure, value: &effect{estimate: estimate, lower: &lower, upper: &upper}}
	}
	f := func(what, want string, rows ...curveRow) {
		t.Helper()
		set := curveSet{{"message", "open"}: rows}
		if got, why := set.verdict("message", "open"); got != want || (why == "") != (want == "association") {
			t.Errorf("%s: %s, %q; want %s", what, got, why, want)
		}
	}
	slope := row("slope", -.02, -.024, -.016)
	quiet := row("placebo_slope", .002, -.001, .005)
	f("the placebo encloses 0", "association", slope, quiet)
	f("sure, but too small to have made the slope", "association", slope, row("placebo_slope", .003, .001, .005))
	f("sure and large", "cannot tell", slope, row("placebo_slope", .008, .006, .010))
	f("sure and large downwards", "cannot tell", slope, row("placebo_slope", -.008, -.010, -.006))
	f("no placebo", "cannot tell", slope)
	f("no slope", "cannot tell", row("placebo_slope", 0, -.001, .001))

	// What the placebo of one unit or outcome catches is true of the sender, so of every unit and outcome.
	loud, flat := row("placebo_slope", .010, .008, .012), row("slope", .001, -.001, .003)
	caught := func(what string, set curveSet, unit, outcome, by string) {
		t.Helper()
		switch got, why := set.verdict(unit, outcome); {
		case by == "" && got != "association":
			t.Errorf("%s: %s by %s: %s", what, outcome, unit, why)
		case by != "" && (got != "cannot tell" || !strings.Contains(why, by)):
			t.Errorf("%s: %s by %s: %s, %q; want it caught by %q", what, outcome, unit, got, why, by)
		}
	}
	set := curveSet{{"message", "open"}: {slope, quiet}, {"person_day", "open"}: {flat, loud}, {"message", "click"}: {slope, quiet}, {"person_day", "click"}: {flat, quiet}}
	for key := range set {
		caught("days catch it", set, key[0], key[1], "the placebo of person-days, opens")
	}
	set = curveSet{{"message", "click"}: {slope, quiet}, {"message", "any"}: {slope, loud}}
	caught("any engagement catches it", set, "message", "click", "the placebo of messages, open, click or reply")
	set = curveSet{{"message", "click"}: {slope, quiet}, {"person_day", "click"}: {flat, loud}}
	caught("only clicks by day", set, "message", "click", "")
	caught("only clicks by day", set, "person_day", "click", "the placebo of person-days, clicks")
	// Of days there is hardly a slope; what could not have made that of messages is no objection to either.
	set = curveSet{{"message", "open"}: {slope, quiet}, {"person_day", "open"}: {flat, row("placebo_slope", .002, .001, .003)}}
	caught("a small one", set, "message", "open", "")
	caught("a small one", set, "person_day", "open", "")
}
