package transform_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/transform/stats"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// These tests hold the metrics against worlds whose truth is known, many small ones of each kind: an estimate must be
// near the truth, and its interval must miss it as often as it says, one time in twenty. They run side by side, each in a database of its own:
// while one waits for the engine, another makes its worlds.

// The kinds of world.
var (
	// tired: the engaged are messaged more, and messages tire everybody.
	tired = simulate.Options{Contacts: 300, Days: 45, Fatigue: 2, Clicks: true}
	// null: the engaged are messaged more, but no message changes what becomes of another, and no dose makes anybody leave.
	null = simulate.Options{Contacts: 250, Days: 45, Tireless: true, Null: true}
	// reacting: the business messages more after an open. With 1,000 contacts the placebo of person-days is off by 12 standard errors, with these by 7.
	reacting = simulate.Options{Contacts: 300, Days: 60, Reacts: true}
)

// worlds is how many worlds of a kind are lived: 20, or as many as DRUMBEAT_SOAK says.
func worlds() int {
	if n, err := strconv.Atoi(os.Getenv("DRUMBEAT_SOAK")); err == nil {
		return max(20, n)
	}
	return 20
}

// live tells worlds of a kind, with seeds first, first+1, ..., as businesses of the kind's name and the seed.
func live(t *testing.T, db *warehouse.DB, kind string, o simulate.Options, first, count int) {
	t.Helper()
	for seed := first; seed < first+count; seed++ {
		o.Seed = uint64(seed)
		insertLines(t, db, fmt.Sprint(kind, seed), simulate.New(o).Lines())
	}
}

// population is a world of the same kind, so large that its own chance does not matter beside a small one's.
func population(o simulate.Options) simulate.Panel {
	o.Seed, o.Contacts = 1_000_000, 5000
	if worlds() > 20 {
		o.Contacts = 30_000
	}
	return simulate.New(o).Panel()
}

// outOf counts how often something happened.
type outOf struct{ hits, of int }

func (c *outOf) add(hit bool) {
	c.of++
	if hit {
		c.hits++
	}
}

func (c outOf) share() float64 { return float64(c.hits) / float64(c.of) }

// covers fails unless intervals cover about as often as 95 % intervals should: within so much of it in 400 worlds, and with
// fewer in what two standard errors more allow. each is how many intervals a world gives; these are not independent.
func (c outOf) covers(t *testing.T, what string, within float64, each int) {
	t.Helper()
	if n := c.of / each; n < 400 {
		within += 2 * math.Sqrt(.95*.05/float64(n))
	}
	if c.of == 0 || math.Abs(c.share()-.95) > within {
		t.Errorf("%s: the interval covers the truth in %d of %d, want .95 within %.3f", what, c.hits, c.of, within)
	}
	t.Logf("%s: the interval covers the truth in %d of %d", what, c.hits, c.of)
}

// most fails unless it happened in at least the given share.
func (c outOf) most(t *testing.T, what string, least float64) {
	t.Helper()
	if c.of == 0 || c.share() < least {
		t.Errorf("%s: %d of %d, want %.2f of them at least", what, c.hits, c.of, least)
	}
	t.Logf("%s: %d of %d", what, c.hits, c.of)
}

// slopeRow is a world's slope as frequency_curves has it.
type slopeRow struct {
	Unit           string  `ch:"unit"`
	Outcome        string  `ch:"outcome"`
	Identification string  `ch:"identification"`
	Estimate       float64 `ch:"estimate"`
	Lower          float64 `ch:"lower"`
	Upper          float64 `ch:"upper"`
	Verdict        string  `ch:"verdict"`
}

func (r slopeRow) covers(truth float64) bool { return r.Lower <= truth && truth <= r.Upper }

// ask returns the rows of a question about the businesses of a kind.
func ask[T any](t *testing.T, db *warehouse.DB, kind, sql string) (rows []T) {
	t.Helper()
	if err := db.Select(t.Context(), &rows, sql, clickhouse.Named("kind", kind)); err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Fatalf("%s: no rows", kind)
	}
	return rows
}

const slopesOf = `
SELECT unit, outcome, identification, assumeNotNull(estimate) AS estimate, assumeNotNull(lower) AS lower, assumeNotNull(upper) AS upper, verdict
FROM frequency_curves
WHERE startsWith(business_id, {kind:String}) AND dimension = 'all' AND measure = 'slope' AND suppressed = 0
ORDER BY business_id, unit, outcome, identification`

func TestKnownTruth(t *testing.T) {
	t.Parallel()
	panel := population(tired)
	truth := map[[2]string]simulate.Slope{}
	for _, s := range panel.Slopes() {
		truth[[2]string{s.Scale, s.Outcome}] = s
	}
	openDays := [2]string{"person_day", "open"}
	if s := truth[openDays]; s.Causal >= 0 || s.Crude <= 0 {
		t.Fatalf("the worlds do not mislead: %+v", s)
	}
	covered := map[[2]string]*outOf{}
	for key := range truth {
		covered[key] = &outOf{}
	}
	var wrong, right, associated outOf                            // tired
	var rates, naive outOf                                        // tired: open rates
	var none, crude, unmoved outOf                                // null
	objects := map[string]*outOf{"message": {}, "person_day": {}} // reacting
	var silent outOf                                              // reacting
	var causedTrend, nullTrend trends                             // tired, null
	var rateBins int

	var optimum outOf // tired
	steady := simulate.New(tired).Steady()

	const atOnce = 20
	for first := 1; first <= worlds(); first += atOnce {
		db := warehousetest.New(t)
		live(t, db, "tired", tired, first, atOnce)
		live(t, db, "null", null, first, atOnce)
		live(t, db, "reacting", reacting, first, atOnce)
		if _, err := transform.Run(t.Context(), db, transform.Truth, transform.Window{}); err != nil {
			t.Fatal(err)
		}

		for _, r := range ask[slopeRow](t, db, "tired", slopesOf) {
			key := [2]string{r.Unit, r.Outcome}
			if s, known := truth[key]; known && r.Identification == "within" {
				covered[key].add(r.covers(s.Causal))
			}
			switch {
			case key != openDays:
			case r.Identification == "crude":
				wrong.add(r.Estimate > 0)
			case r.Identification == "within":
				right.add(r.Estimate < 0)
			}
			if r.Outcome == "open" && r.Identification == "within" {
				associated.add(r.Verdict == "association")
			}
		}
		for _, r := range ask[slopeRow](t, db, "null", slopesOf) {
			if r.Outcome == "open" && r.Identification == "within" {
				unmoved.add(r.Verdict == "association")
			}
			switch {
			case r.Unit != "message" || r.Outcome != "open":
			case r.Identification == "crude":
				crude.add(r.Estimate > 0)
			case r.Identification == "within":
				none.add(r.covers(0))
			}
		}
		for _, r := range ask[slopeRow](t, db, "reacting", slopesOf) {
			if r.Outcome == "open" && r.Identification == "within" {
				objects[r.Unit].add(r.Verdict == "cannot tell")
			}
		}
		for _, r := range ask[advised](t, db, "reacting", advice) {
			silent.add(r.Advice == "no recommendation" && strings.Contains(r.Why, "the sender may react to the contacts: the placebo of"))
		}
		causedTrend.add(t, ask[doseCell](t, db, "tired", doseCells))
		nullTrend.add(t, ask[doseCell](t, db, "null", doseCells))
		optimum.plausible(ask[candidate](t, db, "tired", candidates), steady)
		rateBins = coverRates(t, db, panel.Messages, &rates, &naive)
	}

	wrong.most(t, "the crude slope rises where each contact's own falls", .9)
	right.most(t, "the slope within contacts falls", .95)
	associated.most(t, "the placebo lets it pass", .9)
	for key, c := range covered {
		within := .025
		if key[1] != "open" {
			within = .045 // of what happens seldom, 300 contacts give a variance a little too small
		}
		c.covers(t, fmt.Sprint("slope within contacts, ", key), within, 1)
	}
	crude.most(t, "the crude slope rises where there is none", .95)
	none.covers(t, "slope of a message where there is none", .025, 1)
	unmoved.most(t, "the placebo lets pass what no message changes", .9)
	least := func(share float64) float64 { return share - 3*math.Sqrt(share*(1-share)/float64(worlds())) }
	for unit, c := range objects {
		c.most(t, "the placebos object to a business that reacts, by "+unit, least(.95))
	}
	silent.most(t, "nothing is recommended to a business that reacts", least(.95))

	optimum.most(t, "the best weekly number is among those that may be the best", least(.95))

	// The interval of a message rate takes the contact as its unit. One that takes messages as independent does not cover.
	rates.covers(t, "open rates by exposure", .025, rateBins)
	if naive.share() > .9 {
		t.Errorf("intervals that ignore contacts cover in %d of %d: these worlds show nothing", naive.hits, naive.of)
	}
	t.Logf("intervals that ignore contacts cover in %d of %d", naive.hits, naive.of)

	// Those who leave get nothing more, and still no dose looks safe or guilty that is neither.
	if z := nullTrend.together(); math.Abs(z) > 3 || nullTrend.sure.share() > .05+3*math.Sqrt(.05*.95/float64(nullTrend.sure.of)) {
		t.Errorf("opt-outs that no dose causes: z = %.2f, a trend in %d of %d", z, nullTrend.sure.hits, nullTrend.sure.of)
	}
	if z := causedTrend.together(); z < 6 {
		t.Errorf("opt-outs that the dose causes: z = %.2f, a trend in %d of %d", z, causedTrend.sure.hits, causedTrend.sure.of)
	}
}

// doseCell is a world's opt-outs at a dose.
type doseCell struct {
	Business string `ch:"business_id"`
	From     uint16 `ch:"dose_from"`
	Days     uint64 `ch:"person_days"`
	OptOuts  uint64 `ch:"opt_outs"`
}

const doseCells = `
SELECT business_id, dose_from, person_days, opt_outs
FROM frequency_opt_out
WHERE startsWith(business_id, {kind:String}) AND market = 'all'
ORDER BY business_id, dose_from`

// trends gathers the worlds' trends of opt-outs over the dose.
type trends struct {
	sum  float64
	sure outOf // p < .05
}

func (s *trends) add(t *testing.T, cells []doseCell) {
	t.Helper()
	for len(cells) > 0 {
		var x, n []uint64
		var scores []float64
		business := cells[0].Business
		for len(cells) > 0 && cells[0].Business == business {
			x, n, scores = append(x, cells[0].OptOuts), append(n, cells[0].Days), append(scores, float64(cells[0].From))
			cells = cells[1:]
		}
		trend, err := stats.CochranArmitage(x, n, scores)
		if err != nil {
			t.Fatalf("%s: %v", business, err)
		}
		s.sum += trend.Z
		s.sure.add(trend.P < .05)
	}
}

// together is the z of all worlds (Stouffer 1949).
func (s *trends) together() float64 { return s.sum / math.Sqrt(float64(s.sure.of)) }

// advised is what a world is told.
type advised struct {
	Advice string `ch:"advice"`
	Why    string `ch:"why"`
}

const advice = `
SELECT any(advice) AS advice, any(why) AS why
FROM frequency_recommendation
WHERE startsWith(business_id, {kind:String}) AND dimension = 'all' AND headline = 1
GROUP BY business_id
ORDER BY business_id`

// candidate is a dose of a world's recommendation.
type candidate struct {
	Business   string  `ch:"business_id"`
	Outcome    string  `ch:"outcome"`
	Dose       float64 `ch:"dose"`
	Engagement float64 `ch:"value_engagement"`
	OptOut     float64 `ch:"cost_opt_out"`
	Message    float64 `ch:"cost_message"`
	Plausible  uint8   `ch:"plausible"`
}

const candidates = `
SELECT business_id, outcome, dose, value_engagement, cost_opt_out, cost_message, plausible
FROM frequency_recommendation
WHERE startsWith(business_id, {kind:String}) AND dimension = 'all' AND headline = 1 AND candidate = 1
ORDER BY business_id, dose_from`

// plausible tallies whether the truly best of each world's candidates is one of those that may be the best.
func (c *outOf) plausible(rows []candidate, steady []simulate.Steady) {
	for len(rows) > 0 {
		business, worth, may := rows[0].Business, math.Inf(-1), false
		for len(rows) > 0 && rows[0].Business == business {
			r := rows[0]
			if u := steady[int(math.Round(r.Dose))].Utility(r.Outcome, r.Engagement, r.OptOut, r.Message); u > worth {
				worth, may = u, r.Plausible == 1
			}
			rows = rows[1:]
		}
		c.add(may)
	}
}

// coverRates tallies whether the open rates by exposure, and their intervals were messages independent, cover the population's. It returns
// the number of bins.
func coverRates(t *testing.T, db *warehouse.DB, population []simulate.Measured, clustered, naive *outOf) int {
	t.Helper()
	type cell struct {
		From     uint16  `ch:"exposure_from"`
		To       uint16  `ch:"exposure_to"`
		Messages uint64  `ch:"messages"`
		Outcomes uint64  `ch:"outcomes"`
		Lower    float64 `ch:"lower"`
		Upper    float64 `ch:"upper"`
	}
	rates := map[uint16]float64{}
	for _, c := range ask[cell](t, db, "tired", `
SELECT exposure_from, exposure_to, messages, outcomes, assumeNotNull(lower) AS lower, assumeNotNull(upper) AS upper
FROM frequency_engagement
WHERE startsWith(business_id, {kind:String}) AND market = 'all' AND channel = 'all' AND outcome = 'open' AND suppressed = 0
ORDER BY business_id, exposure_from`) {
		rate, known := rates[c.From]
		if !known {
			var n, sum float64
			for _, m := range population {
				if m.Exposure >= int(c.From) && m.Exposure <= int(c.To) {
					n++
					sum += m.Expected.Opened
				}
			}
			rate = sum / n
			rates[c.From] = rate
		}
		independent, _ := stats.Wilson(c.Outcomes, c.Messages)
		clustered.add(c.Lower <= rate && rate <= c.Upper)
		naive.add(independent.Lower <= rate && rate <= independent.Upper)
	}
	return len(rates)
}

// table reads a gzipped CSV file of the folder of public data sets, by column.
func table(t *testing.T, name ...string) map[string][]string {
	t.Helper()
	folder := os.Getenv("DRUMBEAT_DATA")
	if folder == "" {
		t.Skip("DRUMBEAT_DATA does not name the folder of public data sets")
	}
	file, err := os.Open(filepath.Join(append([]string{folder}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(unzipped).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]string{}
	for _, record := range records[1:] {
		for i, value := range record {
			columns[records[0][i]] = append(columns[records[0][i]], value)
		}
	}
	return columns
}

// A real test of an e-mail (K. Hillstrom, MineThatData, 2008): 64,000 customers in three random arms, one of which got nothing. Its
// arms go to the estimators and not through the events: a hold-out has no send that could name its arm, and no visit has a time.
func TestRandomisedEmail(t *testing.T) {
	data := table(t, "hillstrom_email", "hillstrom.csv.gz")
	n, visits, conversions := map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
	for i, arm := range data["treatment"] {
		n[arm]++
		if data["visit"][i] == "1" {
			visits[arm]++
		}
		if data["conversion"][i] == "1" {
			conversions[arm]++
		}
	}
	const mens, womens, none = "Mens E-Mail", "Womens E-Mail", "No E-Mail"
	for arm, want := range map[string][3]uint64{mens: {21307, 3894, 267}, womens: {21387, 3238, 189}, none: {21306, 2262, 122}} {
		if got := [3]uint64{n[arm], visits[arm], conversions[arm]}; got != want {
			t.Errorf("%s: %v, want %v", arm, got, want)
		}
	}
	visited, ok := stats.Wilson(visits[mens], n[mens])
	if !ok {
		t.Fatal("no interval")
	}
	transform.CloseTo(t, "lower limit of visits", visited.Lower, .177625, 6e-7)
	transform.CloseTo(t, "upper limit of visits", visited.Upper, .188003, 6e-7)
	for _, c := range []struct {
		what                string
		of                  map[string]uint64
		arm                 string
		value, lower, upper float64
	}{
		{"visits, mens", visits, mens, .076590, .069953, .083227},
		{"visits, womens", visits, womens, .045233, .038894, .051574},
		{"conversions, mens", conversions, mens, .006805, .005014, .008641},
	} {
		d, ok := stats.ProportionDifference(c.of[c.arm], n[c.arm], c.of[none], n[none])
		if !ok {
			t.Fatal(c.what)
		}
		transform.CloseTo(t, c.what, d.Value, c.value, 6e-7)
		transform.CloseTo(t, c.what+", lower limit", d.Lower, c.lower, 6e-7)
		transform.CloseTo(t, c.what+", upper limit", d.Upper, c.upper, 6e-7)
	}
}

// Real calls of a bank (Moro, Cortez and Rita 2014, UCI 222, CC BY 4.0): calling stops at success. Success by the number of calls falls
// from 13 to 4 %, and much of that is the stopping: among those still called, the n-th call's success falls far less. The calls have no
// times, so they too go to the estimators.
func TestCallingStopsAtSuccess(t *testing.T) {
	data := table(t, "bank_contacts", "bank_additional_full.csv.gz")
	persons, successes := make([]uint64, 10), make([]uint64, 10)
	for i, text := range data["campaign"] {
		calls, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		calls = min(calls, 10)
		persons[calls-1]++
		if data["y"][i] == "yes" {
			successes[calls-1]++
		}
	}
	if want := []uint64{17642, 10570, 5341, 2651, 1599, 979, 629, 400, 283, 1094}; !slices.Equal(persons, want) {
		t.Errorf("persons by calls are %v, want %v", persons, want)
	}
	if want := []uint64{2300, 1211, 574, 249, 120, 75, 38, 17, 17, 39}; !slices.Equal(successes, want) {
		t.Errorf("successes by calls are %v, want %v", successes, want)
	}
	trend, err := stats.CochranArmitage(successes, persons, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	if err != nil {
		t.Fatal(err)
	}
	transform.CloseTo(t, "z of the crude trend", trend.Z, -14.3681096, 6e-8)

	var hazards []float64
	called := uint64(0)
	for _, n := range persons {
		called += n
	}
	for i := range 5 {
		hazards = append(hazards, float64(successes[i])/float64(called))
		called -= persons[i]
	}
	transform.CloseTo(t, "success at the first call of those called", hazards[0], 2300./41188, 1e-12)
	crude := float64(successes[0]) / float64(persons[0])
	// Of those who got one call only, 13 % said yes; of those who got a first call, 5.6 %.
	if hazards[0] > .45*crude {
		t.Errorf("the crude rate of one call, %.3f, is not what a first call brings, %.3f", crude, hazards[0])
	}
	if crudeFall, fall := crude-float64(successes[2])/float64(persons[2]), hazards[0]-hazards[2]; fall > .55*crudeFall {
		t.Errorf("from the first to the third call success falls by %.4f, crude by %.4f: stopping should make about half of it", fall, crudeFall)
	}
}
