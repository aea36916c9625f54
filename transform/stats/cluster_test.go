package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

var eight = []Cluster{{10, 4}, {2, 1}, {5, 0}, {20, 3}, {1, 1}, {8, 5}, {4, 0}, {30, 3}}

func TestRatioReference(t *testing.T) {
	e, ok := Sums(eight).Ratio()
	if !ok || !e.Varies {
		t.Fatalf("%+v, %v", e, ok)
	}
	near(t, "rate", e.Rate, .2125, closedForm)
	// Eight of unlike size are few: that aside, CR1.
	cr0, _ := Sums(eight).cr0()
	near(t, "CR0", math.Sqrt(cr0), .06864871800970, closedForm)
	e = Sums(eight).estimate(8./7*cr0, 7)
	near(t, "standard error", e.StdError, .07338856652387, closedForm)
	near(t, "design effect", e.DesignEffect, 2.542578698, 1e-9)
	near(t, "lower", e.Lower, .08731035275, quantileBased)
	near(t, "upper", e.Upper, .43219138338, quantileBased)
}

func TestDoublingContactsKeepsTheRate(t *testing.T) {
	once, _ := Sums(eight).Ratio()
	twice, _ := Sums(append(append([]Cluster{}, eight...), eight...)).Ratio()
	g := 80. * 80 / 1510 // that they weigh as much as
	near(t, "rate", twice.Rate, once.Rate, 0)
	near(t, "standard error", twice.StdError, once.StdError*math.Sqrt((g-1)/(2*g-1)), closedForm)
}

func TestOneUnitPerContactIsTheBinomial(t *testing.T) {
	var contacts []Cluster
	for i := range uint64(40) {
		contacts = append(contacts, Cluster{1, min(1, i/30)})
	}
	e, _ := Sums(contacts).Ratio()
	near(t, "variance", e.StdError*e.StdError, .25*.75/39, closedForm)
	near(t, "design effect", e.DesignEffect, 1, closedForm)
}

func TestRatioWithoutVariance(t *testing.T) {
	f := func(what string, contacts []Cluster, rate float64) {
		t.Helper()
		e, ok := Sums(contacts).Ratio()
		if !ok || e.Varies || e.StdError != 0 || e.DesignEffect != 0 {
			t.Errorf("%s: %+v, %v", what, e, ok)
		}
		want := wilson(rate, float64(len(contacts)))
		if e.Rate != rate || e.Interval != want {
			t.Errorf("%s: %+v, want rate %v in %v", what, e, rate, want)
		}
	}
	f("none", []Cluster{{3, 0}, {500, 0}}, 0)
	f("all", []Cluster{{3, 3}, {5, 5}, {1, 1}}, 1)
	f("equal shares", []Cluster{{2, 1}, {4, 2}, {6, 3}}, .5)
}

func TestRatioUndefined(t *testing.T) {
	f := func(what string, c Clustered) {
		t.Helper()
		if e, ok := c.Ratio(); ok || e != (Estimate{}) {
			t.Errorf("%s: %+v, %v", what, e, ok)
		}
	}
	f("nothing", Clustered{})
	f("one contact", Sums([]Cluster{{9, 3}}))
	f("more outcomes than units", Clustered{Clusters: 2, Units: 2, Outcomes: 3, NN: 2, YY: 5, NY: 3})
	f("impossible sums", Clustered{Clusters: 2, Units: 10, Outcomes: 5, NN: 50, YY: 1, NY: 100})
}

// Huge counts must neither overflow nor lose the variance to rounding.
func TestRatioHuge(t *testing.T) {
	c := Clustered{Clusters: 1e9, Units: 1e10, Outcomes: 1e9, NN: 1e11, YY: 1e9 + 2, NY: 1e10}
	e, ok := c.Ratio()
	if !ok || !e.Varies {
		t.Fatalf("%+v, %v", e, ok)
	}
	// sum e^2 = 1e9+2 - 2*.1*1e10 + .01*1e11 = 2
	near(t, "standard error", e.StdError*1e10, math.Sqrt(2), 1e-8)
}

func TestRatioIsFiniteAndInside(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		contacts := make([]Cluster, 2+r.IntN(40))
		for i := range contacts {
			n := 1 + r.Uint64N(1+r.Uint64N(50))
			contacts[i] = Cluster{n, r.Uint64N(n+1) / (1 + r.Uint64N(9))}
		}
		e, ok := Sums(contacts).Ratio()
		if !ok {
			t.Fatalf("undefined: %v", contacts)
		}
		for _, x := range []float64{e.Rate, e.Lower, e.Upper, e.StdError, e.DesignEffect} {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				t.Fatalf("%+v of %v", e, contacts)
			}
		}
		if e.Lower > e.Rate || e.Upper < e.Rate || e.Upper > 1 {
			t.Fatalf("%+v of %v", e, contacts)
		}
	}
}

// 200 contacts whose messages are alike (intra-class correlation .2): the clustered interval holds the truth,
// the binomial one, which takes messages for independent, does not. This is why it is not used.
func TestCoverage(t *testing.T) {
	const (
		runs, users = 1500, 200
		truth       = .2
		icc         = .2
	)
	total := 1/icc - 1 // of the two parameters of the beta distribution
	r := rand.New(rand.NewPCG(11, 12))
	traits := distuv.Beta{Alpha: truth * total, Beta: (1 - truth) * total, Src: r}
	clustered, binomial := 0, 0
	for range runs {
		contacts := make([]Cluster, users)
		for i := range contacts {
			p := traits.Rand()
			contacts[i].Units = 1 + r.Uint64N(20)
			for range contacts[i].Units {
				if r.Float64() < p {
					contacts[i].Outcomes++
				}
			}
		}
		c := Sums(contacts)
		e, _ := c.Ratio()
		if e.Lower <= truth && truth <= e.Upper {
			clustered++
		}
		b, _ := Wilson(c.Outcomes, c.Units)
		if b.Lower <= truth && truth <= b.Upper {
			binomial++
		}
	}
	tolerance := 3 * math.Sqrt(.93*.07/runs)
	if share := float64(clustered) / runs; share < .93-tolerance || share > .97+tolerance {
		t.Errorf("the clustered interval covers the truth in %.3f of the runs", share)
	}
	if share := float64(binomial) / runs; share > .85 {
		t.Errorf("the binomial interval covers the truth in %.3f of the runs: the test's contacts are not alike", share)
	}
}

// Few clusters of unlike size: nearly CR2 and Satterthwaite's degrees of freedom, .07841993563 and 3.37 (R, clubSandwich).
func TestRatioOfFewClustersIsNearCR2(t *testing.T) {
	e, ok := Sums(eight).Ratio()
	if !ok {
		t.Fatal("undefined")
	}
	near(t, "rate", e.Rate, .2125, closedForm)
	near(t, "CR2", e.StdError, .07841993563, .002)
	near(t, "Satterthwaite", e.DF, 3.37, .04)
}

// Clusters of one size are as many as they are; so are many none of which dominates.
func TestRatioWhereClustersAreAlikeOrMany(t *testing.T) {
	equal := Sums([]Cluster{{5, 1}, {5, 0}, {5, 3}, {5, 2}, {5, 5}, {5, 1}})
	if factor, df := equal.correction(); math.Abs(factor-6./5) > 1e-12 || math.Abs(df-5) > 1e-12 {
		t.Errorf("six alike: %v, %v", factor, df)
	}
	many := Sums(slices.Repeat(eight, 10))
	if factor, df := many.correction(); factor != 80./79 || df != 79 {
		t.Errorf("eighty: %v, %v", factor, df)
	}
	dominated := Sums(append(slices.Repeat(eight, 10), Cluster{900, 700}))
	if factor, df := dominated.correction(); factor < 1.2 || df > 4 {
		t.Errorf("a dominating contact: %v, %v", factor, df)
	}
	if factor, df := (Clustered{Clusters: 2, Units: 1e9, NN: (1e9-1)*(1e9-1) + 1}).correction(); !(factor > 1e8 && factor < 1e10) || df != 1 {
		t.Errorf("all but a unit in one: %v, %v", factor, df)
	}
}

func TestJackknifeAndANOVA(t *testing.T) {
	se, ok := Jackknife(eight)
	if !ok {
		t.Fatal("undefined")
	}
	near(t, "jackknife", se, .08515836291778, closedForm)
	a, ok := AnalyseClusters(eight)
	if !ok {
		t.Fatal("undefined")
	}
	near(t, "between", a.Between, .480357142857, closedForm)
	near(t, "within", a.Within, .139236111111, closedForm)
	near(t, "mean size", a.MeanSize, 8.732142857143, closedForm)
	near(t, "ICC", a.ICC, .219095597459, closedForm)
	for _, c := range [][]Cluster{nil, {{9, 3}}, {{1, 0}, {1, 1}}, {{3, 0}, {2, 0}}} {
		if a, ok := AnalyseClusters(c); ok {
			t.Errorf("%v: %+v", c, a)
		}
	}
}

func crossOf(a, b []Cluster) (c Cross) {
	for i := range a {
		c.NN += a[i].Units * b[i].Units
		c.YY += a[i].Outcomes * b[i].Outcomes
		c.NY += a[i].Units * b[i].Outcomes
		c.YN += a[i].Outcomes * b[i].Units
	}
	return c
}

// The variance of a difference within the same contacts is that of their linearised differences, each corrected as its rate is.
func TestRatioDifference(t *testing.T) {
	a := eight
	b := []Cluster{{5, 1}, {2, 2}, {9, 1}, {10, 3}, {3, 1}, {8, 6}, {4, 1}, {7, 0}}
	d, se, ok := RatioDifference(Sums(a), Sums(b), crossOf(a, b))
	if !ok {
		t.Fatal("undefined")
	}
	ra, rb := 17./80, 15./48
	fa, _ := Sums(a).correction()
	fb, _ := Sums(b).correction()
	var squares float64
	for i := range a {
		e := math.Sqrt(fa)*(float64(a[i].Outcomes)-ra*float64(a[i].Units))/80 - math.Sqrt(fb)*(float64(b[i].Outcomes)-rb*float64(b[i].Units))/48
		squares += e * e
	}
	near(t, "difference", d.Value, ra-rb, closedForm)
	near(t, "standard error", se, math.Sqrt(squares), closedForm)

	same, se, _ := RatioDifference(Sums(a), Sums(a), crossOf(a, a))
	if se != 0 || same.Value != 0 {
		t.Errorf("a rate minus itself: %+v, %v", same, se)
	}
	apart, se, _ := RatioDifference(Sums(a), Sums(b), Cross{})
	ea, _ := Sums(a).Ratio()
	eb, _ := Sums(b).Ratio()
	near(t, "independent", se, math.Hypot(ea.StdError, eb.StdError), closedForm)
	if apart.Upper-apart.Lower <= d.Upper-d.Lower {
		t.Errorf("%+v of other contacts is no wider than %+v of the same", apart, d)
	}

	none := []Cluster{{500, 0}, {300, 0}, {200, 0}}
	d, _, ok = RatioDifference(Sums(none), Sums(eight), Cross{})
	if !ok || d.Lower < -1 || d.Upper > 1 || d.Upper < 0 {
		t.Errorf("none against some: %+v, %v", d, ok)
	}
	if _, _, ok := RatioDifference(Sums(a), Sums(b), Cross{YY: 1e6}); ok {
		t.Error("impossible cross sums have a difference")
	}
}

func TestMean(t *testing.T) {
	m, ok := Sums(eight).Mean()
	e, _ := Sums(eight).Ratio()
	if !ok || m.Value != e.Rate || m.StdError != e.StdError || !(m.Lower > 0 && m.Lower < e.Rate && e.Rate < m.Upper) {
		t.Errorf("%+v, %v, as a ratio %+v", m, ok, e)
	}
	near(t, "limits lie alike on the log scale", m.Lower*m.Upper, m.Value*m.Value, closedForm)
	several := Sums([]Cluster{{2, 9}, {3, 1}, {5, 12}})
	if m, ok := several.Mean(); !ok || m.Value != 2.2 {
		t.Errorf("several outcomes per unit: %+v, %v", m, ok)
	}
	if _, ok := several.Ratio(); ok {
		t.Error("several outcomes per unit have a rate")
	}
	for _, c := range [][]Cluster{{{9, 3}}, {{3, 0}, {5, 0}}, {{2, 4}, {3, 6}}} {
		if m, ok := Sums(c).Mean(); ok {
			t.Errorf("%v: %+v", c, m)
		}
	}
}

// Adding the events of more contacts in any order gives the same sums, and so the same bytes.
func TestRatioIsOrderFree(t *testing.T) {
	backwards := slices.Clone(eight)
	slices.Reverse(backwards)
	a, _ := Sums(eight).Ratio()
	b, _ := Sums(backwards).Ratio()
	if a != b {
		t.Errorf("%+v, backwards %+v", a, b)
	}
}

// The fewest contacts of a cell that is shown, of unlike size, alike within (intra-class correlation .2): the interval holds the truth, that of CR1 with G-1
// degrees of freedom misses it too often, the more so where one contact has a fifth of the messages.
func TestCoverageOfFewContacts(t *testing.T) {
	const runs, truth = 2000, .2
	r := rand.New(rand.NewPCG(13, 14))
	traits := distuv.Beta{Alpha: truth * 4, Beta: (1 - truth) * 4, Src: r}
	for _, users := range []int{30, 40} {
		for _, dominated := range []bool{false, true} {
			own, cr1 := 0, 0
			for range runs {
				contacts := make([]Cluster, users)
				units := uint64(0)
				for i := range contacts {
					contacts[i].Units = 1 + uint64(math.Exp(1.5+r.NormFloat64()))
					units += contacts[i].Units
				}
				if dominated {
					contacts[0].Units = units / 4
				}
				for i := range contacts {
					p := traits.Rand()
					for range contacts[i].Units {
						if r.Float64() < p {
							contacts[i].Outcomes++
						}
					}
				}
				c := Sums(contacts)
				if e, ok := c.Ratio(); ok && e.Lower <= truth && truth <= e.Upper {
					own++
				}
				cr0, _ := c.cr0()
				g := float64(users)
				if e := c.estimate(g/(g-1)*cr0, g-1); e.Lower <= truth && truth <= e.Upper {
					cr1++
				}
			}
			t.Logf("%d contacts, one of them dominating: %v: %.3f of the intervals cover, with CR1 %.3f", users, dominated, float64(own)/runs, float64(cr1)/runs)
			if share := float64(own) / runs; share < .93-3*math.Sqrt(.93*.07/runs)/2 || share > .97 {
				t.Errorf("%d contacts: the interval covers the truth in %.3f of the runs", users, share)
			}
			if cr1 >= own || dominated && float64(cr1)/runs > .93 {
				t.Errorf("%d contacts: that of CR1 covers the truth in %.3f of the runs: ours is not needed", users, float64(cr1)/runs)
			}
		}
	}
}
