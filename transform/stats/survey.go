package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"
)

// ErrLonely says that a stratum has one sampling unit, which shows no variance.
var ErrLonely = errors.New("a stratum has a single sampling unit: merge strata or centre it at the mean of all")

// Survey says how respondents were drawn. All slices have one element for each respondent.
type Survey struct {
	Weights      []float64       // positive, in any scale
	Strata       []int           // nil: one stratum, of number 0
	Units        []int           // primary sampling units, numbered within strata; nil: each respondent is one
	Population   map[int]float64 // units in the population by stratum, for the finite population correction; nil: none
	CentreLonely bool            // a stratum of one unit is centred at the mean of all units; false: it is ErrLonely
}

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

// SurveyMean is a weighted mean, of 0 and 1 a share, over a domain: those who were asked and answered.
type SurveyMean struct {
	Value, StdError float64
	N               int     // respondents in the domain, unweighted
	DF              float64 // sampling units less strata, of those that have respondents in the domain
	Effective       float64 // Kish's effective number of the domain
	DesignEffect    float64 // variance over that of a simple random sample as large; valid if Varies
	Varies          bool    // false: all answers are the same
}

// Mean estimates the weighted mean of y over the respondents in the domain (nil: all). The variance is
// linearised with the whole design, not with the domain's part of it.
// ErrShape for wrong lengths, weights that are not positive, an empty domain, a y in it that is not finite;
// ErrLonely; ErrNoVariation if the design has no degree of freedom. Sources: Wolter 2007; Lumley 2010.
func (s Survey) Mean(y []float64, in []bool) (SurveyMean, error) {
	means, covariance, err := s.Means([][]float64{y}, in)
	if err != nil {
		return SurveyMean{}, err
	}
	m := SurveyMean{Value: means[0], StdError: math.Sqrt(covariance[0][0])}
	m.DF = s.degrees(in)
	var weights []float64
	var squares, total sum
	for i, w := range s.Weights {
		if inDomain(in, i) {
			weights = append(weights, w)
			squares.add(w * (y[i] - m.Value) * (y[i] - m.Value))
			total.add(w)
		}
	}
	m.N = len(weights)
	_, m.Effective, _ = Kish(weights)
	m.Varies = m.StdError > 0 && squares.value() > 0
	if m.Varies {
		n := float64(m.N)
		simple := squares.value() / total.value() / (n - 1)
		if s.Population != nil {
			simple *= 1 - n/total.value()
		}
		if simple > 0 {
			m.DesignEffect = covariance[0][0] / simple
		}
	}
	return m, nil
}

// Means estimates the weighted means of several items over one domain, and their covariance. Errors as Mean.
func (s Survey) Means(items [][]float64, in []bool) (means []float64, covariance [][]float64, err error) {
	scores := make([][]float64, len(items))
	means = make([]float64, len(items))
	for k, y := range items {
		if means[k], scores[k], err = s.linearise(y, in); err != nil {
			return nil, nil, fmt.Errorf("item %d: %w", k, err)
		}
	}
	if covariance, err = s.covariance(scores); err != nil {
		return nil, nil, err
	}
	if s.degrees(in) < 1 {
		return nil, nil, fmt.Errorf("as many strata as sampling units: %w", ErrNoVariation)
	}
	return means, covariance, nil
}

// SurveyDifference is the difference of two weighted means.
type SurveyDifference struct {
	Value, StdError, DF float64
	Interval                 // by t, valid if HasInterval
	HasInterval         bool // false without variance, or where limits of a difference of shares leave [-1,1]
}

// Difference compares item a over one domain with item b over another, of the same survey: two options of one
// question, or one option in two groups. The degrees of freedom are those of both domains together. Errors as Mean.
func (s Survey) Difference(a []float64, inA []bool, b []float64, inB []bool) (SurveyDifference, error) {
	meanA, scoresA, err := s.linearise(a, inA)
	if err != nil {
		return SurveyDifference{}, err
	}
	meanB, scoresB, err := s.linearise(b, inB)
	if err != nil {
		return SurveyDifference{}, err
	}
	either, shares := make([]bool, len(s.Weights)), true
	for i := range either {
		scoresA[i] -= scoresB[i]
		ofA, ofB := inDomain(inA, i), inDomain(inB, i)
		either[i] = ofA || ofB
		shares = shares && (!ofA || (a[i] >= 0 && a[i] <= 1)) && (!ofB || (b[i] >= 0 && b[i] <= 1))
	}
	covariance, err := s.covariance([][]float64{scoresA})
	if err != nil {
		return SurveyDifference{}, err
	}
	d := SurveyDifference{Value: meanA - meanB, StdError: math.Sqrt(covariance[0][0]), DF: s.degrees(either)}
	if d.DF < 1 {
		return SurveyDifference{}, fmt.Errorf("as many strata as sampling units: %w", ErrNoVariation)
	}
	limits := symmetric(d.Value, studentQuantile(d.DF)*d.StdError)
	if d.StdError > 0 && (!shares || (limits.Lower >= -1 && limits.Upper <= 1)) {
		d.Interval, d.HasInterval = limits, true
	}
	return d, nil
}

func inDomain(in []bool, i int) bool { return in == nil || in[i] }

// linearise returns the weighted mean and each respondent's part in its error: w (y - mean) / sum of w in the domain,
// and 0 outside it.
func (s Survey) linearise(y []float64, in []bool) (mean float64, scores []float64, err error) {
	n := len(s.Weights)
	if len(y) != n || (in != nil && len(in) != n) || (s.Strata != nil && len(s.Strata) != n) || (s.Units != nil && len(s.Units) != n) {
		return 0, nil, ErrShape
	}
	var total, weights sum
	for i, w := range s.Weights {
		if !finite(w) || w <= 0 {
			return 0, nil, fmt.Errorf("weight of respondent %d: %w", i, ErrShape)
		}
		if !inDomain(in, i) {
			continue
		}
		if !finite(y[i]) {
			return 0, nil, fmt.Errorf("answer of respondent %d: %w", i, ErrShape)
		}
		total.add(w * y[i])
		weights.add(w)
	}
	if weights.value() == 0 {
		return 0, nil, fmt.Errorf("nobody is in the domain: %w", ErrShape)
	}
	mean = total.value() / weights.value()
	scores = make([]float64, n)
	for i, w := range s.Weights {
		if inDomain(in, i) {
			scores[i] = w * (y[i] - mean) / weights.value()
		}
	}
	return mean, scores, nil
}

func (s Survey) stratum(i int) int {
	if s.Strata == nil {
		return 0
	}
	return s.Strata[i]
}

func (s Survey) unit(i int) [2]int {
	if s.Units == nil {
		return [2]int{s.stratum(i), i}
	}
	return [2]int{s.stratum(i), s.Units[i]}
}

// degrees returns sampling units less strata of the respondents in the domain.
func (s Survey) degrees(in []bool) float64 {
	units, strata := map[[2]int]bool{}, map[int]bool{}
	for i := range s.Weights {
		if inDomain(in, i) {
			units[s.unit(i)], strata[s.stratum(i)] = true, true
		}
	}
	return float64(len(units) - len(strata))
}

// covariance returns the covariance of the totals of scores[k][i], from the spread of the sampling units' totals within
// strata.
func (s Survey) covariance(scores [][]float64) ([][]float64, error) {
	k := len(scores)
	type unit struct {
		stratum int
		totals  []sum
	}
	var units []unit
	index := map[[2]int]int{}
	for i := range s.Weights {
		key := s.unit(i)
		at, ok := index[key]
		if !ok {
			at = len(units)
			index[key] = at
			units = append(units, unit{key[0], make([]sum, k)})
		}
		for j := range scores {
			units[at].totals[j].add(scores[j][i])
		}
	}
	stratum, strata := groups(len(units), func(i int) int { return units[i].stratum })
	count, means, grand := make([]float64, strata), make([][]float64, strata), make([]float64, k)
	number := make([]int, strata)
	for i := range means {
		means[i] = make([]float64, k)
	}
	for i, u := range units {
		count[stratum[i]]++
		number[stratum[i]] = u.stratum
		for j := range u.totals {
			means[stratum[i]][j] += u.totals[j].value()
			grand[j] += u.totals[j].value() / float64(len(units))
		}
	}
	factor := make([]float64, strata)
	for h, n := range count {
		sampled := 0.0
		if s.Population != nil {
			population, ok := s.Population[number[h]]
			if !ok || !(population >= n) {
				return nil, fmt.Errorf("population of stratum %d is less than its %v sampling units: %w", number[h], n, ErrShape)
			}
			sampled = n / population
		}
		for j := range means[h] {
			means[h][j] /= n
		}
		switch {
		case n > 1:
			factor[h] = (1 - sampled) * n / (n - 1)
		case sampled == 1: // all of the stratum was asked, so it adds no error
		case s.CentreLonely:
			factor[h], means[h] = 1-sampled, grand
		default:
			return nil, fmt.Errorf("stratum %d: %w", number[h], ErrLonely)
		}
	}
	sums := make([][]sum, k)
	for a := range sums {
		sums[a] = make([]sum, k)
	}
	for i, u := range units {
		h := stratum[i]
		for a := range k {
			for b := range k {
				sums[a][b].add(factor[h] * (u.totals[a].value() - means[h][a]) * (u.totals[b].value() - means[h][b]))
			}
		}
	}
	covariance := make([][]float64, k)
	for a := range covariance {
		covariance[a] = make([]float64, k)
		for b := range covariance[a] {
			covariance[a][b] = sums[a][b].value()
		}
	}
	return covariance, nil
}

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
	n := m.Effective
	if m.Varies {
		ratio := studentQuantile(float64(m.N-1)) / studentQuantile(m.DF)
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
	// Flagged: to be shown with a warning.
	Flagged
	// Shown: without reservation.
	Shown
)

// Present applies the presentation standards for proportions: a share is suppressed with fewer than 30 respondents, or
// if its capped Korn and Graubard interval is at least .30 wide, or wider than both .05 and 1.3 times the share; it is
// flagged if only the share of the others is relatively that uncertain, or with fewer than 8 degrees of freedom.
// Source: Parker et al. 2017 (NCHS).
func (m SurveyMean) Present() Presentation {
	limits, ok := m.KornGraubard(true)
	if !ok || m.N < 30 {
		return Suppressed
	}
	width := limits.Upper - limits.Lower
	unsure := func(share float64) bool { return width > .05 && width > 1.3*share }
	switch {
	case width >= .30 || unsure(m.Value):
		return Suppressed
	case unsure(1-m.Value) || m.DF < 8:
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

// Independence tests whether two single-choice questions, answers numbered from 0, are independent over a domain,
// by Pearson's statistic corrected for the design to the second order. ErrShape and ErrLonely as Mean, and for a
// negative answer; ErrNoVariation if a question has one answer only or the table's cells do not vary.
// Source: Rao and Scott 1984, Thomas and Rao 1990; as in Lumley 2010.
func (s Survey) Independence(rows, columns []int, in []bool) (RaoScott, error) {
	if len(rows) != len(s.Weights) || len(columns) != len(s.Weights) || len(rows) == 0 || (in != nil && len(in) != len(rows)) {
		return RaoScott{}, ErrShape
	}
	n := 0.0
	var rowOf, columnOf []int // answers given, in order
	for i := range rows {
		if !inDomain(in, i) {
			continue
		}
		if rows[i] < 0 || columns[i] < 0 {
			return RaoScott{}, ErrShape
		}
		rowOf, columnOf = append(rowOf, rows[i]), append(columnOf, columns[i])
		n++
	}
	slices.Sort(rowOf)
	slices.Sort(columnOf)
	rowOf, columnOf = slices.Compact(rowOf), slices.Compact(columnOf)
	r, c := len(rowOf), len(columnOf)
	if r < 2 || c < 2 {
		return RaoScott{}, ErrNoVariation
	}
	cells := make([][]float64, r*c)
	for k := range cells {
		cells[k] = make([]float64, len(rows))
		for i := range rows {
			if rows[i] == rowOf[k/c] && columns[i] == columnOf[k%c] {
				cells[k][i] = 1
			}
		}
	}
	shares, v, err := s.Means(cells, in)
	if err != nil {
		return RaoScott{}, err
	}
	rowShare, columnShare := make([]float64, r), make([]float64, c)
	for k, p := range shares {
		rowShare[k/c] += p
		columnShare[k%c] += p
	}
	t := RaoScott{}
	var pearson sum
	inverse := make([]float64, r*c)
	for k, p := range shares {
		expected := rowShare[k/c] * columnShare[k%c]
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
	for a := range v {
		design.SetRow(a, v[a])
		simple.Set(a, a, shares[a]/n)
	}
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
	t.DF2 = t.DF1 * s.degrees(in)
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

// McNemar compares two options of the same unweighted respondents.
type McNemar struct {
	ChiSquared, P float64 // one degree of freedom, without continuity correction
	Difference            // of the options' shares
	StdError      float64
}

// CompareOptions tests two options from the respondents who chose only the first, only the second, and all n; false if
// nobody chose just one or they exceed n. Source: McNemar 1947.
func CompareOptions(first, second, n uint64) (McNemar, bool) {
	if first+second == 0 || first+second > n {
		return McNemar{}, false
	}
	b, c, all := float64(first), float64(second), float64(n)
	m := McNemar{ChiSquared: (b - c) * (b - c) / (b + c)}
	m.P = chiSquaredP(m.ChiSquared, 1)
	m.Value = (b - c) / all
	m.StdError = math.Sqrt(((b+c)/all - m.Value*m.Value) / all)
	m.Interval = symmetric(m.Value, Z*m.StdError)
	if m.StdError == 0 || m.Lower < -1 || m.Upper > 1 {
		return McNemar{}, false
	}
	return m, true
}

// CochranQ tests whether all options of unweighted respondents are chosen alike; rows are respondents, columns options.
// ErrShape if rows differ in length or have fewer than two options; ErrNoVariation if everybody chose all or none.
// Source: Cochran 1950.
func CochranQ(rows [][]bool) (q float64, df int, p float64, err error) {
	if len(rows) == 0 || len(rows[0]) < 2 {
		return 0, 0, 0, ErrShape
	}
	k := len(rows[0])
	options := make([]float64, k)
	var total, within float64
	for _, row := range rows {
		if len(row) != k {
			return 0, 0, 0, ErrShape
		}
		chosen := 0.0
		for j, yes := range row {
			if yes {
				chosen++
				options[j]++
			}
		}
		total += chosen
		within += chosen * (float64(k) - chosen)
	}
	if within == 0 {
		return 0, 0, 0, ErrNoVariation
	}
	spread := 0.0
	for _, n := range options {
		d := n - total/float64(k)
		spread += d * d
	}
	q = float64(k*(k-1)) * spread / within
	return q, k - 1, chiSquaredP(q, float64(k-1)), nil
}
