package stats

import (
	"errors"
	"math"
	"testing"
)

func TestAdjustedP(t *testing.T) {
	p := []float64{.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1}
	bh, err := BenjaminiHochberg(p)
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "BH", bh, []float64{.0015, .003, .0095, .035625, .0603, .0638571428571, .0638571428571, .0645, .0765, .486,
		.581181818182, .714875, .753230769231, .813214285714, 1}, closedForm)
	holm, err := Holm(p)
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "Holm", holm, []float64{.0015, .0056, .0247, .1140, .2211, .2780, .2780, .2780, .3213, 1, 1, 1, 1, 1, 1}, closedForm)

	reversed := make([]float64, len(p))
	for i := range p {
		reversed[i] = p[len(p)-1-i]
	}
	back, _ := BenjaminiHochberg(reversed)
	for i := range back {
		near(t, "BH keeps the order given", back[i], bh[len(p)-1-i], 0)
	}
	for _, bad := range [][]float64{{.1, math.NaN()}, {-.1}, {1.1}} {
		_, err1 := Holm(bad)
		_, err2 := BenjaminiHochberg(bad)
		if !errors.Is(err1, ErrShape) || !errors.Is(err2, ErrShape) {
			t.Errorf("%v: %v, %v", bad, err1, err2)
		}
	}
}
