package transform

// leaveOneOut computes numbers from the sums of all contacts, and their covariance from what they are without each of
// the groups (delete-a-group jackknife, Kott 2001). A propensity depends on the falls; without a group it is
// taken along its slopes. False with fewer than two groups.
func (s *segment) leaveOneOut(compute func(blocks [][]float64, falls [exposureBins]float64, p propensity) []float64) (values []float64, covariance func(i, j int) float64, groups int, ok bool) {
	blocks := s.totals(-1)
	falls := s.falls(pool(blocks))
	var all propensity
	for _, g := range s.groups() {
		all.add(s.propensities[g], 1)
	}
	values = compute(blocks, falls, all)
	numbers := s.groups()
	groups = len(numbers)
	if groups < 2 {
		return values, nil, groups, false
	}
	mean := make([]float64, len(values))
	without := make([][]float64, groups)
	for k, g := range numbers {
		left := s.totals(g)
		own := s.falls(pool(left))
		p := all
		p.add(s.propensities[g], -1)
		for b := range exposureBins {
			for d := range exactDoses {
				p.weighted[d] += (own[b] - falls[b]) * all.slopes[b][d]
			}
		}
		without[k] = compute(left, own, p)
		for i, x := range without[k] {
			mean[i] += x / float64(groups)
		}
	}
	return values, func(i, j int) float64 {
		var sum float64
		for _, x := range without {
			sum += (x[i] - mean[i]) * (x[j] - mean[j])
		}
		return sum * float64(groups-1) / float64(groups)
	}, groups, true
}

func total(xs []float64) (sum float64) {
	for _, x := range xs {
		sum += x
	}
	return sum
}

// over is 0 where nothing is below the line: compute's callers know which numbers say something.
func over(above, below float64) float64 {
	if below == 0 {
		return 0
	}
	return above / below
}

// standardised returns opt-outs per person-day at the doses of a bin, were they those of all strata.
func (s *segment) standardised(blocks [][]float64, pooled []float64, bin int) float64 {
	var sum, n float64
	for _, c := range s.strata {
		sums := c.of(blocks, pooled)
		days := c.days(sums)
		sum, n = sum+days*c.hazard(sums, bin), n+days
	}
	return over(sum, n)
}

// chance returns the variance that a standardised rate has by chance, did each stratum's opt-outs come as a Poisson count
// at the given rate. A stratum of much weight and few days in which nobody happened to leave would pretend certainty.
func (s *segment) chance(pooled []float64, bin int, rate float64) float64 {
	blocks := s.totals(-1)
	var sum, all float64
	for _, c := range s.strata {
		sums := c.of(blocks, pooled)
		days := c.days(sums)
		own, _ := cell(sums, c.prior, bin)
		sum, all = sum+days*days*over(rate, own), all+days
	}
	return over(sum, all*all)
}

// keptUp returns engagements per person-day, were every contact's dose always that of the bin.
func (s *segment) keptUp(falls [exposureBins]float64, p propensity, bin int) float64 {
	if bin == 0 {
		return 0
	}
	return s.dose[bin] / 7 * falls[bin-1] * over(total(p.weighted[:]), total(p.days[:]))
}

func (s *segment) strataName() string {
	if s.fine {
		return "prior engagement x market x channel"
	}
	return "prior engagement"
}
