package stats

import (
	"math"
	"sort"
)

// ClusteredKaplanMeier is KaplanMeier of subjects of which those of one cluster are alike; clusters are numbered from 0 and
// entries are 0. The standard errors and limits of its steps are those of the infinitesimal jackknife over clusters, times
// G/(G-1) as variances, with a t quantile of G-1 degrees of freedom; with clusters of one they are Greenwood's. The order of the subjects changes
// the last digits. ErrShape as KaplanMeier, and for a late entry or fewer than two clusters.
// Source: Williams 1995, Lifetime Data Analysis 1; survfit of R's survival with cluster and robust.
func ClusteredKaplanMeier(subjects []Subject, clusters []int) (Curve, error) {
	if len(subjects) != len(clusters) {
		return Curve{}, ErrShape
	}
	c, err := KaplanMeier(subjects)
	if err != nil {
		return Curve{}, err
	}
	most := -1
	for i, k := range clusters {
		if k < 0 || subjects[i].Entry != 0 {
			return Curve{}, ErrShape
		}
		most = max(most, k)
	}
	atRisk, settled := make([]float64, most+1), make([]float64, most+1)
	for _, k := range clusters {
		atRisk[k]++
	}
	groups := 0.0
	for _, n := range atRisk {
		if n > 0 {
			groups++
		}
	}
	if groups < 2 {
		return Curve{}, ErrShape
	}
	order := make([]int, len(subjects))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return subjects[order[i]].Exit < subjects[order[j]].Exit })
	// The change of log S(t) with the weight of a subject is hazard(t), what the steps up to t have made of all at risk, until it
	// leaves; then it stays what it was, less 1/(risk - events) if it had the event. Per cluster these add up to settled +
	// atRisk x hazard, so three sums over clusters give the variance at every step.
	var ss, sr, rr, hazard float64
	for _, n := range atRisk {
		rr += n * n
	}
	t := studentQuantile(groups - 1)
	next := 0
	leave := func(i int, score float64) {
		k := clusters[i]
		ss -= settled[k] * settled[k]
		sr -= settled[k] * atRisk[k]
		rr -= atRisk[k] * atRisk[k]
		settled[k] += score
		atRisk[k]--
		ss += settled[k] * settled[k]
		sr += settled[k] * atRisk[k]
		rr += atRisk[k] * atRisk[k]
	}
	for j := range c.Steps {
		s := &c.Steps[j]
		for ; next < len(order) && subjects[order[next]].Exit < s.Time; next++ {
			leave(order[next], hazard)
		}
		s.Survival = Survival{Share: s.Share}
		if s.Risk == s.Events {
			break // nobody is left
		}
		r, d := float64(s.Risk), float64(s.Events)
		hazard += d / (r * (r - d))
		for ; next < len(order) && subjects[order[next]].Exit == s.Time; next++ {
			i := order[next]
			score := hazard
			if subjects[i].Cause != 0 {
				score -= 1 / (r - d)
			}
			leave(i, score)
		}
		variance := groups / (groups - 1) * (ss + 2*hazard*sr + hazard*hazard*rr)
		if s.Share > 0 && s.Share < 1 && variance > 0 {
			s.StdError = s.Share * math.Sqrt(variance)
			half := t * math.Sqrt(variance) / math.Abs(math.Log(s.Share))
			s.Interval, s.HasInterval = Interval{Lower: math.Pow(s.Share, math.Exp(half)), Upper: math.Pow(s.Share, math.Exp(-half))}, true
		}
	}
	return c, nil
}
