package stats

import (
	"math"
	"sort"
)

// logLog returns the limits of a survival share on the scale of log(-log), which keeps them inside (0,1);
// false where the share is 0 or 1 or has no standard error. Source: Kalbfleisch and Prentice 1980.
func logLog(share, stdError float64) (Interval, bool) {
	if share <= 0 || share >= 1 || stdError <= 0 {
		return Interval{}, false
	}
	half := Z * stdError / (share * math.Abs(math.Log(share)))
	return Interval{Lower: math.Pow(share, math.Exp(half)), Upper: math.Pow(share, math.Exp(-half))}, true
}

// Survival is one point of a survival curve.
type Survival struct {
	Share       float64 // who have had no event yet
	StdError    float64 // Greenwood's; 0 where Share is 0 or 1
	Interval            // valid if HasInterval
	HasInterval bool    // false where Share is 0 or 1
}

// greenwood accumulates a survival curve step by step. Source: Greenwood 1926; Kaplan and Meier 1958.
type greenwood struct{ share, variance float64 }

func (g *greenwood) step(risk, events uint64) Survival {
	r, d := float64(risk), float64(events)
	g.share *= (r - d) / r
	if risk > events {
		g.variance += d / (r * (r - d))
	}
	s := Survival{Share: g.share}
	if s.Share > 0 && s.Share < 1 {
		s.StdError = s.Share * math.Sqrt(g.variance)
		s.Interval, s.HasInterval = logLog(s.Share, s.StdError)
	}
	return s
}

// Hazard is one step in discrete time, for instance the n-th message.
type Hazard struct {
	Rate     float64  // events among those at risk in this step
	Wilson   Interval // of the rate
	Survival          // after this step
}

// DiscreteHazard returns one step for each risk set and its events, in order. Contacts whose data end before the
// step can be judged must be left out of its risk set. ErrShape if the lengths differ, a risk set is empty or
// smaller than its events. Sources: Greenwood 1926; Singer and Willett 2003.
func DiscreteHazard(risk, events []uint64) ([]Hazard, error) {
	if len(risk) != len(events) {
		return nil, ErrShape
	}
	steps := make([]Hazard, len(risk))
	g := greenwood{share: 1}
	for i := range risk {
		limits, ok := Wilson(events[i], risk[i])
		if !ok {
			return nil, ErrShape
		}
		steps[i] = Hazard{float64(events[i]) / float64(risk[i]), limits, g.step(risk[i], events[i])}
	}
	return steps, nil
}

// Subject is observed from Entry until Exit, in any one unit of time.
type Subject struct {
	Entry float64 // 0: from the beginning; later: it is at risk only of what comes after
	Exit  float64
	Cause int // what ended it, from 1; 0: it is censored
}

// Step is a time at which events happened.
type Step struct {
	Time     float64
	Risk     uint64 // at risk just before
	Events   uint64
	Survival // from this time on
	CumulativeHazard,
	CumulativeHazardStdError float64 // Nelson's and Aalen's; valid while Risk exceeds 0
}

// Curve is a survival curve: 1 until its first step, constant between steps, unknown after Last.
type Curve struct {
	Steps []Step // by time
	Last  float64
}

// KaplanMeier estimates the share without any event by time. At equal times events come before censorings
// and entries. With late entries an early risk set may be small, and a curve that reaches 0 there stays at 0.
// ErrShape if there is no subject, a time is negative or not finite, or an exit is not after its late entry.
// Sources: Kaplan and Meier 1958; Aalen 1978.
func KaplanMeier(subjects []Subject) (Curve, error) {
	sets, last, err := riskSets(subjects, nil)
	if err != nil {
		return Curve{}, err
	}
	c := Curve{Last: last}
	g := greenwood{share: 1}
	var hazard, variance sum
	for _, s := range sets {
		r, d := float64(s.risk), float64(s.events)
		hazard.add(d / r)
		variance.add(d / (r * r))
		c.Steps = append(c.Steps, Step{s.time, s.risk, s.events, g.step(s.risk, s.events), hazard.value(), math.Sqrt(variance.value())})
	}
	return c, nil
}

// At returns the point of the curve at a time, or false before 0 and after the last observation.
func (c Curve) At(time float64) (Survival, bool) {
	if !(time >= 0 && time <= c.Last) {
		return Survival{}, false
	}
	i := sort.Search(len(c.Steps), func(i int) bool { return c.Steps[i].Time > time })
	if i == 0 {
		return Survival{Share: 1}, true
	}
	return c.Steps[i-1].Survival, true
}

// TimeLimit is a time that may lie beyond what was observed.
type TimeLimit struct {
	Time    float64 // valid if Reached
	Reached bool
}

// Quantile is the time by which a share of the subjects had the event, with its limits.
type Quantile struct{ Time, Lower, Upper TimeLimit }

// Quantile returns the first time at which at least a share p, in (0,1), had the event, for instance .5 for the
// median; the limits are the first times at which the curve's limits say so. What the observation does not
// reach is not reached. Source: Brookmeyer and Crowley 1982, on the scale of log(-log).
func (c Curve) Quantile(p float64) Quantile {
	var q Quantile
	left := 1 - p + 1e-12 // products of fractions such as 1/2 do not come out even
	reach := func(l *TimeLimit, s Step, share float64) {
		if !l.Reached && share <= left {
			*l = TimeLimit{s.Time, true}
		}
	}
	for _, s := range c.Steps {
		reach(&q.Time, s, s.Share)
		lower, upper := s.Lower, s.Upper
		if !s.HasInterval {
			// At share 0 the limits are unknown: the lower limit cannot be above it, the upper one is not reached.
			lower, upper = s.Share, 1
		}
		reach(&q.Lower, s, lower)
		reach(&q.Upper, s, upper)
	}
	return q
}

// RestrictedMean returns the mean time without event up to the horizon, the area under the curve, and its
// standard error; false if the horizon is not positive or beyond the last observation.
// Sources: Irwin 1949; Royston and Parmar 2013.
func (c Curve) RestrictedMean(horizon float64) (mean, stdError float64, ok bool) {
	if !(horizon > 0 && horizon <= c.Last) {
		return 0, 0, false
	}
	// From the horizon back, so that the area right of each step is known.
	var area, variance sum
	right := horizon
	for i := len(c.Steps) - 1; i >= 0; i-- {
		s := c.Steps[i]
		if s.Time >= horizon {
			continue
		}
		area.add(s.Share * (right - s.Time))
		right = s.Time
		if s.Risk > s.Events {
			r, d := float64(s.Risk), float64(s.Events)
			variance.add(area.value() * area.value() * d / (r * (r - d)))
		}
	}
	area.add(right)
	return area.value(), math.Sqrt(variance.value()), true
}

// LogRank tests whether two groups have the same hazard at all times; the chi-squared has one degree of freedom.
// ErrShape as KaplanMeier; ErrNoVariation if no event happens while both groups are at risk.
// Sources: Mantel 1966; Peto and Peto 1972.
func LogRank(a, b []Subject) (chiSquared, p float64, err error) {
	if len(a) == 0 || len(b) == 0 {
		return 0, 0, ErrShape
	}
	inA := make([]bool, len(a)+len(b))
	for i := range a {
		inA[i] = true
	}
	sets, _, err := riskSets(append(append([]Subject{}, a...), b...), func(i int) bool { return inA[i] })
	if err != nil {
		return 0, 0, err
	}
	var excess, variance sum
	for _, s := range sets {
		r, d, r1 := float64(s.risk), float64(s.events), float64(s.markedRisk)
		excess.add(float64(s.markedEvents) - d*r1/r)
		if s.risk > 1 {
			variance.add(d * (r1 / r) * (1 - r1/r) * (r - d) / (r - 1))
		}
	}
	if variance.value() <= 0 {
		return 0, 0, ErrNoVariation
	}
	x := excess.value() * excess.value() / variance.value()
	return x, chiSquaredP(x, 1), nil
}

// Incidence is a point of a cumulative incidence: the share whom the cause has ended by then.
type Incidence struct {
	Time, Share, StdError float64
	Interval                   // valid if HasInterval
	HasInterval           bool // false where Share is 0 or 1
}

// CumulativeIncidence estimates the share ended by one cause in the presence of the others, one point for each time
// at which any cause struck. ErrShape as KaplanMeier, or if the cause is not positive.
// Sources: Aalen and Johansen 1978; variance by the delta method, Marubini and Valsecchi 1995.
func CumulativeIncidence(subjects []Subject, cause int) ([]Incidence, error) {
	if cause < 1 {
		return nil, ErrShape
	}
	sets, _, err := riskSets(subjects, func(i int) bool { return subjects[i].Cause == cause })
	if err != nil {
		return nil, err
	}
	points := make([]Incidence, 0, len(sets))
	survival, share := 1.0, 0.0
	// The variance at a time is sum over earlier steps j of (F-F_j)^2 g_j + h_j - 2 (F-F_j) k_j, kept as its
	// coefficients in F.
	var g, fg, ffg, h, k, fk sum
	for _, s := range sets {
		r, d, dk := float64(s.risk), float64(s.events), float64(s.markedEvents)
		share += survival * dk / r
		if s.risk > s.events {
			term := d / (r * (r - d))
			g.add(term)
			fg.add(share * term)
			ffg.add(share * share * term)
		}
		h.add(survival * survival * (r - dk) * dk / (r * r * r))
		term := survival * dk / (r * r)
		k.add(term)
		fk.add(share * term)
		survival *= (r - d) / r

		p := Incidence{Time: s.time, Share: share}
		variance := share*share*g.value() - 2*share*fg.value() + ffg.value() + h.value() - 2*(share*k.value()-fk.value())
		p.StdError = math.Sqrt(max(0, variance))
		p.Interval, p.HasInterval = logLog(p.Share, p.StdError)
		points = append(points, p)
	}
	return points, nil
}

// riskSet is a time with events, and how many of those at risk and of the events are marked.
type riskSet struct {
	time                     float64
	risk, events             uint64
	markedRisk, markedEvents uint64
}

// riskSets returns the times with events in order and the last exit.
func riskSets(subjects []Subject, marked func(i int) bool) (sets []riskSet, last float64, err error) {
	if len(subjects) == 0 {
		return nil, 0, ErrShape
	}
	byEntry, byExit := make([]int, len(subjects)), make([]int, len(subjects))
	for i, s := range subjects {
		if !finite(s.Entry, s.Exit) || s.Entry < 0 || s.Exit < 0 || s.Cause < 0 || (s.Entry > 0 && s.Exit <= s.Entry) {
			return nil, 0, ErrShape
		}
		byEntry[i], byExit[i] = i, i
	}
	sort.SliceStable(byEntry, func(a, b int) bool { return subjects[byEntry[a]].Entry < subjects[byEntry[b]].Entry })
	sort.SliceStable(byExit, func(a, b int) bool { return subjects[byExit[a]].Exit < subjects[byExit[b]].Exit })
	mark := func(i int) uint64 {
		if marked != nil && marked(i) {
			return 1
		}
		return 0
	}
	var risk, markedRisk uint64
	entered := 0
	for left := 0; left < len(byExit); {
		set := riskSet{time: subjects[byExit[left]].Exit}
		for ; entered < len(byEntry); entered++ {
			if s := subjects[byEntry[entered]]; s.Entry > 0 && s.Entry >= set.time {
				break
			}
			risk++
			markedRisk += mark(byEntry[entered])
		}
		set.risk, set.markedRisk = risk, markedRisk
		for ; left < len(byExit) && subjects[byExit[left]].Exit == set.time; left++ {
			i := byExit[left]
			risk--
			markedRisk -= mark(i)
			if subjects[i].Cause > 0 {
				set.events++
				set.markedEvents += mark(i)
			}
		}
		if set.events > 0 {
			sets = append(sets, set)
		}
		last = set.time
	}
	return sets, last, nil
}
