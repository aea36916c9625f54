package stats

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// ErrLonely says that no stratum has two sampling units, so that nothing shows how much they vary.
var ErrLonely = errors.New("every stratum has a single sampling unit")

// Stratum is what the sampling units of one stratum add up to. A column is a total of a unit's respondents: their
// weights, the weights of those who chose an option, of those in a group. Columns are those of a domain; units
// without respondents in it have 0 in all of them.
type Stratum struct {
	Units      uint64      // in the whole sample
	InDomain   uint64      // of these, with respondents in the domain
	Population float64     // units that could have been drawn, for the finite population correction; 0: very many
	Totals     []float64   // by column: sum over units
	Products   [][]float64 // by two columns: sum over units of the product of their totals
}

// Survey is a weighted sample: totals of columns, and how much they vary.
type Survey struct {
	// DF are the degrees of freedom: sampling units less strata, of those that have respondents in the domain.
	DF float64
	// Lonely tells that a stratum of the domain has a single sampling unit, which shows no variance, and is not all of its
	// population. It is centred at the mean of all units.
	Lonely bool

	population     float64
	totals         []float64
	spread, rounds [][]float64 // covariance of the totals, and the size of what it was computed from
}

// NewSurvey puts strata together, with as many columns in each. The variance of a total is that between the units within
// strata. Sources: Wolter 2007; Lumley 2010.
func NewSurvey(strata []Stratum) Survey {
	var s Survey
	columns := 0
	if len(strata) > 0 {
		columns = len(strata[0].Totals)
	}
	totals, spread := make([]sum, columns), make([][]sum, columns)
	s.totals, s.spread, s.rounds = make([]float64, columns), make([][]float64, columns), make([][]float64, columns)
	for k := range columns {
		spread[k], s.spread[k], s.rounds[k] = make([]sum, columns), make([]float64, columns), make([]float64, columns)
	}
	for _, h := range strata {
		if h.InDomain == 0 {
			continue
		}
		n := float64(h.Units)
		s.DF += float64(h.InDomain) - 1
		s.population += h.Population
		s.Lonely = s.Lonely || h.Units == 1 && h.Population != 1
		factor, centre := 1.0, 0.0 // the errors of all units of a domain have the mean 0
		if h.Population > 0 {
			factor = max(0, 1-n/h.Population)
		}
		if h.Units > 1 {
			factor *= n / (n - 1)
			centre = 1 / n
		}
		for k, x := range h.Totals {
			totals[k].add(x)
			for l, y := range h.Totals {
				spread[k][l].add(factor * (h.Products[k][l] - x*y*centre))
				s.rounds[k][l] += factor * (math.Abs(h.Products[k][l]) + math.Abs(x*y*centre))
			}
		}
	}
	for k := range columns {
		s.totals[k] = totals[k].value()
		for l := range columns {
			s.spread[k][l] = spread[k][l].value()
		}
	}
	return s
}

func (s Survey) total(coefficients []float64) float64 {
	var t sum
	for k, c := range coefficients {
		t.add(c * s.totals[k])
	}
	return t.value()
}

// Quotient is that of two linear combinations of columns, such as a weighted mean, and its linear approximation.
type Quotient struct {
	Value  float64
	scores []float64 // by column: what a unit's total adds to the error
}

// Quotient returns numerator over denominator; false if the denominator adds up to nothing, or
// either has not one coefficient for each column.
func (s Survey) Quotient(numerator, denominator []float64) (Quotient, bool) {
	if len(numerator) != len(s.totals) || len(denominator) != len(s.totals) {
		return Quotient{}, false
	}
	below := s.total(denominator)
	if !finite(below) || below <= 0 {
		return Quotient{}, false
	}
	r := Quotient{Value: s.total(numerator) / below, scores: make([]float64, len(numerator))}
	for k := range r.scores {
		r.scores[k] = (numerator[k] - r.Value*denominator[k]) / below
	}
	return r, finite(r.Value)
}

// Minus returns the difference of two quotients.
func (r Quotient) Minus(other Quotient) Quotient {
	d := Quotient{Value: r.Value - other.Value, scores: make([]float64, len(r.scores))}
	for k := range d.scores {
		d.scores[k] = r.scores[k] - other.scores[k]
	}
	return d
}

// Covariance returns the linearised covariance of two quotients; exactly 0 where all but rounding cancels.
func (s Survey) Covariance(a, b Quotient) float64 {
	var covariance sum
	rounds := 0.0
	for k, x := range a.scores {
		if x == 0 {
			continue
		}
		for l, y := range b.scores {
			if y != 0 {
				covariance.add(x * y * s.spread[k][l])
				rounds += math.Abs(x*y) * s.rounds[k][l]
			}
		}
	}
	if v := covariance.value(); math.Abs(v) > 1e-14*rounds {
		return v
	}
	return 0
}

// StdError returns the linearised standard error of a quotient.
func (s Survey) StdError(r Quotient) float64 { return math.Sqrt(max(0, s.Covariance(r, r))) }

// Kish returns the design effect of weights, n times sum of squares over squared sum, and the number of equally
// weighted respondents they are worth; a planning figure. False unless all are positive. Source: Kish 1965, 1992.
func Kish(weights []float64) (designEffect, effective float64, ok bool) {
	var total, square sum
	for _, w := range weights {
		if !finite(w) || w <= 0 {
			return 0, 0, false
		}
		total.add(w)
		square.add(w * w)
	}
	if len(weights) == 0 {
		return 0, 0, false
	}
	effective = total.value() * total.value() / square.value()
	return float64(len(weights)) / effective, effective, true
}

// Respondents are those of a domain: who was asked and answered.
type Respondents struct {
	N             uint64
	Weight        float64 // sum of weights
	WeightSquares float64 // sum of squared weights
	ValueSquares  float64 // sum of weight times squared value; of a share the weight of those who count in it
}

// Kish returns the number of equally weighted respondents that the weights are worth.
func (r Respondents) Kish() float64 { return r.Weight * r.Weight / r.WeightSquares }

// SurveyMean is a weighted mean, of 0 and 1 a share, over a domain.
type SurveyMean struct {
	Value, StdError float64
	N               uint64  // respondents in the domain, unweighted
	DF              float64 // of the survey
	Kish            float64 // equally weighted respondents that the weights are worth
	DesignEffect    float64 // variance over that of a simple random sample as large; valid if Varies
	Varies          bool    // false: all answers are the same
}

// Mean describes a quotient that is a mean over the respondents. ErrShape if there are none, ErrLonely without a degree of
// freedom.
func (s Survey) Mean(r Quotient, of Respondents) (SurveyMean, error) {
	if of.N == 0 || !(of.Weight > 0) || !(of.WeightSquares > 0) {
		return SurveyMean{}, fmt.Errorf("nobody is in the domain: %w", ErrShape)
	}
	m := SurveyMean{Value: r.Value, StdError: s.StdError(r), N: of.N, DF: s.DF, Kish: of.Kish()}
	if m.DF < 1 {
		return SurveyMean{}, ErrLonely
	}
	spread := of.ValueSquares/of.Weight - m.Value*m.Value
	m.Varies = m.StdError > 0 && spread > 1e-12*of.ValueSquares/of.Weight
	if !m.Varies {
		m.StdError = 0
		return m, nil
	}
	simple := spread / (float64(m.N) - 1)
	if s.population > 0 {
		simple *= 1 - float64(m.N)/of.Weight
	}
	if simple > 0 {
		m.DesignEffect = m.StdError * m.StdError / simple
	}
	return m, nil
}

// SurveyDifference is the difference of two weighted shares.
type SurveyDifference struct {
	Value, StdError, DF, P float64
	Interval                    // by t, valid if HasInterval
	HasInterval            bool // false where a limit leaves [-1,1]
}

// Difference compares two shares of one sample: two options of one question, or one option in two groups. The domain of s
// is that of both together. False without a variance or a degree of freedom.
func (s Survey) Difference(a, b Quotient) (SurveyDifference, bool) {
	d := a.Minus(b)
	r := SurveyDifference{Value: d.Value, StdError: s.StdError(d), DF: s.DF}
	if r.StdError == 0 || r.DF < 1 {
		return SurveyDifference{}, false
	}
	r.Interval = symmetric(r.Value, studentQuantile(r.DF)*r.StdError)
	r.HasInterval = r.Lower >= -1 && r.Upper <= 1
	r.P = 2 * distuv.StudentsT{Sigma: 1, Nu: min(r.DF, 1e9)}.Survival(math.Abs(r.Value)/r.StdError)
	return r, true
}

// Limits returns the limits of a mean by t.
func (m SurveyMean) Limits() Interval { return symmetric(m.Value, studentQuantile(m.DF)*m.StdError) }

// Logit returns the limits of a share on the logit scale, by t; false if the share is 0 or 1 or no share.
// Source: Lumley 2010 (svyciprop, "xlogit").
func (m SurveyMean) Logit() (Interval, bool) {
	if !m.Varies || m.Value <= 0 || m.Value >= 1 {
		return Interval{}, false
	}
	return logitInterval(m.Value, m.StdError, studentQuantile(m.DF)), true
}

// KornGraubard returns the limits of a share by Clopper and Pearson for the number of independent respondents that the
// design is worth; capped takes no more than there are, as the NCHS does. A share of 0 or 1 shows no variance
// and takes Kish's number. False if the value is no share. Sources: Korn and Graubard 1998; Parker et al. 2017.
func (m SurveyMean) KornGraubard(capped bool) (Interval, bool) {
	if m.N < 2 || m.Value < 0 || m.Value > 1 || (!m.Varies && m.Value != 0 && m.Value != 1) {
		return Interval{}, false
	}
	n := m.Kish
	if m.Varies {
		ratio := studentQuantile(float64(m.N)-1) / studentQuantile(m.DF)
		n = m.Value * (1 - m.Value) / (m.StdError * m.StdError) * ratio * ratio
	}
	if capped {
		n = min(n, float64(m.N))
	}
	return clopperPearson(n*m.Value, n), true
}

// Presentation says whether a share may be shown.
type Presentation int

const (
	// Suppressed: too few respondents, or the interval says too little.
	Suppressed Presentation = iota
	// Flagged: to be shown with the warning that the share of the others is too uncertain.
	Flagged
	// Shown: without reservation.
	Shown
)

// Present applies the presentation standards for proportions: a share is suppressed with fewer than 30 respondents, or
// if its capped Korn and Graubard interval is at least .30 wide, or wider than both .05 and 1.3 times the share; it is
// flagged if only the share of the others is relatively that uncertain. They ask for a review with fewer than 8 degrees
// of freedom, too. Source: Parker et al. 2017 (NCHS).
func (m SurveyMean) Present() Presentation {
	if m.N < 30 {
		return Suppressed
	}
	limits, ok := m.KornGraubard(true)
	if !ok {
		return Suppressed
	}
	width := limits.Upper - limits.Lower
	unsure := func(share float64) bool { return width > .05 && width > 1.3*share }
	switch {
	case width >= .30 || unsure(m.Value):
		return Suppressed
	case unsure(1 - m.Value):
		return Flagged
	}
	return Shown
}

// RaoScott is a test of independence of two questions in a weighted sample.
type RaoScott struct {
	Pearson  float64 // chi-squared of the weighted table scaled to the number of respondents
	F        float64
	DF1, DF2 float64
	P        float64
}

// Independence tests whether two classifications of the respondents are independent, by Pearson's statistic corrected for
// the design to the second order. cells[i][j] is the combination of columns that adds up to the weight of row i and
// column j. ErrShape for fewer than two rows or columns or none of the weight, ErrNoVariation if a row or column
// is empty or the cells do not vary. Sources: Rao and Scott 1984, Thomas and Rao 1990; as in Lumley 2010.
func (s Survey) Independence(cells [][][]float64, respondents uint64) (RaoScott, error) {
	r := len(cells)
	if r < 2 || len(cells[0]) < 2 {
		return RaoScott{}, ErrShape
	}
	c, n := len(cells[0]), float64(respondents)
	base := make([]float64, len(cells[0][0]))
	for _, row := range cells {
		for _, cell := range row {
			for k, x := range cell {
				base[k] += x
			}
		}
	}
	ratios, shares := make([]Quotient, r*c), make([]float64, r*c)
	rowShare, columnShare := make([]float64, r), make([]float64, c)
	for k := range ratios {
		var ok bool
		if ratios[k], ok = s.Quotient(cells[k/c][k%c], base); !ok {
			return RaoScott{}, ErrShape
		}
		shares[k] = ratios[k].Value
		rowShare[k/c] += shares[k]
		columnShare[k%c] += shares[k]
	}
	t := RaoScott{}
	var pearson sum
	inverse := make([]float64, r*c)
	for k, p := range shares {
		expected := rowShare[k/c] * columnShare[k%c]
		if !(expected > 0) {
			return RaoScott{}, ErrNoVariation
		}
		pearson.add(n * (p - expected) * (p - expected) / expected)
		if p > 0 {
			inverse[k] = 1 / p
		}
	}
	t.Pearson = pearson.value()

	// Interaction contrasts; their span is all that matters.
	free := (r - 1) * (c - 1)
	contrasts := mat.NewDense(r*c, free, nil)
	for a := 1; a < r; a++ {
		for b := 1; b < c; b++ {
			j := (a-1)*(c-1) + b - 1
			contrasts.Set(a*c+b, j, inverse[a*c+b])
			contrasts.Set(a*c, j, -inverse[a*c])
			contrasts.Set(b, j, -inverse[b])
			contrasts.Set(0, j, inverse[0])
		}
	}
	design := mat.NewDense(r*c, r*c, nil)
	simple := mat.NewDense(r*c, r*c, nil)
	scores, spread := mat.NewDense(r*c, len(base), nil), mat.NewDense(len(base), len(base), nil)
	for a := range ratios {
		scores.SetRow(a, ratios[a].scores)
		simple.Set(a, a, shares[a]/n)
	}
	for k := range s.spread {
		spread.SetRow(k, s.spread[k])
	}
	design.Product(scores, spread, scores.T())
	var numerator, denominator, effects mat.Dense
	numerator.Product(contrasts.T(), design, contrasts)
	denominator.Product(contrasts.T(), simple, contrasts)
	if err := effects.Solve(&denominator, &numerator); err != nil {
		return RaoScott{}, ErrNoVariation
	}
	var square mat.Dense
	square.Mul(&effects, &effects)
	trace := mat.Trace(&effects)
	if !(trace > 0) {
		return RaoScott{}, ErrNoVariation
	}
	t.F = t.Pearson / trace
	t.DF1 = trace * trace / mat.Trace(&square)
	t.DF2 = t.DF1 * s.DF
	// The upper tail of F, which the library takes from 1 and so loses.
	t.P = mathext.RegIncBeta(t.DF2/2, t.DF1/2, t.DF2/(t.DF2+t.DF1*t.F))
	return t, nil
}

// RankInterval holds the best and the worst rank that an item may have, from 1.
type RankInterval struct{ Best, Worst int }

// Ranks returns joint intervals of the ranks of estimates, the greatest first: item i is beaten by those, and beats
// those, that differ from it by more than critical standard errors, with Bonferroni's quantile z over all
// ordered pairs. ErrShape if the covariance has the wrong size or fewer than two items are given.
// Sources: Klein, Wright and Wieczorek 2020; Mogstad, Romano, Shaikh and Wilhelm 2024.
func Ranks(estimates []float64, covariance [][]float64) (ranks []RankInterval, critical float64, err error) {
	k := len(estimates)
	if k < 2 || len(covariance) != k || !finite(estimates...) {
		return nil, 0, ErrShape
	}
	for _, row := range covariance {
		if len(row) != k || !finite(row...) {
			return nil, 0, ErrShape
		}
	}
	critical = normalQuantile(1 - .05/float64(k*(k-1)))
	ranks = make([]RankInterval, k)
	for i := range ranks {
		ranks[i] = RankInterval{1, k}
		for j := range estimates {
			gap := estimates[j] - estimates[i]
			se := math.Sqrt(max(0, covariance[i][i]+covariance[j][j]-2*covariance[i][j]))
			if gap > critical*se {
				ranks[i].Best++
			}
			if -gap > critical*se {
				ranks[i].Worst--
			}
		}
	}
	return ranks, critical, nil
}
