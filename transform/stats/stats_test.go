package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// Reference values were computed with R (survey, sandwich) and again in plain Python.
const (
	closedForm    = 1e-9
	quantileBased = 1e-7
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(math.Abs(want), 1e-3)) {
		t.Errorf("%s = %.13g, want %.13g", what, got, want)
	}
}

func TestWilson(t *testing.T) {
	f := func(x, n uint64, lower, upper float64) {
		t.Helper()
		i, ok := Wilson(x, n)
		if !ok {
			t.Fatalf("%d of %d: undefined", x, n)
		}
		near(t, "lower", i.Lower, lower, closedForm)
		near(t, "upper", i.Upper, upper, closedForm)
	}
	f(15, 50, .191035535009, .437503504645)
	f(0, 20, 0, .161125158053)
	f(20, 20, .838874841947, 1)
	f(1, 10, .017876213095, .404150026795)
	f(3, 1_000_000, 1.02027124097e-6, 8.82114977431e-6)
	f(81, 263, .255288519878, .366209576983) // Newcombe 1998: .2553, .3662

	if i, _ := Wilson(3, 1_000_000); math.Abs(i.Lower/1.02027124097e-6-1) > 1e-9 {
		t.Errorf("small rate: lower = %v", i.Lower)
	}
	for _, n := range []uint64{1, 7, 20, 1000, 123457} {
		if i, _ := Wilson(0, n); i.Lower != 0 {
			t.Errorf("0 of %d: lower = %v", n, i.Lower)
		}
		if i, _ := Wilson(n, n); i.Upper != 1 {
			t.Errorf("%d of %d: upper = %v", n, n, i.Upper)
		}
	}
	if _, ok := Wilson(0, 0); ok {
		t.Error("0 of 0 has an interval")
	}
	if _, ok := Wilson(2, 1); ok {
		t.Error("2 of 1 has an interval")
	}
}

type contact struct{ n, y uint64 }

func sums(contacts []contact) (c Clustered) {
	for _, u := range contacts {
		c.Clusters++
		c.Units += u.n
		c.Outcomes += u.y
		c.NN += u.n * u.n
		c.YY += u.y * u.y
		c.NY += u.n * u.y
	}
	return c
}

var eight = []contact{{10, 4}, {2, 1}, {5, 0}, {20, 3}, {1, 1}, {8, 5}, {4, 0}, {30, 3}}

func TestRatioReference(t *testing.T) {
	e, ok := sums(eight).Ratio()
	if !ok || !e.Varies {
		t.Fatalf("%+v, %v", e, ok)
	}
	near(t, "rate", e.Rate, .2125, closedForm)
	near(t, "standard error", e.StdError, .07338856652387, closedForm)
	near(t, "design effect", e.DesignEffect, 2.542578698, 1e-9)
	near(t, "lower", e.Lower, .08731035275, quantileBased)
	near(t, "upper", e.Upper, .43219138338, quantileBased)
}

func TestStudentQuantile(t *testing.T) {
	f := func(df, want float64) {
		t.Helper()
		near(t, "t", distuv.StudentsT{Sigma: 1, Nu: df}.Quantile(.975), want, quantileBased)
	}
	f(1, 12.706204736432095)
	f(7, 2.364624251592785)
	f(29, 2.045229642132703)
	f(1e6, 1.959966357) // nearly normal
}

func TestDoublingContactsKeepsTheRate(t *testing.T) {
	once, _ := sums(eight).Ratio()
	twice, _ := sums(append(append([]contact{}, eight...), eight...)).Ratio()
	g := float64(len(eight))
	near(t, "rate", twice.Rate, once.Rate, 0)
	near(t, "standard error", twice.StdError, once.StdError*math.Sqrt((g-1)/(2*g-1)), closedForm)
}

func TestOneUnitPerContactIsTheBinomial(t *testing.T) {
	var contacts []contact
	for i := range uint64(40) {
		contacts = append(contacts, contact{1, min(1, i/30)})
	}
	e, _ := sums(contacts).Ratio()
	near(t, "variance", e.StdError*e.StdError, .25*.75/39, closedForm)
	near(t, "design effect", e.DesignEffect, 1, closedForm)
}

func TestRatioWithoutVariance(t *testing.T) {
	f := func(what string, contacts []contact, rate float64) {
		t.Helper()
		e, ok := sums(contacts).Ratio()
		if !ok || e.Varies || e.StdError != 0 || e.DesignEffect != 0 {
			t.Errorf("%s: %+v, %v", what, e, ok)
		}
		want := wilson(rate, float64(len(contacts)))
		if e.Rate != rate || e.Interval != want {
			t.Errorf("%s: %+v, want rate %v in %v", what, e, rate, want)
		}
	}
	f("none", []contact{{3, 0}, {500, 0}}, 0)
	f("all", []contact{{3, 3}, {5, 5}, {1, 1}}, 1)
	f("equal shares", []contact{{2, 1}, {4, 2}, {6, 3}}, .5)
}

func TestRatioUndefined(t *testing.T) {
	f := func(what string, c Clustered) {
		t.Helper()
		if e, ok := c.Ratio(); ok || e != (Estimate{}) {
			t.Errorf("%s: %+v, %v", what, e, ok)
		}
	}
	f("nothing", Clustered{})
	f("one contact", sums([]contact{{9, 3}}))
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
		contacts := make([]contact, 2+r.IntN(40))
		for i := range contacts {
			n := 1 + r.Uint64N(1+r.Uint64N(50))
			contacts[i] = contact{n, r.Uint64N(n+1) / (1 + r.Uint64N(9))}
		}
		e, ok := sums(contacts).Ratio()
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
		contacts := make([]contact, users)
		for i := range contacts {
			p := traits.Rand()
			contacts[i].n = 1 + r.Uint64N(20)
			for range contacts[i].n {
				if r.Float64() < p {
					contacts[i].y++
				}
			}
		}
		c := sums(contacts)
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
