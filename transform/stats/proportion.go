package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Wilson returns the score interval for x of n independent trials, or false if n is 0 or x exceeds n.
// Source: Wilson 1927; recommended by Brown, Cai and DasGupta 2001.
func Wilson(x, n uint64) (Interval, bool) {
	if n == 0 || x > n {
		return Interval{}, false
	}
	return wilson(float64(x)/float64(n), float64(n)), true
}

// wilson takes a share, so that a rate that is not a count of n can use it too. The limit on the side of the nearer
// end comes from the product of the roots, p^2/(1+z^2/n), where their difference would lose its digits.
func wilson(p, n float64) Interval {
	scale := 1 + Z*Z/n
	i := symmetric((p+Z*Z/(2*n))/scale, Z/scale*math.Sqrt(p*(1-p)/n+Z*Z/(4*n*n)))
	switch {
	case p < .5:
		i.Lower = p * p / (scale * i.Upper)
	case p == 1:
		i.Upper = 1
	default:
		i.Upper = 1 - (1-p)*(1-p)/(scale*(1-i.Lower))
	}
	return i
}

// Jeffreys returns the interval of equal tails of Beta(x+1/2, n-x+1/2), with the lower limit 0 for x = 0
// and the upper one 1 for x = n; false if n is 0 or x exceeds n. Source: Brown, Cai and DasGupta 2001.
func Jeffreys(x, n uint64) (Interval, bool) {
	if n == 0 || x > n {
		return Interval{}, false
	}
	posterior := distuv.Beta{Alpha: float64(x) + .5, Beta: float64(n-x) + .5}
	i := Interval{Lower: 0, Upper: 1}
	if x > 0 {
		i.Lower = posterior.Quantile(.025)
	}
	if x < n {
		i.Upper = posterior.Quantile(.975)
	}
	return i, true
}

// ClopperPearson returns the exact interval, which covers in at least 95 % of samples and is wide for it;
// false if n is 0 or x exceeds n. Source: Clopper and Pearson 1934.
func ClopperPearson(x, n uint64) (Interval, bool) {
	if n == 0 || x > n {
		return Interval{}, false
	}
	return clopperPearson(float64(x), float64(n)), true
}

// clopperPearson takes effective counts, which need not be whole.
func clopperPearson(x, n float64) Interval {
	i := Interval{Lower: 0, Upper: 1}
	if x > 0 {
		i.Lower = distuv.Beta{Alpha: x, Beta: n - x + 1}.Quantile(.025)
	}
	if x < n {
		i.Upper = distuv.Beta{Alpha: x + 1, Beta: n - x}.Quantile(.975)
	}
	return i
}

// AgrestiCoull returns the interval of z^2 added trials, half of them with the outcome; false if n is 0,
// x exceeds n, or a limit would leave [0,1], where Wilson serves. Source: Agresti and Coull 1998.
func AgrestiCoull(x, n uint64) (Interval, bool) {
	if n == 0 || x > n {
		return Interval{}, false
	}
	trials := float64(n) + Z*Z
	p := (float64(x) + Z*Z/2) / trials
	i := symmetric(p, Z*math.Sqrt(p*(1-p)/trials))
	if i.Lower < 0 || i.Upper > 1 {
		return Interval{}, false
	}
	return i, true
}

// Difference is a rate minus another.
type Difference struct {
	Value float64
	Interval
}

// ProportionDifference compares x1 of n1 with x2 of n2 independent trials by the hybrid of their Wilson
// limits, which stays within [-1,1]; false if a rate is undefined. Source: Newcombe 1998, method 10.
func ProportionDifference(x1, n1, x2, n2 uint64) (Difference, bool) {
	i1, ok1 := Wilson(x1, n1)
	i2, ok2 := Wilson(x2, n2)
	if !ok1 || !ok2 {
		return Difference{}, false
	}
	return hybrid(float64(x1)/float64(n1), i1, float64(x2)/float64(n2), i2, 0), true
}

// hybrid recovers the limits of a difference from the limits of its two rates and their correlation: near
// each limit, the distances of the rates from their own limits stand for standard errors.
// Sources: Newcombe 1998; Zou and Donner 2008; with a correlation, Zou 2007.
func hybrid(p1 float64, i1 Interval, p2 float64, i2 Interval, correlation float64) Difference {
	distance := func(a, b float64) float64 {
		return math.Sqrt(max(0, a*a-2*correlation*a*b+b*b))
	}
	d := p1 - p2
	return Difference{Value: d, Interval: Interval{
		Lower: d - distance(p1-i1.Lower, i2.Upper-p2),
		Upper: d + distance(i1.Upper-p1, p2-i2.Lower),
	}}
}

// RiskRatio returns (x1/n1)/(x2/n2) with limits on the log scale, or false if a rate is undefined, a
// count is 0 or both rates are 1: then only the difference can be reported. Source: Katz, Baptista, Azen and Pike 1978.
func RiskRatio(x1, n1, x2, n2 uint64) (float64, Interval, bool) {
	if x1 == 0 || x2 == 0 || x1 > n1 || x2 > n2 || (x1 == n1 && x2 == n2) {
		return 0, Interval{}, false
	}
	a, m, b, n := float64(x1), float64(n1), float64(x2), float64(n2)
	ratio := a / m / (b / n)
	factor := math.Exp(Z * math.Sqrt(1/a-1/m+1/b-1/n))
	return ratio, Interval{Lower: ratio / factor, Upper: ratio * factor}, true
}

// SampleSize returns how many independent units each of two arms needs to tell p1 from p2 at 5 %, two-sided,
// with the given power; multiply by the design effect for units that come in clusters. The figure is not
// rounded. False if the rates are equal or not inside (0,1), or the power is not inside (.05, 1).
// Source: Fleiss, Levin and Paik 2003, unpooled variance.
func SampleSize(p1, p2, power float64) (float64, bool) {
	inside := func(p float64) bool { return p > 0 && p < 1 }
	if !inside(p1) || !inside(p2) || p1 == p2 || !(power > .05 && power < 1) {
		return 0, false
	}
	z := Z + normalQuantile(power)
	d := p1 - p2
	return z * z * (p1*(1-p1) + p2*(1-p2)) / (d * d), true
}

// Garwood returns the exact interval of the mean of a Poisson count, in events. Source: Garwood 1936.
func Garwood(events uint64) Interval { return garwood(float64(events)) }

// garwood takes a number of events that need not be whole, so that clumped ones can be counted by clump.
func garwood(x float64) Interval {
	i := Interval{Upper: distuv.ChiSquared{K: 2*x + 2}.Quantile(.975) / 2}
	if x > 0 {
		i.Lower = distuv.ChiSquared{K: 2 * x}.Quantile(.025) / 2
	}
	return i
}

// RareDifference compares the rates of two cells of different contacts where the outcomes of either are too few for a variance of their own; one may have
// none. The outcomes are taken as Poisson counts whose variance is that of contacts with several of them, sum y^2 / sum y of both cells; the limits come from
// those of the two counts, the standard error is at least that of one outcome in each. p is the exact two-sided one of so uneven a split of the outcomes.
// False if there are none, or no units. Sources: Garwood 1936; Zou and Donner 2008; Przyborowski and Wilenski 1940.
func RareDifference(a, b Clustered) (d Difference, stdError, p float64, ok bool) {
	if a.Units == 0 || b.Units == 0 || a.Outcomes+b.Outcomes == 0 {
		return Difference{}, 0, 0, false
	}
	clumps := max(1, float64(a.YY+b.YY)/float64(a.Outcomes+b.Outcomes))
	of := func(c Clustered) (events, perEvent float64, limits Interval) {
		events, perEvent = float64(c.Outcomes)/clumps, clumps/float64(c.Units)
		i := garwood(events)
		return events, perEvent, Interval{Lower: i.Lower * perEvent, Upper: min(1, i.Upper*perEvent)}
	}
	x, u, i := of(a)
	y, v, j := of(b)
	share := float64(a.Units) / float64(a.Units+b.Units)
	atLeast, atMost := 1.0, 1.0
	if x > 0 {
		atLeast = mathext.RegIncBeta(x, y+1, share)
	}
	if y > 0 {
		atMost = mathext.RegIncBeta(y, x+1, 1-share)
	}
	return hybrid(x*u, i, y*v, j, 0), math.Sqrt(max(1, x)*u*u + max(1, y)*v*v), min(1, 2*min(atLeast, atMost)), true
}

// ZeroEvents returns the upper one-sided 95 % limit of a rate after n independent trials without an event,
// about 3/n; false if n is 0. Source: Hanley and Lippman-Hand 1983.
func ZeroEvents(n uint64) (float64, bool) {
	if n == 0 {
		return 0, false
	}
	return -math.Expm1(math.Log(.05) / float64(n)), true
}

// FisherLess returns the one-sided p-value of x1 of n1 being below x2 of n2 by chance, given the total of
// outcomes: the exact test for a person's few messages. False if a rate is undefined. Source: Fisher 1935.
func FisherLess(x1, n1, x2, n2 uint64) (float64, bool) {
	if n1 == 0 || n2 == 0 || x1 > n1 || x2 > n2 {
		return 0, false
	}
	choose := func(n, k uint64) float64 {
		a, _ := math.Lgamma(float64(n) + 1)
		b, _ := math.Lgamma(float64(k) + 1)
		c, _ := math.Lgamma(float64(n-k) + 1)
		return a - b - c
	}
	total := x1 + x2
	all := choose(n1+n2, total)
	var p sum
	for k := total - min(total, n2); k <= x1; k++ {
		p.add(math.Exp(choose(n1, k) + choose(n2, total-k) - all))
	}
	return min(1, p.value()), true
}
