package transform

import (
	"context"
	"fmt"
	"math"
	"time"

	"drumbeat/transform/stats"

	"gonum.org/v1/gonum/stat/distuv"
)

// leastRatioP is the chance below which arms of such unequal size are not taken for an assignment by chance.
const leastRatioP = .001

// armRow is an arm and outcome of frequency_arms as the model returns it.
type armRow struct {
	Business string    `ch:"business_id"`
	Cutoff   time.Time `ch:"cutoff"`
	Arm      string    `ch:"arm"`
	Outcome  string    `ch:"outcome"`
	Contacts uint64    `ch:"contacts"`
	Days     uint64    `ch:"person_days"`
	Outcomes uint64    `ch:"outcomes"`
	NN       uint64    `ch:"sum_nn"`
	YY       uint64    `ch:"sum_yy"`
	NY       uint64    `ch:"sum_ny"`
	Mixed    uint64    `ch:"mixed_contacts"`
}

func (a armRow) sums() sums {
	return sums{Contacts: a.Contacts, Units: a.Days, Outcomes: a.Outcomes, NN: a.NN, YY: a.YY, NY: a.NY}
}

// mean is the outcomes per contact-day, which may exceed 1, with limits on the log scale, and its variance.
func (a armRow) mean() (value *effect, variance float64) {
	n, y, g := float64(a.Days), float64(a.Outcomes), float64(a.Contacts)
	rate := y / n
	variance = g / (g - 1) * (float64(a.YY) - 2*rate*float64(a.NY) + rate*rate*float64(a.NN)) / n / n
	value = ratio(math.Log(rate), variance/rate/rate, a.Contacts)
	if value != nil {
		se := math.Sqrt(variance)
		value.stdError = &se
	}
	return value, variance
}

// fillArms compares arms as assigned. Contacts are in one arm each, so arms are independent.
func fillArms(ctx context.Context, r *run, m model, staging string, w Window) error {
	sql, err := query(m.relation)
	if err != nil {
		return err
	}
	var all []armRow
	if err := r.db.Select(ctx, &all, sql, w.params()...); err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	var staged [][]any
	for len(all) > 0 { // the arms of one outcome of one business
		arms := all[:1]
		var outcomes uint64
		for len(arms) < len(all) && all[len(arms)].Business == all[0].Business && all[len(arms)].Outcome == all[0].Outcome {
			arms = all[:len(arms)+1]
		}
		all = all[len(arms):]
		for _, a := range arms {
			outcomes += a.Outcomes
		}
		if outcomes == 0 && arms[0].Outcome != "opt_out" {
			continue // never reported, so not measured
		}
		p := sampleRatio(arms)
		identification := "randomised"
		if p < leastRatioP {
			identification = "blocked"
		}
		for i, a := range arms {
			row := []any{a.Business, w.From, w.To, a.Cutoff, identification, a.Arm, a.Outcome,
				a.Contacts, a.Days, a.Outcomes, a.NN, a.YY, a.NY}
			own, difference := compareArms(a, arms[0], i > 0 && identification == "randomised")
			staged = append(staged, append(append(append(row, own...), difference...), p, a.Mixed))
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, identification, arm, outcome,
contacts, person_days, outcomes, sum_nn, sum_yy, sum_ny, suppressed, rate, std_error, lower, upper,
against, difference, difference_std_error, difference_lower, difference_upper, sample_ratio_p, mixed_contacts`, staged)
}

// compareArms returns suppressed, rate, std_error, lower, upper of an arm; and against, difference and its standard error and limits.
func compareArms(a, first armRow, compare bool) (own, difference []any) {
	own = a.sums().rates()[:5]
	difference = []any{first.Arm, nil, nil, nil, nil}
	if a.Outcome != "sent" {
		if compare && !a.sums().suppressed() && !first.sums().suppressed() {
			if d, se, ok := stats.RatioDifference(a.sums().clustered(), first.sums().clustered(), stats.Cross{}); ok {
				difference = []any{first.Arm, d.Value, se, d.Lower, d.Upper}
			}
		}
		return own, difference
	}
	own = []any{uint8(1), nil, nil, nil, nil}
	if a.sums().suppressed() {
		return own, difference
	}
	value, variance := a.mean()
	if value == nil {
		return own, difference
	}
	own = []any{uint8(0), value.estimate, *value.stdError, *value.lower, *value.upper}
	if compare && !first.sums().suppressed() {
		if base, baseVariance := first.mean(); base != nil {
			if d := additive(value.estimate-base.estimate, variance+baseVariance, min(a.Contacts, first.Contacts), math.Inf(1)); d != nil {
				difference = []any{first.Arm, d.estimate, *d.stdError, *d.lower, *d.upper}
			}
		}
	}
	return own, difference
}

// sampleRatio is the chance of arms of so unequal size, had every contact each arm with the same chance (chi-square).
func sampleRatio(arms []armRow) float64 {
	var contacts float64
	for _, a := range arms {
		contacts += float64(a.Contacts)
	}
	expected := contacts / float64(len(arms))
	var chiSquared float64
	for _, a := range arms {
		d := float64(a.Contacts) - expected
		chiSquared += d * d / expected
	}
	return distuv.ChiSquared{K: float64(len(arms) - 1)}.Survival(chiSquared)
}
