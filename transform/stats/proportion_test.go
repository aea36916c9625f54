package stats

import (
	"math"
	"testing"
)

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
	// Counts beyond a float's digits, whose share rounds to 1.
	if i, ok := Wilson(math.MaxUint64-1, math.MaxUint64); !ok || i.Upper != 1 || !(i.Lower > .999) {
		t.Errorf("almost all: %+v, %v", i, ok)
	}
	if _, ok := Wilson(0, 0); ok {
		t.Error("0 of 0 has an interval")
	}
	if _, ok := Wilson(2, 1); ok {
		t.Error("2 of 1 has an interval")
	}
}

func TestExactIntervals(t *testing.T) {
	f := func(name string, interval func(x, n uint64) (Interval, bool), x, n uint64, lower, upper float64) {
		t.Helper()
		i, ok := interval(x, n)
		if !ok {
			t.Fatalf("%s: %d of %d: undefined", name, x, n)
		}
		near(t, name+" lower", i.Lower, lower, quantileBased)
		near(t, name+" upper", i.Upper, upper, quantileBased)
	}
	f("Clopper-Pearson", ClopperPearson, 15, 50, .178617845664, .446082325661)
	f("Clopper-Pearson", ClopperPearson, 0, 20, 0, .168433470983)
	f("Clopper-Pearson", ClopperPearson, 1, 10, .00252857854446, .44501611702820)
	f("Jeffreys", Jeffreys, 15, 50, .186877132536, .435527907702)
	f("Jeffreys", Jeffreys, 0, 20, 0, .116638982905)
	f("Jeffreys", Jeffreys, 20, 20, .883361017095, 1)
	f("Jeffreys", Jeffreys, 1, 10, .011011673763, .381314771067)
	f("Agresti-Coull", AgrestiCoull, 15, 50, .190270703423, .438268336230)
	f("Clopper-Pearson", ClopperPearson, 0, 300, 0, .012220974694)

	g := Garwood(7)
	near(t, "Garwood lower", g.Lower, 2.814363051520, quantileBased)
	near(t, "Garwood upper", g.Upper, 14.422675361702, quantileBased)
	if g := Garwood(0); g.Lower != 0 {
		t.Errorf("no events: %+v", g)
	}
	near(t, "none: Garwood", Garwood(0).Upper, -math.Log(.025), quantileBased)
	zero, _ := ZeroEvents(300)
	near(t, "zero events", zero, .009936081944, closedForm)

	for _, interval := range []func(x, n uint64) (Interval, bool){ClopperPearson, Jeffreys, AgrestiCoull} {
		for _, c := range [][2]uint64{{0, 0}, {2, 1}} {
			if i, ok := interval(c[0], c[1]); ok {
				t.Errorf("%v: %+v", c, i)
			}
		}
	}
	if i, ok := AgrestiCoull(0, 20); ok {
		t.Errorf("a limit below 0: %+v", i)
	}
	if _, ok := ZeroEvents(0); ok {
		t.Error("zero of zero events has a limit")
	}
}

func TestProportionDifference(t *testing.T) {
	f := func(x1, n1, x2, n2 uint64, value, lower, upper float64) {
		t.Helper()
		d, ok := ProportionDifference(x1, n1, x2, n2)
		if !ok {
			t.Fatal("undefined")
		}
		near(t, "difference", d.Value, value, closedForm)
		near(t, "lower", d.Lower, lower, closedForm)
		near(t, "upper", d.Upper, upper, closedForm)
	}
	f(56, 70, 48, 80, .2, .052431472402, .333872654037) // Newcombe 1998, table II
	f(9, 10, 3, 10, .6, .170522723935, .809017973535)
	f(10, 10, 0, 10, 1, .607509350431, 1)
	if _, ok := ProportionDifference(0, 0, 1, 2); ok {
		t.Error("a difference from nothing")
	}
}

func TestRiskRatio(t *testing.T) {
	f := func(x1, n1, x2, n2 uint64, ratio, lower, upper, tolerance float64) {
		t.Helper()
		r, i, ok := RiskRatio(x1, n1, x2, n2)
		if !ok {
			t.Fatal("undefined")
		}
		near(t, "ratio", r, ratio, closedForm)
		near(t, "lower", i.Lower, lower, tolerance)
		near(t, "upper", i.Upper, upper, tolerance)
	}
	f(3894, 21307, 2262, 21306, 1.721404616781, 1.640384888480, 1.806425964715, closedForm)
	f(267, 21307, 122, 21306, 2.188421876286, 1.767984078, 2.708842443, closedForm)
	for _, c := range [][4]uint64{{0, 5, 1, 5}, {1, 5, 0, 5}, {6, 5, 1, 5}, {3, 3, 5, 5}} {
		if r, _, ok := RiskRatio(c[0], c[1], c[2], c[3]); ok {
			t.Errorf("%v: %v", c, r)
		}
	}
}

func TestSampleSize(t *testing.T) {
	n, ok := SampleSize(.10, .12, .8)
	if !ok {
		t.Fatal("undefined")
	}
	near(t, "n", n, 3838.1021901, 1e-9)
	for _, c := range [][3]float64{{.1, .1, .8}, {0, .1, .8}, {.1, 1, .8}, {.1, .2, 1}, {math.NaN(), .1, .8}} {
		if n, ok := SampleSize(c[0], c[1], c[2]); ok {
			t.Errorf("%v: %v", c, n)
		}
	}
}

// The tea-tasting lady's cups, and the ends.
func TestFisherLess(t *testing.T) {
	f := func(x1, n1, x2, n2 uint64, want float64) {
		t.Helper()
		p, ok := FisherLess(x1, n1, x2, n2)
		if !ok {
			t.Fatal("undefined")
		}
		near(t, "p", p, want, closedForm)
	}
	f(1, 4, 3, 4, 17./70)
	f(0, 4, 4, 4, 1./70)
	f(3, 4, 1, 4, 69./70)
	f(4, 4, 0, 4, 1)
	f(0, 9, 0, 30, 1)
	f(7, 7, 9, 9, 1)
	if _, ok := FisherLess(0, 0, 1, 2); ok {
		t.Error("p of nothing")
	}
}
