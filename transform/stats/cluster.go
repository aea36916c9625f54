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
// The variance is the linearised one, which is the delta method's and the cluster-robust CR1, corrected where clusters are few or unlike; the limits
// are taken on the logit scale with a t quantile of G-1 degrees of freedom, or of fewer there, so they stay within (0,1).
// Where the clusters do not differ (the rate is 0 or 1, or each has the same share) that variance is 0 and
// would pretend certainty: the interval then is Wilson's on the clusters. The design effect compares with
// R(1-R)/(N-1), the unbiased estimate for independent units.
// Sources: Cochran 1977 chapter 6; Liang and Zeger 1986; Deng, Knoblich and Lu 2018.
func (c Clustered) Ratio() (Estimate, bool) {
	cr0, ok := c.cr0()
	if !ok || c.Outcomes > c.Units {
		return Estimate{}, false
	}
	factor, df := c.correction()
	return c.estimate(factor*cr0, df), true
}

// Mean estimates outcomes per unit where a unit may have several, for instance replies per day. The variance is that of
// Ratio; the limits are taken on the log scale with t of the same degrees of freedom, so they stay above 0. False if the
// sums are of no possible sample, there are no outcomes, or the clusters do not differ. Sources: as Ratio.
func (c Clustered) Mean() (Coefficient, bool) {
	cr0, ok := c.cr0()
	if !ok || cr0 == 0 || c.Outcomes == 0 {
		return Coefficient{}, false
	}
	correction, df := c.correction()
	m := Coefficient{Value: float64(c.Outcomes) / float64(c.Units), StdError: math.Sqrt(correction * cr0)}
	factor := math.Exp(studentQuantile(df) * m.StdError / m.Value)
	m.Interval = Interval{Lower: m.Value / factor, Upper: m.Value * factor}
	if !finite(m.Upper) || m.Lower == 0 {
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

// fewClusters of one size are as many as CR1 needs.
const fewClusters = 40

// correction returns what CR0 is multiplied by, and the degrees of freedom of the interval's t: G/(G-1) and G-1, as CR1 has them. Where the clusters weigh
// no more than fewer than 40 of one size would, because there are few or because some have most of the units, CR1 is too small, and that number stands in
// the place of G: N^2 / sum of n^2 (Kish 1965; Carter, Schnepel and Steigerwald 2017). It says nearly what CR2 with Satterthwaite's degrees of freedom
// says (Bell and McCaffrey 2002), from the sums alone.
func (c Clustered) correction() (factor, df float64) {
	g, n := float64(c.Clusters), float64(c.Units)
	if alike := n / float64(c.NN) * n; alike < fewClusters {
		g = min(g, alike)
	}
	less := max(g-1, 1/n) // two clusters of which one has all but a unit: what rounding must not make 0
	return g / less, max(1, less)
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
// rate is undefined or the sums are of no possible sample. It is scaled as the two variances are.
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
	fa, _ := a.correction()
	fb, _ := b.correction()
	return cov * math.Sqrt(fa*fb), true
}

// RatioDifference compares the rates of two cells whose contacts may be the same, others, or some of both: the
// cross sums tell. The limits come from the limits of the two rates and their correlation, so that they
// stay within [-1,1] and a rate of 0 keeps its uncertainty; the standard error is corrected as theirs.
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
