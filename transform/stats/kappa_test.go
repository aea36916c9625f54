package stats

import "testing"

func TestKappa(t *testing.T) {
	table := [][]uint64{{30, 10, 5, 1}, {8, 40, 15, 4}, {3, 12, 50, 20}, {1, 5, 18, 60}}
	f := func(what string, d Disagreement, want float64) {
		t.Helper()
		kappa, ok := Kappa(table, d)
		if !ok {
			t.Fatal("undefined")
		}
		near(t, what, kappa, want, closedForm)
	}
	f("unweighted", AnyDisagreement, .508164765829)
	f("linear", LinearDisagreement, .624203683640)
	f("quadratic", QuadraticDisagreement, .727372575940)
	if kappa, ok := Kappa([][]uint64{{9, 0}, {0, 4}}, LinearDisagreement); !ok || kappa != 1 {
		t.Errorf("full agreement: %v, %v", kappa, ok)
	}
	for _, bad := range [][][]uint64{nil, {{1}}, {{1, 2}, {3}}, {{5, 0}, {0, 0}}} {
		if kappa, ok := Kappa(bad, LinearDisagreement); ok {
			t.Errorf("%v: %v", bad, kappa)
		}
	}
}
