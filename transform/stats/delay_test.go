package stats

import (
	"math"
	"testing"
)

func TestDelayCorrected(t *testing.T) {
	rate, worth, ok := DelayCorrected([]DelayCohort{{1000, 40, .259}, {1000, 70, .712}, {8000, 744, .93}})
	if !ok {
		t.Fatal("undefined")
	}
	near(t, "worth", worth, 8411, closedForm)
	near(t, "rate", rate, .101533705861, closedForm)
	matured, _, _ := DelayCorrected([]DelayCohort{{1000, 40, 1}})
	near(t, "matured sends", matured, .04, closedForm)
	for _, c := range [][]DelayCohort{nil, {{100, 0, 0}}, {{100, 11, .1}}, {{100, 1, 1.1}}, {{100, 1, math.NaN()}}} {
		if rate, _, ok := DelayCorrected(c); ok {
			t.Errorf("%v: %v", c, rate)
		}
	}
}
