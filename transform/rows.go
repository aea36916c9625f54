package transform

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
)

// selectModel reads the result of a model into dest, a pointer to a slice of structs whose ch tags name its columns.
func (r *run) selectModel(ctx context.Context, dest any, m model, w Window) error {
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return err
	}
	if !inPasses(sql) {
		if err := r.db.Select(ctx, dest, sql, w.params()...); err != nil {
			return fmt.Errorf("compute: %w", err)
		}
		return nil
	}
	names, found, err := r.compute(ctx, m, w)
	if err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	rows := reflect.ValueOf(dest).Elem()
	rows.Set(reflect.MakeSlice(rows.Type(), len(found), len(found)))
	for field := range rows.Type().Elem().Fields() {
		column := slices.Index(names, field.Tag.Get("ch"))
		for i, values := range found {
			rows.Index(i).FieldByIndex(field.Index).Set(reflect.ValueOf(values[column]))
		}
	}
	return nil
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

// runsOf yields the longest runs of neighbours that belong together.
func runsOf[T any](rows []T, together func(a, b T) bool) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for from := 0; from < len(rows); {
			to := from + 1
			for to < len(rows) && together(rows[from], rows[to]) {
				to++
			}
			if !yield(rows[from:to]) {
				return
			}
			from = to
		}
	}
}
