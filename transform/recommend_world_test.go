package transform_test

import (
	"fmt"
	"strings"
	"testing"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

// Whole worlds, from events to advice: the true best dose, of contacts who all get so many a week and for long, is among the plausible.
func TestAdviceOnWorlds(t *testing.T) {
	t.Parallel()
	arms := []simulate.Arm{{Name: "one", Weekly: 1}, {Name: "four", Weekly: 4}, {Name: "fourteen", Weekly: 14}}
	kinds := map[string]simulate.Options{
		"plain1":   {Seed: 1},
		"plain2":   {Seed: 2},
		"tested":   {Seed: 5, Arms: arms},
		"mismatch": {Seed: 6, Arms: arms, Mismatch: true},
	}
	db := warehousetest.New(t)
	for name, o := range kinds {
		o.Contacts, o.Days, o.Clicks = 900, 70, true
		kinds[name] = o
		insertLines(t, db, name, simulate.New(o).Lines())
	}
	values := transform.Values{Engagement: 1, OptOut: 50, Message: .01, Budget: 1, Outcome: "open"}
	if _, err := transform.RunWith(t.Context(), db, "frequency", transform.Window{}, values); err != nil {
		t.Fatal(err)
	}
	checkAdvice(t, db, kinds, values)
	// By clicks too. Replies rise with the dose because contacts write anyway: nothing is recommended, and nobody is saturated by them.
	for _, outcome := range []string{"click", "reply"} {
		values.Outcome = outcome
		if _, err := transform.RunWith(t.Context(), db, transform.Advice, transform.Window{}, values); err != nil {
			t.Fatal(err)
		}
		if outcome == "click" {
			checkAdvice(t, db, kinds, values)
		}
	}
	if n := count(t, db, `SELECT count() FROM frequency_recommendation WHERE advice != 'no recommendation' OR outcome != 'reply'`); n != 0 {
		t.Errorf("%d rows recommend by replies", n)
	}
	if n := count(t, db, `SELECT count() FROM frequency_what_if WHERE measure = 'engagement' AND verdict != 'cannot tell'`); n != 0 {
		t.Errorf("%d rows say what replies would be", n)
	}
}

// checkAdvice asks for the truly best dose of each world among those that may be the best.
func checkAdvice(t *testing.T, db *warehouse.DB, kinds map[string]simulate.Options, values transform.Values) {
	t.Helper()
	var rows []struct {
		Business       string  `ch:"business_id"`
		Identification string  `ch:"identification"`
		Headline       uint8   `ch:"headline"`
		Arm            string  `ch:"arm"`
		Dose           float64 `ch:"dose"`
		Outcome        string  `ch:"outcome"`
		Message        float64 `ch:"cost_message"`
		Candidate      uint8   `ch:"candidate"`
		Plausible      uint8   `ch:"plausible"`
		Why            string  `ch:"why"`
	}
	if err := db.Select(t.Context(), &rows, `
SELECT business_id, identification, headline, arm, dose, outcome, cost_message, candidate, plausible, why
FROM frequency_recommendation WHERE dimension = 'all' ORDER BY business_id, identification, dose`); err != nil {
		t.Fatal(err)
	}
	steady := map[string][]simulate.Steady{}
	for name, o := range kinds {
		steady[name] = simulate.New(o).Steady()
	}
	headlines, candidates, holds := map[string]string{}, map[string]int{}, map[string]bool{}
	best := map[string]float64{}
	for _, r := range rows {
		if r.Message != values.Message || r.Outcome != values.Outcome {
			t.Errorf("%+v", r)
		}
		if r.Headline == 1 {
			headlines[r.Business] = r.Identification
		}
		if r.Business == "mismatch" && r.Identification == "randomised" && !strings.Contains(r.Why, "sizes") {
			t.Errorf("a broken test says %q", r.Why)
		}
		if r.Headline == 0 || r.Candidate == 0 {
			continue
		}
		candidates[r.Business]++
		// Between two whole doses on a straight line.
		low := min(int(r.Dose), len(steady[r.Business])-2)
		part := r.Dose - float64(low)
		worth := func(dose int) float64 {
			s := steady[r.Business][dose]
			return s.Utility(values.Outcome, values.Engagement, values.OptOut, values.Message)
		}
		u := (1-part)*worth(low) + part*worth(low+1)
		if most, ok := best[r.Business]; !ok || u > most {
			best[r.Business], holds[r.Business] = u, r.Plausible == 1
		}
	}
	if got, want := fmt.Sprint(headlines), "map[mismatch:within plain1:within plain2:within tested:randomised]"; got != want {
		t.Errorf("headlines %s, want %s", got, want)
	}
	for name := range kinds {
		if name != "mismatch" && (candidates[name] < 3 || !holds[name]) {
			t.Errorf("%s: %d candidates, the best plausible: %v", name, candidates[name], holds[name])
		}
	}
}
