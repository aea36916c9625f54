package transform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"drumbeat/transform/stats"
)

// sampleContacts is about how many contacts are compared with themselves one by one.
const sampleContacts = 20_000

// observations are those of a sample of contacts, by what they are of.
type observations map[curveKey][]stats.Observation

// add adds those of the units in a table, as a statement finds them.
func (o observations) add(ctx context.Context, r *run, statement string, places map[uint64]*place) error {
	rows, err := r.db.Query(ctx, statement)
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var number, contact uint64
		var isDay, told, had uint8
		var week int32
		var dose uint16
		if err := rows.Scan(&number, &isDay, &contact, &week, &dose, &told, &had); err != nil {
			return fmt.Errorf("read the sample: %w", err)
		}
		p, ok := places[number]
		if !ok {
			continue
		}
		for i, outcome := range outcomeNames[:4] { // an opt-out ends a contact's history
			if told>>i&1 == 1 {
				key := curveKey{p.business, "all", "", unitNames[isDay], outcome}
				o[key] = append(o[key], stats.Observation{Contact: int(contact), Window: int(week), Dose: float64(dose), Outcome: float64(had >> i & 1)})
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	return nil
}

// rows compares the sampled contacts with themselves, one by one: the conditional logit, and the slope without what all contacts have in common in
// a week. Only for all contacts of a business together.
func (o observations) rows(share uint32) (_ map[curveKey][]curveRow, err error) {
	sampled := map[curveKey][]curveRow{}
	for key, own := range o {
		// As one pass would sort them: the last digits of a sum depend on its order.
		slices.SortStableFunc(own, func(a, b stats.Observation) int { return cmp.Compare(uint64(a.Contact), uint64(b.Contact)) })
		why := "of all contacts"
		if share > 1 {
			why = fmt.Sprintf("of the contacts whose hash can be divided by %d", share)
		}
		if key.unit == "person_day" {
			why += ", one day in seven, so that the weeks before do not overlap"
		}
		if sampled[key], err = compareOneByOne(own, why); err != nil {
			return nil, err
		}
	}
	return sampled, nil
}

// compareOneByOne returns the conditional logit and the slope without the calendar.
func compareOneByOne(observations []stats.Observation, why string) ([]curveRow, error) {
	odds := curveRow{identification: "within", measure: "log_odds_slope", doses: allDoses, why: why}
	odds.contacts, odds.units, odds.out = varying(observations)
	if odds.enough() {
		fit, err := stats.FitConditionalLogit(observations)
		switch {
		case err == nil:
			odds.value = newEffect(fit.Value, fit.StdError, fit.Lower, fit.Upper)
		case !undefined(err):
			return nil, fmt.Errorf("conditional logit: %w", err)
		}
	}
	calendar := curveRow{identification: "within", measure: "calendar_slope", doses: allDoses, why: why}
	slope, err := stats.Within(observations, true)
	switch {
	case err == nil:
		calendar.contacts, calendar.units = uint64(slope.Contacts), uint64(slope.Observations)
		for _, o := range observations {
			calendar.out += uint64(o.Outcome)
		}
		if calendar.enough() && slope.StdError > 0 {
			calendar.value = newEffect(slope.Value, slope.StdError, slope.Lower, slope.Upper)
		}
	case !undefined(err):
		return nil, fmt.Errorf("slope without the calendar: %w", err)
	}
	return []curveRow{odds, calendar}, nil
}

// undefined reports whether the data do not determine an estimate, which is no fault.
func undefined(err error) bool {
	return errors.Is(err, stats.ErrNoVariation) || errors.Is(err, stats.ErrSeparation) || errors.Is(err, stats.ErrConvergence) || errors.Is(err, stats.ErrShape)
}

// varying returns the contacts whose outcome varies, their observations and outcomes: what a conditional logit rests on.
func varying(observations []stats.Observation) (contacts, units, outcomes uint64) {
	type counts struct{ n, y uint64 }
	of := map[int]*counts{}
	for _, o := range observations {
		c := of[o.Contact]
		if c == nil {
			c = &counts{}
			of[o.Contact] = c
		}
		c.n++
		c.y += uint64(o.Outcome)
	}
	for _, c := range of {
		if c.y > 0 && c.y < c.n {
			contacts, units, outcomes = contacts+1, units+c.n, outcomes+c.y
		}
	}
	return contacts, units, outcomes
}
