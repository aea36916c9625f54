package transform

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed restated_days.sql
var restatedDays string

// settle finds up to when all that was loaded can be read: an insert that is under way has begun to tell of itself
// in arrivals, but may not yet be in the tables that the models read.
func (r *run) settle(ctx context.Context) error {
	const query = `
SELECT now64(3, 'UTC') - toIntervalMillisecond(toInt64(1000 * max(elapsed)) + 1)
FROM system.processes
WHERE query_kind = 'Insert'`
	if err := r.db.QueryRow(ctx, query).Scan(&r.arrivedTo); err != nil {
		return fmt.Errorf("look for inserts under way: %w", err)
	}
	return nil
}

// restate returns the parts of w that a model has to compute. Beside the last run over all days they are those that
// what has arrived since touches. Without such a run, and where an account's data begin anew, it is all of w.
func (r *run) restate(ctx context.Context, m model, w Window) (parts []Window, last *earlier, err error) {
	if !r.window.IsZero() || !m.restates {
		return []Window{w}, nil, nil
	}
	last, err = r.before(ctx, m)
	if err != nil || last == nil {
		return []Window{w}, nil, err
	}
	param := clickhouse.DateNamed("since", last.ArrivedTo, clickhouse.MilliSeconds)
	var begins uint64
	err = r.db.QueryRow(ctx, `
SELECT count()
FROM arrivals AS a
INNER JOIN coverage AS c ON c.business_id = a.business_id AND c.account_id = a.account_id
WHERE a.loaded_at >= {since:DateTime64(3, 'UTC')} AND a.event_time <= c.data_from`, param).Scan(&begins)
	if err != nil {
		return nil, nil, fmt.Errorf("look for earlier beginnings: %w", err)
	}
	if begins > 0 {
		return []Window{w}, nil, nil
	}
	rows, err := r.db.Query(ctx, restatedDays, param)
	if err != nil {
		return nil, nil, fmt.Errorf("find the days to restate: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var from time.Time
		if err := rows.Scan(&from); err != nil {
			return nil, nil, fmt.Errorf("find the days to restate: %w", err)
		}
		if from.Before(w.From) || !from.Before(w.To) {
			continue
		}
		// Days closer than what a model reads around them cost less as one part.
		if n := len(parts); n > 0 && from.Sub(parts[n-1].To) <= lookBack {
			parts[n-1].To = from.Add(day)
			continue
		}
		parts = append(parts, Window{From: from, To: from.Add(day)})
	}
	return parts, last, rows.Err()
}

// earlier is what the last run over all days recorded of a relation.
type earlier struct {
	ArrivedTo   time.Time `ch:"arrived_to"`
	WindowFrom  time.Time `ch:"window_from"`
	Rows        uint64    `ch:"rows"`
	Fingerprint uint64    `ch:"fingerprint"`
	Untouched   bool      `ch:"untouched"` // nothing has changed the relation since
}

// before returns nil if there is no such run. It may be of another job: what a model wrote is the same in each.
func (r *run) before(ctx context.Context, m model) (*earlier, error) {
	var found []earlier
	// A part as old as the run by the second may be younger: then it counts as changed.
	err := r.db.Select(ctx, &found, `
SELECT
    assumeNotNull(arrived_to) AS arrived_to, toDateTime(window_from, 'UTC') AS window_from, rows, fingerprint,
    (SELECT max(modification_time) FROM system.parts WHERE database = currentDatabase() AND table = {relation:String} AND active)
        < toDateTime(finished_at) AS untouched
FROM runs
WHERE relation = {relation:String} AND asked = 0 AND runs.arrived_to IS NOT NULL
ORDER BY finished_at DESC
LIMIT 1`, clickhouse.Named("relation", m.relation))
	if err != nil {
		return nil, fmt.Errorf("find the last run: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return &found[0], nil
}

// forget drops what earlier runs over all days left behind and this one made void: arrivals that no run will ask
// for, and the windows of metrics that nobody named.
func (r *run) forget(ctx context.Context) error {
	if !r.window.IsZero() || r.result.Window.IsZero() {
		return nil
	}
	if err := r.dropPartitions(ctx, "arrivals", `
SELECT DISTINCT toString(toDate(loaded_at)) AS name
FROM arrivals
WHERE toDate(loaded_at) < toDate({arrived_to:DateTime64(3, 'UTC')})`, clickhouse.DateNamed("arrived_to", r.arrivedTo, clickhouse.MilliSeconds)); err != nil {
		return err
	}
	for _, m := range jobs[r.result.Job] {
		if m.scope != window {
			continue
		}
		if err := r.dropPartitions(ctx, m.relation, `
SELECT DISTINCT toString((window_from, window_to)) AS name
FROM `+m.relation+`
WHERE (window_from, window_to) != (toDate({from:DateTime64(3, 'UTC')}), toDate({to:DateTime64(3, 'UTC')}))
  AND (window_from, window_to) NOT IN
  (
      SELECT window_from, window_to FROM runs WHERE job = {job:String} AND asked = 1
  )`, append(r.result.Window.params(), clickhouse.Named("job", r.result.Job))...); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) dropPartitions(ctx context.Context, relation, query string, params ...any) error {
	names, err := r.names(ctx, query, params...)
	if err != nil {
		return fmt.Errorf("look for what is void in %s: %w", relation, err)
	}
	for _, name := range names {
		if err := r.db.Exec(ctx, "ALTER TABLE "+relation+" DROP PARTITION "+name); err != nil {
			return fmt.Errorf("drop what is void in %s: %w", relation, err)
		}
		slog.InfoContext(ctx, "void partition dropped", "relation", relation, "partition", name)
	}
	return nil
}

// print is the number and the order-free hash of a relation's rows. The hash is a sum: where what a run replaces is
// known before and after, the rest need not be read.
type print struct{ rows, hash uint64 }

func (p print) plus(q print) print  { return print{p.rows + q.rows, p.hash + q.hash} }
func (p print) minus(q print) print { return print{p.rows - q.rows, p.hash - q.hash} }

// prints returns the print of each part of a relation.
func (r *run) prints(ctx context.Context, m model, parts []Window) (prints []print, err error) {
	for _, part := range parts {
		var p print
		if p.rows, p.hash, err = r.fingerprint(ctx, m, part); err != nil {
			return nil, err
		}
		prints = append(prints, p)
	}
	return prints, nil
}

// restated completes a step that computed parts of its window: which of them differ from what they were, and the
// print of the whole window.
func (r *run) restated(ctx context.Context, m model, s *Step, last *earlier, parts []Window, were []print) error {
	are, err := r.prints(ctx, m, parts)
	if err != nil {
		return err
	}
	for i, part := range parts {
		if are[i] != were[i] {
			s.Restated = append(s.Restated, part)
		}
	}
	if !last.Untouched || !last.WindowFrom.Equal(s.Window.From) {
		s.Rows, s.Fingerprint, err = r.fingerprint(ctx, m, s.Window)
		return err
	}
	p := print{last.Rows, last.Fingerprint}
	for i := range parts {
		p = p.minus(were[i]).plus(are[i])
	}
	s.Rows, s.Fingerprint = p.rows, p.hash
	return nil
}
