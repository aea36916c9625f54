package transform

import (
	"context"
	"fmt"
	"math"
	"slices"
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
	Before   uint8     `ch:"began_before"`
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

// armsCompared is a row of frequency_arms without what its whole family decides.
type armsCompared struct {
	columns []any
	p       *float64 // of the difference, where there is one and it decides
}

// fillArms compares arms as assigned. Contacts are in one arm each, so arms are independent.
func fillArms(ctx context.Context, r *run, m model, staging string, w Window) error {
	var all []armRow
	if err := r.selectModel(ctx, &all, m, w); err != nil {
		return err
	}
	var staged [][]any
	for test := range runsOf(all, func(a, b armRow) bool { return a.Business == b.Business }) {
		family := compareTest(test, r.values.Arms, w)
		var ps []float64
		for _, row := range family {
			if row.p != nil {
				ps = append(ps, *row.p)
			}
		}
		adjusted, err := stats.Holm(ps)
		if err != nil {
			return fmt.Errorf("compare the arms of %s: %w", test[0].Business, err)
		}
		for _, row := range family {
			var own *float64
			if row.p != nil {
				own, adjusted = &adjusted[0], adjusted[1:]
			}
			staged = append(staged, append(row.columns, row.p, own))
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, identification, why, arm, outcome,
contacts, person_days, outcomes, sum_nn, sum_yy, sum_ny, suppressed, rate, std_error, lower, upper,
against, difference, difference_std_error, difference_lower, difference_upper, planned_share, sample_ratio_p, mixed_contacts, p_value, p_adjusted`, staged)
}

// compareTest compares the arms of one business, outcome by outcome: each with the first of them, and in what a message is needed for with the first that
// was sent any.
func compareTest(test []armRow, plan map[string]float64, w Window) (rows []armsCompared) {
	sends := map[string]uint64{}
	for _, a := range test {
		if a.Outcome == "sent" {
			sends[a.Arm] = a.Outcomes
		}
	}
	for arms := range runsOf(test, func(a, b armRow) bool { return a.Outcome == b.Outcome }) {
		var outcomes uint64
		for _, a := range arms {
			outcomes += a.Outcomes
		}
		if outcomes == 0 && arms[0].Outcome != "opt_out" {
			continue // never reported, so not measured
		}
		first := arms[0]
		if first.Outcome != "opt_out" && first.Outcome != "sent" {
			first = arms[slices.IndexFunc(arms, func(a armRow) bool { return sends[a.Arm] > 0 || a.Outcomes > 0 })]
		}
		shares := plannedShares(arms, plan)
		ratioP := sampleRatio(arms, shares)
		identification, why := "randomised", ""
		switch {
		case ratioP < leastRatioP:
			identification, why = "blocked", "the arms are not of the sizes that chance makes"
		case first.Before == 1:
			identification, why = "blocked", "the test began before the window: who left until then is missing"
		}
		for i, a := range arms {
			told := a.Outcome == "opt_out" || a.Outcome == "sent" || sends[a.Arm] > 0 || a.Outcomes > 0 // who is sent nothing engages with nothing
			own, difference, p := compareArms(a, first, a.Arm != first.Arm && told && identification == "randomised")
			columns := []any{a.Business, w.From, w.To, a.Cutoff, identification, why, a.Arm, a.Outcome,
				a.Contacts, a.Days, a.Outcomes, a.NN, a.YY, a.NY}
			rows = append(rows, armsCompared{append(append(append(columns, own...), difference...), shares[i], ratioP, a.Mixed), p})
		}
	}
	return rows
}

// compareArms returns suppressed, rate, std_error, lower, upper of an arm; against, difference and its standard error and limits; and the difference's
// p-value, of what is an outcome. Two arms tell together what an arm of few outcomes cannot by itself: that it has few.
func compareArms(a, first armRow, compare bool) (own, difference []any, p *float64) {
	own = a.sums().rates()[:5]
	difference = []any{first.Arm, nil, nil, nil, nil}
	if a.Outcome != "sent" {
		if !compare || min(a.Contacts, first.Contacts) < fewestContacts || a.Outcomes+first.Outcomes < fewestOutcomes {
			return own, difference, nil
		}
		if min(a.Outcomes, first.Outcomes) < fewestOutcomes {
			if d, se, chance, ok := stats.RareDifference(a.sums().clustered(), first.sums().clustered()); ok {
				difference, p = []any{first.Arm, d.Value, se, d.Lower, d.Upper}, &chance
			}
		} else if d, se, ok := stats.RatioDifference(a.sums().clustered(), first.sums().clustered(), stats.Cross{}); ok && se > 0 {
			tail := 2 * distuv.StudentsT{Sigma: 1, Nu: float64(min(a.Contacts, first.Contacts, 1e6) - 1)}.Survival(math.Abs(d.Value)/se)
			difference, p = []any{first.Arm, d.Value, se, d.Lower, d.Upper}, &tail
		}
		return own, difference, p
	}
	own = []any{uint8(1), nil, nil, nil, nil}
	if a.sums().suppressed() {
		return own, difference, nil
	}
	value, variance := a.mean()
	if value == nil {
		return own, difference, nil
	}
	own = []any{uint8(0), value.estimate, *value.stdError, *value.lower, *value.upper}
	if compare && !first.sums().suppressed() {
		if base, baseVariance := first.mean(); base != nil {
			if d := additive(value.estimate-base.estimate, variance+baseVariance, min(a.Contacts, first.Contacts), math.Inf(1)); d != nil {
				difference = []any{first.Arm, d.estimate, *d.stdError, *d.lower, *d.upper}
			}
		}
	}
	return own, difference, nil
}

// plannedShares are the shares of contacts that each arm was to have. An arm that the plan does not name weighs 1.
func plannedShares(arms []armRow, plan map[string]float64) []float64 {
	shares, sum := make([]float64, len(arms)), 0.0
	for i, a := range arms {
		shares[i] = 1
		if weight, named := plan[a.Arm]; named {
			shares[i] = weight
		}
		sum += shares[i]
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares
}

// sampleRatio is the chance of arms of so unlikely size, had every contact each arm with the chance that was planned (chi-square).
func sampleRatio(arms []armRow, shares []float64) float64 {
	var contacts float64
	for _, a := range arms {
		contacts += float64(a.Contacts)
	}
	var chiSquared float64
	for i, a := range arms {
		expected := contacts * shares[i]
		d := float64(a.Contacts) - expected
		chiSquared += d * d / expected
	}
	return distuv.ChiSquared{K: float64(len(arms) - 1)}.Survival(chiSquared)
}
