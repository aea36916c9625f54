// Package stats estimates rates, curves and models with their uncertainty: what SQL should not do.
// Every function is pure, names its source and sums in the order given. It never returns a NaN, an
// infinity or a clipped limit: what is not defined comes back as false or as an error. All intervals are
// of 95 %, two-sided. Some functions are called by tests only: they are references that results of SQL are held against.
package stats

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Z is the .975 quantile of the standard normal distribution: all intervals are of 95 %.
const Z = 1.959963984540054

// Interval holds the limits of a two-sided 95 % confidence interval.
type Interval struct{ Lower, Upper float64 }

// Errors of the functions that take more than counts; the models' are with them.
var (
	ErrShape       = errors.New("inputs differ in length, are empty or hold impossible values")
	ErrNoVariation = errors.New("nothing varies that could be compared")
)

// sum adds in the order given and carries the rounding error along (Neumaier 1974).
type sum struct{ total, lost float64 }

func (s *sum) add(x float64) {
	t := s.total + x
	if math.Abs(s.total) >= math.Abs(x) {
		s.lost += s.total - t + x
	} else {
		s.lost += x - t + s.total
	}
	s.total = t
}

func (s *sum) value() float64 { return s.total + s.lost }

// studentQuantile returns the .975 quantile of Student's t, which is Z for infinite df. Above a thousand the library
// takes long and loses digits, and three terms of the expansion by Fisher and Cornish are exact to 1e-11.
func studentQuantile(df float64) float64 {
	if df > 1000 {
		const z = Z
		first := (z*z*z + z) / 4
		second := (5*z*z*z*z*z + 16*z*z*z + 3*z) / 96
		third := (3*z*z*z*z*z*z*z + 19*z*z*z*z*z + 17*z*z*z - 15*z) / 384
		return z + (first+(second+third/df)/df)/df
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(0.975)
}

func normalQuantile(p float64) float64 { return distuv.UnitNormal.Quantile(p) }

// normalP returns the two-sided p-value of a standard normal z.
func normalP(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// chiSquaredP returns the upper tail of a chi-squared distribution.
func chiSquaredP(x, df float64) float64 { return distuv.ChiSquared{K: df}.Survival(x) }

// symmetric returns x -+ half.
func symmetric(x, half float64) Interval { return Interval{Lower: x - half, Upper: x + half} }

// logitInterval returns the limits of a share on the logit scale, t standard errors wide on each side.
func logitInterval(share, stdError, t float64) Interval {
	centre, half := math.Log(share/(1-share)), t*stdError/(share*(1-share))
	return Interval{Lower: logistic(centre - half), Upper: logistic(centre + half)}
}

func logistic(x float64) float64 {
	if x < 0 { // either form loses digits on the other side
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
