package transform

import (
	"fmt"
	"maps"
	"math"
	"testing"
)

func TestSampleRatio(t *testing.T) {
	f := func(contacts [2]uint64, plan map[string]float64, want float64) {
		t.Helper()
		arms := []armRow{{Arm: "a", Contacts: contacts[0]}, {Arm: "b", Contacts: contacts[1]}}
		if p := sampleRatio(arms, plannedShares(arms, plan)); math.Abs(p-want) > 1e-5 {
			t.Errorf("p = %v of %v planned %v, want %v", p, contacts, plan, want)
		}
	}
	f([2]uint64{5000, 5100}, nil, .319716) // chi-square .990099
	f([2]uint64{432, 262}, nil, 0)
	f([2]uint64{102, 898}, nil, 0)
	f([2]uint64{102, 898}, map[string]float64{"a": 1, "b": 9}, .833029) // chi-square 4/100 + 4/900
	f([2]uint64{102, 898}, map[string]float64{"b": 9}, .833029)         // an arm that is not named weighs 1
	f([2]uint64{500, 500}, map[string]float64{"a": 1, "b": 9}, 0)
}

// Three arms, one of them sent nothing. In engagement the others are compared with the first that was sent anything; the family is all differences of outcomes.
func TestArmsOfATest(t *testing.T) {
	arm := func(outcome, name string, outcomes uint64) armRow {
		const contacts, days = 1000, 30
		return armRow{Business: "b", Arm: name, Outcome: outcome, Contacts: contacts, Days: contacts * days, Outcomes: outcomes,
			NN: contacts * days * days, YY: outcomes, NY: outcomes * days} // one outcome each
	}
	test := []armRow{
		arm("any", "hold", 0), arm("any", "one", 300), arm("any", "two", 400),
		arm("click", "hold", 0), arm("click", "one", 0), arm("click", "two", 0),
		arm("opt_out", "hold", 20), arm("opt_out", "one", 40), arm("opt_out", "two", 21),
		arm("sent", "hold", 0), arm("sent", "one", 900), arm("sent", "two", 950),
	}
	got := map[string]string{}
	for _, row := range compareTest(test, nil, Window{}) {
		p := "-"
		if row.p != nil {
			p = fmt.Sprintf("%.4f", *row.p)
		}
		got[fmt.Sprint(row.columns[7], " ", row.columns[6])] = fmt.Sprint(row.columns[4], row.columns[5], " ", row.columns[19], " ", p)
	}
	want := map[string]string{
		"any hold": "randomised one -", "any one": "randomised one -", "any two": "randomised one 0.0000",
		"opt_out hold": "randomised hold -", "opt_out one": "randomised hold 0.0088", "opt_out two": "randomised hold 0.8747",
		"sent hold": "randomised hold -", "sent one": "randomised hold -", "sent two": "randomised hold -",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	for i := range test {
		test[i].Before = 1
	}
	for _, row := range compareTest(test, nil, Window{}) {
		if row.p != nil || row.columns[4] != "blocked" || row.columns[5] == "" {
			t.Errorf("a test from before the window: %v", row.columns)
		}
	}
}

// An arm in which hardly anybody leaves is what a test is made to find: it is compared though its own rate says too little to stand alone.
func TestArmOfFewOutcomes(t *testing.T) {
	arm := func(name string, contacts, outcomes uint64) armRow {
		return armRow{Business: "b", Arm: name, Outcome: "opt_out", Contacts: contacts, Days: contacts * 30, Outcomes: outcomes,
			NN: contacts * 900, YY: outcomes, NY: outcomes * 30}
	}
	f := func(six, one armRow, lower, upper, p float64) {
		t.Helper()
		own, difference, got := compareArms(one, six, true)
		if got == nil {
			t.Errorf("%d against %d: not compared", one.Outcomes, six.Outcomes)
			return
		}
		if own[0] != uint8(1) {
			t.Errorf("%d against %d: the arm's own rate is shown", one.Outcomes, six.Outcomes)
		}
		// Limits in outcomes of the arm.
		n := float64(one.Days)
		CloseTo(t, "lower", difference[3].(float64)*n, lower, 1e-3)
		CloseTo(t, "upper", difference[4].(float64)*n, upper, 1e-3)
		CloseTo(t, "p", *got, p, 1e-3*p)
	}
	// Garwood: 60 [45.786, 77.232], 5 [1.623, 11.668], 4 [1.090, 10.242], 0 [0, 3.689]. p: twice 679,121 in 2^64, and 2 in 2^5.
	f(arm("six", 2000, 60), arm("one", 2000, 4), -56-math.Hypot(4-1.09, 77.232-60), -56+math.Hypot(10.242-4, 60-45.786), 7.3630e-14)
	f(arm("six", 2000, 5), arm("one", 2000, 0), -5-(11.668-5), -5+math.Hypot(3.689, 5-1.623), .0625)
	for _, c := range [][2]armRow{{arm("six", 2000, 4), arm("one", 2000, 0)}, {arm("six", 2000, 60), arm("one", 20, 1)}} {
		if _, _, p := compareArms(c[1], c[0], true); p != nil {
			t.Errorf("%d of %d contacts against %d: compared", c[1].Outcomes, c[1].Contacts, c[0].Outcomes)
		}
	}
}
