package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// observations makes contacts of their doses and outcomes.
func observations(doses, outcomes [][]float64) (all []Observation) {
	for c := range doses {
		for w := range doses[c] {
			all = append(all, Observation{c, w, doses[c][w], outcomes[c][w]})
		}
	}
	return all
}

// Contacts with a high dose have a high outcome, yet each has less of it the higher the dose.
var fourContacts = observations(
	[][]float64{{1, 2, 3, 4}, {2, 4, 5, 6}, {5, 6, 8, 9}, {8, 10, 11, 12}},
	[][]float64{{10, 9, 7, 6}, {14, 12, 12, 10}, {22, 20, 17, 17}, {30, 27, 27, 25}})

func TestPanelSlopes(t *testing.T) {
	f := func(what string, fit func() (Slope, error), want float64) Slope {
		t.Helper()
		s, err := fit()
		if err != nil {
			t.Fatal(what, err)
		}
		near(t, what, s.Value, want, closedForm)
		return s
	}
	f("pooled", func() (Slope, error) { return Pooled(fourContacts) }, 1.794117647)
	f("between", func() (Slope, error) { return Between(fourContacts) }, 2.496363636)
	s := f("within", func() (Slope, error) { return Within(fourContacts, false) }, -1.176923077)
	near(t, "CR0", s.StdError*math.Sqrt(3./4), .0872585476, closedForm)
	near(t, "CR1", s.StdError, .1007574919, closedForm)
	near(t, "upper", s.Upper, s.Value+3.182446305284263*s.StdError, quantileBased)
	if s.Contacts != 4 || s.Observations != 16 {
		t.Errorf("%+v", s)
	}

	idle := append([]Observation{{9, 0, 3, 5}, {9, 1, 3, 50}}, fourContacts...)
	with, err := Within(idle, false)
	if err != nil || with.Contacts != 4 {
		t.Errorf("a contact whose dose does not vary: %+v, %v", with, err)
	}
	near(t, "with it", with.Value, s.Value, closedForm)
}

// What all contacts share in a window is no effect of the dose, though the dose follows it. Some windows are missing.
func TestWithinTakesOutWindows(t *testing.T) {
	season := []float64{0, 3, -2, 8, 5, 1}
	r := rand.New(rand.NewPCG(1, 2))
	var all []Observation
	for c := range 12 {
		for w := range season {
			if r.Float64() < .2 {
				continue
			}
			dose := float64(r.IntN(4)) + season[w]
			all = append(all, Observation{c, 10 + w, dose, 5*float64(c) + 7*season[w] - .5*dose})
		}
	}
	without, err := Within(all, false)
	if err != nil || without.Value < 1 {
		t.Errorf("the season is not in the data: %+v, %v", without, err)
	}
	with, err := Within(all, true)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "slope", with.Value, -.5, closedForm)

	same := observations([][]float64{{1, 2, 3}, {1, 2, 3}, {4, 5, 6}}, [][]float64{{1, 2, 3}, {2, 1, 4}, {0, 1, 1}})
	if s, err := Within(same, true); !errors.Is(err, ErrNoVariation) {
		t.Errorf("a dose that contact and window say: %+v, %v", s, err)
	}
}

func TestPanelRefuses(t *testing.T) {
	constant := observations([][]float64{{.1, .1, .1}, {.7, .7, .7}}, [][]float64{{1, 0, 1}, {0, 0, 1}})
	if s, err := Within(constant, false); !errors.Is(err, ErrNoVariation) {
		t.Errorf("constant doses: %+v, %v", s, err)
	}
	for _, bad := range [][]Observation{nil, {{1, 1, 2, 3}, {1, 2, 3, 4}}, {{1, 1, math.NaN(), 3}, {2, 2, 3, 4}}} {
		for _, fit := range []func([]Observation) (Slope, error){Pooled, Between} {
			if s, err := fit(bad); !errors.Is(err, ErrShape) {
				t.Errorf("%v: %+v, %v", bad, s, err)
			}
		}
	}
	twice := append([]Observation{fourContacts[0]}, fourContacts...)
	if _, err := Placebo(twice, false); !errors.Is(err, ErrShape) {
		t.Errorf("a window twice: %v", err)
	}
}

func TestConditionalLogit(t *testing.T) {
	five := observations(
		[][]float64{{1, 2, 3, 4}, {1, 2, 3}, {1, 2, 3, 4, 5}, {2, 3, 4}, {1, 2, 3, 4}},
		[][]float64{{1, 1, 0, 0}, {1, 0, 0}, {1, 0, 1, 0, 0}, {0, 1, 0}, {1, 1, 1, 0}})
	fit, err := FitConditionalLogit(append(five, Observation{7, 0, 1, 1}, Observation{7, 1, 4, 1}, Observation{8, 0, 3, 0}))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "slope", fit.Value, -1.272919245, iterative)
	near(t, "standard error", fit.StdError, .6352907484, iterative)
	near(t, "log-likelihood", fit.LogLikelihood, -4.264930968, iterative)
	near(t, "null log-likelihood", fit.NullLogLikelihood, -7.677863501, closedForm)
	if fit.Contacts != 5 || fit.Dropped != 2 {
		t.Errorf("%+v", fit)
	}

	// Far from 0 and in other units it is the same fit.
	for i := range five {
		five[i].Dose = 1e4 + 1000*five[i].Dose
	}
	far, err := FitConditionalLogit(five)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "slope in other units", far.Value*1000, fit.Value, iterative)

	// A long history neither overflows nor loses the likelihood.
	r := rand.New(rand.NewPCG(8, 9))
	var long []Observation
	for c := range 20 {
		for w := range 400 {
			o := Observation{Contact: c, Window: w, Dose: float64(r.IntN(30))}
			if r.Float64() < logistic(.2*o.Dose-3) {
				o.Outcome = 1
			}
			long = append(long, o)
		}
	}
	fit, err = FitConditionalLogit(long)
	if err != nil || math.Abs(fit.Value-.2) > 4*fit.StdError || fit.StdError > .01 {
		t.Errorf("long histories: %+v, %v", fit, err)
	}

	f := func(what string, want error, all []Observation) {
		t.Helper()
		if fit, err := FitConditionalLogit(all); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v, want %v", what, fit, err, want)
		}
	}
	f("nothing", ErrNoVariation, nil)
	f("constant doses", ErrNoVariation, observations([][]float64{{.1, .1, .1}}, [][]float64{{0, 0, 1}}))
	f("constant outcomes", ErrNoVariation, observations([][]float64{{1, 2}, {3, 4}}, [][]float64{{0, 0}, {1, 1}}))
	f("a perfect order", ErrSeparation, observations([][]float64{{1, 2, 3}, {3, 4}}, [][]float64{{0, 1, 1}, {0, 1}}))
	f("a count", ErrShape, observations([][]float64{{1, 2}}, [][]float64{{0, 2}}))
}

// A null world: engaged contacts are messaged more, the dose does nothing. The pooled slope is fooled, the one within
// contacts covers 0 in 95 % of the worlds, and so does the placebo, unless doses follow the last outcome.
func TestNullWorld(t *testing.T) {
	const runs = 400
	world := func(r *rand.Rand, reacts float64) (all []Observation) {
		for c := range 60 {
			engagement := r.NormFloat64()
			last := 0.0
			for w := range 8 {
				o := Observation{Contact: c, Window: w}
				o.Dose = math.Round(max(0, 3+engagement+r.NormFloat64()+reacts*last))
				o.Outcome = engagement + r.NormFloat64()
				last = o.Outcome - engagement
				all = append(all, o)
			}
		}
		return all
	}
	covers := func(s Slope, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if s.Lower <= 0 && s.Upper >= 0 {
			return 1
		}
		return 0
	}
	r := rand.New(rand.NewPCG(21, 22))
	var pooled, within, placebo, reacting int
	for range runs {
		all := world(r, 0)
		pooled += covers(Pooled(all))
		within += covers(Within(all, true))
		placebo += covers(Placebo(all, true))
		reacting += covers(Placebo(world(r, 1), true))
	}
	for what, n := range map[string]int{"within": within, "placebo": placebo} {
		if share := float64(n) / runs; share < .925 || share > .975 {
			t.Errorf("%s: covers 0 in %.3f of the runs", what, share)
		}
	}
	if pooled > 0 || reacting > runs/20 {
		t.Errorf("pooled covers 0 in %d runs, the placebo of doses that follow the outcome in %d", pooled, reacting)
	}
}
