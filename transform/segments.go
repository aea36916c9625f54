package transform

import (
	"context"
	"fmt"
	"iter"
)

// selectModel reads the result of a model into dest, a slice of structs by column.
func (r *run) selectModel(ctx context.Context, dest any, m model, w Window) error {
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return err
	}
	if err := r.db.Select(ctx, dest, sql, w.params()...); err != nil {
		return fmt.Errorf("compute: %w", err)
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
