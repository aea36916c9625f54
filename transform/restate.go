package transform

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed touched.sql
var touchedMessages string

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

// lastRun returns what the last run over all days recorded of a relation, if this one need compute only what has arrived
// since; nil if it must compute everything: there is no such run, or an account's data begin anew.
func (r *run) lastRun(ctx context.Context, m model) (*earlier, error) {
	if !r.window.IsZero() || !m.restates {
		return nil, nil
	}
	last, err := r.before(ctx, m)
	if err != nil || last == nil {
		return nil, err
	}
	var begins uint64
	err = r.db.QueryRow(ctx, `
SELECT count()
FROM arrivals AS a
INNER JOIN coverage AS c ON c.business_id = a.business_id AND c.account_id = a.account_id
WHERE a.loaded_at >= {since:DateTime64(3, 'UTC')} AND a.event_time <= c.data_from`, last.since()).Scan(&begins)
	if err != nil {
		return nil, fmt.Errorf("look for earlier beginnings: %w", err)
	}
	if begins > 0 {
		return nil, nil
	}
	return last, nil
}

// restateMessages computes anew the messages that what has arrived since the last run touches, on a copy of their contacts'
// facts, and replaces the days on which they differ from what they were.
func (r *run) restateMessages(ctx context.Context, m model, staging string, w Window, last *earlier) (_ *Step, err error) {
	touched := staging + "_touched"
	defer func() { err = errors.Join(err, r.drop(ctx, touched)) }()
	if err := r.fillTable(ctx, touched, "business_id, contact_id", touchedMessages, append(w.params(), last.since(), last.knownTo())...); err != nil {
		return nil, fmt.Errorf("find what arrivals touch: %w", err)
	}
	var part Window
	var contacts uint64
	query := "SELECT toDateTime(min(first_day), 'UTC'), toDateTime(max(last_day) + 1, 'UTC'), count() FROM " + touched
	if err := r.db.QueryRow(ctx, query).Scan(&part.From, &part.To, &contacts); err != nil {
		return nil, fmt.Errorf("find what arrivals touch: %w", err)
	}
	s := &Step{Relation: m.relation, Window: w, Rows: last.Rows, Fingerprint: last.Fingerprint}
	stored, err := r.stored(ctx, m.relation)
	if err != nil {
		return nil, err
	}
	if contacts > 0 {
		if err := r.fillTouched(ctx, m, staging, touched, part, last); err != nil {
			return nil, err
		}
		if err := r.replaceTouched(ctx, m, staging, touched, part, s); err != nil {
			return nil, err
		}
	}
	if stored != last.Stored || !last.WindowFrom.Equal(w.From) {
		s.Rows, s.Fingerprint, err = r.fingerprint(ctx, m, w)
	}
	return s, err
}

// fillTouched computes the touched messages into the staging table, from a copy of what they depend on: all facts of their
// contacts, and those of the messages around them. Facts are told from others by message_id alone, the cheapest: one too many does no harm.
func (r *run) fillTouched(ctx context.Context, m model, staging, touched string, part Window, last *earlier) (err error) {
	copies := map[string]string{
		"contact_facts": "contact_id IN (SELECT contact_id FROM " + touched + ")",
		"message_facts": `message_id IN
(
    SELECT m.message_id
    FROM messages AS m
    INNER JOIN ` + touched + ` AS t ON t.business_id = m.business_id AND t.contact_id = m.contact_id
    WHERE m.sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND m.sent_at < {to:DateTime64(3, 'UTC')} + INTERVAL 7 DAY
      AND toDate(m.sent_at) BETWEEN t.first_day - 7 AND t.last_day + 7
    UNION ALL
    SELECT message_id FROM arrivals WHERE loaded_at >= {since:DateTime64(3, 'UTC')}
    UNION ALL
    SELECT message_id FROM message_facts WHERE sent_at >= {known_to:DateTime64(3, 'UTC')}
)`,
	}
	sql, err := r.query(ctx, m.relation, part)
	if err != nil {
		return err
	}
	for relation, which := range copies {
		table := staging + "_" + relation
		if err := r.settled(ctx, "CREATE TABLE "+table+" AS "+relation); err != nil {
			return fmt.Errorf("create the staging table: %w", err)
		}
		defer func() { err = errors.Join(err, r.drop(ctx, table)) }()
		if err := r.db.Exec(ctx, `
INSERT INTO `+table+`
SELECT *
FROM `+relation+`
PREWHERE `+which+`
WHERE (business_id, contact_id) IN (SELECT business_id, contact_id FROM `+touched+")", append(part.params(), last.since(), last.knownTo())...); err != nil {
			return fmt.Errorf("copy %s: %w", relation, err)
		}
		sql = strings.ReplaceAll(sql, relation, table)
	}
	var sends uint64
	if err := r.db.QueryRow(ctx, "SELECT count() FROM "+staging+"_message_facts").Scan(&sends); err != nil {
		return fmt.Errorf("count the sends: %w", err)
	}
	sql = `
SELECT m.*
FROM
(
` + sql + `
) AS m
INNER JOIN ` + touched + ` AS t ON t.business_id = m.business_id AND t.contact_id = m.contact_id
WHERE toDate(m.sent_at) BETWEEN t.first_day AND t.last_day`
	for _, contacts := range contactRanges(sends/sendsPerPass + 1) {
		if err := r.insertSQL(ctx, sql, staging, append(part.params(), contacts...)); err != nil {
			return err
		}
	}
	return nil
}

// replaceTouched puts the staged messages in the place of those that they restate, where they differ, and completes the step.
func (r *run) replaceTouched(ctx context.Context, m model, staging, touched string, part Window, s *Step) (err error) {
	if s.Restated, err = r.differing(ctx, m, staging, touched, part, s); err != nil {
		return err
	}
	for _, w := range s.Restated {
		// A day changes as a whole: what nothing touched is copied.
		if err := r.insertSQL(ctx, `
SELECT m.*
FROM `+m.relation+` AS m
ANY LEFT JOIN `+touched+` AS t ON t.business_id = m.business_id AND t.contact_id = m.contact_id
WHERE m.sent_at >= {from:DateTime64(3, 'UTC')}
  AND m.sent_at < {to:DateTime64(3, 'UTC')}
  AND NOT toDate(m.sent_at) BETWEEN t.first_day AND t.last_day`, staging, w.params()); err != nil {
			return fmt.Errorf("copy what is not touched: %w", err)
		}
		if err := r.replacePartitions(ctx, m, staging, w); err != nil {
			return err
		}
	}
	return nil
}

// earlier is what the last run over all days recorded of a relation.
type earlier struct {
	ArrivedTo   time.Time `ch:"arrived_to"`
	WindowFrom  time.Time `ch:"window_from"`
	WindowTo    time.Time `ch:"window_to"`
	Rows        uint64    `ch:"rows"`
	Fingerprint uint64    `ch:"fingerprint"`
	Stored      uint64    `ch:"stored"`
}

// before returns nil if there is no such run. It may be of another job: what a model wrote is the same in each.
func (r *run) before(ctx context.Context, m model) (*earlier, error) {
	var found []earlier
	err := r.db.Select(ctx, &found, `
SELECT
    assumeNotNull(arrived_to) AS arrived_to, toDateTime(window_from, 'UTC') AS window_from, toDateTime(window_to, 'UTC') AS window_to,
    rows, fingerprint, stored
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

// stored tells states of a relation apart: a run that breaks off, or one of a named window, leaves another. Merges do not.
func (r *run) stored(ctx context.Context, relation string) (hash uint64, err error) {
	const query = `
SELECT sum(cityHash64(uuid, partition_id, last_block))
FROM (SELECT uuid FROM system.tables WHERE database = currentDatabase() AND name = {relation:String}) AS t,
(
    SELECT partition_id, max(max_block_number) AS last_block
    FROM system.parts
    WHERE database = currentDatabase() AND table = {relation:String} AND active
    GROUP BY partition_id
) AS p`
	if err := r.db.QueryRow(ctx, query, clickhouse.Named("relation", relation)).Scan(&hash); err != nil {
		return 0, fmt.Errorf("look at what is stored: %w", err)
	}
	return hash, nil
}

func (e earlier) since() any {
	return clickhouse.DateNamed("since", e.ArrivedTo, clickhouse.MilliSeconds)
}

func (e earlier) knownTo() any {
	return clickhouse.DateNamed("known_to", e.WindowTo, clickhouse.MilliSeconds)
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

// differing returns the days, those side by side as one, on which the staged messages differ from those that they restate, and takes these differences
// into the step's rows and fingerprint: the hash is a sum, so the rest need not be read.
func (r *run) differing(ctx context.Context, m model, staging, touched string, part Window, s *Step) (days []Window, err error) {
	rows, err := r.db.Query(ctx, `
SELECT toDateTime(sent_day, 'UTC'), sum(count), sum(hash)
FROM
(
    SELECT toDate(sent_at) AS sent_day, toInt64(count()) AS count, sum(cityHash64(tuple(*))) AS hash
    FROM `+staging+`
    GROUP BY sent_day
    UNION ALL
    SELECT toDate(sent_at) AS sent_day, -toInt64(count()), bitNot(sum(cityHash64(tuple(*)))) + 1
    FROM
    (
        SELECT m.*
        FROM `+m.relation+` AS m
        INNER JOIN `+touched+` AS t ON t.business_id = m.business_id AND t.contact_id = m.contact_id
        WHERE (m.business_id, m.contact_id) IN (SELECT business_id, contact_id FROM `+touched+`)
          AND m.sent_at >= {from:DateTime64(3, 'UTC')}
          AND m.sent_at < {to:DateTime64(3, 'UTC')}
          AND toDate(m.sent_at) BETWEEN t.first_day AND t.last_day
    )
    GROUP BY sent_day
)
GROUP BY sent_day
HAVING sum(count) != 0 OR sum(hash) != 0
ORDER BY sent_day`, part.params()...)
	if err != nil {
		return nil, fmt.Errorf("compare with what was: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d time.Time
		var more int64
		var hash uint64
		if err := rows.Scan(&d, &more, &hash); err != nil {
			return nil, fmt.Errorf("compare with what was: %w", err)
		}
		d = d.UTC()
		if n := len(days); n > 0 && days[n-1].To.Equal(d) {
			days[n-1].To = d.Add(day)
		} else {
			days = append(days, Window{From: d, To: d.Add(day)})
		}
		s.Rows, s.Fingerprint = s.Rows+uint64(more), s.Fingerprint+hash
	}
	return days, rows.Err()
}
