package transform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"drumbeat/transform/stats"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"gonum.org/v1/gonum/stat/distuv"
)

// sixDoses is a published example's shape: engagements grow ever less, opt-outs ever more.
func sixDoses() contest {
	n := []float64{5000, 5200, 4800, 4100, 3000, 1900}
	m := []float64{.12, .21, .28, .33, .36, .37}
	sd := []float64{.33, .47, .58, .66, .73, .78}
	q := []float64{.0020, .0031, .0046, .0068, .0102, .0155}
	c := contest{identification: "within", optOuts: "standardised", groups: 200, fewest: 3, offset: 6}
	for i := range n {
		c.choices = append(c.choices, choice{
			from: uint16(i + 1), to: uint16(i + 1), dose: float64(i + 1), contacts: n[i], engagements: 1000, optOut: n[i] * q[i], index: i,
			engagement: measured{known: true, rate: m[i], stdError: sd[i] / math.Sqrt(n[i])},
			leaving:    measured{known: true, rate: q[i], upper: 2 * q[i], stdError: math.Sqrt(q[i] * (1 - q[i]) / n[i])},
		})
		c.choices[i].counted, c.choices[i].personDays = c.choices[i].leaving, n[i]
	}
	c.covariance = func(i, j int) float64 {
		if i != j || i >= 6 {
			return 0
		}
		return c.choices[i].engagement.stdError * c.choices[i].engagement.stdError
	}
	return c
}

// adviceRow is a row of frequency_recommendation as far as tests ask.
type adviceRow struct {
	Business          string   `ch:"business_id"`
	Identification    string   `ch:"identification"`
	From              uint16   `ch:"dose_from"`
	Engagement        *float64 `ch:"engagement_rate"`
	EngagementLower   *float64 `ch:"engagement_lower"`
	EngagementUpper   *float64 `ch:"engagement_upper"`
	OptOut            *float64 `ch:"opt_out_rate"`
	OptOutLower       *float64 `ch:"opt_out_lower"`
	OptOutUpper       *float64 `ch:"opt_out_upper"`
	Utility           *float64 `ch:"utility"`
	UtilityError      *float64 `ch:"utility_std_error"`
	Candidate         uint8    `ch:"candidate"`
	Best              uint8    `ch:"best"`
	Plausible         uint8    `ch:"plausible"`
	Chance            *float64 `ch:"chance_best"`
	Critical          *float64 `ch:"critical"`
	Recommended       uint8    `ch:"recommended"`
	RecommendedHalf   uint8    `ch:"recommended_half"`
	RecommendedDouble uint8    `ch:"recommended_double"`
	ValueHalf         uint8    `ch:"recommended_value_half"`
	ValueDouble       uint8    `ch:"recommended_value_double"`
	Counted           *float64 `ch:"utility_opt_out_rate"`
	Advice            string   `ch:"advice"`
	Why               string   `ch:"why"`
	Settle            string   `ch:"what_would_settle_it"`
}

// stored returns the rows of a contest as the table holds them.
func stored(t *testing.T, db *warehouse.DB, c contest, v Values) []adviceRow {
	t.Helper()
	s := &segment{business: "shop", dimension: "all", cutoff: time.Unix(0, 0), outcome: 2}
	rows, err := c.rows(s, v, Window{time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC().Add(day)})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(t.Context(), "TRUNCATE TABLE frequency_recommendation"); err != nil {
		t.Fatal(err)
	}
	batch, err := db.PrepareBatch(t.Context(), "INSERT INTO frequency_recommendation")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := batch.Append(row...); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	return adviceRows(t, db)
}

func adviceRows(t *testing.T, db *warehouse.DB) (rows []adviceRow) {
	t.Helper()
	if err := db.Select(t.Context(), &rows, `
SELECT business_id, identification, dose_from, engagement_rate, engagement_lower, engagement_upper, opt_out_rate, opt_out_lower, opt_out_upper,
    utility, utility_std_error, candidate, best, plausible, chance_best, critical, recommended, recommended_half, recommended_double,
    recommended_value_half, recommended_value_double, utility_opt_out_rate, advice, why, what_would_settle_it
FROM frequency_recommendation
WHERE dimension = 'all'
ORDER BY business_id, identification, dose_from`); err != nil {
		t.Fatal(err)
	}
	return rows
}

// Methods R24. The costs of a send there are per dose, 0; so are those here.
func TestRecommendationOfTheReference(t *testing.T) {
	rows := stored(t, warehousetest.New(t), sixDoses(), DefaultValues())
	utility := []float64{.100, .179, .234, .262, .258, .215}
	stdError := []float64{.0078549348, .0100951150, .0128637410, .0164611590, .0226752141, .0335164924}
	var chances float64
	for i, r := range rows {
		if math.Abs(*r.Utility-utility[i]) > 1e-9 || math.Abs(*r.UtilityError-stdError[i]) > 1e-9 {
			t.Errorf("dose %d: utility %v +- %v, want %v +- %v", r.From, *r.Utility, *r.UtilityError, utility[i], stdError[i])
		}
		if want := i >= 2; r.Plausible == 1 != want || r.Best == 1 != (i == 3) || r.Recommended == 1 != (i == 2) || r.Advice != "recommended" || r.Why != "" {
			t.Errorf("dose %d: %+v", r.From, r)
		}
		if math.Abs(*r.Critical-2.3263478740) > 1e-9 {
			t.Errorf("critical %v", *r.Critical)
		}
		chances += *r.Chance
	}
	if math.Abs(chances-1) > 1e-9 || *rows[3].Chance < .4 || *rows[0].Chance > .001 {
		t.Errorf("chances of being best: sum %v, %v at dose 4, %v at dose 1", chances, *rows[3].Chance, *rows[0].Chance)
	}
	// Of the other plausible ones dose 3 lies farthest behind: ((2.3263 + .8416) / 1.3403)^2 = 5.5865 times 4800 contacts.
	if got, want := rows[0].Settle, "26,818 contacts at dose 3, 5.6 times as many, would show with a chance of 80% that dose 3 is not the best, if the differences are as they seem"; got != want {
		t.Errorf("settle %q, want %q", got, want)
	}
}

// Where sends cost something, an engagement of half the worth is another question than an opt-out of twice the cost.
func TestSensitivityToTheValueOfAnEngagement(t *testing.T) {
	v := DefaultValues()
	v.Message = .21 // a send of each dose costs 3 hundredths of an engagement a day
	var half, given, double, dear []uint16
	for _, r := range stored(t, warehousetest.New(t), sixDoses(), v) {
		for _, x := range []struct {
			flag uint8
			into *[]uint16
		}{{r.ValueHalf, &half}, {r.Recommended, &given}, {r.ValueDouble, &double}, {r.RecommendedDouble, &dear}} {
			if x.flag == 1 {
				*x.into = append(*x.into, r.From)
			}
		}
	}
	// Of V .5 utilities are .010 .014 .004 -.023; of V 2 .190 .329 .424 .472 .468; of C 20 .050 .088 .098 .074.
	if got, want := fmt.Sprint(half, given, double, dear), "[1] [2] [3] [1]"; got != want {
		t.Errorf("recommended with half the value, as given, with twice the value, with twice the cost of an opt-out: %s, want %s", got, want)
	}
}

func TestNoRecommendation(t *testing.T) {
	db := warehousetest.New(t)
	f := func(what string, v Values, change func(c *contest), why string) {
		t.Helper()
		c := sixDoses()
		change(&c)
		for _, r := range stored(t, db, c, v) {
			if r.Advice != "no recommendation" || r.Why != why || r.Recommended+r.RecommendedHalf+r.RecommendedDouble > 0 || r.Settle == "" {
				t.Errorf("%s: %+v", what, r)
			}
		}
	}
	tight := DefaultValues()
	tight.Budget = .004
	f("over budget", tight, func(*contest) {}, "dose 3, the smallest that may be the best, seems to cost more opt-outs than the budget")
	tight.Budget = .012
	f("unsure of the budget", tight, func(c *contest) { c.choices[2].leaving.upper, c.choices[3].leaving.upper = .0121, .0119 },
		"dose 3, the smallest that may be the best, seems to keep the budget of opt-outs but may break it, and that too little is known of it is no reason to send more")
	f("too few", DefaultValues(), func(c *contest) {
		for i := range 4 {
			c.choices[i].excluded = "few contacts or outcomes"
		}
	}, "only 2 of the 3 doses or arms needed can be compared")
	f("all plausible", DefaultValues(), func(c *contest) {
		for i := range c.choices {
			c.choices[i].engagement.stdError = 1
		}
	}, "every dose that can be compared may be the best")
	f("placebo", DefaultValues(), func(c *contest) { c.blocked, c.settle = "the sender reacts", "a test" }, "the sender reacts")
	none := sixDoses()
	for i := range none.choices {
		none.choices[i].excluded, none.choices[i].engagement, none.choices[i].leaving = "few", measured{}, measured{}
	}
	for _, r := range stored(t, db, none, DefaultValues()) {
		if r.Utility != nil || r.Chance != nil || r.Critical != nil || r.Why == "" {
			t.Errorf("nothing known: %+v", r)
		}
	}
}

// kind is a kind of world, drawn as rows of contact_doses: the engaged are messaged more, and their opt-outs are fewer.
type kind struct {
	falls  [exposureBins]float64
	leaves [doseBins]float64 // of the least engaged
	byDose [doseBins]float64 // dose of a bin
}

func aKind() (k kind) {
	for b := range doseBins {
		k.byDose[b] = float64(bins[b].from)
		k.leaves[b] = .0012 * math.Exp(.17*k.byDose[b])
		if b > 0 {
			k.falls[b-1] = falls(k.byDose[b])
		}
	}
	return k
}

func falls(dose float64) float64 { return math.Exp(-.10 * (dose - 1)) }

// engages is what a dose kept up brings on a day, of a propensity of 1.
func engages(dose float64) float64 { return dose / 7 * falls(dose) }

const dosedDays = 60

// fewer is what is left of the hazard of a prior engagement.
func fewer(prior int) float64 { return math.Exp(-.35 * float64(max(prior, 1)-1)) }

type dosed struct {
	propensity         float64
	market             string
	n, y               [exposureBins]uint32
	days               [exactDoses]uint32
	cellDays, cellLeft [priors * doseBins]uint32
}

func (k kind) contact(r *rand.Rand) (c dosed) {
	z := r.NormFloat64()
	c.propensity = min(.9, .12*math.Exp(.7*z))
	weekly := min(9, math.Exp(1+.6*z))
	c.market = []string{"PH", "VN"}[r.IntN(2)]
	prior := 1 + max(0, min(3, int(1.5+z+.7*r.NormFloat64())))
	bin := func() int {
		return binOf[min(11, int(distuv.Poisson{Lambda: weekly, Src: r}.Rand()))]
	}
	for d := range dosedDays {
		b := bin()
		exact := int(bins[b].from)
		p := prior
		if d < 10 {
			p = 0
		}
		c.days[exact]++
		c.cellDays[p*doseBins+b]++
		if r.Float64() < weekly/7 {
			e := max(1, bin())
			c.n[e-1]++
			if r.Float64() < c.propensity*k.falls[e-1] {
				c.y[e-1]++
			}
		}
		if r.Float64() < k.leaves[b]*fewer(prior) {
			c.cellLeft[p*doseBins+b]++
			break
		}
	}
	return c
}

// truth returns what a person-day brings at each dose, and what caps change, from very many contacts.
func (k kind) truth(contacts int) (engaged, leaving [doseBins]float64, capped [caps + 1][2]float64) {
	r := rand.New(rand.NewPCG(99, 99))
	var days, weighted float64
	var byPrior [priors]float64
	var messaged float64
	for range contacts {
		c := k.contact(r)
		own, sent := 0., uint32(0)
		for _, n := range c.days {
			own += float64(n)
		}
		for _, n := range c.n {
			sent += n
		}
		for cell, n := range c.cellDays {
			byPrior[cell/doseBins] += float64(n)
		}
		if sent > 0 {
			messaged += own
			weighted += own * c.propensity
		}
		for most := 1; most <= caps; most++ { // of everybody at risk
			for d, n := range c.days {
				capped[most][0] += float64(n) * c.propensity * engages(float64(d))
				capped[most][1] += float64(n) * c.propensity * engages(float64(min(d, most)))
			}
		}
		days += own
	}
	var known float64
	for p := 1; p < priors; p++ {
		known += byPrior[p]
	}
	for b := range doseBins {
		if b > 0 {
			engaged[b] = engages(k.byDose[b]) * weighted / messaged
		}
		for p := 1; p < priors; p++ {
			leaving[b] += byPrior[p] / known * k.leaves[b] * fewer(p)
		}
	}
	for most := range capped {
		for i := range capped[most] {
			capped[most][i] *= personTime / days
		}
	}
	return engaged, leaving, capped
}

func TestPlausibleDosesHoldTheBest(t *testing.T) {
	t.Parallel()
	worlds := 20
	if os.Getenv("DRUMBEAT_SOAK") != "" {
		worlds = 400
	}
	k := aKind()
	values := DefaultValues()
	w := Window{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	db := warehousetest.New(t)
	for world := range worlds {
		name := fmt.Sprintf("w%03d", world)
		batch, err := db.PrepareBatch(t.Context(), `INSERT INTO contact_doses (business_id, window_from, window_to, contact_id, market, channel,
open_n, open_y, click_n, click_y, reply_n, reply_y, days, doses, stratum_days, stratum_opt_outs, quiet_days, quiet_opt_outs)`)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(uint64(world), 7))
		for i := range 1000 {
			c := k.contact(r)
			none := make([]uint32, exposureBins)
			if err := batch.Append(name, w.From, w.To, fmt.Sprintf("00000000-0000-0000-%04x-%012x", world, i), c.market, "whatsapp",
				c.n[:], c.y[:], none, none, none, none, c.days[:], 11*uint64(c.days[11]), c.cellDays[:], c.cellLeft[:], atNoDose(c.cellDays), atNoDose(c.cellLeft)); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
		if err := db.Exec(t.Context(), fmt.Sprintf(`INSERT INTO frequency_curves (business_id, window_from, window_to, dimension, unit, outcome, verdict)
VALUES ('%[1]s', '2026-01-01', '2026-03-02', 'all', 'message', 'open', 'association'), ('%[1]s', '2026-01-01', '2026-03-02', 'all', 'person_day', 'opt_out', 'association')`, name)); err != nil {
			t.Fatal(err)
		}
	}
	run := &run{db: db, result: &Result{Window: w}, values: values}
	if err := fillRecommendation(t.Context(), run, model{relation: "frequency_recommendation"}, "frequency_recommendation", w); err != nil {
		t.Fatal(err)
	}
	if err := fillWhatIf(t.Context(), run, model{relation: "frequency_what_if"}, "frequency_what_if", w); err != nil {
		t.Fatal(err)
	}
	engaged, leaving, capped := k.truth(160_000)
	utility := func(b int) float64 {
		return values.Engagement*engaged[b] - values.OptOut*leaving[b] - values.Message*k.byDose[b]/7
	}

	held := map[string]int{}
	inside := func(what string, lower, upper *float64, truth float64) {
		if lower == nil || upper == nil {
			return
		}
		held[what+" n"]++
		if *lower <= truth && truth <= *upper {
			held[what]++
		}
	}
	best, plausible := map[string]int{}, map[string]map[int]bool{}
	recommended := 0
	for _, r := range adviceRows(t, db) {
		b := slices.IndexFunc(bins[:], func(bin doseBin) bool { return bin.from == r.From })
		key := r.Business + r.Identification
		if plausible[key] == nil {
			plausible[key], best[key] = map[int]bool{}, -1
		}
		if r.Candidate == 0 {
			continue
		}
		plausible[key][b] = r.Plausible == 1
		if best[key] < 0 || utility(b) > utility(best[key]) {
			best[key] = b
		}
		if r.Identification == "within" {
			recommended += int(r.Recommended)
			if b > 0 {
				inside("engagement", r.EngagementLower, r.EngagementUpper, engaged[b])
			}
			inside("opt-out", r.OptOutLower, r.OptOutUpper, leaving[b])
			lower, upper := *r.Utility-stats.Z**r.UtilityError, *r.Utility+stats.Z**r.UtilityError
			inside("utility", &lower, &upper, utility(b))
		}
	}
	for key, b := range best {
		if b >= 0 && plausible[key][b] {
			held["best "+key[4:]]++
		}
		for _, p := range plausible[key] {
			if p {
				held["plausible "+key[4:]]++
			}
		}
	}
	var changes []struct {
		Cap      uint8    `ch:"cap"`
		Observed *float64 `ch:"observed"`
		Lower    *float64 `ch:"observed_lower"`
		Upper    *float64 `ch:"observed_upper"`
		From     *float64 `ch:"change_lower"`
		To       *float64 `ch:"change_upper"`
	}
	if err := db.Select(t.Context(), &changes, `SELECT cap, observed, observed_lower, observed_upper, change_lower, change_upper FROM frequency_what_if WHERE dimension = 'all' AND measure = 'engagement'`); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		inside("observed", c.Lower, c.Upper, capped[c.Cap][0])
		inside("change", c.From, c.To, capped[c.Cap][1]-capped[c.Cap][0])
	}
	t.Log("intervals that hold the truth, of so many:", held)
	// Three standard errors of the Monte Carlo below the promise; a world's figures depend on each other, so they count as one.
	least := func(promise float64) float64 { return promise - 3*math.Sqrt(promise*(1-promise)/float64(worlds)) }
	if share := float64(held["best within"]) / float64(worlds); share < least(.95) {
		t.Errorf("the plausible doses hold the best in %.3f of the worlds", share)
	}
	for _, what := range []string{"engagement", "opt-out", "utility", "observed", "change"} {
		if n := held[what+" n"]; n < 5*worlds || float64(held[what])/float64(n) < least(.95) {
			t.Errorf("%s: the interval holds the truth in %d of %d", what, held[what], n)
		}
	}
	// Counting falls for the engaged, who get more: that is why it recommends nothing.
	if share := float64(held["best crude"]) / float64(worlds); share > .5 {
		t.Errorf("the crude set holds the best in %.3f of the worlds: they are not confounded", share)
	}
	if 2*recommended < worlds || held["plausible within"] > 6*worlds {
		t.Errorf("recommended in %d of %d worlds, %d doses plausible", recommended, worlds, held["plausible within"])
	}
}

// A test of two arms takes the place of the comparison within contacts, but not one that is broken or has too few contacts.
func TestHeadline(t *testing.T) {
	arms := func(contacts int, identification string) (arms []*tested) {
		for i, arm := range []string{"one", "seven"} {
			t := &tested{arm: arm, identification: identification}
			for group := range 50 {
				n := float64(contacts) / 50
				sums := make([]float64, armSums)
				sums[armContacts], sums[armDays], sums[armKnownDays], sums[armRiskDays], sums[armToldDays] = n, 30*n, 30*n, 28*n, 23*n
				sums[armEngaged] = math.Round(23 * n * (.1 + .1*float64(i)) * (1 + .2*float64(group%3-1)))
				sums[armOptOuts] = float64(group % 2)
				sums[armSent] = 30 * n * (1 + 6*float64(i)) / 7
				t.groups = append(t.groups, sums)
			}
			arms = append(arms, t)
		}
		return arms
	}
	for _, c := range []struct {
		name string
		arms []*tested
		want int
	}{
		{"none", nil, 1},
		{"believed", arms(1000, "randomised"), 2},
		{"broken", arms(1000, "blocked"), 1},
		{"small", arms(50, "randomised"), 1},
	} {
		contests := make([]contest, 2)
		if test, ok := randomised(c.arms, 0, ""); ok {
			contests = append(contests, test)
		}
		if got := headline(contests, DefaultValues()); got != c.want {
			t.Errorf("%s: contest %d is quoted, want %d", c.name, got, c.want)
		}
	}
}

// A stratum of much weight has few of the days: without an opt-out the upper limit is Garwood's of the days that they are worth together, not of all 1,000.
func TestLimitWithoutOptOutsKnowsTheWeights(t *testing.T) {
	s := &segment{business: "shop", dimension: "all", verdict: "association", propensities: map[int]propensity{}}
	const groups, bin = 20, 1
	for g := range groups {
		sums := make([]float64, doseSums)
		sums[0] = 40
		for b := range doseBins {
			days := [priors]float64{1: 45, 2: 5}
			if b > bin {
				days = [priors]float64{1: 5, 2: 45}
			}
			if b > bin+1 {
				days = [priors]float64{}
			}
			for p, n := range days {
				at := p*doseBins + b
				sums[atCellDays+at], sums[atCellContacts+at] = n, 10
				if b != bin {
					sums[atCellOptOuts+at] = 1
				}
				if b == 0 {
					sums[atQuietDays+p], sums[atQuietOptOuts+p] = n, 1
				}
			}
			if b <= bin+1 {
				sums[atDoseContacts+b], sums[atDays+b] = 20, 50
			}
		}
		for e := range 2 {
			sums[atOutcomes+e], sums[atOutcomes+exposureBins+e] = 50, float64(8+g%3)
		}
		sums[atOutcomes+atLinks], sums[atOutcomes+atLinks+exposureBins-1], sums[atOutcomes+atLinks+2*(exposureBins-1)] = 20, 4*millionths, 4*millionths
		s.add("PH", "whatsapp", uint8(g), sums)
		s.propensities[g] = propensity{days: [exactDoses]float64{100}, weighted: [exactDoses]float64{10}}
	}
	s.plan("open")
	for _, c := range s.contests() {
		k := c.choices[bin]
		// Stratum 1 has 2 x 45 + 5 days of a group in all, stratum 2 2 x 5 + 45.
		days := 1000.
		if c.identification == "within" {
			w := 95. / 150
			days = 1 / (w*w/900 + (1-w)*(1-w)/100)
		}
		if want := stats.Garwood(0).Upper / days; k.optOut != 0 || !k.leaving.known || math.Abs(k.leaving.upper-want) > 1e-12 {
			t.Errorf("%s: %v opt-outs, upper limit %v of %v known, want %v", c.identification, k.optOut, k.leaving.upper, k.leaving.known, want)
		}
	}
}

// How many more days it takes until the upper limit keeps the budget.
func TestUntilWithin(t *testing.T) {
	f := func(q, upper, stdError, budget float64) {
		t.Helper()
		const days, groups = 10_000, 200
		k := choice{leaving: measured{known: true, rate: q, upper: upper, stdError: stdError}}
		times := k.untilWithin(budget, groups)
		more := hazardLimits(q, stdError*stdError/times, days*times, groups)
		if math.Abs(more.upper-budget) > 1e-9 {
			t.Errorf("%.3g times the days leave an upper limit of %v, want %v", times, more.upper, budget)
		}
	}
	f(.002, .0031, .0005, .0025)
	f(.002, .0031, .0005, .003)
	f(0, stats.Garwood(0).Upper/10_000, 0, .0002)
}

// atNoDose returns what the cells of each prior engagement have at no dose.
func atNoDose(cells [priors * doseBins]uint32) (none []uint32) {
	for p := range priors {
		none = append(none, cells[p*doseBins])
	}
	return none
}
