package transform

import (
	"context"
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

// doseRow is a dose bin of frequency_dose as the model returns it.
type doseRow struct {
	Business  string    `ch:"business_id"`
	Cutoff    time.Time `ch:"cutoff"`
	Dimension string    `ch:"dimension"`
	Segment   string    `ch:"segment"`
	Outcome   string    `ch:"outcome"`
	From      uint16    `ch:"dose_from"`
	To        uint16    `ch:"dose_to"`
	Contacts  uint64    `ch:"contacts"`
	Days      uint64    `ch:"person_days"`
	Outcomes  uint64    `ch:"outcomes"`
	Doses     uint64    `ch:"sum_dose"`
	NN        uint64    `ch:"sum_nn"`
	YY        uint64    `ch:"sum_yy"`
	NY        uint64    `ch:"sum_ny"`
	CrossNN   uint64    `ch:"cross_nn"`
	CrossYY   uint64    `ch:"cross_yy"`
	CrossNY   uint64    `ch:"cross_ny"`
	CrossYN   uint64    `ch:"cross_yn"`
}

func (d doseRow) sums() sums {
	return sums{Contacts: d.Contacts, Units: d.Days, Outcomes: d.Outcomes, NN: d.NN, YY: d.YY, NY: d.NY}
}

// bins are the doses told apart.
var bins = [...]doseBin{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 7}, {8, 10}, {11, noUpperEnd}}

type doseBin struct{ from, to uint16 }

const noUpperEnd = 65535

// follows reports whether d is the bin after b of the same segment and outcome.
func (d doseRow) follows(b doseRow) bool {
	i, j := slices.Index(bins[:], doseBin{d.From, d.To}), slices.Index(bins[:], doseBin{b.From, b.To})
	return i == j+1 && d.Business == b.Business && d.Dimension == b.Dimension && d.Segment == b.Segment && d.Outcome == b.Outcome
}

func fillDose(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []doseRow
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	var staged [][]any
	for i, d := range rows {
		row := []any{d.Business, w.From, w.To, d.Cutoff, "crude", d.Dimension, d.Segment, d.Outcome, d.From, d.To,
			d.Contacts, d.Days, d.Outcomes, d.Doses, d.NN, d.YY, d.NY, d.CrossNN, d.CrossYY, d.CrossNY, d.CrossYN}
		row = append(row, d.sums().rates()...)
		var marginal, stdError, lower, upper *float64
		if i > 0 && d.follows(rows[i-1]) && !d.sums().suppressed() && !rows[i-1].sums().suppressed() {
			difference, se, ok := stats.RatioDifference(d.sums().clustered(), rows[i-1].sums().clustered(),
				stats.Cross{NN: d.CrossNN, YY: d.CrossYY, NY: d.CrossNY, YN: d.CrossYN})
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
