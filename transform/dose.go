package transform

import (
	"context"
	"fmt"
	"slices"
	"time"

	"drumbeat/transform/stats"
)

// riskDays are days at risk: a run replaces those of its window.
var riskDays = scope{
	partitions: `SELECT DISTINCT toString(day) AS name FROM {table}
		WHERE day >= toDate({from:DateTime64(3, 'UTC')}) AND day < toDate({to:DateTime64(3, 'UTC')})`,
	where: `day >= toDate({from:DateTime64(3, 'UTC')}) AND day < toDate({to:DateTime64(3, 'UTC')})`,
}

// doseRow is a dose bin of frequency_dose.
type doseRow struct {
	business, dimension, segment, outcome string
	cutoff                                time.Time
	from, to                              uint16

	contacts, days, outcomes, doses, nn, yy, ny, crossNN, crossYY, crossNY, crossYN uint64
}

// doseOf is a row as the model returns it.
func doseOf(c cells) doseRow {
	text := func(name string) string { return c.get(name).(string) }
	return doseRow{
		business: text("business_id"), dimension: text("dimension"), segment: text("segment"), outcome: text("outcome"),
		cutoff: c.get("cutoff").(time.Time), from: c.get("dose_from").(uint16), to: c.get("dose_to").(uint16),
		contacts: c.count("contacts"), days: c.count("person_days"), outcomes: c.count("outcomes"), doses: c.count("sum_dose"),
		nn: c.count("sum_nn"), yy: c.count("sum_yy"), ny: c.count("sum_ny"),
		crossNN: c.count("cross_nn"), crossYY: c.count("cross_yy"), crossNY: c.count("cross_ny"), crossYN: c.count("cross_yn"),
	}
}

func (d doseRow) sums() sums {
	return sums{Contacts: d.contacts, Units: d.days, Outcomes: d.outcomes, NN: d.nn, YY: d.yy, NY: d.ny}
}

// bins are the doses told apart: 0, 1, 2, 3, 4, 5, 6-7, 8-10, 11 and more.
var bins = [9][2]uint16{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 7}, {8, 10}, {11, 65535}}

// follows reports whether d is the bin after b of the same segment and outcome.
func (d doseRow) follows(b doseRow) bool {
	i, j := slices.Index(bins[:], [2]uint16{d.from, d.to}), slices.Index(bins[:], [2]uint16{b.from, b.to})
	return i == j+1 && d.business == b.business && d.dimension == b.dimension && d.segment == b.segment && d.outcome == b.outcome
}

func fillDose(ctx context.Context, r *run, m model, staging string, w Window) error {
	names, found, err := r.compute(ctx, m, w)
	if err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	var rows []doseRow
	for _, values := range found {
		rows = append(rows, doseOf(cells{names, values}))
	}
	var staged [][]any
	for i, d := range rows {
		row := []any{d.business, w.From, w.To, d.cutoff, "crude", d.dimension, d.segment, d.outcome, d.from, d.to,
			d.contacts, d.days, d.outcomes, d.doses, d.nn, d.yy, d.ny, d.crossNN, d.crossYY, d.crossNY, d.crossYN}
		row = append(row, d.sums().rates()...)
		var marginal, stdError, lower, upper *float64
		if i > 0 && d.follows(rows[i-1]) && !d.sums().suppressed() && !rows[i-1].sums().suppressed() {
			difference, se, ok := stats.RatioDifference(d.sums().clustered(), rows[i-1].sums().clustered(),
				stats.Cross{NN: d.crossNN, YY: d.crossYY, NY: d.crossNY, YN: d.crossYN})
			if ok {
				marginal, stdError, lower, upper = &difference.Value, &se, &difference.Lower, &difference.Upper
			}
		}
		staged = append(staged, append(row, marginal, stdError, lower, upper))
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, identification, dimension, segment, outcome, dose_from, dose_to,
contacts, person_days, outcomes, sum_dose, sum_nn, sum_yy, sum_ny, cross_nn, cross_yy, cross_ny, cross_yn,
suppressed, rate, std_error, lower, upper, design_effect, marginal, marginal_std_error, marginal_lower, marginal_upper`, staged)
}

// stageRows writes rows of the given columns.
func stageRows(ctx context.Context, r *run, staging, columns string, rows [][]any) error {
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging+" ("+columns+")")
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	defer batch.Close()
	for _, row := range rows {
		if err := batch.Append(row...); err != nil {
			return fmt.Errorf("stage a row: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}
