package transform

import (
	"context"
	"fmt"
	"slices"
)

// startedDays are days on which cases began: a run replaces those of its window.
var startedDays = scope{
	partitions: `SELECT DISTINCT toString(toDate(started_at)) AS name FROM {table}
		WHERE started_at >= {from:DateTime64(3, 'UTC')} AND started_at < {to:DateTime64(3, 'UTC')}`,
	where: `started_at >= {from:DateTime64(3, 'UTC')} AND started_at < {to:DateTime64(3, 'UTC')}`,
}

// fillConversations computes the cases in passes, each over a range of contacts. All messages up to the cutoff are read,
// for where a case begins depends on those before it.
func fillConversations(ctx context.Context, r *run, m model, staging string, w Window) error {
	var messages uint64
	const count = `SELECT (SELECT count() FROM message_facts) + (SELECT count() FROM contact_facts WHERE event_type = 'reply')`
	if err := r.db.QueryRow(ctx, count).Scan(&messages); err != nil {
		return fmt.Errorf("count the messages: %w", err)
	}
	sql, err := query(m.relation)
	if err != nil {
		return err
	}
	sql, zones, err := r.local(ctx, sql, w)
	if err != nil {
		return err
	}
	for _, contacts := range contactRanges(messages/sendsPerPass + 1) {
		if err := r.insertSQL(ctx, sql, staging, slices.Concat(w.params(), zones, contacts)); err != nil {
			return err
		}
	}
	return nil
}
