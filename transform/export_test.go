package transform

import (
	"math"
	"testing"
)

var (
	SendsPerPass = &sendsPerPass
	UnitsPerPass = &unitsPerPass
)

// CloseTo compares a figure with a reference, mostly to the last digit that this gives.
func CloseTo(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.10g, want %.10g", what, got, want)
	}
}
