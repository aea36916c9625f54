package transform

import (
	"math"
	"slices"

	"drumbeat/transform/stats"
)

const (
	// fewestInStratum is how many contacts of a stratum must have been at a dose for its rate there to count.
	fewestInStratum = 10
	// leastOverlap is the share of units that a standardised comparison must speak of: the highest doses are left out until it does.
	leastOverlap = .8
)

// Doses compared with one another, as bits of the bins.
const (
	lowDoses  = 1<<1 | 1<<2 | 1<<3               // 1 to 3
	highDoses = 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 // 4 and more
	allDoses  = 1<<9 - 1
)

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
// which allows for the strata's weights being those of a sample too; lacks is the variance that strata of few outcomes do not show.
func (s *curveSums) standardRate(strata [][priorGroups]bool, doses int) (rate float64, g gradient, lacks float64) {
	var all float64
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
	crude, _ := s.crudeRate(doses)
	g = s.flat()
	for i, m := range s.markets {
		for group := range priorGroups {
			if strata[i][group] {
				_, weight, outcomes := m.stratum(group, allDoses)
				_, n, y := m.stratum(group, doses)
				lacks += weight / all * weight / all * unseen(n, y, crude, outcomes/weight)
				g.mark(i, group, doses, -weight/all*y/n/n, weight/all/n)
				g.mark(i, group, allDoses, (y/n-rate)/all, 0)
			}
		}
	}
	return rate, g, lacks
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
	if overlap < leastOverlap {
		compared = nil // two doses are the fewest that compare anything
	}
	row := func(identification, measure string, doses, against int, overlap *float64, value *effect) {
		r := curveRow{identification: identification, measure: measure, doses: doses, against: against, overlap: overlap, value: value}
		r.contacts, r.units, r.out = s.totals(doses | against)
		if against != 0 { // the clusters are all contacts: those at neither dose have a part in the weights
			r.contacts = everyone
		}
		switch {
		case overlap == nil || value != nil || !shown(doses):
		case against == lowDoses && *overlap < leastOverlap:
			r.why = "left out: fewer than four fifths of the units are in strata that have both"
		case against != lowDoses:
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
		if slices.Contains(compared, doses) {
			rate, g, lacks := s.standardRate(strata, doses)
			variance, clusters := s.variance(g)
			standard = share(rate, variance+lacks, clusters)
			if doses != one && slices.Contains(compared, one) {
				rateOne, gOne, lacksOne := s.standardRate(strata, one)
				variance, clusters := s.variance(g.plus(1, gOne, -1))
				standardStep = additive(rate-rateOne, variance+lacks+lacksOne, clusters, 1)
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
	if both >= leastOverlap && shown(lowDoses) && shown(highDoses) {
		d, gd, logOdds, g, ok := s.mantelHaenszel(strata)
		if ok {
			variance, clusters := s.variance(gd)
			difference = additive(d, variance, clusters, 1)
			variance, clusters = s.variance(g)
			odds = ratio(logOdds, variance, clusters)
		}
		high, gHigh, lacksHigh := s.standardRate(strata, highDoses)
		low, gLow, lacksLow := s.standardRate(strata, lowDoses)
		if high > 0 && low > 0 {
			variance, clusters := s.variance(gHigh.plus(1/high, gLow, -1/low))
			risk = ratio(math.Log(high/low), variance+lacksHigh/high/high+lacksLow/low/low, clusters)
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
