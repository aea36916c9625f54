// Package stats estimates rates with intervals from counts and sums: what SQL should not do.
// Every function is pure, names its source, and never returns a NaN, an infinity or a limit
// outside [0,1]; what is not defined is reported as such.
package stats

import (
	"math"
	"math/big"

	"gonum.org/v1/gonum/stat/distuv"
)

// Z is the .975 quantile of the standard normal distribution: all intervals are of 95 %.
const Z = 1.959963984540054

// Interval has limits within [0,1].
type Interval struct{ Lower, Upper float64 }

// Wilson returns the score interval for x of n independent trials, or false if n is 0 or x exceeds n.
// Source: Wilson 1927; recommended by Brown, Cai and DasGupta 2001.
func Wilson(x, n uint64) (Interval, bool) {
	if n == 0 || x > n {
		return Interval{}, false
	}
	return wilson(float64(x)/float64(n), float64(n)), true
}

// wilson takes a share, so that a rate that is not a count of n can use it too.
func wilson(p, n float64) Interval {
	z2 := Z * Z
	centre := (p + z2/(2*n)) / (1 + z2/n)
	half := Z / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	i := Interval{Lower: max(0, centre-half), Upper: min(1, centre+half)}
	// Exact at the ends, where rounding would leave a trace.
	if p == 0 {
		i.Lower = 0
	}
	if p == 1 {
		i.Upper = 1
	}
	return i
}

// Clustered are the sufficient statistics of a rate whose units come in clusters: contacts with
// n units each, of which y have the outcome.
type Clustered struct {
	Clusters   uint64 // G
	Units      uint64 // sum of n
	Outcomes   uint64 // sum of y
	NN, YY, NY uint64 // sums of n*n, y*y, n*y over clusters
}

// Estimate is a rate with its uncertainty.
type Estimate struct {
	Rate         float64 // outcomes per unit: the ratio of sums, not the mean of the clusters' rates
	Interval             // of 95 %
	StdError     float64 // valid if Varies
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
	if c.Clusters < 2 || c.Units < c.Clusters || c.Outcomes > c.Units {
		return Estimate{}, false
	}
	squares := c.squares()
	if squares.Sign() < 0 {
		return Estimate{}, false
	}
	g, n := float64(c.Clusters), float64(c.Units)
	e := Estimate{Rate: float64(c.Outcomes) / n}
	if c.Outcomes == 0 || c.Outcomes == c.Units || squares.Sign() == 0 {
		e.Interval = wilson(e.Rate, g)
		return e, true
	}
	// squares is N^2 times the sum of squared residuals, so the variance divides by N^4.
	s, _ := new(big.Float).SetInt(squares).Float64()
	variance := g / (g - 1) * (s / n / n) / n / n
	e.StdError = math.Sqrt(variance)
	e.DesignEffect = variance / (e.Rate * (1 - e.Rate) / (n - 1))
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: g - 1}.Quantile(0.975)
	centre := math.Log(e.Rate / (1 - e.Rate))
	half := t * e.StdError / (e.Rate * (1 - e.Rate))
	e.Interval = Interval{Lower: logistic(centre - half), Upper: logistic(centre + half)}
	e.Varies = true
	return e, true
}

// squares returns N^2 * sum (y - R n)^2 = N^2 YY - 2 N Y NY + Y^2 NN. In integers, because the three
// terms cancel and their sum decides whether there is any variance.
func (c Clustered) squares() *big.Int {
	of := func(x uint64) *big.Int { return new(big.Int).SetUint64(x) }
	product := func(x, y, z *big.Int) *big.Int {
		p := new(big.Int).Mul(x, y)
		return p.Mul(p, z)
	}
	n, y := of(c.Units), of(c.Outcomes)
	sum := product(n, n, of(c.YY))
	cross := product(n, y, of(c.NY))
	sum.Sub(sum, cross.Lsh(cross, 1))
	return sum.Add(sum, product(y, y, of(c.NN)))
}

func logistic(x float64) float64 {
	if x < 0 { // either form loses digits on the other side
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}
