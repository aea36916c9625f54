package stats

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestBootstrap(t *testing.T) {
	contacts := []Cluster{{10, 4}, {2, 1}, {5, 0}, {20, 3}}
	ratio := func(times []int) ([]float64, bool) {
		var units, outcomes float64
		for i, n := range times {
			units += float64(n) * float64(contacts[i].Units)
			outcomes += float64(n) * float64(contacts[i].Outcomes)
		}
		return []float64{outcomes / units, 1}, true
	}
	const replicates = 40_000
	got, undefined, err := Bootstrap(4, replicates, 7, ratio)
	if err != nil || undefined != 0 {
		t.Fatal(undefined, err)
	}
	// Exact values over all 256 samples.
	if r := got[0]; math.Abs(r.Mean-.22562215864) > 4*.0828/math.Sqrt(replicates) || math.Abs(r.StdError-.08278947946) > .002 {
		t.Errorf("%+v", r)
	}
	limits(t, "percentiles", got[0].Interval, true, .085714285714, .416666666667, closedForm)
	if got[1] != (Resampled{Mean: 1, Interval: Interval{1, 1}}) {
		t.Errorf("a constant: %+v", got[1])
	}
	again, _, _ := Bootstrap(4, replicates, 7, ratio)
	other, _, _ := Bootstrap(4, replicates, 8, ratio)
	if !slices.Equal(got, again) || slices.Equal(got, other) {
		t.Errorf("one seed: %+v and %+v, another: %+v", got, again, other)
	}

	f := func(what string, want error, contacts, replicates int, statistic func([]int) ([]float64, bool)) {
		t.Helper()
		if _, _, err := Bootstrap(contacts, replicates, 1, statistic); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	f("one contact", ErrShape, 1, 1000, ratio)
	f("few replicates", ErrShape, 4, 999, ratio)
	f("not a number", ErrShape, 4, 1000, func([]int) ([]float64, bool) { return []float64{math.NaN()}, true })
	f("often undefined", ErrNoVariation, 4, 1000, func(times []int) ([]float64, bool) { return []float64{1}, times[0] > 0 })
}
