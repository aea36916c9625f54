package transform

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"drumbeat/transform/stats"
)

// The sums of an arm over a group of its contacts stand in this order, as frequency_recommendation has them.
const (
	armContacts  = iota
	armToldDays                                  // as assigned, whose messages have had time for their outcomes
	armEngaged                                   // looks at messages of these days, and their messages clicked, replied to, in time
	armRiskDays  = armEngaged + len(engagements) // at risk
	armOptOuts   = armRiskDays + 1
	armKnownDays = armRiskDays + 2 // as assigned, beside the days at risk
	armDays      = armRiskDays + 3 // as assigned
	armSent      = armRiskDays + 4
	armSums      = armRiskDays + 5
)

// tested is one arm of a randomised test.
type tested struct {
	arm, identification, why string
	groups                   [][]float64 // sums by group of contacts
}

// arms returns the arms of each business, those of frequency_arms.
func (r *run) arms(ctx context.Context, m model, w Window) (map[string][]*tested, error) {
	var known []struct {
		Business       string `ch:"business_id"`
		Arm            string `ch:"arm"`
		Identification string `ch:"identified"`
		Why            string `ch:"because"`
	}
	if err := r.db.Select(ctx, &known, `
SELECT business_id, arm, min(identification) AS identified, max(why) AS because
FROM frequency_arms
WHERE window_from = toDate({from:DateTime64(3, 'UTC')}) AND window_to = toDate({to:DateTime64(3, 'UTC')})
GROUP BY business_id, arm
ORDER BY business_id, arm`, w.params()...); err != nil {
		return nil, fmt.Errorf("read the arms: %w", err)
	}
	if len(known) == 0 {
		return nil, nil
	}
	arms, byName := map[string][]*tested{}, map[[2]string]*tested{}
	for _, k := range known {
		t := &tested{arm: k.Arm, identification: k.Identification, why: k.Why}
		arms[k.Business], byName[[2]string{k.Business, k.Arm}] = append(arms[k.Business], t), t
	}
	statements, err := r.statements(ctx, m.relation, w)
	if err != nil {
		return nil, err
	}
	rows, err := r.db.Query(ctx, statements[sumsOfArms], w.params()...)
	if err != nil {
		return nil, fmt.Errorf("compute the arms: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var business, arm string
		var group uint8
		var sums []uint64
		if err := rows.Scan(&business, &arm, &group, &sums); err != nil {
			return nil, fmt.Errorf("read the sums of arms: %w", err)
		}
		if len(sums) != armSums {
			return nil, fmt.Errorf("read the sums of arms: %d instead of %d", len(sums), armSums)
		}
		if t := byName[[2]string{business, arm}]; t != nil {
			own := make([]float64, armSums)
			for i, n := range sums {
				own[i] = float64(n)
			}
			t.groups = append(t.groups, own)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("compute the arms: %w", err)
	}
	return arms, nil
}

// armRates are what a day in an arm brings.
type armRates struct {
	engaged float64 // messages of the day with the outcome in time, per day as assigned
	counted float64 // opt-outs per day as assigned
	leaving float64 // opt-outs per day at risk
	sent    float64 // messages per day as assigned
}

func ratesOf(sums []float64, outcome int) armRates {
	return armRates{
		engaged: over(sums[armEngaged+outcome], sums[armToldDays]), counted: over(sums[armOptOuts], sums[armKnownDays]),
		leaving: over(sums[armOptOuts], sums[armRiskDays]), sent: over(sums[armSent], sums[armDays]),
	}
}

// choice returns the arm as one that can be compared with others, and the covariance of what it brings and of the opt-outs that count
// against that: by leaving out one group of contacts at a time, as leaveOneOut does.
func (t *tested) choice(outcome int) (k choice, covariance [2][2]float64, groups int) {
	all := make([]float64, armSums)
	for _, group := range t.groups {
		for i, x := range group {
			all[i] += x
		}
	}
	rates := ratesOf(all, outcome)
	k = choice{
		arm: t.arm, to: noUpperEnd, dose: 7 * rates.sent, contacts: all[armContacts], personDays: all[armRiskDays],
		engagements: all[armEngaged+outcome], optOut: all[armOptOuts],
	}
	groups = len(t.groups)
	enough := groups >= 2 && k.contacts >= fewestContacts
	held := enough && all[armSent] == 0 && k.engagements == 0 // an arm that is sent nothing
	if enough {
		var without []armRates
		var mean armRates
		for _, group := range t.groups {
			left := slices.Clone(all)
			for i, x := range group {
				left[i] -= x
			}
			own := ratesOf(left, outcome)
			without = append(without, own)
			mean.engaged += own.engaged / float64(groups)
			mean.counted += own.counted / float64(groups)
			mean.leaving += own.leaving / float64(groups)
		}
		var leaving float64
		share := float64(groups-1) / float64(groups)
		for _, own := range without {
			e, c, l := own.engaged-mean.engaged, own.counted-mean.counted, own.leaving-mean.leaving
			covariance[0][0] += share * e * e
			covariance[0][1] += share * e * c
			covariance[1][1] += share * c * c
			leaving += share * l * l
		}
		covariance[1][0] = covariance[0][1]
		k.leaving = hazardLimits(rates.leaving, leaving, all[armRiskDays], groups)
		k.counted = hazardLimits(rates.counted, covariance[1][1], all[armKnownDays], groups)
	}
	switch {
	case held:
		k.engagement = measured{known: true} // nothing sent, nothing gained
	case enough && k.engagements >= fewestOutcomes:
		k.engagement = positive(rates.engaged, covariance[0][0], groups)
	}
	if !k.engagement.known || !k.leaving.known || k.dose == 0 && !held || k.contacts < stats.CandidateContacts || k.engagements+k.optOut < stats.CandidateOutcomes {
		k.excluded = "few contacts or outcomes"
	}
	return k, covariance, groups
}

// randomised compares the arms of a test as assigned; false without two of them. blocked is why the outcome recommends nothing, if so.
func randomised(arms []*tested, outcome int, blocked string) (contest, bool) {
	c := contest{
		identification: "randomised", optOuts: "randomised", fewest: 2,
		strata: "none: arms are alike but for chance",
	}
	if len(arms) < 2 {
		return c, false
	}
	if blocked != "" {
		c.blocked, c.settle = blocked, settles[blocked]
	}
	var covariances [][2][2]float64
	for _, t := range arms {
		if t.identification != "randomised" {
			c.blocked = "the test is not believed: " + t.why
			c.settle = "a test whose assignment reaches every contact of every arm, from its first day on"
		}
		k, covariance, groups := t.choice(outcome)
		k.index = len(c.choices) // the dose decides on the order
		c.groups = max(c.groups, groups)
		c.choices = append(c.choices, k)
		covariances = append(covariances, covariance)
	}
	slices.SortStableFunc(c.choices, func(a, b choice) int { return cmp.Compare(a.dose, b.dose) })
	for i := range c.choices {
		if i > 0 && c.choices[i].dose == c.choices[i-1].dose && c.choices[i].excluded == "" {
			c.choices[i].excluded = "as many sends as another arm"
		}
	}
	c.offset = len(c.choices)
	c.covariance = func(i, j int) float64 {
		if i%c.offset != j%c.offset { // arms share no contacts
			return 0
		}
		return covariances[i%c.offset][i/c.offset][j/c.offset]
	}
	return c, true
}
