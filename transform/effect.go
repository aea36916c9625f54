package transform

import (
	"math"

	"drumbeat/transform/stats"

	"gonum.org/v1/gonum/stat/distuv"
)

// effect is an estimate with its uncertainty; without a standard error where none is known.
type effect struct {
	estimate     float64
	stdError     *float64
	lower, upper *float64
}

// newEffect returns nil if a number is not finite, so that no such number reaches a table.
func newEffect(estimate, stdError, lower, upper float64) *effect {
	for _, x := range []float64{estimate, stdError, lower, upper} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
	}
	return &effect{estimate, &stdError, &lower, &upper}
}

// additive has symmetric limits; nil if the variance is 0 or, for a difference of two rates, if a limit leaves [-1,1].
func additive(estimate, variance float64, clusters uint64, most float64) *effect {
	if !(variance > 0) || clusters < 2 {
		return nil
	}
	se := math.Sqrt(variance)
	half := tQuantile(float64(clusters-1)) * se
	if math.Abs(estimate)+half > most {
		return nil
	}
	return newEffect(estimate, se, estimate-half, estimate+half)
}

// share has its limits on the logit scale.
func share(rate, variance float64, clusters uint64) *effect {
	if !(variance > 0) || clusters < 2 || !(rate > 0 && rate < 1) {
		return nil
	}
	se := math.Sqrt(variance)
	centre, half := math.Log(rate/(1-rate)), tQuantile(float64(clusters-1))*se/(rate*(1-rate))
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	return newEffect(rate, se, logistic(centre-half), logistic(centre+half))
}

// ratio has its limits, and its standard error, on the log scale.
func ratio(logarithm, variance float64, clusters uint64) *effect {
	if !(variance > 0) || clusters < 2 {
		return nil
	}
	se := math.Sqrt(variance)
	half := tQuantile(float64(clusters-1)) * se
	return newEffect(math.Exp(logarithm), se, math.Exp(logarithm-half), math.Exp(logarithm+half))
}

// unseen is the variance that a rate of y of n units lacks because few outcomes show little of it: what chance alone gives it at the greater of what
// other units say of its rate, less what chance gives it at y/n. A stratum of much weight and few units in which nothing happened would pretend certainty.
func unseen(n, y float64, rates ...float64) float64 {
	if n == 0 || min(y, n-y) >= fewestOutcomes {
		return 0
	}
	binomial := func(rate float64) float64 { return rate * (1 - rate) / n }
	most := 0.0
	for _, rate := range rates {
		most = max(most, binomial(rate))
	}
	return max(0, most-binomial(y/n))
}

// tQuantile returns the .975 quantile of Student's t; by the first term of its expansion where the library loses digits.
func tQuantile(df float64) float64 {
	if df > 1e6 {
		return stats.Z + (stats.Z*stats.Z*stats.Z+stats.Z)/(4*df)
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(.975)
}
