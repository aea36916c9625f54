package stats

import (
	"errors"
	"slices"
	"testing"
)

func TestCochranArmitage(t *testing.T) {
	trend, err := CochranArmitage([]uint64{12, 19, 33, 61}, []uint64{4000, 3800, 3500, 3000}, []float64{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "z", trend.Z, 7.73408180, closedForm)
	near(t, "chi-squared", trend.Z*trend.Z, 59.8160213, 1e-8)
	near(t, "p", trend.P/1.0415e-14, 1, 1e-4)

	// UCI bank marketing: success by number of contacts, which falls because calling stops at success.
	trend, err = CochranArmitage([]uint64{2300, 1211, 574, 249, 120, 75, 38, 17, 17, 39},
		[]uint64{17642, 10570, 5341, 2651, 1599, 979, 629, 400, 283, 1094}, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "z", trend.Z, -14.3681096, 1e-8)

	f := func(x, n []uint64, scores []float64, want error) {
		t.Helper()
		if _, err := CochranArmitage(x, n, scores); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	f(nil, nil, nil, ErrShape)
	f([]uint64{2}, []uint64{1}, []float64{1}, ErrShape)
	f([]uint64{0, 0}, []uint64{5, 5}, []float64{1, 2}, ErrNoVariation)
	f([]uint64{1, 0}, []uint64{5, 0}, []float64{1, 2}, ErrNoVariation)
	f([]uint64{1, 2}, []uint64{5, 5}, []float64{.3, .3}, ErrNoVariation)
}

func TestIsotonic(t *testing.T) {
	y := []float64{.10, .14, .13, .17, .16, .15, .18}
	fitted, err := Isotonic(y, []float64{1, 1, 1, 1, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "fitted", fitted, []float64{.10, .135, .135, .16, .16, .16, .18}, closedForm)

	weighted, _ := Isotonic([]float64{3, 1, 2}, []float64{1, 3, 1})
	allNear(t, "weighted", weighted, []float64{1.5, 1.5, 2}, closedForm)
	falling, _ := Isotonic([]float64{5, 4, 3, 2, 1}, []float64{1, 1, 1, 1, 1})
	allNear(t, "falling", falling, []float64{3, 3, 3, 3, 3}, closedForm)
	again, _ := Isotonic(fitted, []float64{1, 1, 1, 1, 1, 1, 1})
	if !slices.Equal(again, fitted) {
		t.Errorf("once more: %v", again)
	}
	if _, err := Isotonic(y, []float64{1, 1, 1, 0, 1, 1, 1}); !errors.Is(err, ErrShape) {
		t.Errorf("a weight of 0: %v", err)
	}
}
