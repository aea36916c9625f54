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
