package transform

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// rateColumns are what follows from sums.
const rateColumns = "suppressed, rate, std_error, lower, upper, design_effect"

// fillRates computes a model whose last columns are contacts, units, outcomes, sum_nn, sum_yy and sum_ny, under
// whatever names, and stages all its columns and the rates that follow.
func fillRates(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.stage(ctx, m, staging, w, rateColumns, func(row cells) []any { return row.sums().rates() })
}

// cells are a row of a model.
type cells struct {
	names  []string
	values []any
}

func (c cells) get(name string) any {
	if i := slices.Index(c.names, name); i >= 0 {
		return c.values[i]
	}
	return nil
}

// count and counts return 0 and nil for what is no UInt64 or no array of them.
func (c cells) count(name string) uint64 {
	n, _ := c.get(name).(uint64)
	return n
}

func (c cells) counts(name string) []uint64 {
	n, _ := c.get(name).([]uint64)
	return n
}

// sums returns the last six.
func (c cells) sums() sums {
	at := func(fromEnd int) uint64 { return c.count(c.names[len(c.names)-fromEnd]) }
	return sums{Contacts: at(6), Units: at(5), Outcomes: at(4), NN: at(3), YY: at(2), NY: at(1)}
}

// stage computes a model and stages its columns, the window, and the derived columns, whose values derive returns.
func (r *run) stage(ctx context.Context, m model, staging string, w Window, derived string, derive func(cells) []any) error {
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return err
	}
	params := w.params()
	if strings.Contains(sql, "{{offset}}") {
		var zones []any
		if sql, zones, err = r.local(ctx, sql, w); err != nil {
			return err
		}
		params = append(params, zones...)
	}
	rows, err := r.db.Query(ctx, sql, params...)
	if err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	defer rows.Close()
	names := rows.Columns()
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging+" (window_from, window_to, "+strings.Join(names, ", ")+", "+derived+")")
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	defer batch.Close()
	for rows.Next() {
		values := make([]any, len(names))
		for i, t := range rows.ColumnTypes() {
			values[i] = reflect.New(t.ScanType()).Interface()
		}
		if err := rows.Scan(values...); err != nil {
			return fmt.Errorf("read a cell: %w", err)
		}
		for i, value := range values {
			values[i] = reflect.ValueOf(value).Elem().Interface()
		}
		row := slices.Concat([]any{w.From, w.To}, values, derive(cells{names, values}))
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
