package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// six doses a week whose utility is greatest at four, but hardly greater than at three or six.
func sixDoses() DoseCurve {
	n := []float64{5000, 5200, 4800, 4100, 3000, 1900}
	m := []float64{.12, .21, .28, .33, .36, .37}
	sd := []float64{.33, .47, .58, .66, .73, .78}
	q := []float64{.0020, .0031, .0046, .0068, .0102, .0155}
	var c DoseCurve
	var engagement, optOut []float64
	for i := range n {
		engagement = append(engagement, sd[i]/math.Sqrt(n[i]))
		optOut = append(optOut, math.Sqrt(q[i]*(1-q[i])/n[i]))
		c.Doses = append(c.Doses, Dose{
			Sends: float64(i + 1), Contacts: uint64(n[i]), Outcomes: uint64(n[i] * (m[i] + q[i])),
			Engagement: m[i], OptOut: q[i], OptOutMost: q[i] + Z*optOut[i],
		})
	}
	c.Covariance = independent(append(engagement, optOut...))
	return c
}

func plausible(r Recommendation) (set []int) {
	for i, u := range r.Doses {
		if u.Plausible {
			set = append(set, i+1)
		}
	}
	return set
}

func TestOptimum(t *testing.T) {
	values := Values{Engagement: 1, OptOut: 10, Budget: 1}
	r, err := Optimum(sixDoses(), values)
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "utility", column(r.Doses, func(u DoseUtility) float64 { return u.Utility }), []float64{.100, .179, .234, .262, .258, .215}, closedForm)
	allNear(t, "standard error", column(r.Doses, func(u DoseUtility) float64 { return u.StdError }),
		[]float64{.0078549348, .0100951150, .0128637410, .0164611590, .0226752141, .0335164924}, 1e-8)
	allNear(t, "behind", column(r.Doses, func(u DoseUtility) float64 { return u.Behind }), []float64{8.8820, 4.2983, 1.3403, 0, .1428, 1.2587}, 5e-4)
	near(t, "critical", r.Critical, 2.3263478740, quantileBased)
	if r.Advice != Recommended || r.Best != 3 || r.Smallest != 2 || !slices.Equal(plausible(r), []int{3, 4, 5, 6}) {
		t.Errorf("%+v", r)
	}

	s, err := OptimumSensitivity(sixDoses(), values)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Given.Doses, r.Doses) || s.Half.Doses[5].Utility <= r.Doses[5].Utility || s.Double.Doses[5].Utility >= r.Doses[5].Utility {
		t.Errorf("sensitivity: %+v", s)
	}
	if s.Double.Smallest > s.Half.Smallest {
		t.Errorf("dearer opt-outs recommend more: %d, %d", s.Double.Smallest, s.Half.Smallest)
	}
	// Without a cost of sends only the ratio of gain and loss counts; with one the two are different questions.
	same := func(a, b Recommendation) bool {
		return a.Advice == b.Advice && a.Smallest == b.Smallest && a.Best == b.Best
	}
	if !same(s.HalfValue, s.Double) || !same(s.DoubleValue, s.Half) {
		t.Errorf("sends are free, and still half the gain is not twice the loss: %+v", s)
	}
	values.Message = .03
	s, err = OptimumSensitivity(sixDoses(), values)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "half the gain", s.HalfValue.Doses[3].Utility, .33/2-.068-.12, closedForm)
	near(t, "twice the gain", s.DoubleValue.Doses[3].Utility, 2*.33-.068-.12, closedForm)
	if same(s.HalfValue, s.Double) || s.HalfValue.Best >= s.Given.Best || s.DoubleValue.Best <= s.Given.Best {
		t.Errorf("sends cost something: best %d, with half the gain %d, with twice %d", s.Given.Best, s.HalfValue.Best, s.DoubleValue.Best)
	}
}

func TestOptimumWithoutRecommendation(t *testing.T) {
	values := Values{Engagement: 1, OptOut: 10, Budget: 1}
	f := func(what string, want Advice, change func(c *DoseCurve, v *Values)) Recommendation {
		t.Helper()
		c, v := sixDoses(), values
		change(&c, &v)
		r, err := Optimum(c, v)
		if err != nil || r.Advice != want {
			t.Errorf("%s: advice %v, %v, want %v", what, r.Advice, err, want)
		}
		return r
	}
	f("nothing", TooLittleData, func(c *DoseCurve, v *Values) { *c = DoseCurve{} })
	f("one candidate", TooLittleData, func(c *DoseCurve, v *Values) {
		for i := range c.Doses[1:] {
			c.Doses[i+1].Contacts = 199
		}
	})
	f("few outcomes", TooLittleData, func(c *DoseCurve, v *Values) {
		for i := range c.Doses {
			c.Doses[i].Outcomes = 19
		}
	})
	f("nothing known", CannotTellApart, func(c *DoseCurve, v *Values) {
		for i := range c.Covariance {
			c.Covariance[i][i] = 100
		}
	})
	f("all equal, without error", CannotTellApart, func(c *DoseCurve, v *Values) {
		*v = Values{Budget: 1}
	})
	f("a strict budget", OverBudget, func(c *DoseCurve, v *Values) { v.Budget = .004 })
	// Little is known of dose 3, the smallest that may be the best; dose 4, with more opt-outs, surely keeps the budget. That is no
	// reason to send more.
	ignorant := f("a wide limit", BudgetUnsure, func(c *DoseCurve, v *Values) { v.Budget, c.Doses[2].OptOutMost = .02, .03 })
	if !ignorant.Doses[3].WithinBudget || ignorant.Smallest != 2 {
		t.Errorf("a wide limit: %+v", ignorant)
	}
	strange := f("more opt-outs at fewer messages", OverBudget, func(c *DoseCurve, v *Values) {
		v.Budget, c.Doses[3].OptOutMost = .0072, .0070
		c.Doses[2].OptOut, c.Doses[2].OptOutMost, c.Doses[2].Engagement = .0074, .0100, .30
	})
	if !strange.Doses[3].WithinBudget || strange.Smallest != 2 {
		t.Errorf("more opt-outs at fewer messages: %+v", strange)
	}
	within := f("a budget for three", Recommended, func(c *DoseCurve, v *Values) { v.Budget = .007 })
	if within.Smallest != 2 || within.Doses[3].WithinBudget {
		t.Errorf("a budget for three: %+v", within)
	}
	small := f("the best has few contacts", Recommended, func(c *DoseCurve, v *Values) { c.Doses[3].Contacts = 100 })
	if small.Doses[3].Plausible || small.Best != 4 {
		t.Errorf("the best has few contacts: %+v", small)
	}
	together := f("the same contacts", Recommended, func(c *DoseCurve, v *Values) {
		for i := range 6 { // engagement at all doses moves together: differences are known well
			for j := range 6 {
				if i != j {
					c.Covariance[i][j] = .999 * math.Sqrt(c.Covariance[i][i]*c.Covariance[j][j])
				}
			}
		}
	})
	if together.Doses[2].Behind < 1.2*1.3403 {
		t.Errorf("the same contacts: %+v", together)
	}
}

func TestOptimumRefuses(t *testing.T) {
	f := func(what string, change func(c *DoseCurve, v *Values)) {
		t.Helper()
		c, v := sixDoses(), Values{Engagement: 1, OptOut: 10, Budget: 1}
		change(&c, &v)
		if _, err := Optimum(c, v); !errors.Is(err, ErrShape) {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("a negative value", func(c *DoseCurve, v *Values) { v.OptOut = -1 })
	f("an infinite value", func(c *DoseCurve, v *Values) { v.Engagement = math.Inf(1) })
	f("no covariance", func(c *DoseCurve, v *Values) { c.Covariance = nil })
	f("asymmetry", func(c *DoseCurve, v *Values) { c.Covariance[3][1] = 1e-6 })
	f("a short row", func(c *DoseCurve, v *Values) { c.Covariance[3] = nil })
	f("doses out of order", func(c *DoseCurve, v *Values) { c.Doses[2].Sends = 1 })
	f("no estimate", func(c *DoseCurve, v *Values) { c.Doses[2].OptOut = math.NaN() })
}

// The set of plausible doses holds the true best one in at least 95 % of samples, and never recommends more than it.
func TestPlausibleSetHoldsTheTruth(t *testing.T) {
	const runs = 2000
	truth := sixDoses()
	r := rand.New(rand.NewPCG(5, 6))
	held := 0
	for range runs {
		c := sixDoses()
		for i := range c.Doses {
			c.Doses[i].Engagement = truth.Doses[i].Engagement + r.NormFloat64()*math.Sqrt(truth.Covariance[i][i])
			c.Doses[i].OptOut = truth.Doses[i].OptOut + r.NormFloat64()*math.Sqrt(truth.Covariance[6+i][6+i])
		}
		got, err := Optimum(c, Values{Engagement: 1, OptOut: 10, Budget: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got.Doses[3].Plausible {
			held++
		}
	}
	if share := float64(held) / runs; share < .95 {
		t.Errorf("the set holds the best dose in %.3f of the samples", share)
	}
}
