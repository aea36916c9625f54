package stats

import (
	"fmt"
	"math"
	"slices"
)

// Margin is what is known of the population by one variable.
type Margin struct {
	Category []int     // of each respondent: an index of Targets
	Targets  []float64 // population by category, in any scale that all margins share
}

// MarginError names the categories of a margin that cannot be met.
type MarginError struct {
	Margin     int
	Categories []int // with a target but without respondents, or the other way round
}

func (e *MarginError) Error() string {
	return fmt.Sprintf("margin %d: categories %v have a target or respondents but not both: merge categories", e.Margin, e.Categories)
}

// ConvergenceError says where raking stood when it was given up. It is an ErrConvergence.
type ConvergenceError struct {
	Rounds int
	Gaps   [][]float64 // by margin and category: total of the weights over the target, less 1; 0 where nobody is
}

func (e *ConvergenceError) Error() string {
	return fmt.Sprintf("%v after %d rounds", ErrConvergence, e.Rounds)
}

func (e *ConvergenceError) Unwrap() error { return ErrConvergence }

// Raked are weights whose totals meet the margins, and how they came to.
type Raked struct {
	Weights []float64
	Rounds  int     // over all margins, the last of which changed nothing
	Gap     float64 // largest relative distance of a total from its target in that one
}

// RakeRounds is after how many rounds raking is given up.
const RakeRounds = 100

// Rake scales weights until their totals meet all margins; it starts from the design weights.
// ErrShape for wrong lengths, weights that are not positive, categories without a target's index, negative targets,
// margins with different totals; *MarginError; *ConvergenceError after [RakeRounds], where margins contradict each
// other. Source: Deming and Stephan 1940.
func Rake(weights []float64, margins []Margin) (Raked, error) {
	for i, w := range weights {
		if !finite(w) || w <= 0 {
			return Raked{}, fmt.Errorf("weight of respondent %d: %w", i, ErrShape)
		}
	}
	population := 0.0
	for m, margin := range margins {
		if len(margin.Category) != len(weights) {
			return Raked{}, fmt.Errorf("margin %d: %w", m, ErrShape)
		}
		var total sum
		for c, target := range margin.Targets {
			if !finite(target) || target < 0 {
				return Raked{}, fmt.Errorf("margin %d, category %d: %w", m, c, ErrShape)
			}
			total.add(target)
		}
		if m == 0 {
			population = total.value()
		}
		if math.Abs(total.value()-population) > 1e-9*population {
			return Raked{}, fmt.Errorf("margin %d adds to %v, margin 0 to %v: %w", m, total.value(), population, ErrShape)
		}
		present := make([]bool, len(margin.Targets))
		for i, c := range margin.Category {
			if c < 0 || c >= len(present) {
				return Raked{}, fmt.Errorf("margin %d, respondent %d: category %d has no target: %w", m, i, c, ErrShape)
			}
			present[c] = true
		}
		var unmet []int
		for c, target := range margin.Targets {
			if (target > 0) != present[c] {
				unmet = append(unmet, c)
			}
		}
		if unmet != nil {
			return Raked{}, &MarginError{m, unmet}
		}
	}
	r := Raked{Weights: slices.Clone(weights)}
	for r.Rounds < RakeRounds {
		r.Rounds++
		r.Gap = 0
		for _, margin := range margins {
			factors := margin.totals(r.Weights)
			for c, total := range factors {
				if total > 0 { // else nobody is in it, and its target is 0
					factors[c] = margin.Targets[c] / total
					r.Gap = max(r.Gap, math.Abs(factors[c]-1))
				}
			}
			for i, c := range margin.Category {
				r.Weights[i] *= factors[c]
			}
		}
		if r.Gap < 1e-10 {
			return r, nil
		}
	}
	stuck := &ConvergenceError{Rounds: r.Rounds}
	for _, margin := range margins {
		gaps := make([]float64, len(margin.Targets))
		for c, total := range margin.totals(r.Weights) {
			if total > 0 {
				gaps[c] = total/margin.Targets[c] - 1
			}
		}
		stuck.Gaps = append(stuck.Gaps, gaps)
	}
	return Raked{}, stuck
}

// totals are those of the weights by category.
func (m Margin) totals(weights []float64) []float64 {
	sums := make([]sum, len(m.Targets))
	for i, c := range m.Category {
		sums[c].add(weights[i])
	}
	totals := make([]float64, len(sums))
	for c := range sums {
		totals[c] = sums[c].value()
	}
	return totals
}

// Trimmed are raked weights of which none is far above the others.
type Trimmed struct {
	Raked
	Cut                  int     // respondents whose weight was cut
	EffectBefore, Effect float64 // Kish's design effect before cutting and at the end
}

// RakeTrimmed rakes, cuts weights above most times the median, and rakes again, after which a few may lie above again.
// Errors as Rake, and ErrShape if most is not above 1.
func RakeTrimmed(weights []float64, margins []Margin, most float64) (Trimmed, error) {
	if !(most > 1) || len(weights) == 0 {
		return Trimmed{}, ErrShape
	}
	raked, err := Rake(weights, margins)
	if err != nil {
		return Trimmed{Raked: raked}, err
	}
	var t Trimmed
	t.EffectBefore, _, _ = Kish(raked.Weights)
	sorted := slices.Sorted(slices.Values(raked.Weights))
	median := (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	for i, w := range raked.Weights {
		if w > most*median {
			raked.Weights[i] = most * median
			t.Cut++
		}
	}
	if t.Raked, err = Rake(raked.Weights, margins); err != nil {
		return t, err
	}
	t.Effect, _, _ = Kish(t.Weights)
	return t, nil
}
