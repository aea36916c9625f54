package stats

import "math"

// StratumRate is a rate in one stratum at one dose.
type StratumRate struct {
	Rate, StdError float64
	Known          bool // false: the stratum has nobody at this dose
}

// Standardised is a rate as it would be if everybody, of all strata, were at the dose.
type Standardised struct{ Rate, StdError float64 }

// Standardise gives every dose the same mix of strata, that of all persons: persons[s] in stratum s, and
// rates[k][s] of dose k in it. Strata that lack one of the doses cannot be compared and are left out; overlap is
// the share of persons in the others. Contacts are in one stratum each, so strata are independent.
// ErrShape if the lengths differ or a number is negative or not finite; ErrNoVariation without any overlap.
// Sources: Robins 1986 (g-formula); Hernan and Robins 2020.
func Standardise(persons []float64, rates [][]StratumRate) (doses []Standardised, overlap float64, err error) {
	var all, compared sum
	known := make([]bool, len(persons))
	for s, n := range persons {
		if !finite(n) || n < 0 {
			return nil, 0, ErrShape
		}
		known[s] = true
		for _, dose := range rates {
			if len(dose) != len(persons) || (dose[s].Known && (!finite(dose[s].Rate, dose[s].StdError) || dose[s].StdError < 0)) {
				return nil, 0, ErrShape
			}
			known[s] = known[s] && dose[s].Known
		}
		all.add(n)
		if known[s] {
			compared.add(n)
		}
	}
	if compared.value() <= 0 {
		return nil, 0, ErrNoVariation
	}
	for _, dose := range rates {
		var rate, variance sum
		for s, n := range persons {
			if known[s] {
				weight := n / compared.value()
				rate.add(weight * dose[s].Rate)
				variance.add(weight * weight * dose[s].StdError * dose[s].StdError)
			}
		}
		doses = append(doses, Standardised{rate.value(), math.Sqrt(variance.value())})
	}
	return doses, compared.value() / all.value(), nil
}

// FourFold compares two doses within a stratum: persons, and those with the outcome.
type FourFold struct {
	HighOutcomes, High uint64
	LowOutcomes, Low   uint64
}

// MantelHaenszel is the comparison of two doses over strata of independent persons.
type MantelHaenszel struct {
	OddsRatio              float64
	OddsRatioLimits        Interval // of Robins, Breslow and Greenland 1986
	RiskDifference         float64
	RiskDifferenceStdError float64 // of Greenland and Robins 1985
	ChiSquared, P          float64 // one degree of freedom, without continuity correction
}

// CompareStrata pools the comparisons within strata; those with one dose only, or with nobody or everybody having the
// outcome, say nothing of the odds. ErrShape if outcomes exceed persons; ErrNoVariation if the
// odds ratio is 0, infinite or undefined. Source: Mantel and Haenszel 1959.
func CompareStrata(strata []FourFold) (MantelHaenszel, error) {
	var r, s, pr, psqr, qs, excess, chance, difference, spread, weights sum
	for _, f := range strata {
		if f.HighOutcomes > f.High || f.LowOutcomes > f.Low {
			return MantelHaenszel{}, ErrShape
		}
		if f.High == 0 || f.Low == 0 {
			continue
		}
		a, b := float64(f.HighOutcomes), float64(f.High-f.HighOutcomes)
		c, d := float64(f.LowOutcomes), float64(f.Low-f.LowOutcomes)
		high, low := a+b, c+d
		n := high + low
		ri, si, p, q := a*d/n, b*c/n, (a+d)/n, (b+c)/n
		r.add(ri)
		s.add(si)
		pr.add(p * ri)
		psqr.add(p*si + q*ri)
		qs.add(q * si)
		excess.add(a - high*(a+c)/n)
		chance.add(high * low * (a + c) * (b + d) / (n * n * (n - 1)))
		difference.add((a*low - c*high) / n)
		spread.add((a*b*low*low*low + c*d*high*high*high) / (high * low * n * n))
		weights.add(high * low / n)
	}
	sumR, sumS := r.value(), s.value()
	if sumR <= 0 || sumS <= 0 || chance.value() <= 0 {
		return MantelHaenszel{}, ErrNoVariation
	}
	variance := pr.value()/(2*sumR*sumR) + psqr.value()/(2*sumR*sumS) + qs.value()/(2*sumS*sumS)
	factor := math.Exp(Z * math.Sqrt(variance))
	m := MantelHaenszel{
		OddsRatio:              sumR / sumS,
		RiskDifference:         difference.value() / weights.value(),
		RiskDifferenceStdError: math.Sqrt(spread.value()) / weights.value(),
		ChiSquared:             excess.value() * excess.value() / chance.value(),
	}
	m.OddsRatioLimits = Interval{Lower: m.OddsRatio / factor, Upper: m.OddsRatio * factor}
	m.P = chiSquaredP(m.ChiSquared, 1)
	return m, nil
}

// EValue returns how strongly, as a risk ratio, something unmeasured would have to go with both dose and outcome to
// explain a risk ratio away; false if the ratio is not positive and finite. For limits, take the one nearer to 1,
// or 1 if they enclose it. Source: VanderWeele and Ding 2017.
func EValue(riskRatio float64) (float64, bool) {
	if !finite(riskRatio) || riskRatio <= 0 {
		return 0, false
	}
	if riskRatio < 1 {
		riskRatio = 1 / riskRatio
	}
	e := riskRatio + math.Sqrt(riskRatio*(riskRatio-1))
	return e, finite(e)
}
