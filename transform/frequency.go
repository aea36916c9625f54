package transform

import (
	"context"
	"fmt"
	"time"

	"drumbeat/transform/stats"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// A cell of fewer contacts or outcomes says too little, and may tell of single persons.
const (
	fewestContacts = 30
	fewestOutcomes = 5
)

// sums are the sufficient statistics of a cell, as both frequency models return them.
type sums struct {
	Contacts uint64
	Units    uint64
	Outcomes uint64
	NN       uint64
	YY       uint64
	NY       uint64
}

func (s sums) clustered() stats.Clustered {
	return stats.Clustered{Clusters: s.Contacts, Units: s.Units, Outcomes: s.Outcomes, NN: s.NN, YY: s.YY, NY: s.NY}
}

func (s sums) suppressed() bool { return s.Contacts < fewestContacts || s.Outcomes < fewestOutcomes }

// rates returns the values of rateColumns.
func (s sums) rates() []any {
	var rate, stdError, lower, upper, effect *float64
	suppressed := uint8(1)
	if estimate, ok := s.clustered().Ratio(); ok && !s.suppressed() {
		suppressed = 0
		rate, lower, upper = &estimate.Rate, &estimate.Lower, &estimate.Upper
		if estimate.Varies {
			stdError, effect = &estimate.StdError, &estimate.DesignEffect
		}
	}
	return []any{suppressed, rate, stdError, lower, upper, effect}
}

// columns returns the sums as they stand in the relation, and behind them the rates.
func (s sums) columns() []any {
	return append([]any{s.Contacts, s.Units, s.Outcomes, s.NN, s.YY, s.NY}, s.rates()...)
}

func fillOptOut(ctx context.Context, r *run, m model, staging string, w Window) error {
	return fillCells(ctx, r, m, staging, w, `business_id, window_from, window_to, cutoff, market,
dose_from, dose_to, contacts, person_days, opt_outs, sum_nn, sum_yy, sum_ny,
suppressed, rate, std_error, lower, upper, design_effect`,
		func(rows driver.Rows) ([]any, error) {
			var business, market string
			var cutoff time.Time
			var from, to uint16
			var s sums
			err := rows.Scan(&business, &cutoff, &market, &from, &to,
				&s.Contacts, &s.Units, &s.Outcomes, &s.NN, &s.YY, &s.NY)
			return append([]any{business, w.From, w.To, cutoff, market, from, to}, s.columns()...), err
		})
}

// fillCells asks the model for its sums and stages them with the rates that follow.
func fillCells(ctx context.Context, r *run, m model, staging string, w Window, columns string, cell func(driver.Rows) ([]any, error)) error {
	sql, err := query(m.relation)
	if err != nil {
		return err
	}
	rows, err := r.db.Query(ctx, sql, w.params()...)
	if err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	defer rows.Close()
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging+" ("+columns+")")
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	defer batch.Close()
	for rows.Next() {
		row, err := cell(rows)
		if err != nil {
			return fmt.Errorf("read a cell: %w", err)
		}
		if err := batch.Append(row...); err != nil {
			return fmt.Errorf("stage a cell: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}
