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

// Rake scales weights until their totals meet all margins; it starts from the design weights.
// ErrShape for wrong lengths, weights that are not positive, categories without a target's index, negative targets,
// margins with different totals; *MarginError; ErrConvergence after 100 rounds, where margins contradict each
// other. Source: Deming and Stephan 1940.
func Rake(weights []float64, margins []Margin) ([]float64, error) {
	raked := slices.Clone(weights)
	for i, w := range weights {
		if !finite(w) || w <= 0 {
			return nil, fmt.Errorf("weight of respondent %d: %w", i, ErrShape)
		}
	}
	population := 0.0
	for m, margin := range margins {
		if len(margin.Category) != len(weights) {
			return nil, fmt.Errorf("margin %d: %w", m, ErrShape)
		}
		var total sum
		for c, target := range margin.Targets {
			if !finite(target) || target < 0 {
				return nil, fmt.Errorf("margin %d, category %d: %w", m, c, ErrShape)
			}
			total.add(target)
		}
		if m == 0 {
			population = total.value()
		}
		if math.Abs(total.value()-population) > 1e-9*population {
			return nil, fmt.Errorf("margin %d adds to %v, margin 0 to %v: %w", m, total.value(), population, ErrShape)
		}
		present := make([]bool, len(margin.Targets))
		for i, c := range margin.Category {
			if c < 0 || c >= len(present) {
				return nil, fmt.Errorf("margin %d, respondent %d: category %d has no target: %w", m, i, c, ErrShape)
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
			return nil, &MarginError{m, unmet}
		}
	}
	for range 100 {
		gap := 0.0
		for _, margin := range margins {
			totals := make([]sum, len(margin.Targets))
			for i, c := range margin.Category {
				totals[c].add(raked[i])
			}
			for i, c := range margin.Category {
				factor := margin.Targets[c] / totals[c].value()
				gap = max(gap, math.Abs(factor-1))
				raked[i] *= factor
			}
		}
		if gap < 1e-10 {
			return raked, nil
		}
	}
	return nil, ErrConvergence
}

// Trimmed are raked weights of which none is far above the others.
type Trimmed struct {
	Weights              []float64
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
		return Trimmed{}, err
	}
	var t Trimmed
	t.EffectBefore, _, _ = Kish(raked)
	sorted := slices.Sorted(slices.Values(raked))
	median := (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	for i, w := range raked {
		if w > most*median {
			raked[i] = most * median
			t.Cut++
		}
	}
	if t.Weights, err = Rake(raked, margins); err != nil {
		return Trimmed{}, err
	}
	t.Effect, _, _ = Kish(t.Weights)
	return t, nil
}
