package transform_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/transform/stats"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"gonum.org/v1/gonum/mat"
)

// curveWorld is large enough for all that is tested on it, and has clicks.
var curveWorld = simulate.Options{Seed: 7, Contacts: 350, Days: 70, Clicks: true}

// dayOf is a person-day as the tests of dose and curves read it.
type dayOf struct {
	Contact string    `ch:"contact"`
	Day     time.Time `ch:"day"`
	Group   uint8     `ch:"contact_group"`
	Dose    uint16    `ch:"dose"`
	Next    *uint16   `ch:"next_dose"`
	Sent    uint16    `ch:"sent"`
	Open    uint8     `ch:"open"`
}

// daysAtRisk are the person-days of contacts to whose channels opens are told.
func daysAtRisk(t *testing.T, db *warehouse.DB) (days []dayOf) {
	t.Helper()
	if err := db.Select(t.Context(), &days, `
SELECT toString(contact_id) AS contact, day, toUInt8(cityHash64(contact_id) % 200) AS contact_group, dose, next_dose, sent, opened > 0 AS open
FROM person_days WHERE channel = 'whatsapp' ORDER BY contact, day`); err != nil {
		t.Fatal(err)
	}
	return days
}

// near compares by share of what is wanted; transform.CloseTo by distance.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// What the sums of contacts say must be what the rows of the contacts say.
func TestCurvesAgreeWithTheRows(t *testing.T) {
	db := warehousetest.New(t)
	insertLines(t, db, "shop", simulate.New(curveWorld).Lines())
	run(t, db, transform.Window{})
	var rows []struct {
		Unit           string   `ch:"unit"`
		Identification string   `ch:"identification"`
		Measure        string   `ch:"measure"`
		From           uint16   `ch:"dose_from"`
		Contacts       uint64   `ch:"contacts"`
		Units          uint64   `ch:"units"`
		Estimate       *float64 `ch:"estimate"`
		StdError       *float64 `ch:"std_error"`
	}
	if err := db.Select(t.Context(), &rows, `
SELECT unit, identification, measure, dose_from, contacts, units, estimate, std_error
FROM frequency_curves WHERE dimension = 'all' AND outcome = 'open'`); err != nil {
		t.Fatal(err)
	}
	unit := "person_day"
	check := func(identification, measure string, from uint16, contacts, units int, estimate, stdError float64) {
		t.Helper()
		what := fmt.Sprint(identification, " ", measure, " ", from)
		for _, r := range rows {
			if r.Unit == unit && r.Identification == identification && r.Measure == measure && r.From == from {
				if r.Estimate == nil {
					t.Fatalf("%s is suppressed", what)
				}
				if int(r.Contacts) != contacts || int(r.Units) != units {
					t.Errorf("%s rests on %d contacts, %d units; want %d, %d", what, r.Contacts, r.Units, contacts, units)
				}
				near(t, what, *r.Estimate, estimate, 1e-4)
				near(t, what+" error", *r.StdError, stdError, 1e-4)
				return
			}
		}
		t.Errorf("there is no %s", what)
	}

	days := daysAtRisk(t, db)
	numbers := map[string]int{}
	var groups []uint8 // by number of the contact
	var observations []stats.Observation
	for i, d := range days {
		if _, known := numbers[d.Contact]; !known {
			numbers[d.Contact] = len(numbers)
			groups = append(groups, d.Group)
		}
		observations = append(observations, stats.Observation{Contact: numbers[d.Contact], Window: i, Dose: float64(d.Dose), Outcome: float64(d.Open)})
	}
	within, err := stats.Within(observations, false)
	if err != nil {
		t.Fatal(err)
	}
	counted, errs := slopeErrors(observations, within.Value, len(numbers), true)
	stdError := groupedError(groups, errs, counted)
	check("within", "slope", 0, within.Contacts, within.Observations, within.Value, stdError)
	// Groups say the same as contacts one by one, but for the chance of who is with whom: 5 % with 200 groups.
	near(t, "within error of groups", stdError, within.StdError, .2)
	pooled, err := stats.Pooled(observations)
	if err != nil {
		t.Fatal(err)
	}
	counted, errs = slopeErrors(observations, pooled.Value, len(numbers), false)
	stdError = groupedError(groups, errs, counted)
	check("crude", "slope", 0, pooled.Contacts, pooled.Observations, pooled.Value, stdError)
	near(t, "crude error of groups", stdError, pooled.StdError, .2)

	// Dose 3 against dose 1: a contact's mean difference, weighted by n1 n3 / (n1 + n3).
	type counts struct{ n1, y1, n3, y3 float64 }
	own := make([]counts, len(numbers))
	for _, o := range observations {
		c := &own[o.Contact]
		switch o.Dose {
		case 1:
			c.n1, c.y1 = c.n1+1, c.y1+o.Outcome
		case 3:
			c.n3, c.y3 = c.n3+1, c.y3+o.Outcome
		}
	}
	counted, errs = make([]bool, len(own)), make([]float64, len(own))
	var contacts int
	var sum, weights, units float64
	for i, c := range own {
		if counted[i] = c.n1 > 0 && c.n3 > 0; counted[i] {
			w := c.n1 * c.n3 / (c.n1 + c.n3)
			errs[i] = w * (c.y3/c.n3 - c.y1/c.n1)
			contacts, sum, weights, units = contacts+1, sum+errs[i], weights+w, units+c.n1+c.n3
		}
	}
	for i, c := range own {
		if counted[i] {
			errs[i] = (errs[i] - c.n1*c.n3/(c.n1+c.n3)*sum/weights) / weights
		}
	}
	check("within", "difference", 3, contacts, int(units), sum/weights, groupedError(groups, errs, counted))

	// Contacts' means, each as often as it has days.
	means := make([]stats.Observation, len(numbers))
	size := make([]float64, len(numbers))
	for _, o := range observations {
		size[o.Contact]++
		means[o.Contact].Dose += o.Dose
		means[o.Contact].Outcome += o.Outcome
	}
	var meansOf []stats.Observation
	for _, o := range observations {
		meansOf = append(meansOf, stats.Observation{Contact: o.Contact, Dose: means[o.Contact].Dose / size[o.Contact], Outcome: means[o.Contact].Outcome / size[o.Contact]})
	}
	between, err := stats.Pooled(meansOf)
	if err != nil {
		t.Fatal(err)
	}
	counted, errs = slopeErrors(meansOf, between.Value, len(numbers), false)
	check("crude", "between_slope", 0, len(numbers), len(days), between.Value, groupedError(groups, errs, counted))

	of := make([]int, len(days))
	for i, d := range days {
		of[i] = numbers[d.Contact]
	}
	estimate, stdError, contacts, n := directly(of, groups, func(i int) []float64 {
		if days[i].Next == nil {
			return nil
		}
		return []float64{float64(*days[i].Next), float64(days[i].Dose), float64(days[i].Sent), float64(days[i].Open)}
	})
	check("within", "placebo_slope", 0, contacts, n, estimate, stdError)
	estimate, stdError, contacts, n = directly(of, groups, func(i int) []float64 {
		if i == 0 || days[i-1].Contact != days[i].Contact || days[i-1].Day.AddDate(0, 0, 1) != days[i].Day {
			return nil
		}
		return []float64{float64(days[i].Dose), float64(days[i-1].Open), float64(days[i].Open)}
	})
	check("within", "lagged_slope", 0, contacts, n, estimate, stdError)

	// Of messages the one before is the last of the base, sent on a day at risk or not.
	var messages []struct {
		Contact  string `ch:"contact"`
		Exposure uint16 `ch:"own_exposure"`
		AtRisk   bool   `ch:"at_risk"`
		Open     uint8  `ch:"open"`
	}
	if err := db.Select(t.Context(), &messages, `
SELECT toString(contact_id) AS contact, assumeNotNull(exposure) AS own_exposure,
       (contact_id, toDate(sent_at)) IN (SELECT contact_id, day FROM person_days) AS at_risk, ifNull(opened_at <= sent_at + INTERVAL 7 DAY, 0) AS open
FROM messages CROSS JOIN (SELECT max(cutoff) AS cutoff FROM coverage) AS c
WHERE purpose = 'proactive' AND failed_at IS NULL AND exposure IS NOT NULL AND (delivered_at IS NOT NULL OR opened_at IS NOT NULL) AND sent_at <= c.cutoff - INTERVAL 7 DAY
ORDER BY contact, sent_at, message_id`); err != nil {
		t.Fatal(err)
	}
	of = of[:0]
	for _, m := range messages {
		number, known := numbers[m.Contact]
		if !known {
			number = len(numbers)
			numbers[m.Contact], groups = number, append(groups, 0) // never at risk
		}
		of = append(of, number)
	}
	unit = "message"
	estimate, stdError, contacts, n = directly(of, groups, func(i int) []float64 {
		if i == 0 || of[i-1] != of[i] || !messages[i].AtRisk {
			return nil
		}
		return []float64{float64(messages[i].Exposure), float64(messages[i-1].Open), float64(messages[i].Open)}
	})
	check("within", "lagged_slope", 0, contacts, n, estimate, stdError)
}

// directly regresses the last of the numbers of each unit on the others, all less their contact's mean, and returns the coefficient of the first. A unit without
// numbers is left out.
func directly(contacts []int, groups []uint8, row func(unit int) []float64) (estimate, stdError float64, counted, units int) {
	var rows [][]float64
	var of []int
	for i, contact := range contacts {
		if r := row(i); r != nil {
			rows, of = append(rows, r), append(of, contact)
		}
	}
	width := len(rows[0]) - 1
	means, sizes := make([][4]float64, len(groups)), make([]float64, len(groups))
	for i, r := range rows {
		sizes[of[i]]++
		for j, v := range r {
			means[of[i]][j] += v
		}
	}
	x, y := mat.NewDense(len(rows), width, nil), mat.NewVecDense(len(rows), nil)
	varies := make([]bool, len(groups))
	for i, r := range rows {
		c := of[i]
		for j := range r {
			r[j] -= means[c][j] / sizes[c]
		}
		x.SetRow(i, r[:width])
		y.SetVec(i, r[width])
		varies[c] = varies[c] || math.Abs(r[0]) > 1e-9
	}
	var squares, inverse mat.Dense
	squares.Mul(x.T(), x)
	_ = inverse.Inverse(&squares)
	var right, beta, fitted mat.VecDense
	right.MulVec(x.T(), y)
	beta.MulVec(&inverse, &right)
	fitted.MulVec(x, &beta)
	scores := mat.NewDense(len(groups), width, nil)
	for i, c := range of {
		for j := range width {
			scores.Set(c, j, scores.At(c, j)+x.At(i, j)*(y.AtVec(i)-fitted.AtVec(i)))
		}
	}
	for c, ok := range varies {
		if ok {
			counted++
			units += int(sizes[c])
		}
	}
	errs := make([]float64, len(groups))
	for c := range errs {
		errs[c] = mat.Dot(inverse.RowView(0), scores.RowView(c))
	}
	return beta.AtVec(0), groupedError(groups, errs, varies), counted, units
}

// slopeErrors returns which contacts count and what each adds to the error of a slope over doses, less the contact's mean or less that of all.
func slopeErrors(observations []stats.Observation, slope float64, contacts int, own bool) (counted []bool, errs []float64) {
	type means struct{ n, x, y float64 }
	of := make([]means, contacts)
	place := func(o stats.Observation) int {
		if own {
			return o.Contact
		}
		return 0
	}
	for _, o := range observations {
		m := &of[place(o)]
		m.n, m.x, m.y = m.n+1, m.x+o.Dose, m.y+o.Outcome
	}
	counted, errs = make([]bool, contacts), make([]float64, contacts)
	spread := 0.0
	for _, o := range observations {
		m := of[place(o)]
		x, y := o.Dose-m.x/m.n, o.Outcome-m.y/m.n
		spread += x * x
		errs[o.Contact] += x * (y - slope*x)
		counted[o.Contact] = counted[o.Contact] || math.Abs(x) > 1e-9
	}
	for c := range errs {
		errs[c] /= spread
	}
	return counted, errs
}

// groupedError is the standard error from what contacts add to the error, summed by group.
func groupedError(groups []uint8, errs []float64, counted []bool) float64 {
	var sums [200]float64
	used := map[uint8]bool{}
	for c, e := range errs {
		sums[groups[c]] += e
		if counted[c] {
			used[groups[c]] = true
		}
	}
	squares := 0.0
	for _, sum := range sums {
		squares += sum * sum
	}
	g := float64(len(used))
	return math.Sqrt(g / (g - 1) * squares)
}
