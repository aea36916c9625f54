package stats

import (
	"errors"
	"math"
	"slices"
	"testing"
)

var (
	market = Margin{[]int{0, 0, 0, 0, 1, 1, 1, 2, 2, 2}, []float64{5, 3, 2}}
	age    = Margin{[]int{0, 0, 1, 1, 0, 1, 1, 0, 0, 1}, []float64{5.5, 4.5}}
)

func TestRake(t *testing.T) {
	raked, err := Rake(ones(10), []Margin{market, age})
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "weights", raked.Weights, []float64{1.425514408201, 1.425514408201, 1.074485591800, 1.074485591800,
		1.196408018657, .901795990672, .901795990672, .726281582471, .726281582471, .547436835058}, closedForm)
	m := mean(t, design{Weights: raked.Weights}, []float64{1, 0, 1, 0, 1, 1, 0, 0, 1, 0}, nil)
	near(t, "share", m.Value, .532448559180, closedForm)
	near(t, "standard error", m.StdError, .172274644933, closedForm)
	near(t, "effective", m.Kish, 9.271499048, closedForm)
	effect, _, _ := Kish(raked.Weights)
	near(t, "design effect", effect, 1.078574236, closedForm)

	again, err := Rake(raked.Weights, []Margin{market, age})
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "raked twice", again.Weights, raked.Weights, closedForm)
	if raked.Rounds < 2 || raked.Gap >= 1e-10 || again.Rounds != 1 {
		t.Errorf("first %d rounds to %v, then %d", raked.Rounds, raked.Gap, again.Rounds)
	}
}

func TestRakeSchools(t *testing.T) {
	rows, s := clusteredSchools(t)
	kind, met := make([]int, len(rows)), make([]int, len(rows))
	for i, row := range rows {
		kind[i] = slices.Index([]string{"E", "H", "M"}, row["stype"])
		met[i] = slices.Index([]string{"No", "Yes"}, row["sch.wide"])
	}
	raked, err := Rake(s.Weights, []Margin{{kind, []float64{4421, 755, 1018}}, {met, []float64{1072, 5122}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Weights = raked.Weights
	// R stopped 1e-5 short of the margins, at 4420.963; ours meet them.
	totals := make([]float64, 5)
	for i, w := range s.Weights {
		totals[kind[i]] += w
		totals[3+met[i]] += w
	}
	allNear(t, "totals", totals, []float64{4421, 755, 1018, 1072, 5122}, closedForm)
	near(t, "smallest weight", slices.Min(s.Weights), 29.87067549, 1e-9)
	want := [][]float64{{39.83850941, 29.87046387}, {67.12578263, 50.33015277}, {49.07006740, 36.79218166}}
	for i, w := range s.Weights {
		near(t, "weight", w, want[kind[i]][met[i]], 4e-5)
	}
	near(t, "mean", mean(t, s, numbers(t, rows, "api00"), nil).Value, 641.23025, iterative)
}

func TestRakeRefuses(t *testing.T) {
	f := func(what string, want error, margins ...Margin) {
		t.Helper()
		if w, err := Rake(ones(10), margins); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v, want %v", what, w, err, want)
		}
	}
	f("different totals", ErrShape, market, Margin{age.Category, []float64{5, 4.5}})
	f("an unknown category", ErrShape, Margin{market.Category, []float64{5, 5}})
	f("a negative target", ErrShape, Margin{market.Category, []float64{12, -3, 1}})
	f("a missing answer", ErrShape, Margin{market.Category[1:], market.Targets})
	// Who is young in the second margin is all of the first one's market 0, but the targets say otherwise.
	f("contradiction", ErrConvergence,
		Margin{[]int{0, 0, 0, 0, 0, 1, 1, 1, 1, 1}, []float64{5, 5}}, Margin{[]int{0, 0, 0, 0, 0, 1, 1, 1, 1, 1}, []float64{4, 6}})
	var stuck *ConvergenceError
	_, err := Rake(ones(4), []Margin{{[]int{0, 0, 1, 1}, []float64{2, 2}}, {[]int{0, 0, 1, 1}, []float64{1, 3}}})
	if !errors.As(err, &stuck) || stuck.Rounds != RakeRounds || len(stuck.Gaps) != 2 {
		t.Fatalf("a contradiction: %v", err)
	}
	allNear(t, "gaps", stuck.Gaps[0], []float64{-.5, .5}, closedForm)
	allNear(t, "gaps", stuck.Gaps[1], []float64{0, 0}, closedForm)
	// A category that nobody is in, and nobody should be, is no mistake.
	if _, err := Rake(ones(2), []Margin{{[]int{0, 2}, []float64{1, 0, 1}}}); err != nil {
		t.Errorf("an empty category: %v", err)
	}
	var missing *MarginError
	_, err = Rake(ones(10), []Margin{age, {market.Category, []float64{5, 3, 0, 2}}})
	if !errors.As(err, &missing) || missing.Margin != 1 || !slices.Equal(missing.Categories, []int{2, 3}) {
		t.Errorf("categories 2 and 3: %v", err)
	}
	if _, err := Rake([]float64{1, math.Inf(1)}, nil); !errors.Is(err, ErrShape) {
		t.Errorf("an infinite weight: %v", err)
	}
}

func TestRakeTrimmed(t *testing.T) {
	weights := ones(10)
	weights[9] = 40
	trimmed, err := RakeTrimmed(weights, []Margin{age}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if trimmed.Cut != 1 || trimmed.Effect >= trimmed.EffectBefore {
		t.Errorf("%+v", trimmed)
	}
	totals := []float64{0, 0}
	for i, w := range trimmed.Weights {
		totals[age.Category[i]] += w
	}
	allNear(t, "margin", totals, age.Targets, closedForm)
	if _, err := RakeTrimmed(weights, []Margin{age}, 1); !errors.Is(err, ErrShape) {
		t.Errorf("a cut at the median: %v", err)
	}
}
