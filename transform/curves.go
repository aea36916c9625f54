package transform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"drumbeat/transform/stats"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// unitsPerChunk bounds the memory of a query: person-days, each of which is one unit and has about half a message.
	unitsPerChunk = 6_000_000
	// sampleContacts is about how many contacts are compared with themselves one by one.
	sampleContacts = 20_000
	// fewestInStratum is how many contacts of a stratum must have been at a dose for its rate there to count.
	fewestInStratum = 10
	// leastOverlap is the share of units that a standardised curve must speak of: the highest doses are left out until it does.
	leastOverlap = .8
	// mostPlacebo is how large the placebo's slope may surely be, as a share of the largest within-person slope that the data allow.
	// With many contacts any tiny reaction of the sender excludes 0; one that could not have made the slope is no reason to throw it away.
	mostPlacebo = .2
)

// Doses compared with one another, as bits of the bins.
const (
	lowDoses  = 1<<1 | 1<<2 | 1<<3               // 1 to 3
	highDoses = 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 // 4 and more
	allDoses  = 1<<9 - 1
)

const (
	priorGroups = 4
	cellCount   = priorGroups * len(bins)
	headCount   = 3 // contacts, units, outcomes
)

// marketSums are those of the cells of one market, by group of prior engagement and bin.
type marketSums struct {
	contacts, n, y [cellCount]float64
	groups         []*cellSums // by group of contacts; nil: no contact of the market
}

// cellSums are units and outcomes of one group of contacts.
type cellSums struct{ n, y [cellCount]float64 }

// curveKey names what one set of curves is of.
type curveKey struct{ business, dimension, segment, unit, outcome string }

func (k curveKey) compare(o curveKey) int {
	return cmp.Or(cmp.Compare(k.business, o.business), cmp.Compare(k.dimension, o.dimension), cmp.Compare(k.segment, o.segment),
		cmp.Compare(k.unit, o.unit), cmp.Compare(k.outcome, o.outcome))
}

// curveSums is what the model returns of one curveKey.
type curveSums struct {
	cutoff   time.Time
	byMarket map[string]*marketSums
	markets  []*marketSums // in the order of their names
	contacts [13]float64   // with known prior engagement: by bin, any, doses 1 to 3, 4 and more, either
	crude    moments
	within   moments
	placebo  moments
	against  [len(bins)]moments
}

// moments are sums over the contacts of each group: contacts, units and outcomes, then those of a vector.
type moments [][]float64

// add adds the sums of a group of contacts.
func (m *moments) add(group int, heads, vector []float64) {
	*m = grown(*m, group)
	if (*m)[group] == nil {
		(*m)[group] = make([]float64, len(heads)+len(vector))
	}
	for i, v := range heads {
		(*m)[group][i] += v
	}
	for i, v := range vector {
		(*m)[group][len(heads)+i] += v
	}
}

func grown[T any](s []T, last int) []T {
	if last < len(s) {
		return s
	}
	return append(s, make([]T, last+1-len(s))...)
}

// sums returns those of all groups, nil if no contact counts.
func (m moments) sums() []float64 {
	var all []float64
	for _, group := range m {
		all = grown(all, len(group)-1)
		for i, v := range group {
			all[i] += v
		}
	}
	if all == nil || all[0] == 0 {
		return nil
	}
	return all
}

// variance is that of an estimate whose error is the sum of score times the vector; clusters are the groups whose contacts count.
func (m moments) variance(score ...float64) (variance float64, clusters uint64) {
	for _, group := range m {
		if group == nil {
			continue
		}
		e := 0.0
		for i, x := range score {
			e += x * group[headCount+i]
		}
		variance += e * e
		if group[0] > 0 {
			clusters++
		}
	}
	return scaled(variance, clusters)
}

// scaled is a sum of squares of groups that add up to 0, as CR1 has it.
func scaled(squares float64, clusters uint64) (variance float64, same uint64) {
	return squares * float64(clusters) / math.Max(1, float64(clusters)-1), clusters
}

// curveRow is a row of frequency_curves behind its key.
type curveRow struct {
	identification, measure string
	doses, against          int // bins as bits; 0: none
	contacts, units, out    uint64
	overlap                 *float64
	value                   *effect // nil: suppressed
	why                     string
}

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

// tQuantile returns the .975 quantile of Student's t; by the first term of its expansion where the library loses digits.
func tQuantile(df float64) float64 {
	if df > 1e6 {
		return stats.Z + (stats.Z*stats.Z*stats.Z+stats.Z)/(4*df)
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(.975)
}

// gradient is by how much a function of the cells' sums changes with each of them, by market.
type gradient []struct{ n, y [cellCount]float64 }

func (s *curveSums) flat() gradient { return make(gradient, len(s.markets)) }

// plus returns a*g + b*h.
func (g gradient) plus(a float64, h gradient, b float64) gradient {
	sum := make(gradient, len(g))
	for m := range g {
		for c := range cellCount {
			sum[m].n[c] = a*g[m].n[c] + b*h[m].n[c]
			sum[m].y[c] = a*g[m].y[c] + b*h[m].y[c]
		}
	}
	return sum
}

// variance is the linearised one of a function of the cells' sums that does not change when all of them are multiplied, so that the
// contributions add up to 0. Contacts are independent, and so are groups of them; what a group adds to several cells goes together.
// clusters are the groups that have a part in it. Sources: Cochran 1977, Wolter 2007 (random groups); scaled like CR1.
func (s *curveSums) variance(g gradient) (variance float64, clusters uint64) {
	count := 0
	for _, m := range s.markets {
		count = max(count, len(m.groups))
	}
	for group := range count {
		e, takesPart := 0.0, false
		for i, m := range s.markets {
			if group >= len(m.groups) || m.groups[group] == nil {
				continue
			}
			sums := m.groups[group]
			for c := range cellCount {
				e += g[i].n[c]*sums.n[c] + g[i].y[c]*sums.y[c]
				takesPart = takesPart || sums.n[c] > 0 && (g[i].n[c] != 0 || g[i].y[c] != 0)
			}
		}
		variance += e * e
		if takesPart {
			clusters++
		}
	}
	return scaled(variance, clusters)
}

// stratum returns contacts, units and outcomes of a group of a market at some doses. A contact at several of the doses counts at each.
func (m *marketSums) stratum(group, doses int) (contacts, n, y float64) {
	for b := range bins {
		if doses>>b&1 == 1 {
			c := group*len(bins) + b
			contacts, n, y = contacts+m.contacts[c], n+m.n[c], y+m.y[c]
		}
	}
	return contacts, n, y
}

// mark adds d to the gradient of the units and e to that of the outcomes of a stratum's cells at some doses.
func (g gradient) mark(market, group, doses int, d, e float64) {
	for b := range bins {
		if doses>>b&1 == 1 {
			g[market].n[group*len(bins)+b] += d
			g[market].y[group*len(bins)+b] += e
		}
	}
}

// totals returns contacts, units and outcomes of units with known prior engagement at some doses.
func (s *curveSums) totals(doses int) (contacts, units, outcomes uint64) {
	var n, y float64
	for _, m := range s.markets {
		for group := range priorGroups {
			_, dn, dy := m.stratum(group, doses)
			n, y = n+dn, y+dy
		}
	}
	switch doses {
	case lowDoses:
		contacts = uint64(s.contacts[10])
	case highDoses:
		contacts = uint64(s.contacts[11])
	case lowDoses | highDoses:
		contacts = uint64(s.contacts[12])
	case allDoses:
		contacts = uint64(s.contacts[9])
	default:
		for b := range bins {
			if doses == 1<<b {
				contacts = uint64(s.contacts[b])
			}
		}
	}
	return contacts, uint64(n), uint64(y)
}

// crudeRate is the rate at some doses, and its gradient.
func (s *curveSums) crudeRate(doses int) (float64, gradient) {
	_, units, outcomes := s.totals(doses)
	n, y := float64(units), float64(outcomes)
	g := s.flat()
	for m := range s.markets {
		for group := range priorGroups {
			g.mark(m, group, doses, -y/n/n, 1/n)
		}
	}
	return y / n, g
}

// overlapping returns the strata that have enough contacts at each of the doses, by market and group, and their share of all units.
func (s *curveSums) overlapping(doses []int) (strata [][priorGroups]bool, overlap float64) {
	strata = make([][priorGroups]bool, len(s.markets))
	var all, compared float64
	for i, m := range s.markets {
		for group := range priorGroups {
			_, n, _ := m.stratum(group, allDoses)
			known := n > 0
			for _, d := range doses {
				contacts, _, _ := m.stratum(group, d)
				known = known && contacts >= fewestInStratum
			}
			strata[i][group] = known
			all += n
			if known {
				compared += n
			}
		}
	}
	if all == 0 {
		return strata, 0
	}
	return strata, compared / all
}

// standardRate is the rate that the units of the given strata together would have at some doses (g-formula, Robins 1986), and its gradient,
// which allows for the strata's weights being those of a sample too.
func (s *curveSums) standardRate(strata [][priorGroups]bool, doses int) (float64, gradient) {
	var all, rate float64
	for i, m := range s.markets {
		for group := range priorGroups {
			if strata[i][group] {
				_, weight, _ := m.stratum(group, allDoses)
				_, n, y := m.stratum(group, doses)
				all += weight
				rate += weight * y / n
			}
		}
	}
	rate /= all
	g := s.flat()
	for i, m := range s.markets {
		for group := range priorGroups {
			if strata[i][group] {
				_, weight, _ := m.stratum(group, allDoses)
				_, n, y := m.stratum(group, doses)
				g.mark(i, group, doses, -weight/all*y/n/n, weight/all/n)
				g.mark(i, group, allDoses, (y/n-rate)/all, 0)
			}
		}
	}
	return rate, g
}

// mantelHaenszel pools high against low doses over the strata: risk difference and log odds ratio with their gradients; false if one is undefined.
// Source: Mantel and Haenszel 1959; variances by linearisation, because the units of a contact are not independent.
func (s *curveSums) mantelHaenszel(strata [][priorGroups]bool) (difference float64, gd gradient, logOdds float64, gOdds gradient, ok bool) {
	var excess, weights, with, without float64
	for i, m := range s.markets {
		for group := range priorGroups {
			if strata[i][group] {
				_, n1, a := m.stratum(group, highDoses)
				_, n0, c := m.stratum(group, lowDoses)
				n := n1 + n0
				excess += (a*n0 - c*n1) / n
				weights += n1 * n0 / n
				with += a * (n0 - c) / n
				without += c * (n1 - a) / n
			}
		}
	}
	if !(weights > 0 && with > 0 && without > 0) {
		return 0, nil, 0, nil, false
	}
	difference = excess / weights
	gd, gOdds = s.flat(), s.flat()
	for i, m := range s.markets {
		for group := range priorGroups {
			if !strata[i][group] {
				continue
			}
			_, n1, a := m.stratum(group, highDoses)
			_, n0, c := m.stratum(group, lowDoses)
			n := n1 + n0
			p, r, q := (a*n0-c*n1)/n, a*(n0-c)/n, c*(n1-a)/n
			gd.mark(i, group, highDoses, ((-c-p)/n-difference*n0*n0/n/n)/weights, n0/n/weights)
			gd.mark(i, group, lowDoses, ((a-p)/n-difference*n1*n1/n/n)/weights, -n1/n/weights)
			gOdds.mark(i, group, highDoses, -r/n/with-(c-q)/n/without, (n0-c)/n/with+c/n/without)
			gOdds.mark(i, group, lowDoses, (a-r)/n/with+q/n/without, -a/n/with-(n1-a)/n/without)
		}
	}
	return difference, gd, math.Log(with / without), gOdds, true
}

// ladder returns the crude and the standardised curve, their differences to dose 1, and the comparison of high with low doses.
func (s *curveSums) ladder() (rows []curveRow) {
	shown := func(doses int) bool {
		contacts, _, outcomes := s.totals(doses)
		return contacts >= fewestContacts && outcomes >= fewestOutcomes
	}
	everyone, _, _ := s.totals(allDoses)
	if everyone == 0 {
		return nil
	}
	const one = 1 << 1
	var compared []int
	for b := range bins {
		if shown(1 << b) {
			compared = append(compared, 1<<b)
		}
	}
	strata, overlap := s.overlapping(compared)
	for overlap < leastOverlap && len(compared) > 2 {
		compared = compared[:len(compared)-1]
		strata, overlap = s.overlapping(compared)
	}
	row := func(identification, measure string, doses, against int, overlap *float64, value *effect) {
		r := curveRow{identification: identification, measure: measure, doses: doses, against: against, overlap: overlap, value: value}
		r.contacts, r.units, r.out = s.totals(doses | against)
		if against != 0 { // the clusters are all contacts: those at neither dose have a part in the weights
			r.contacts = everyone
		}
		if overlap != nil && value == nil && shown(doses) {
			r.why = "left out: with it fewer than four fifths of the units are in strata that have all doses"
		}
		rows = append(rows, r)
	}
	for b := range bins {
		doses := 1 << b
		_, units, _ := s.totals(doses)
		if units == 0 {
			continue
		}
		var crude, standard, crudeStep, standardStep *effect
		if shown(doses) {
			rate, g := s.crudeRate(doses)
			variance, clusters := s.variance(g)
			crude = share(rate, variance, clusters)
			if doses != one && shown(one) {
				rateOne, gOne := s.crudeRate(one)
				variance, clusters := s.variance(g.plus(1, gOne, -1))
				crudeStep = additive(rate-rateOne, variance, clusters, 1)
			}
		}
		if overlap > 0 && slices.Contains(compared, doses) {
			rate, g := s.standardRate(strata, doses)
			variance, clusters := s.variance(g)
			standard = share(rate, variance, clusters)
			if doses != one && slices.Contains(compared, one) {
				rateOne, gOne := s.standardRate(strata, one)
				variance, clusters := s.variance(g.plus(1, gOne, -1))
				standardStep = additive(rate-rateOne, variance, clusters, 1)
			}
		}
		row("crude", "rate", doses, 0, nil, crude)
		row("standardised", "rate", doses, 0, &overlap, standard)
		if doses != one {
			row("crude", "difference", doses, one, nil, crudeStep)
			row("standardised", "difference", doses, one, &overlap, standardStep)
		}
	}
	strata, both := s.overlapping([]int{lowDoses, highDoses})
	var difference, odds, risk, explained *effect
	if both > 0 && shown(lowDoses) && shown(highDoses) {
		d, gd, logOdds, g, ok := s.mantelHaenszel(strata)
		if ok {
			variance, clusters := s.variance(gd)
			difference = additive(d, variance, clusters, 1)
			variance, clusters = s.variance(g)
			odds = ratio(logOdds, variance, clusters)
		}
		high, gHigh := s.standardRate(strata, highDoses)
		low, gLow := s.standardRate(strata, lowDoses)
		if high > 0 && low > 0 {
			variance, clusters := s.variance(gHigh.plus(1/high, gLow, -1/low))
			risk = ratio(math.Log(high/low), variance, clusters)
		}
		if risk != nil {
			explained = eValue(risk)
		}
	}
	row("standardised", "risk_difference", highDoses, lowDoses, &both, difference)
	row("standardised", "odds_ratio", highDoses, lowDoses, &both, odds)
	row("standardised", "risk_ratio", highDoses, lowDoses, &both, risk)
	row("standardised", "e_value", highDoses, lowDoses, &both, explained)
	return rows
}

// eValue is that of the ratio, and as its lower limit that of the ratio's limit nearer to 1: 1 where the limits enclose it.
func eValue(risk *effect) *effect {
	estimate, ok := stats.EValue(risk.estimate)
	if !ok {
		return nil
	}
	lower := 1.0
	nearest := 1.0
	switch {
	case *risk.lower > 1:
		nearest = *risk.lower
	case *risk.upper < 1:
		nearest = *risk.upper
	}
	if limit, ok := stats.EValue(nearest); ok {
		lower = limit
	}
	return &effect{estimate: estimate, lower: &lower}
}

// comparison has the contacts, units and outcomes that head the sums.
func comparison(identification, measure string, sums []float64, doses, against int) curveRow {
	return curveRow{identification: identification, measure: measure, doses: doses, against: against,
		contacts: uint64(sums[0]), units: uint64(sums[1]), out: uint64(sums[2])}
}

func (r curveRow) enough() bool { return r.contacts >= fewestContacts && r.out >= fewestOutcomes }

// crudeSlope is the change of the rate with one more of the dose, over all units as if contacts did not differ.
func (s *curveSums) crudeSlope() (row curveRow, ok bool) {
	sums := s.crude.sums()
	if sums == nil {
		return row, false
	}
	row = comparison("crude", "slope", sums, allDoses, 0)
	n, y, k, kk, ky := sums[1], sums[2], sums[3], sums[4], sums[5]
	spread := kk - k*k/n
	if !row.enough() || !(spread > 0) {
		return row, true
	}
	b := (ky - k*y/n) / spread
	meanK, meanY := k/n, y/n
	// Of k, k^2, k y, n and y.
	variance, clusters := s.crude.variance(2*b*meanK-meanY, -b, 1, meanK*meanY-b*meanK*meanK, -meanK)
	row.value = additive(b, variance/spread/spread, clusters, math.Inf(1))
	return row, true
}

// withinSlope compares each contact with itself: the fixed-effects slope, clustered by groups of contacts (Arellano 1987).
func (s *curveSums) withinSlope() (row curveRow, ok bool) {
	sums := s.within.sums()
	if sums == nil {
		return row, false
	}
	row = comparison("within", "slope", sums, allDoses, 0)
	v := sums[headCount:]
	if !row.enough() || !(v[0] > 0) {
		return row, true
	}
	b := v[1] / v[0]
	variance, clusters := s.within.variance(-b, 1)
	row.value = additive(b, variance/v[0]/v[0], clusters, math.Inf(1))
	return row, true
}

// withinCurve compares each contact's rate at a dose with its own at dose 1, weighted by how much its units can tell: the contact is
// the stratum of a risk difference of Mantel and Haenszel, clustered by groups of contacts.
func (s *curveSums) withinCurve() (rows []curveRow) {
	for b, m := range s.against {
		sums := m.sums()
		if b == 1 || sums == nil {
			continue
		}
		row := comparison("within", "difference", sums, 1<<b, 1<<1)
		v := sums[headCount:]
		if row.enough() && v[1] > 0 {
			d := v[0] / v[1]
			variance, clusters := m.variance(1, -d)
			row.value = additive(d, variance/v[1]/v[1], clusters, 1)
		}
		rows = append(rows, row)
	}
	return rows
}

// placeboSlope is the within slope of the NEXT week's dose, given this one's and the sends of the day. The future cannot act: what it seems to do
// tells of a sender who reacts.
func (s *curveSums) placeboSlope() (row curveRow, ok bool) {
	sums := s.placebo.sums()
	if sums == nil {
		return row, false
	}
	row = comparison("within", "placebo_slope", sums, allDoses, 0)
	v := sums[headCount:]
	if !row.enough() || !(v[0] > 0) {
		return row, true
	}
	// Places of S_ij and S_iy in the vector, for z, k, x.
	place, withY := [3][3]int{{0, 1, 2}, {1, 3, 4}, {2, 4, 5}}, [3]int{6, 7, 8}
	size := 3
	if v[5] == 0 { // messages have no sends of the day
		size = 2
	}
	bread := mat.NewDense(size, size, nil)
	right := mat.NewVecDense(size, nil)
	for i := range size {
		right.SetVec(i, v[withY[i]])
		for j := range size {
			bread.Set(i, j, v[place[i][j]])
		}
	}
	var inverse mat.Dense
	if err := inverse.Inverse(bread); err != nil { // also if it is close to singular
		return row, true
	}
	var beta mat.VecDense
	beta.MulVec(&inverse, right)
	scores := mat.NewDense(size, 9, nil) // of a group, as functions of its vector
	for i := range size {
		scores.Set(i, withY[i], 1)
		for j := range size {
			scores.Set(i, place[i][j], scores.At(i, place[i][j])-beta.AtVec(j))
		}
	}
	first := mat.NewVecDense(9, nil)
	first.MulVec(scores.T(), inverse.RowView(0))
	variance, clusters := s.placebo.variance(first.RawVector().Data...)
	row.value = additive(beta.AtVec(0), variance, clusters, math.Inf(1))
	return row, true
}

// verdict says whether the within-person comparison may be read as more than a sender's reactions.
func verdict(outcome string, rows []curveRow) (what, why string) {
	find := func(identification, measure string) *effect {
		for _, r := range rows {
			if r.identification == identification && r.measure == measure && r.value != nil {
				return r.value
			}
		}
		return nil
	}
	if outcome == "opt_out" {
		if find("standardised", "rate") == nil {
			return "cannot tell", "no dose could be standardised for prior engagement"
		}
		return "association", ""
	}
	slope, placebo := find("within", "slope"), find("within", "placebo_slope")
	switch {
	case slope == nil:
		return "cannot tell", "too few contacts can be compared with themselves"
	case placebo == nil:
		return "cannot tell", "there is no placebo: too few contacts whose next week is known"
	}
	sure, most := max(*placebo.lower, -*placebo.upper, 0), max(-*slope.lower, *slope.upper) // the limits nearest to 0 and farthest from it
	if sure > mostPlacebo*most {
		return "cannot tell", fmt.Sprintf("the dose of the week after goes with the outcome too: %.3g for each message, surely %.3g, and the slope of the week before is %.3g, at most %.3g; the sender may react to the contacts",
			placebo.estimate, sure, slope.estimate, most)
	}
	return "association", ""
}

// doseLimits are the first and the last dose of bins.
func doseLimits(doses int) (from, to *uint16) {
	for b, limits := range bins {
		if doses>>b&1 == 1 {
			if from == nil {
				from = &bins[b][0]
			}
			to = &limits[1]
		}
	}
	return from, to
}

func fillCurves(ctx context.Context, r *run, m model, staging string, w Window) error {
	sql, err := query(m.relation)
	if err == nil {
		sql, err = withShared(sql)
	}
	if err != nil {
		return err
	}
	sumsQuery, sampleQuery, _ := strings.Cut(sql, "-- statement\n")
	all := map[curveKey]*curveSums{}
	chunks, contacts, err := r.riskSize(ctx, w)
	if err != nil {
		return err
	}
	for chunk := range chunks {
		if err := r.addCurves(ctx, all, sumsQuery, append(w.params(), clickhouse.Named("chunk", chunk), clickhouse.Named("chunks", chunks))); err != nil {
			return err
		}
	}
	share := uint32((contacts + sampleContacts - 1) / sampleContacts)
	sampled, err := r.sampleCurves(ctx, sampleQuery, share, append(w.params(), clickhouse.Named("chunk", uint32(0)), clickhouse.Named("chunks", max(1, share))))
	if err != nil {
		return err
	}
	var staged [][]any
	for _, key := range slices.SortedFunc(maps.Keys(all), curveKey.compare) {
		s := all[key]
		for _, market := range slices.Sorted(maps.Keys(s.byMarket)) {
			s.markets = append(s.markets, s.byMarket[market])
		}
		rows := s.ladder()
		for _, slope := range []func() (curveRow, bool){s.crudeSlope, s.withinSlope, s.placeboSlope} {
			if row, ok := slope(); ok {
				rows = append(rows, row)
			}
		}
		rows = append(rows, s.withinCurve()...)
		rows = append(rows, sampled[key]...)
		what, why := verdict(key.outcome, rows)
		for _, row := range rows {
			from, to := doseLimits(row.doses)
			againstFrom, againstTo := doseLimits(row.against)
			value, suppressed := row.value, uint8(0)
			if value == nil {
				value, suppressed = &effect{}, 1
			}
			estimate := &value.estimate
			if suppressed == 1 {
				estimate = nil
			}
			staged = append(staged, []any{key.business, w.From, w.To, s.cutoff, key.dimension, key.segment, key.unit, key.outcome,
				row.identification, row.measure, *from, *to, againstFrom, againstTo, row.contacts, row.units, row.out, row.overlap,
				suppressed, estimate, value.stdError, value.lower, value.upper, what, cmp.Or(row.why, why)})
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, unit, outcome,
identification, measure, dose_from, dose_to, against_from, against_to, contacts, units, outcomes, overlap,
suppressed, estimate, std_error, lower, upper, verdict, why`, staged)
}

// riskSize returns into how many chunks of contacts the person-days of the window are cut, and how many contacts there are.
func (r *run) riskSize(ctx context.Context, w Window) (chunks uint32, contacts uint64, err error) {
	var days uint64
	err = r.db.QueryRow(ctx, "SELECT count(), uniqExact(business_id, contact_id) FROM person_days WHERE "+riskDays.where, w.params()...).Scan(&days, &contacts)
	if err != nil {
		return 0, 0, fmt.Errorf("count the days at risk: %w", err)
	}
	return uint32(days/unitsPerChunk) + 1, contacts, nil
}

// addCurves adds the sums of one chunk of contacts to those of every segment that it belongs to.
func (r *run) addCurves(ctx context.Context, all map[curveKey]*curveSums, sql string, params []any) error {
	rows, err := r.db.Query(ctx, sql, params...)
	if err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var business, unit, market, channel, outcome string
		var cutoff time.Time
		var group uint16
		var counts []uint64
		var ratios []float64
		if err := rows.Scan(&business, &cutoff, &unit, &market, &channel, &outcome, &group, &counts, &ratios); err != nil {
			return fmt.Errorf("read the sums: %w", err)
		}
		for _, of := range [][2]string{{"all", ""}, {"market", market}, {"channel", channel}} {
			key := curveKey{business, of[0], of[1], unit, outcome}
			s := all[key]
			if s == nil {
				s = &curveSums{cutoff: cutoff, byMarket: map[string]*marketSums{}}
				all[key] = s
			}
			s.add(market, int(group), counts, ratios)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	return nil
}

// add adds one row of the model: what its header says of counts and ratios.
func (s *curveSums) add(market string, group int, counts []uint64, ratios []float64) {
	next := 0
	take := func(n int) []float64 {
		taken := make([]float64, n)
		for i := range taken {
			taken[i] = float64(counts[next+i])
		}
		next += n
		return taken
	}
	m := s.byMarket[market]
	if m == nil {
		m = &marketSums{}
		s.byMarket[market] = m
	}
	m.groups = grown(m.groups, group)
	if m.groups[group] == nil {
		m.groups[group] = &cellSums{}
	}
	for i, v := range take(cellCount) {
		m.contacts[i] += v
	}
	for i, v := range take(cellCount) {
		m.n[i] += v
		m.groups[group].n[i] += v
	}
	for i, v := range take(cellCount) {
		m.y[i] += v
		m.groups[group].y[i] += v
	}
	for i, v := range take(len(s.contacts)) {
		s.contacts[i] += v
	}
	all := take(6) // contacts, n, k, k^2, y, k y
	s.crude.add(group, []float64{all[0], all[1], all[4]}, []float64{all[2], all[3], all[5], all[1], all[4]})
	s.within.add(group, take(headCount), ratios[:2])
	s.placebo.add(group, take(headCount), ratios[2:11])
	contacts, units, out := take(len(bins)), take(len(bins)), take(len(bins))
	for b := range bins {
		s.against[b].add(group, []float64{contacts[b], units[b], out[b]}, []float64{ratios[11+b], ratios[11+len(bins)+b]})
	}
}

// sampleCurves compares a sample of contacts with themselves, one by one: the conditional logit, and the slope without what all contacts have in common in
// a week. Only for all contacts of a business together.
func (r *run) sampleCurves(ctx context.Context, sql string, share uint32, params []any) (map[curveKey][]curveRow, error) {
	rows, err := r.db.Query(ctx, sql, params...)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	defer rows.Close()
	observed := map[curveKey][]stats.Observation{}
	numbers := map[uuid.UUID]int{}
	for rows.Next() {
		var business, unit string
		var cutoff time.Time
		var contact uuid.UUID
		var week int32
		var dose uint16
		var told, had uint8
		if err := rows.Scan(&business, &cutoff, &unit, &contact, &week, &dose, &told, &had); err != nil {
			return nil, fmt.Errorf("read the sample: %w", err)
		}
		if _, known := numbers[contact]; !known {
			numbers[contact] = len(numbers)
		}
		for i, outcome := range []string{"open", "click", "reply", "any"} {
			if told>>i&1 == 1 {
				key := curveKey{business, "all", "", unit, outcome}
				observed[key] = append(observed[key], stats.Observation{Contact: numbers[contact], Window: int(week), Dose: float64(dose), Outcome: float64(had >> i & 1)})
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	sampled := map[curveKey][]curveRow{}
	for key, observations := range observed {
		why := "of all contacts"
		if share > 1 {
			why = fmt.Sprintf("of the contacts whose hash can be divided by %d", share)
		}
		if key.unit == "person_day" {
			why += ", one day in seven, so that the weeks before do not overlap"
		}
		odds := curveRow{identification: "within", measure: "log_odds_slope", doses: allDoses, why: why}
		odds.contacts, odds.units, odds.out = varying(observations)
		calendar := curveRow{identification: "within", measure: "calendar_slope", doses: allDoses, why: why}
		if odds.enough() {
			fit, err := stats.FitConditionalLogit(observations)
			switch {
			case err == nil:
				odds.value = newEffect(fit.Value, fit.StdError, fit.Lower, fit.Upper)
			case !undefined(err):
				return nil, fmt.Errorf("conditional logit: %w", err)
			}
		}
		slope, err := stats.Within(observations, true)
		switch {
		case err == nil:
			calendar.contacts, calendar.units = uint64(slope.Contacts), uint64(slope.Observations)
			for _, o := range observations {
				calendar.out += uint64(o.Outcome)
			}
			if calendar.enough() && slope.StdError > 0 {
				calendar.value = newEffect(slope.Value, slope.StdError, slope.Lower, slope.Upper)
			}
		case !undefined(err):
			return nil, fmt.Errorf("slope without the calendar: %w", err)
		}
		sampled[key] = []curveRow{odds, calendar}
	}
	return sampled, nil
}

// undefined reports whether the data do not determine an estimate, which is no fault.
func undefined(err error) bool {
	return errors.Is(err, stats.ErrNoVariation) || errors.Is(err, stats.ErrSeparation) || errors.Is(err, stats.ErrConvergence) || errors.Is(err, stats.ErrShape)
}

// varying returns the contacts whose outcome varies, their observations and outcomes: what a conditional logit rests on.
func varying(observations []stats.Observation) (contacts, units, outcomes uint64) {
	type counts struct{ n, y uint64 }
	of := map[int]*counts{}
	for _, o := range observations {
		c := of[o.Contact]
		if c == nil {
			c = &counts{}
			of[o.Contact] = c
		}
		c.n++
		c.y += uint64(o.Outcome)
	}
	for _, c := range of {
		if c.y > 0 && c.y < c.n {
			contacts, units, outcomes = contacts+1, units+c.n, outcomes+c.y
		}
	}
	return contacts, units, outcomes
}
