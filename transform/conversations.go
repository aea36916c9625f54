package transform

import (
	"context"
	"fmt"
	"slices"

	"drumbeat/transform/stats"
)

// startedDays are days on which cases began: a run replaces those of its window.
var startedDays = scope{
	partitions: `SELECT DISTINCT toString(toDate(started_at)) AS name FROM {table}
		WHERE started_at >= {from:DateTime64(3, 'UTC')} AND started_at < {to:DateTime64(3, 'UTC')}`,
	where: `started_at >= {from:DateTime64(3, 'UTC')} AND started_at < {to:DateTime64(3, 'UTC')}`,
}

// fillZoned is insertZoned of a model without parameters of its own.
func fillZoned(ctx context.Context, r *run, m model, staging string, w Window) error {
	return insertZoned(ctx, r, m, staging, w)
}

// insertZoned computes a model that takes local time in passes, each over a range of contacts. It reads all messages up to the
// cutoff, for where a case begins depends on those before it.
func insertZoned(ctx context.Context, r *run, m model, staging string, w Window, more ...any) error {
	var messages uint64
	const count = `SELECT (SELECT count() FROM message_facts) + (SELECT count() FROM contact_facts WHERE event_type = 'reply')`
	if err := r.db.QueryRow(ctx, count).Scan(&messages); err != nil {
		return fmt.Errorf("count the messages: %w", err)
	}
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return err
	}
	sql, zones, err := r.local(ctx, sql, w)
	if err != nil {
		return err
	}
	for _, contacts := range contactRanges(messages/sendsPerPass + 1) {
		if err := r.insertSQL(ctx, sql, staging, slices.Concat(w.params(), zones, contacts, more)); err != nil {
			return err
		}
	}
	return nil
}

// fillConversationFrequency adds shares to the contacts of each category.
func fillConversationFrequency(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.stage(ctx, m, staging, w, `suppressed, share, lower, upper, at_least_suppressed, at_least_share, at_least_lower, at_least_upper`,
		func(row modelRow) []any {
			base := row.count("base")
			return append(wilsonShare(row.count("contacts"), base), wilsonShare(row.count("at_least_contacts"), base)...)
		})
}

// wilsonShare returns suppressed, share, lower and upper of contacts that are one 0 or 1 each.
func wilsonShare(x, n uint64) []any {
	var share, lower, upper *float64
	suppressed := n < fewestContacts || x < fewestOutcomes
	if limits, ok := stats.Wilson(x, n); ok && !suppressed {
		share, lower, upper = new(float64(x)/float64(n)), &limits.Lower, &limits.Upper
	}
	return []any{flag(suppressed), share, lower, upper}
}
