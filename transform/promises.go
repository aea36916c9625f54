package transform

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"drumbeat/transform/stats"

	"github.com/ClickHouse/clickhouse-go/v2"
)

var offsetOf = regexp.MustCompile(`\{\{offset ([a-z_]+)\}\}`)

// fillPromisePeriods computes the periods inside the warehouse. ClickHouse converts to constant zones only, so each
// zone of the consents has a branch.
func fillPromisePeriods(ctx context.Context, r *run, m model, staging string, w Window) error {
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return err
	}
	var zones []struct {
		Name string `ch:"zone"`
	}
	if err := r.db.Select(ctx, &zones, `
SELECT DISTINCT toString(zone) AS zone
FROM consents
WHERE window_from = toDate({from:DateTime64(3, 'UTC')}) AND window_to = toDate({to:DateTime64(3, 'UTC')}) AND promised_frequency != ''
ORDER BY zone`, w.params()...); err != nil {
		return fmt.Errorf("find the time zones: %w", err)
	}
	params := w.params()
	for i, zone := range zones {
		params = append(params, clickhouse.Named(fmt.Sprintf("zone_%d", i), zone.Name))
	}
	sql = offsetOf.ReplaceAllStringFunc(sql, func(placeholder string) string {
		if len(zones) == 0 {
			return "0"
		}
		instant := offsetOf.FindStringSubmatch(placeholder)[1]
		var branches strings.Builder
		for i := range zones {
			fmt.Fprintf(&branches, "own_zone = {zone_%d:String}, timezoneOffset(toTimeZone(%s, {zone_%[1]d:String})), ", i, instant)
		}
		return "multiIf(" + branches.String() + "0)"
	})
	if err := r.db.Exec(ctx, "INSERT INTO "+staging+"\n"+sql, params...); err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	return nil
}

// promiseCell is a row of the model promise_engagement.
type promiseCell struct {
	Business string    `ch:"business_id"`
	Cutoff   time.Time `ch:"cutoff"`
	Promise  string    `ch:"promised_frequency"`
	Market   string    `ch:"market"`
	Prior    uint8     `ch:"prior_group"`
	Group    uint8     `ch:"contact_group"`
	Contacts []uint64  `ch:"contacts"`
	Days     []uint64  `ch:"days"`
	Outcomes []uint64  `ch:"outcomes"`
}

const (
	contactGroups = 200 // left out one at a time
	wholePromise  = 4   // prior_group of the rows that tell of all strata together
)

var promiseOutcomes = [...]string{"open", "click", "reply", "any", "opt_out"}

// tally counts contacts, days and days with the outcome, in all and by group of contacts.
type tally struct {
	contacts, days, outcomes uint64
	groupDays, groupOutcomes [contactGroups]uint64
}

func (t *tally) add(c promiseCell, outcome int) {
	t.contacts += c.Contacts[outcome]
	t.days += c.Days[outcome]
	t.outcomes += c.Outcomes[outcome]
	t.groupDays[c.Group] += c.Days[outcome]
	t.groupOutcomes[c.Group] += c.Outcomes[outcome]
}

// without returns days and days with the outcome less those of a group; group -1 leaves none out.
func (t *tally) without(group int) (days, outcomes float64) {
	if group < 0 {
		return float64(t.days), float64(t.outcomes)
	}
	return float64(t.days - t.groupDays[group]), float64(t.outcomes - t.groupOutcomes[group])
}

func (t *tally) rate() float64 { return float64(t.outcomes) / float64(t.days) }

func (t *tally) enough() bool { return t.contacts >= fewestContacts && t.outcomes >= fewestOutcomes }

// promiseStratum is where the rates of promises are compared.
type promiseStratum struct {
	market string
	prior  uint8
}

// fillPromiseEngagement compares the promises as they are, and with the same mix of prior engagement and market.
func fillPromiseEngagement(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []promiseCell
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	var staged [][]any
	for business := range runsOf(rows, func(a, b promiseCell) bool { return a.Business == b.Business }) {
		for outcome, name := range promiseOutcomes {
			for _, p := range comparePromises(business, outcome) {
				staged = append(staged, append([]any{business[0].Business, w.From, w.To, business[0].Cutoff, p.identification, name, p.promise,
					p.tally.contacts, p.tally.days, p.tally.outcomes, p.overlap}, p.estimate...))
			}
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, identification, outcome, promised_frequency,
contacts, person_days, outcomes, overlap, suppressed, rate, std_error, lower, upper`, staged)
}

// comparedPromise is the rate of one promise; estimate are suppressed, rate, standard error and limits.
type comparedPromise struct {
	identification, promise string
	tally                   *tally
	overlap                 *float64
	estimate                []any
}

// comparePromises returns the crude rate of each promise and, where at least two can be compared, the rates that they would have with
// the mix of strata of all (g-formula, Robins 1986). Standard errors leave out one of 200 groups of contacts at a time (Kott 2001);
// limits are on the logit scale.
func comparePromises(rows []promiseCell, outcome int) (compared []comparedPromise) {
	var promises []string
	whole, strata := map[string]*tally{}, map[string]map[promiseStratum]*tally{}
	var order []promiseStratum
	for _, row := range rows {
		if row.Days[outcome] == 0 {
			continue
		}
		if strata[row.Promise] == nil {
			strata[row.Promise], whole[row.Promise] = map[promiseStratum]*tally{}, &tally{}
			promises = append(promises, row.Promise)
		}
		if row.Prior == wholePromise {
			whole[row.Promise].add(row, outcome)
			continue
		}
		s := promiseStratum{row.Market, row.Prior}
		if strata[row.Promise][s] == nil {
			strata[row.Promise][s] = &tally{}
		}
		strata[row.Promise][s].add(row, outcome)
	}
	var shown []string
	for _, promise := range promises {
		if whole[promise].enough() {
			shown = append(shown, promise)
		}
		crude := func(group int) (float64, bool) {
			days, outcomes := whole[promise].without(group)
			return outcomes / days, days > 0
		}
		compared = append(compared, comparedPromise{"crude", promise, whole[promise], nil, jackknifed(crude, 0, whole[promise].enough())})
	}
	if len(shown) < 2 {
		return compared
	}
	// Strata in the order of the rows: sums of floating-point numbers depend on it.
	weights, seen := map[promiseStratum]*tally{}, map[promiseStratum]bool{}
	for _, row := range rows {
		s := promiseStratum{row.Market, row.Prior}
		if row.Prior == wholePromise || row.Days[outcome] == 0 || !whole[row.Promise].enough() {
			continue
		}
		if weights[s] == nil {
			weights[s] = &tally{}
			order = append(order, s)
		}
		weights[s].add(row, outcome)
	}
	var all, overlapping uint64
	for _, s := range order {
		all += weights[s].days
		seen[s] = true
		for _, promise := range shown {
			t := strata[promise][s]
			seen[s] = seen[s] && t != nil && t.contacts >= fewestInStratum
		}
		if seen[s] {
			overlapping += weights[s].days
		}
	}
	overlap := float64(overlapping) / float64(all)
	for _, promise := range shown {
		standard := func(group int) (float64, bool) {
			var total, rate float64
			for _, s := range order {
				if !seen[s] {
					continue
				}
				weight, _ := weights[s].without(group)
				days, outcomes := strata[promise][s].without(group)
				if days == 0 {
					return 0, false
				}
				total += weight
				rate += weight * outcomes / days
			}
			return rate / total, total > 0
		}
		lacks := 0.0
		for _, s := range order {
			if seen[s] {
				t, share := strata[promise][s], float64(weights[s].days)/float64(overlapping)
				lacks += share * share * unseen(float64(t.days), float64(t.outcomes), whole[promise].rate(), weights[s].rate())
			}
		}
		compared = append(compared, comparedPromise{"standardised", promise, whole[promise], &overlap, jackknifed(standard, lacks, overlap >= leastOverlap)})
	}
	return compared
}

// jackknifed returns suppressed, the rate, its standard error and limits. rate(-1) is the rate of all, rate(g) without a group; lacks is the variance
// that the groups do not show.
func jackknifed(rate func(group int) (float64, bool), lacks float64, enough bool) []any {
	none := []any{uint8(1), nil, nil, nil, nil}
	value, ok := rate(-1)
	if !ok || !enough || !(value > 0 && value < 1) {
		return none
	}
	variance := 0.0
	for group := range contactGroups {
		left, ok := rate(group)
		if !ok {
			return none
		}
		variance += (left - value) * (left - value)
	}
	stdError := math.Sqrt(variance*(contactGroups-1)/contactGroups + lacks)
	if !(stdError > 0) {
		return none
	}
	half := stats.Z * stdError / (value * (1 - value))
	centre := math.Log(value / (1 - value))
	lower, upper := 1/(1+math.Exp(half-centre)), 1/(1+math.Exp(-half-centre))
	return []any{uint8(0), &value, &stdError, &lower, &upper}
}
