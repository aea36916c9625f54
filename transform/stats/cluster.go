package stats

import (
	"math"
	"math/big"
)

// Cluster is one contact: units, for instance messages, and how many of them have the outcome.
type Cluster struct{ Units, Outcomes uint64 }

// Clustered are the sufficient statistics of a rate whose units come in clusters: contacts with
// n units each, of which y have the outcome.
type Clustered struct {
	Clusters   uint64 // G
	Units      uint64 // sum of n
	Outcomes   uint64 // sum of y
	NN, YY, NY uint64 // sums of n*n, y*y, n*y over clusters
}

// Sums returns the sufficient statistics of the clusters; a cluster without units does not count.
func Sums(clusters []Cluster) (c Clustered) {
	for _, u := range clusters {
		if u.Units == 0 {
			continue
		}
		c.Clusters++
		c.Units += u.Units
		c.Outcomes += u.Outcomes
		c.NN += u.Units * u.Units
		c.YY += u.Outcomes * u.Outcomes
		c.NY += u.Units * u.Outcomes
	}
	return c
}

// Estimate is a rate with its uncertainty.
type Estimate struct {
	Rate         float64 // outcomes per unit: the ratio of sums, not the mean of the clusters' rates
	Interval             // of 95 %
	StdError     float64 // valid if Varies
	DF           float64 // degrees of freedom of the interval's t; valid if Varies
	DesignEffect float64 // variance over that of as many independent units; valid if Varies
	Varies       bool    // false: the clusters agree to the last unit, so the sample cannot tell its own variance
}

// Ratio estimates the rate from the sums, or returns false if there are fewer than two clusters or
// the sums are of no possible sample.
//
// The variance is the linearised one, which is the delta method's and the cluster-robust CR1; the limits
// are taken on the logit scale with a t quantile of G-1 degrees of freedom, so they stay within (0,1).
// Where the clusters do not differ (the rate is 0 or 1, or each has the same share) that variance is 0 and
// would pretend certainty: the interval then is Wilson's on the clusters. The design effect compares with
// R(1-R)/(N-1), the unbiased estimate for independent units.
// Sources: Cochran 1977 chapter 6; Liang and Zeger 1986; Deng, Knoblich and Lu 2018.
func (c Clustered) Ratio() (Estimate, bool) {
	cr0, ok := c.cr0()
	if !ok || c.Outcomes > c.Units {
		return Estimate{}, false
	}
	g := float64(c.Clusters)
	return c.estimate(g/(g-1)*cr0, g-1), true
}

// Mean estimates outcomes per unit where a unit may have several, for instance replies per day. The variance is that of
// Ratio; the limits are taken on the log scale with t of G-1 degrees of freedom, so they stay above 0. False if the
// sums are of no possible sample, there are no outcomes, or the clusters do not differ. Sources: as Ratio.
func (c Clustered) Mean() (Coefficient, bool) {
	cr0, ok := c.cr0()
	if !ok || cr0 == 0 || c.Outcomes == 0 {
		return Coefficient{}, false
	}
	g := float64(c.Clusters)
	m := Coefficient{Value: float64(c.Outcomes) / float64(c.Units), StdError: math.Sqrt(g / (g - 1) * cr0)}
	factor := math.Exp(studentQuantile(g-1) * m.StdError / m.Value)
	m.Interval = Interval{Lower: m.Value / factor, Upper: m.Value * factor}
	if !finite(m.Upper) {
		return Coefficient{}, false
	}
	return m, true
}

// cr0 returns the linearised variance without a correction for few clusters.
func (c Clustered) cr0() (float64, bool) {
	if c.Clusters < 2 || c.Units < c.Clusters {
		return 0, false
	}
	squares := product(c, c, Cross{NN: c.NN, YY: c.YY, NY: c.NY, YN: c.NY})
	if squares.Sign() < 0 {
		return 0, false
	}
	// squares is N^2 times the sum of squared residuals, so the variance divides by N^4.
	s, _ := new(big.Float).SetInt(squares).Float64()
	n := float64(c.Units)
	return s / n / n / n / n, true
}

// estimate completes the sums with a variance of their rate.
func (c Clustered) estimate(variance, df float64) Estimate {
	n := float64(c.Units)
	e := Estimate{Rate: float64(c.Outcomes) / n}
	if c.Outcomes == 0 || c.Outcomes == c.Units || variance == 0 {
		e.Interval = wilson(e.Rate, float64(c.Clusters))
		return e
	}
	e.StdError, e.DF, e.Varies = math.Sqrt(variance), df, true
	e.DesignEffect = variance / (e.Rate * (1 - e.Rate) / (n - 1))
	e.Interval = logitInterval(e.Rate, e.StdError, studentQuantile(df))
	return e
}

// Below so many clusters, or above such a share of the units in one of them, CR1 is too small.
const (
	fewClusters   = 40
	dominantShare = .1
)

// Ratio estimates the rate from the clusters themselves, as Clustered.Ratio does, but with fewer than 40 of them
// or one that has more than a tenth of the units it takes the variance CR2, which allows for each cluster's
// pull on the rate, and Satterthwaite's degrees of freedom for equally varying, independent units.
// Source: Bell and McCaffrey 2002.
func Ratio(clusters []Cluster) (Estimate, bool) {
	c := Sums(clusters)
	for _, u := range clusters {
		if u.Outcomes > u.Units {
			return Estimate{}, false
		}
	}
	if cr0, ok := c.cr0(); !ok {
		return Estimate{}, false
	} else if cr0 == 0 {
		return c.estimate(0, 0), true
	}
	n := float64(c.Units)
	few := c.Clusters < fewClusters
	for _, u := range clusters {
		few = few || float64(u.Units) > dominantShare*n
	}
	if !few {
		return c.Ratio()
	}
	rate := float64(c.Outcomes) / n
	var meat, nn, bnn, bbnnnn sum
	for _, u := range clusters {
		units := float64(u.Units)
		residual := float64(u.Outcomes) - rate*units
		b := 1 / (1 - units/n) // square of the cluster's adjustment
		meat.add(b * residual * residual)
		nn.add(units * units)
		bnn.add(b * units * units)
		bbnnnn.add(b * b * units * units * units * units)
	}
	// The sum over pairs of clusters of the squared products of their rows, by its two parts u = v and u != v.
	pairs := bnn.value() * bnn.value()
	df := n * n / (nn.value() + (pairs-bbnnnn.value())/(n*n))
	return c.estimate(meat.value()/(n*n), df), true
}

// Cross are the sums over the contacts of two cells a and b at once: of n_a*n_b, y_a*y_b, n_a*y_b, y_a*n_b.
// They are 0 where no contact is in both.
type Cross struct{ NN, YY, NY, YN uint64 }

// product returns N_a N_b times the sum of the products of residuals, sum (y_a - R_a n_a)(y_b - R_b n_b).
// In integers, because the terms cancel and their sum decides whether there is any variance.
func product(a, b Clustered, cross Cross) *big.Int {
	of := func(x, y, z uint64) *big.Int {
		p := new(big.Int).SetUint64(x)
		p.Mul(p, new(big.Int).SetUint64(y))
		return p.Mul(p, new(big.Int).SetUint64(z))
	}
	p := of(a.Units, b.Units, cross.YY)
	p.Sub(p, of(a.Units, b.Outcomes, cross.YN))
	p.Sub(p, of(a.Outcomes, b.Units, cross.NY))
	return p.Add(p, of(a.Outcomes, b.Outcomes, cross.NN))
}

// Covariance returns the covariance of the two cells' rates over the contacts that are in both, or false if a
// rate is undefined or the sums are of no possible sample. It is scaled like CR1.
// Source: as Clustered.Ratio, for the residuals of two ratios.
func Covariance(a, b Clustered, cross Cross) (float64, bool) {
	va, okA := a.cr0()
	vb, okB := b.cr0()
	if !okA || !okB {
		return 0, false
	}
	na, nb := float64(a.Units), float64(b.Units)
	p, _ := new(big.Float).SetInt(product(a, b, cross)).Float64()
	cov := p / na / nb / na / nb
	if math.Abs(cov) > math.Sqrt(va*vb)*(1+1e-9) {
		return 0, false
	}
	ga, gb := float64(a.Clusters), float64(b.Clusters)
	return cov * math.Sqrt(ga/(ga-1)*(gb/(gb-1))), true
}

// RatioDifference compares the rates of two cells whose contacts may be the same, others, or some of both: the
// cross sums tell. The limits come from the limits of the two rates and their correlation, so that they
// stay within [-1,1] and a rate of 0 keeps its uncertainty; the standard error is that of CR1.
// False if a rate is undefined or the sums are of no possible sample. Sources: as ProportionDifference.
func RatioDifference(a, b Clustered, cross Cross) (d Difference, stdError float64, ok bool) {
	ea, okA := a.Ratio()
	eb, okB := b.Ratio()
	cov, okC := Covariance(a, b, cross)
	if !okA || !okB || !okC {
		return Difference{}, 0, false
	}
	correlation := 0.0
	if ea.Varies && eb.Varies {
		correlation = max(-1, min(1, cov/(ea.StdError*eb.StdError)))
	}
	variance := ea.StdError*ea.StdError + eb.StdError*eb.StdError - 2*cov
	return hybrid(ea.Rate, ea.Interval, eb.Rate, eb.Interval, correlation), math.Sqrt(max(0, variance)), true
}

// Jackknife returns the standard error of the ratio by leaving out one cluster at a time, around the ratio
// itself; false if there are fewer than two clusters or all units are in one. Source: Efron and Tibshirani 1993.
func Jackknife(clusters []Cluster) (float64, bool) {
	c := Sums(clusters)
	if _, ok := c.cr0(); !ok {
		return 0, false
	}
	rate := float64(c.Outcomes) / float64(c.Units)
	var squares sum
	for _, u := range clusters {
		if u.Units == 0 {
			continue
		}
		d := float64(c.Outcomes-u.Outcomes)/float64(c.Units-u.Units) - rate
		squares.add(d * d)
	}
	g := float64(c.Clusters)
	return math.Sqrt((g - 1) / g * squares.value()), true
}

// ANOVA are the mean squares of a 0/1 outcome between and within clusters.
type ANOVA struct {
	Between, Within float64
	MeanSize        float64 // units per cluster, adjusted for their spread
	ICC             float64 // intra-class correlation; below 0 where clusters differ less than chance would have it
}

// AnalyseClusters splits the variance of a 0/1 outcome; false with fewer than two clusters, no cluster of more
// than one unit, or no variance at all. Source: Donner 1986.
func AnalyseClusters(clusters []Cluster) (ANOVA, bool) {
	c := Sums(clusters)
	if _, ok := c.cr0(); !ok || c.Units == c.Clusters || c.Outcomes == 0 || c.Outcomes >= c.Units {
		return ANOVA{}, false
	}
	n, g, rate := float64(c.Units), float64(c.Clusters), float64(c.Outcomes)/float64(c.Units)
	var between, within sum
	for _, u := range clusters {
		if u.Outcomes > u.Units {
			return ANOVA{}, false
		}
		if u.Units == 0 {
			continue
		}
		size, share := float64(u.Units), float64(u.Outcomes)/float64(u.Units)
		between.add(size * (share - rate) * (share - rate))
		within.add(size * share * (1 - share))
	}
	a := ANOVA{
		Between:  between.value() / (g - 1),
		Within:   within.value() / (n - g),
		MeanSize: (n - float64(c.NN)/n) / (g - 1),
	}
	a.ICC = (a.Between - a.Within) / (a.Between + (a.MeanSize-1)*a.Within)
	return a, true
}
