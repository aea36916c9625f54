package transform_test

import (
	"fmt"
	"math"
	"testing"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse/warehousetest"
)

// Rates and differences by dose must be those of the contacts' own days, and so must their uncertainty: what one contact
// adds to both bins goes together.
func TestDoseAgreesWithTheRows(t *testing.T) {
	db := warehousetest.New(t)
	insertLines(t, db, "shop", simulate.New(curveWorld).Lines())
	run(t, db, transform.Window{})
	days := daysAtRisk(t, db)
	type counts struct{ n, y float64 }
	own := [3]map[string]*counts{{}, {}, {}}
	var all [3]counts
	for _, d := range days {
		if d.Dose > 2 {
			continue
		}
		c := own[d.Dose][d.Contact]
		if c == nil {
			c = &counts{}
			own[d.Dose][d.Contact] = c
		}
		c.n, c.y = c.n+1, c.y+float64(d.Open)
		all[d.Dose].n, all[d.Dose].y = all[d.Dose].n+1, all[d.Dose].y+float64(d.Open)
	}
	residual := func(dose int, contact string) float64 {
		c := own[dose][contact]
		if c == nil {
			return 0
		}
		return (c.y - all[dose].y/all[dose].n*c.n) / all[dose].n
	}
	for dose := 1; dose <= 2; dose++ {
		var variance, variances, covariance float64
		g1, g0 := float64(len(own[dose])), float64(len(own[dose-1]))
		for contact := range own[dose] {
			e, before := residual(dose, contact), residual(dose-1, contact)
			variance += g1 / (g1 - 1) * e * e
			covariance += math.Sqrt(g1/(g1-1)*g0/(g0-1)) * e * before
		}
		for contact := range own[dose-1] {
			e := residual(dose-1, contact)
			variances += g0 / (g0 - 1) * e * e
		}
		var contacts, units, outcomes uint64
		var rate, stdError, marginal, marginalError *float64
		if err := db.QueryRow(t.Context(), fmt.Sprintf(`SELECT contacts, person_days, outcomes, rate, std_error, marginal, marginal_std_error
FROM frequency_dose WHERE dimension = 'channel' AND segment = 'whatsapp' AND outcome = 'open' AND dose_from = %d`, dose)).
			Scan(&contacts, &units, &outcomes, &rate, &stdError, &marginal, &marginalError); err != nil {
			t.Fatal(err)
		}
		if float64(contacts) != g1 || float64(units) != all[dose].n || float64(outcomes) != all[dose].y {
			t.Errorf("dose %d: %d contacts, %d days, %d opens; want %v, %v", dose, contacts, units, outcomes, g1, all[dose])
		}
		near(t, "rate", *rate, all[dose].y/all[dose].n, 1e-12)
		near(t, "error", *stdError, math.Sqrt(variance), 1e-9)
		near(t, "difference", *marginal, all[dose].y/all[dose].n-all[dose-1].y/all[dose-1].n, 1e-12)
		near(t, "error of the difference", *marginalError, math.Sqrt(variance+variances-2*covariance), 1e-9)
	}
}
