package stats

import (
	"errors"
	"math"
	"testing"
)

// Simpson's paradox: engaged contacts get more messages and do better, yet in either stratum more messages do worse.
var simpson = []FourFold{{30, 200, 100, 800}, {240, 800, 80, 200}}

func TestStandardise(t *testing.T) {
	rate := func(x, n float64) StratumRate {
		return StratumRate{x / n, math.Sqrt(x / n * (1 - x/n) / n), true}
	}
	persons := []float64{1000, 1000}
	rates := [][]StratumRate{{rate(30, 200), rate(240, 800)}, {rate(100, 800), rate(80, 200)}}
	doses, overlap, err := Standardise(persons, rates)
	if err != nil || overlap != 1 {
		t.Fatal(err, overlap)
	}
	near(t, "high", doses[0].Rate, .225, closedForm)
	near(t, "low", doses[1].Rate, .2625, closedForm)
	se := math.Hypot(doses[0].StdError, doses[1].StdError)
	near(t, "standard error", se, .0236469805, closedForm)
	near(t, "lower", doses[0].Rate-doses[1].Rate-Z*se, -.0838472302, closedForm)

	// A third stratum without the low dose takes no part, whatever its rate.
	doses2, overlap, err := Standardise(append(persons, 500), [][]StratumRate{
		append(rates[0], rate(90, 100)), append(rates[1], StratumRate{}),
	})
	if err != nil || overlap != .8 || doses2[0] != doses[0] || doses2[1] != doses[1] {
		t.Errorf("%+v, overlap %v, %v", doses2, overlap, err)
	}
	if _, _, err := Standardise([]float64{5}, [][]StratumRate{{rate(1, 5)}, {{}}}); !errors.Is(err, ErrNoVariation) {
		t.Errorf("no overlap: %v", err)
	}
	if _, _, err := Standardise(persons, [][]StratumRate{{rate(1, 5)}}); !errors.Is(err, ErrShape) {
		t.Errorf("a stratum missing: %v", err)
	}
}

func TestMantelHaenszel(t *testing.T) {
	m, err := CompareStrata(simpson)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "odds ratio", m.OddsRatio, .805825242718, closedForm)
	near(t, "lower", m.OddsRatioLimits.Lower, .619103061, closedForm)
	near(t, "upper", m.OddsRatioLimits.Upper, 1.048863045, closedForm)
	near(t, "chi-squared", m.ChiSquared, 2.718778349, closedForm)
	near(t, "risk difference", m.RiskDifference, -.0375, closedForm)

	crude, err := CompareStrata([]FourFold{{270, 1000, 180, 1000}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "crude odds ratio", crude.OddsRatio, 1.68493150685, closedForm)
	near(t, "crude risk difference", crude.RiskDifference, .09, closedForm)
	near(t, "its standard error", crude.RiskDifferenceStdError, math.Sqrt(.27*.73/1000+.18*.82/1000), closedForm)

	alone, _ := CompareStrata(append(simpson, FourFold{High: 50, HighOutcomes: 40}))
	if alone != m {
		t.Errorf("a stratum of one dose changes the result: %+v", alone)
	}
	for _, f := range [][]FourFold{nil, {{0, 5, 3, 5}}, {{0, 5, 0, 5}}, {{5, 5, 5, 5}}} {
		if m, err := CompareStrata(f); !errors.Is(err, ErrNoVariation) {
			t.Errorf("%v: %+v, %v", f, m, err)
		}
	}
	if _, err := CompareStrata([]FourFold{{6, 5, 0, 1}}); !errors.Is(err, ErrShape) {
		t.Errorf("6 of 5: %v", err)
	}
}

func TestEValue(t *testing.T) {
	f := func(ratio, want float64) {
		t.Helper()
		e, ok := EValue(ratio)
		if !ok {
			t.Fatal("undefined")
		}
		near(t, "E-value", e, want, closedForm)
	}
	f(1.5, 2.366025403784)
	f(1/1.5, 2.366025403784)
	f(1.2, 1.689897948557)
	f(1, 1)
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if e, ok := EValue(bad); ok {
			t.Errorf("%v: %v", bad, e)
		}
	}
}
