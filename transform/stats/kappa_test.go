package stats

import (
	"math"
	"testing"
)

func TestKappa(t *testing.T) {
	table := [][]uint64{{30, 10, 5, 1}, {8, 40, 15, 4}, {3, 12, 50, 20}, {1, 5, 18, 60}}
	f := func(what string, d Disagreement, want float64) {
		t.Helper()
		kappa, ok := Kappa(table, d)
		if !ok || !kappa.HasInterval {
			t.Fatal("undefined")
		}
		near(t, what, kappa.Value, want, closedForm)
		near(t, what+" standard error", kappa.StdError, deltaMethod(table, d), 1e-6)
		limits(t, what, kappa.Interval, true, want-Z*kappa.StdError, want+Z*kappa.StdError, closedForm)
	}
	f("unweighted", AnyDisagreement, .508164765829)
	f("linear", LinearDisagreement, .624203683640)
	f("quadratic", QuadraticDisagreement, .727372575940)
	if kappa, ok := Kappa([][]uint64{{9, 0}, {0, 4}}, LinearDisagreement); !ok || kappa.Value != 1 || kappa.HasInterval {
		t.Errorf("full agreement: %v, %v", kappa, ok)
	}
	for _, bad := range [][][]uint64{nil, {{1}}, {{1, 2}, {3}}, {{5, 0}, {0, 0}}, {{0, 0}, {0, 0}}} {
		if kappa, ok := Kappa(bad, LinearDisagreement); ok {
			t.Errorf("%v: %v", bad, kappa)
		}
	}
}

// deltaMethod returns the standard error from numeric derivatives of kappa by the shares of a multinomial table.
func deltaMethod(table [][]uint64, d Disagreement) float64 {
	const scale, step = 1e12, 1e6
	total := 0.0
	large := make([][]uint64, len(table))
	for i, row := range table {
		for _, n := range row {
			total += float64(n)
			large[i] = append(large[i], n*scale/1000)
		}
	}
	at := func() float64 {
		kappa, _ := Kappa(large, d)
		return kappa.Value
	}
	mean, square := 0.0, 0.0
	for i, row := range table {
		for j, n := range row {
			large[i][j] += step
			up := at()
			large[i][j] -= 2 * step
			slope := (up - at()) / (2 * step) * (scale / 1000 * total)
			large[i][j] += step
			p := float64(n) / total
			mean += p * slope
			square += p * slope * slope
		}
	}
	return math.Sqrt((square - mean*mean) / total)
}
