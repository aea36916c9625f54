package stats

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// Reference values were computed with R (survey, survival, sandwich, clubSandwich) and again in plain Python.
const (
	closedForm    = 1e-9
	quantileBased = 1e-7
	iterative     = 1e-6
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(math.Abs(want), 1e-3)) {
		t.Errorf("%s = %.13g, want %.13g", what, got, want)
	}
}

func allNear(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		near(t, what, got[i], want[i], tolerance)
	}
}

// independent is the covariance of estimates that share nothing.
func independent(stdErrors []float64) [][]float64 {
	covariance := make([][]float64, len(stdErrors))
	for i, se := range stdErrors {
		covariance[i] = make([]float64, len(stdErrors))
		covariance[i][i] = se * se
	}
	return covariance
}

func TestStudentQuantile(t *testing.T) {
	f := func(df, want float64) {
		t.Helper()
		near(t, "t", studentQuantile(df), want, quantileBased)
	}
	f(1, 12.706204736432095)
	f(7, 2.364624251592785)
	f(29, 2.045229642132703)
	f(1e6, 1.959966356811)
	f(1e6+1, 1.959966356811)
	f(1e9, 1.959963986912)
	f(math.Inf(1), Z)
}

// The library's distributions against closed forms, far into the tails: adjusted p-values and limits of many
// comparisons lie there.
func TestTailsOfDistributions(t *testing.T) {
	f := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got/want-1) <= 1e-8) {
			t.Errorf("%s = %.13g, want %.13g", what, got, want)
		}
	}
	for _, p := range []float64{1e-10, 1e-6, 1e-3, .025, .3} {
		q := -math.Expm1(math.Log1p(-p) / 7) // 1-(1-p)^(1/7)
		f("beta(1,7) quantile", distuv.Beta{Alpha: 1, Beta: 7}.Quantile(p), q)
		f("beta(7,1) quantile", distuv.Beta{Alpha: 7, Beta: 1}.Quantile(p), math.Pow(p, 1./7))
		f("t1 quantile", distuv.StudentsT{Sigma: 1, Nu: 1}.Quantile(p), -1/math.Tan(math.Pi*p))
		f("t2 quantile", distuv.StudentsT{Sigma: 1, Nu: 2}.Quantile(p), (2*p-1)/math.Sqrt(2*p*(1-p)))
		f("t2 tail", distuv.StudentsT{Sigma: 1, Nu: 2}.Survival((1-2*p)/math.Sqrt(2*p*(1-p))), p)
		f("chi-squared of 2 quantile", distuv.ChiSquared{K: 2}.Quantile(p), -2*math.Log1p(-p))
		f("chi-squared of 2 tail", chiSquaredP(-2*math.Log(p), 2), p)
		f("chi-squared of 1 tail", chiSquaredP(normalQuantile(p/2)*normalQuantile(p/2), 1), p)
		f("normal tail", normalP(normalQuantile(p/2)), p)
	}
	f("normal quantile", normalQuantile(1e-10), -6.361340902404056)
	for _, p := range []float64{1e-6, .025, .5, .975} { // no closed form, so there and back
		for _, ab := range [][2]float64{{.5, 20.5}, {3.7, 1e6}, {15, 36}, {300, 2}} {
			b := distuv.Beta{Alpha: ab[0], Beta: ab[1]}
			f("beta and back", b.CDF(b.Quantile(p)), p)
		}
		for _, df := range []float64{1.3, 3.37, 7, 16, 400} {
			d := distuv.StudentsT{Sigma: 1, Nu: df}
			f("t and back", d.CDF(d.Quantile(p)), p)
		}
	}
}
