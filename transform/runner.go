package transform

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"drumbeat/warehouse"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
)

//go:embed models/*.sql
var models embed.FS

// Errors that callers may want to tell from the rest.
var (
	ErrUnknownJob = errors.New("there is no such job")
	ErrWindow     = errors.New("a window is whole UTC days, its end after its start")
)

// Window is a half-open span of UTC days, [From, To). The zero Window is all days with data: from the
// first day on which anything was sent to the day of the cutoff.
type Window struct{ From, To time.Time }

// IsZero reports whether w asks for all days with data.
func (w Window) IsZero() bool { return w.From.IsZero() && w.To.IsZero() }

func (w Window) String() string {
	return "[" + w.From.Format(time.DateOnly) + ", " + w.To.Format(time.DateOnly) + ")"
}

func (w Window) check() error {
	for _, t := range []time.Time{w.From, w.To} {
		if t.IsZero() || !t.Equal(t.UTC().Truncate(day)) {
			return fmt.Errorf("window %s: %w", w, ErrWindow)
		}
	}
	if !w.To.After(w.From) {
		return fmt.Errorf("window %s: %w", w, ErrWindow)
	}
	return nil
}

const (
	day = 24 * time.Hour
	// lookBack is how far prior engagement looks back, farther than exposure and dose: the days before a window that its metrics need.
	lookBack = 35 * day
)

// Result says what a run did.
type Result struct {
	Job    string
	Window Window    // as run: a zero window is filled in; still zero if no message was sent
	Cutoff time.Time // latest event of any business
	Steps  []Step    // in the order of the job
}

// Step is one relation written.
type Step struct {
	Relation    string
	Window      Window // messages are also written for the days that the metrics look back to
	Rows        uint64
	Fingerprint uint64 // order-free hash of the rows: equal fingerprints, equal results
	Took        time.Duration
	All         bool     // every day of the window was computed; else only those that arrivals touch
	Restated    []Window // of these, the days that differ from what they were, with those between them
}

// Jobs returns the names of the jobs, each after those whose tables it reads.
func Jobs() []string { return slices.Clone(inTurn) }

// RunAll runs every job over all days, in the order of Jobs. A job that fails keeps no other from running: the results are
// those of the jobs that did not, the error is of the others.
func RunAll(ctx context.Context, db *warehouse.DB, values Values, calendars ...Calendar) (results []Result, err error) {
	for _, job := range Jobs() {
		result, failed := RunWith(ctx, db, job, Window{}, values, calendars...)
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		results = append(results, result)
	}
	return results, err
}

// running holds one token: the jobs of a process run one after another. Two processes that run the same
// job do not harm each other: each stages its rows apart, and partitions change as a whole, so the later one wins.
var running = make(chan struct{}, 1)

// Run computes the models of a job over a window and replaces what they hold for it. It returns what was
// done, also beside an error: then the models of its steps are new, and each of the others holds, for each day, its
// old rows or its new ones. Errors: ErrUnknownJob, ErrWindow, and what the warehouse says.
func Run(ctx context.Context, db *warehouse.DB, job string, w Window) (Result, error) {
	return RunWith(ctx, db, job, w, DefaultValues())
}

// RunWith is Run with what outcomes are worth and when markets are open; a further error is ErrValues.
func RunWith(ctx context.Context, db *warehouse.DB, job string, w Window, values Values, calendars ...Calendar) (result Result, err error) {
	result = Result{Job: job}
	if err := values.Check(); err != nil {
		return result, fmt.Errorf("run %s: %w", job, err)
	}
	steps, ok := jobs[job]
	if !ok {
		return result, fmt.Errorf("run %q: %w; there are: %s", job, ErrUnknownJob, strings.Join(Jobs(), ", "))
	}
	if !w.IsZero() {
		if err := w.check(); err != nil {
			return result, fmt.Errorf("run %s: %w", job, err)
		}
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(bounded(nil)))
	select {
	case running <- struct{}{}:
		defer func() { <-running }()
	case <-ctx.Done():
		return result, context.Cause(ctx)
	}
	r := &run{db: db, result: &result, window: w, values: values, calendars: calendars}
	defer func() { err = errors.Join(err, r.dropParts(ctx)) }()
	if err := r.dropForgotten(ctx); err != nil {
		return result, fmt.Errorf("run %s: %w", job, err)
	}
	if err := r.settle(ctx); err != nil {
		return result, fmt.Errorf("run %s: %w", job, err)
	}
	if err := r.all(ctx, steps); err != nil {
		return result, fmt.Errorf("run %s: %w", job, err)
	}
	if result.Window.IsZero() {
		slog.InfoContext(ctx, "nothing to compute: no message has been sent", "job", job)
	}
	if err := r.forget(ctx); err != nil {
		return result, fmt.Errorf("run %s: %w", job, err)
	}
	return result, nil
}

// bounded returns settings under which what is grouped goes to the disk when it takes more than this much memory.
func bounded(settings clickhouse.Settings) clickhouse.Settings {
	all := clickhouse.Settings{"max_bytes_before_external_group_by": 800 << 20}
	maps.Copy(all, settings)
	return all
}

// run is one run of a job.
type run struct {
	db     *warehouse.DB
	result *Result
	window Window // as asked

	arrivedTo time.Time // all that was loaded before can be read
	values    Values
	calendars []Calendar
	parts     parts
}

// model is how one relation is computed and what of it a run replaces.
type model struct {
	relation string
	fill     func(ctx context.Context, r *run, m model, staging string, w Window) error
	scope    scope
	restates bool // a run over all days computes only those that what arrived since touches
}

// scope says which part of a relation a run replaces, and how that part is partitioned.
type scope struct {
	// partitions selects the names of the partitions of the relation {table} that a window covers.
	partitions string
	// where selects the rows of the window, for counting and hashing.
	where string
	// before is how many days more than the window's are written.
	before time.Duration
}

var (
	everything = scope{
		partitions: `SELECT DISTINCT 'tuple()' AS name FROM {table}`,
		where:      `1`,
	}
	sentDays = scope{
		partitions: `SELECT DISTINCT toString(toDate(sent_at)) AS name FROM {table}
			WHERE sent_at >= {from:DateTime64(3, 'UTC')} AND sent_at < {to:DateTime64(3, 'UTC')}`,
		where:  `sent_at >= {from:DateTime64(3, 'UTC')} AND sent_at < {to:DateTime64(3, 'UTC')}`,
		before: lookBack,
	}
	window = scope{
		partitions: `SELECT DISTINCT toString((window_from, window_to)) AS name FROM {table}
			WHERE window_from = toDate({from:DateTime64(3, 'UTC')}) AND window_to = toDate({to:DateTime64(3, 'UTC')})`,
		where: `window_from = toDate({from:DateTime64(3, 'UTC')}) AND window_to = toDate({to:DateTime64(3, 'UTC')})`,
	}
)

// step fills a staging table, puts its partitions in the place of the relation's, and records that. It returns nil for a
// coverage that shows no sends.
func (r *run) step(ctx context.Context, m model) (_ *Step, err error) {
	started := time.Now()
	w := r.result.Window
	if !w.IsZero() { // coverage comes before the window is known
		w.From = w.From.Add(-m.scope.before)
	}
	staging := stagingPrefix + m.relation + "_" + randomName()
	if err := r.settled(ctx, "CREATE TABLE "+staging+" AS "+m.relation); err != nil {
		return nil, fmt.Errorf("create the staging table: %w", err)
	}
	defer func() { err = errors.Join(err, r.drop(ctx, staging)) }()
	last, err := r.lastRun(ctx, m)
	if err != nil {
		return nil, err
	}
	var s *Step
	if last != nil {
		s, err = r.restateMessages(ctx, m, staging, w, last)
	} else {
		s, err = r.computeAll(ctx, m, staging, w)
	}
	if err != nil || s == nil {
		return nil, err
	}
	s.Took = time.Since(started)
	if err := r.record(ctx, *s, started); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "model computed", "job", r.result.Job, "relation", s.Relation,
		"window_from", s.Window.From.Format(time.DateOnly), "window_to", s.Window.To.Format(time.DateOnly),
		"rows", s.Rows, "took_ms", s.Took.Milliseconds())
	return s, nil
}

// computeAll computes a model over all of a window.
func (r *run) computeAll(ctx context.Context, m model, staging string, w Window) (_ *Step, err error) {
	if err := m.fill(ctx, r, m, staging, w); err != nil {
		return nil, err
	}
	if err := r.replace(ctx, m, staging, w); err != nil {
		return nil, err
	}
	if r.result.Window.IsZero() { // coverage has just been written, or there are surveys alone
		if err := r.resolve(ctx); err != nil {
			return nil, err
		}
		if w = r.result.Window; w.IsZero() {
			if m.relation == "coverage" {
				return nil, nil
			}
			w = Window{From: time.Unix(0, 0).UTC(), To: time.Unix(0, 0).UTC()}
		}
	}
	s := &Step{Relation: m.relation, Window: w, All: true}
	s.Rows, s.Fingerprint, err = r.fingerprint(ctx, m, w)
	return s, err
}

// resolve sets cutoff and window from the coverage. Without a send in the data the window stays zero.
func (r *run) resolve(ctx context.Context) error {
	const query = `
SELECT
    (SELECT max(cutoff) FROM coverage)                     AS cutoff,
    (SELECT count() FROM message_facts WHERE sent_at IS NOT NULL AND is_test = 0) AS sends,
    (SELECT assumeNotNull(min(sent_at)) FROM message_facts WHERE is_test = 0) AS first_sent`
	var cutoff, first time.Time
	var sends uint64
	if err := r.db.QueryRow(ctx, query).Scan(&cutoff, &sends, &first); err != nil {
		return fmt.Errorf("find the days with data: %w", err)
	}
	r.result.Cutoff = cutoff.UTC()
	switch {
	case !r.window.IsZero():
		r.result.Window = Window{From: r.window.From.UTC(), To: r.window.To.UTC()}
	case sends > 0:
		r.result.Window = Window{From: first.UTC().Truncate(day), To: cutoff.UTC().Truncate(day).Add(day)}
		if !r.result.Window.To.After(r.result.Window.From) {
			r.result.Window = Window{} // nothing was sent before the cutoff
		}
	}
	return nil
}

// replace puts the staged partitions in the place of the relation's, and empties those of the window that have
// no staged rows. Each partition changes as a whole, at once; the window does not, so a run that breaks off
// leaves some partitions old and some new. Where nothing lies beyond the window, the table changes as a whole.
func (r *run) replace(ctx context.Context, m model, staging string, w Window) error {
	var beyond bool
	query := "SELECT count() > 0 FROM (SELECT 1 FROM " + m.relation + " WHERE NOT (" + m.scope.where + ") LIMIT 1)"
	if err := r.db.QueryRow(ctx, query, w.params()...).Scan(&beyond); err != nil {
		return fmt.Errorf("look beyond the window: %w", err)
	}
	if !beyond {
		if err := r.db.Exec(ctx, "EXCHANGE TABLES "+staging+" AND "+m.relation); err != nil {
			return fmt.Errorf("put the new table in its place: %w", err)
		}
		return nil
	}
	return r.replacePartitions(ctx, m, staging, w)
}

func (r *run) replacePartitions(ctx context.Context, m model, staging string, w Window) error {
	staged, err := r.partitions(ctx, m, staging, w)
	if err != nil {
		return err
	}
	kept, err := r.partitions(ctx, m, m.relation, w)
	if err != nil {
		return err
	}
	for _, name := range staged {
		if err := r.db.Exec(ctx, "ALTER TABLE "+m.relation+" REPLACE PARTITION "+name+" FROM "+staging); err != nil {
			return fmt.Errorf("replace partition %s: %w", name, err)
		}
	}
	for _, name := range kept {
		if slices.Contains(staged, name) {
			continue
		}
		if err := r.db.Exec(ctx, "ALTER TABLE "+m.relation+" DROP PARTITION "+name); err != nil {
			return fmt.Errorf("empty partition %s: %w", name, err)
		}
	}
	return nil
}

func (r *run) partitions(ctx context.Context, m model, table string, w Window) ([]string, error) {
	names, err := r.names(ctx, strings.ReplaceAll(m.scope.partitions, "{table}", table), w.params()...)
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", table, err)
	}
	return names, nil
}

// names asks for names of partitions and writes them as statements need them.
func (r *run) names(ctx context.Context, query string, params ...any) ([]string, error) {
	rows, err := r.db.Query(ctx, query+" ORDER BY name", params...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if !strings.Contains(name, "(") {
			name = "'" + name + "'"
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func (r *run) fingerprint(ctx context.Context, m model, w Window) (rows, hash uint64, err error) {
	// A tuple, because the hash of a plain NULL is NULL; a sum, because it ignores order and not repetition.
	query := "SELECT count(), sum(cityHash64(tuple(*))) FROM " + m.relation + " WHERE " + m.scope.where
	if err := r.db.QueryRow(ctx, query, w.params()...).Scan(&rows, &hash); err != nil {
		return 0, 0, fmt.Errorf("fingerprint: %w", err)
	}
	return rows, hash, nil
}

func (r *run) record(ctx context.Context, s Step, started time.Time) error {
	asked, arrivedTo, why := uint8(1), (*time.Time)(nil), "window"
	if r.window.IsZero() {
		asked, arrivedTo, why = 0, &r.arrivedTo, "arrivals"
		if s.All {
			why = "all days"
		}
	}
	var restated []time.Time
	for _, part := range s.Restated {
		for d := part.From; d.Before(part.To); d = d.Add(day) {
			restated = append(restated, d)
		}
	}
	stored, err := r.stored(ctx, s.Relation)
	if err != nil {
		return err
	}
	batch, err := r.db.PrepareBatch(ctx, `INSERT INTO runs
(job, window_from, window_to, cutoff, started_at, finished_at, relation, rows, fingerprint, asked, arrived_to, restated, why, stored)`)
	if err == nil {
		err = batch.Append(r.result.Job, s.Window.From, s.Window.To, r.result.Cutoff, started.UTC(), started.Add(s.Took).UTC(),
			s.Relation, s.Rows, s.Fingerprint, asked, arrivedTo, restated, why, stored)
	}
	if err == nil {
		err = batch.Send()
	}
	if err != nil {
		return fmt.Errorf("record the run: %w", err)
	}
	return nil
}

const stagingPrefix = "staging_"

// dropForgotten removes the staging tables of runs that broke off, when they are older than any run takes.
func (r *run) dropForgotten(ctx context.Context) error {
	var tables []struct {
		Name string `ch:"name"`
	}
	err := r.db.Select(ctx, &tables, `
SELECT name
FROM system.tables
WHERE database = currentDatabase() AND startsWith(name, {prefix:String}) AND metadata_modification_time < now() - INTERVAL 1 DAY
ORDER BY name`, clickhouse.Named("prefix", stagingPrefix))
	if err != nil {
		return fmt.Errorf("look for forgotten staging tables: %w", err)
	}
	for _, t := range tables {
		if err := r.db.Exec(ctx, "DROP TABLE IF EXISTS `"+t.Name+"` SYNC"); err != nil {
			return fmt.Errorf("drop forgotten %s: %w", t.Name, err)
		}
	}
	return nil
}

// params are those of a model: none before the window is known.
func (w Window) params() []any {
	if w.IsZero() {
		return nil
	}
	return []any{
		clickhouse.DateNamed("from", w.From, clickhouse.MilliSeconds),
		clickhouse.DateNamed("to", w.To, clickhouse.MilliSeconds),
	}
}

// insertSelect computes a model inside the warehouse.
func insertSelect(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.insert(ctx, m, staging, w)
}

// insert runs the model's SQL for a window, with further parameters.
func (r *run) insert(ctx context.Context, m model, staging string, w Window, params ...any) error {
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return err
	}
	return r.insertSQL(ctx, sql, staging, append(w.params(), params...))
}

func (r *run) insertSQL(ctx context.Context, sql, staging string, params []any) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(bounded(clickhouse.Settings{
		"max_partitions_per_insert_block": 0, // a window may span years
		"optimize_on_insert":              0,
		// Each block makes a part in each of its days: few large ones.
		"min_insert_block_size_rows":  4 << 20,
		"min_insert_block_size_bytes": 1 << 30,
		"max_insert_threads":          1,
	})))
	if err := r.db.Exec(ctx, "INSERT INTO "+staging+"\n"+sql, params...); err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	return nil
}

// sendsPerPass bounds the memory of a pass, to about a gigabyte.
var sendsPerPass uint64 = 2_500_000

// insertByContacts computes a model inside the warehouse in passes, each over a range of contacts, which the tables it
// reads are sorted by.
func insertByContacts(ctx context.Context, r *run, m model, staging string, w Window) error {
	var sends uint64
	const query = `SELECT count() FROM message_facts
WHERE sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 35 DAY AND sent_at < {to:DateTime64(3, 'UTC')} + INTERVAL 7 DAY` // as far as any model reads
	if err := r.db.QueryRow(ctx, query, w.params()...).Scan(&sends); err != nil {
		return fmt.Errorf("count the sends: %w", err)
	}
	for _, contacts := range contactRanges(sends/sendsPerPass + 1) {
		if err := r.insert(ctx, m, staging, w, contacts...); err != nil {
			return err
		}
	}
	return nil
}

// contactRanges cuts all contacts into n ranges of about the same size: pseudonyms are evenly spread. The database
// compares the second half of a UUID first.
func contactRanges(n uint64) (ranges [][]any) {
	for i := range n {
		var first, last uuid.UUID
		for j := range 8 {
			last[j] = 0xff
		}
		binary.BigEndian.PutUint64(first[8:], math.MaxUint64/n*i)
		binary.BigEndian.PutUint64(last[8:], math.MaxUint64/n*(i+1)-1)
		if i == n-1 {
			binary.BigEndian.PutUint64(last[8:], math.MaxUint64)
		}
		ranges = append(ranges, []any{clickhouse.Named("first_contact", first.String()), clickhouse.Named("last_contact", last.String())})
	}
	return ranges
}

func randomName() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
