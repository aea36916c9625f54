package transform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/errgroup"
)

// curveRow is a row of frequency_curves behind its key.
type curveRow struct {
	identification, measure string
	doses, against          int // bins as bits; 0: none
	contacts, units, out    uint64
	overlap                 *float64
	value                   *effect // nil: suppressed
	why                     string
}

// comparison has the contacts, units and outcomes that head the sums.
func comparison(identification, measure string, sums []float64, doses, against int) curveRow {
	return curveRow{identification: identification, measure: measure, doses: doses, against: against,
		contacts: uint64(sums[0]), units: uint64(sums[1]), out: uint64(sums[2])}
}

func (r curveRow) enough() bool { return r.contacts >= fewestContacts && r.out >= fewestOutcomes }

// doseLimits are the first and the last dose of bins.
func doseLimits(doses int) (from, to *uint16) {
	for b, bin := range bins {
		if doses>>b&1 == 1 {
			if from == nil {
				from = &bin.from
			}
			to = &bin.to
		}
	}
	return from, to
}

// The statements of frequency_curves.
const (
	unitsOfDays = iota
	unitsOfMessages
	talliesOfUnits
	placesOfUnits
	sumsByCell
	sumsByOutcome
	sumsByBin
	sampledUnits
)

// fillCurves compares doses in three ways, each in a file of its own: as they are and standardised (curves_standard.go), and each
// contact with itself, from sums (curves_within.go) and one by one (curves_sample.go).
func fillCurves(ctx context.Context, r *run, m model, staging string, w Window) error {
	statements, err := r.statements(ctx, m.relation, w)
	if err != nil {
		return err
	}
	passes, err := r.passes(ctx, w)
	if err != nil {
		return err
	}
	var contacts uint64
	if err := r.db.QueryRow(ctx, "SELECT uniqExact(business_id, contact_id) FROM person_days WHERE "+riskDays.where, w.params()...).Scan(&contacts); err != nil {
		return fmt.Errorf("count the contacts at risk: %w", err)
	}
	share := max(1, uint32((contacts+sampleContacts-1)/sampleContacts))
	all, sample := allCurves{}, observations{}
	for _, contacts := range passes {
		params := append(append(w.params(), contacts...), clickhouse.Named("share", share))
		if err := r.addCurves(ctx, statements, params, all, sample); err != nil {
			return err
		}
	}
	sampled, err := sample.rows(share)
	if err != nil {
		return err
	}
	// A verdict looks at all units and outcomes of its segment.
	sets := map[[3]string]curveSet{}
	keys := slices.SortedFunc(maps.Keys(all), curveKey.compare)
	for _, key := range keys {
		s := all[key]
		for _, market := range slices.Sorted(maps.Keys(s.byMarket)) {
			s.markets = append(s.markets, s.byMarket[market])
		}
		rows := s.ladder()
		for _, slope := range []func() (curveRow, bool){s.crudeSlope, s.betweenSlope, s.withinSlope, s.laggedSlope, s.placeboSlope} {
			if row, ok := slope(); ok {
				rows = append(rows, row)
			}
		}
		rows = append(rows, s.withinCurve()...)
		of := [3]string{key.business, key.dimension, key.segment}
		if sets[of] == nil {
			sets[of] = curveSet{}
		}
		sets[of][[2]string{key.unit, key.outcome}] = append(rows, sampled[key]...)
	}
	var staged [][]any
	for _, key := range keys {
		s, set := all[key], sets[[3]string{key.business, key.dimension, key.segment}]
		what, why := set.verdict(key.unit, key.outcome)
		for _, row := range set[[2]string{key.unit, key.outcome}] {
			from, to := doseLimits(row.doses)
			againstFrom, againstTo := doseLimits(row.against)
			value, suppressed := row.value, uint8(0)
			if value == nil {
				value, suppressed = &effect{}, 1
			}
			estimate := &value.estimate
			if suppressed == 1 {
				estimate = nil
			}
			staged = append(staged, []any{key.business, w.From, w.To, s.cutoff, key.dimension, key.segment, key.unit, key.outcome,
				row.identification, row.measure, *from, *to, againstFrom, againstTo, row.contacts, row.units, row.out, row.overlap,
				suppressed, estimate, value.stdError, value.lower, value.upper, what, cmp.Or(row.why, why)})
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, unit, outcome,
identification, measure, dose_from, dose_to, against_from, against_to, contacts, units, outcomes, overlap,
suppressed, estimate, std_error, lower, upper, verdict, why`, staged)
}

// addCurves stages the units of a pass and their tallies, and adds their sums and those of them that are sampled.
func (r *run) addCurves(ctx context.Context, statements []string, params []any, all allCurves, sample observations) (err error) {
	units, err := r.stageTable(ctx, "units", "", statements[unitsOfDays], params...)
	defer func() { err = errors.Join(err, r.drop(ctx, units)) }()
	if err != nil {
		return err
	}
	statements = replaced(statements, "{{units}}", units)
	if err := r.db.Exec(ctx, "INSERT INTO "+units+"\n"+statements[unitsOfMessages], params...); err != nil {
		return fmt.Errorf("stage the messages: %w", err)
	}
	tallies, err := r.stageTable(ctx, "tallies", "", statements[talliesOfUnits])
	defer func() { err = errors.Join(err, r.drop(ctx, tallies)) }()
	if err != nil {
		return err
	}
	statements = replaced(statements, "{{tallies}}", tallies)
	places, err := r.places(ctx, statements[placesOfUnits], params)
	if err != nil {
		return err
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return all.add(ctx, r, statements, places) })
	both.Go(func() error { return sample.add(ctx, r, statements[sampledUnits], places) })
	return both.Wait()
}

func replaced(statements []string, name, table string) (all []string) {
	for _, statement := range statements {
		all = append(all, strings.ReplaceAll(statement, name, table))
	}
	return all
}
