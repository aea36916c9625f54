package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"drumbeat/transform"
	"drumbeat/warehouse"

	"github.com/ClickHouse/clickhouse-go/v2"
)

const (
	worldDays       = 90
	sendsPerContact = 40
	exportedAtOnce  = 10_000_000 // events: what an analyst may ask for at once is bounded
)

// transform makes worlds of three sizes, the largest of 4.9 million raw events (49 million at --size 10), and times the
// frequency job over all days, what the crude curve takes, and the job after the newest 1 % of the events.
func (b *bench) transform(ctx context.Context) error {
	var perEvent []float64
	var sizes []string
	for _, tenths := range []int{1, 4, 10} {
		db, err := b.open(ctx)
		if err != nil {
			return err
		}
		sends := b.scaled(200_000 * tenths)
		if err := fillWorld(ctx, db, 0, sends); err != nil {
			return err
		}
		if err := merge(ctx, db); err != nil {
			return err
		}
		var events uint64
		if err := db.QueryRow(ctx, "SELECT sum(copies) FROM event_log").Scan(&events); err != nil {
			return fmt.Errorf("count the events: %w", err)
		}
		all, allMessages, err := runJob(ctx, db)
		if err != nil {
			return err
		}
		perEvent = append(perEvent, all/float64(events)*1e6)
		sizes = append(sizes, number(float64(events))+" in "+number(all)+" s")
		if tenths == 10 {
			if err := b.largest(ctx, db, sends, events, all, allMessages); err != nil {
				return err
			}
		}
		if err := errors.Join(db.Exec(ctx, "DROP DATABASE "+db.Database()+" SYNC"), db.Close()); err != nil {
			return err
		}
	}
	b.add(compared(row{
		Name: "frequency job, time per event", Value: perEvent[2], Unit: "us", Beside: "a tenth of the events", Goal: 1.25, AtMost: true,
		Note: "events " + strings.Join(sizes, ", "),
	}, figure{value: perEvent[0]}))
	return nil
}

// merge leaves the facts as the engine does after a while.
func merge(ctx context.Context, db *warehouse.DB) error {
	for _, table := range []string{"message_facts", "contact_facts"} {
		if err := db.Exec(ctx, "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
			return fmt.Errorf("merge %s: %w", table, err)
		}
	}
	return nil
}

// largest measures what one size is enough for.
func (b *bench) largest(ctx context.Context, db *warehouse.DB, sends int, events uint64, all, allMessages float64) error {
	var ours []cell
	curveFrom := func(from facts) contestant {
		return seconds(func(ctx context.Context) (err error) { ours, err = crudeCurve(ctx, db, from); return err })
	}
	duckDB, err := b.startDuckDB(ctx, db)
	figures, turnsErr := b.alternate(ctx, curveFrom(mergedFacts), curveFrom(rawFacts), func(context.Context) (float64, error) {
		if err != nil {
			return 0, err
		}
		return duckDB.turn()
	})
	if duckDB != nil {
		duckDB.stop()
	}
	if turnsErr != nil {
		return turnsErr
	}
	beside, peer := "DuckDB", figures[2]
	if peer.err == nil {
		beside, peer.value = "DuckDB "+duckDB.said.Version, float64(events)/peer.value
		if !slices.Equal(duckDB.said.Curve, ours) {
			peer.err = fmt.Errorf("%v is not our %v", duckDB.said.Curve, ours)
		}
	}
	for i, from := range []string{"facts merged at ingest", "raw events"} {
		b.add(compared(row{
			Name: "crude curve from " + from, Value: float64(events) / figures[i].value, Unit: "events/s",
			Beside: beside, Goal: 3, Note: number(float64(events)) + " events in " + number(figures[i].value) + " s",
		}, peer))
	}

	if err := fillWorld(ctx, db, sends, sends/100); err != nil {
		return err
	}
	update, updateMessages, err := runJob(ctx, db)
	if err != nil {
		return err
	}
	note := "after the newest 1 %, a tenth of it up to 7 days late"
	b.add(compared(row{Name: "messages, update", Value: updateMessages, Unit: "s", Beside: "all days", Goal: .05, AtMost: true, Note: note}, figure{value: allMessages}))
	b.add(compared(row{Name: "frequency job, update", Value: update, Unit: "s", Beside: "all days", Goal: .05, AtMost: true, Note: note}, figure{value: all}))
	if peak, ok := enginePeak(); ok {
		b.add(alone(row{Name: "memory of the engine, at most", Value: peak, Unit: "GB", Goal: 4, AtMost: true}))
	}
	return nil
}

// runJob returns the seconds that the job took, and those of its model messages.
func runJob(ctx context.Context, db *warehouse.DB) (all, messages float64, err error) {
	started := time.Now()
	result, err := transform.Run(ctx, db, "frequency", transform.Window{})
	for _, s := range result.Steps {
		if s.Relation == "messages" {
			messages = s.Took.Seconds()
		}
	}
	return time.Since(started).Seconds(), messages, err
}

// fillWorld makes sends from the number first on, and 1.4 times as many receipts, replies and consents, inside the
// warehouse. Everything is hashed, not drawn. The sends of a world lie in its days; a world that begins
// later is the newest hundredth: its sends lie in the day after them, a tenth in the seven days before.
func fillWorld(ctx context.Context, db *warehouse.DB, first, sends int) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_partitions_per_insert_block": 0, "max_insert_threads": 2, "max_threads": 2, "optimize_trivial_insert_select": 1,
	}))
	hash := func(salt string) string { return fmt.Sprintf("sipHash64(number, '%s')", salt) }
	contact := fmt.Sprintf("intDiv(number, %d)", sendsPerContact)
	at := fmt.Sprintf("%s %% %d", hash("at"), worldDays*86_400_000)
	contacts := max(1, sends/sendsPerContact)
	if first > 0 {
		contacts = max(1, first/sendsPerContact)
		contact = fmt.Sprintf("%s %% %d", hash("contact"), contacts)
		at = fmt.Sprintf("if(%s %% 10 = 0, %d - %s %% %d, %d + %s %% 77760000)", hash("late"), worldDays*86_400_000, hash("at"), 7*86_400_000,
			worldDays*86_400_000, hash("at"))
	}
	sent := "toDateTime64('2025-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(" + at + ")"
	// Spread evenly, as pseudonyms are, and in the order of the tables, which sorts them sooner.
	spread := fmt.Sprintf("toUInt128((%s) * toUInt64(%d))", contact, ^uint64(0)/uint64(contacts+1))
	for _, kind := range []struct{ what, share, delay, message string }{
		{"opt_in", fmt.Sprintf("number %% %d = 0", sendsPerContact), "-toIntervalDay(10)", ""},
		{"send", "1", "toIntervalSecond(0)", "id"},
		{"delivered", hash("d") + " % 100 < 95", "toIntervalSecond(5)", "id"},
		{"open", hash("d") + " % 100 < 95 AND " + hash("o") + " % 100 < 40", "toIntervalSecond(" + hash("od") + " % 90000)", "id"},
		{"reply", hash("r") + " % 100 < 7", "toIntervalSecond(" + hash("rd") + " % 90000)", "reply"},
		{"opt_out", hash("l") + " % 300 = 0", "toIntervalSecond(" + hash("ld") + " % 500000)", ""},
	} {
		if first > 0 && kind.what == "opt_in" {
			continue
		}
		message, event, purpose := "0", hash("e"+kind.what), ""
		if kind.message != "" {
			message, event = hash(kind.message), "0"
		}
		if kind.what == "send" {
			purpose = "proactive"
		}
		err := db.Exec(ctx, fmt.Sprintf(`
INSERT INTO event_log (business_id, contact_id, message_id, event_type, event_id, event_time, ingest_delay_ms, account_id, channel, provider, market, purpose, campaign_id)
SELECT '%s', reinterpret(%s * toUInt128('18446744073709551617'), 'UUID'), %s, '%s', %s, %s + %s, 3000,
    'page', 'whatsapp', 'meta', ['PH', 'ID', 'VN', 'TH'][(%s) %% 4 + 1], '%s', 'campaign_' || toString(number %% 30)
FROM numbers(%d, %d) WHERE %s`, business, spread, message, kind.what, event, sent, kind.delay, contact, purpose, first, sends, kind.share))
		if err != nil {
			return fmt.Errorf("make events of type %s: %w", kind.what, err)
		}
	}
	return nil
}

// cell is a bin of the crude curve: exposure from, messages, opens.
type cell [3]int64

//go:embed crude_curve.sql
var crudeCurveSQL string

// facts are where the crude curve takes its sends from: rows of contact_id and fact, and the sorted codes that these make.
type facts struct{ rows, sends string }

var (
	mergedFacts = facts{sends: "arraySort(groupArray(fact))", rows: `
        SELECT contact_id, toUnixTimestamp64Milli(assumeNotNull(sent_at)) * 2 + ifNull(opened_at <= sent_at + INTERVAL 7 DAY, 0) AS fact
        FROM message_facts FINAL
        WHERE sent_at IS NOT NULL AND is_test = 0`}
	// A fact is its message, whether it is an open, and its time, in one number. Sorted, the first of a message's sends stands before the
	// first of its opens; all others are copies.
	rawFacts = facts{rows: `
        SELECT
            contact_id,
            bitShiftLeft(toUInt128(message_id), 64) + bitShiftLeft(toUInt64(event_type = 'open'), 63) + toUInt64(toUnixTimestamp64Milli(event_time)) AS fact
        FROM event_log
        WHERE event_type IN ('send', 'open') AND is_test = 0`, sends: `
    bitShiftLeft(toUInt64(1), 63) AS open,
    arraySort(groupArray(fact)) AS facts,
    arrayFilter((f, before) -> bitShiftRight(f, 63) != bitShiftRight(before, 63), facts, arrayShiftRight(facts, 1)) AS firsts,
    arraySort(arrayMap(
        (send, next) -> toInt64(toUInt64(send)) * 2 + (bitShiftRight(next, 63) = bitShiftRight(send, 63) + 1 AND next <= send + open + 604800000),
        arrayFilter(f -> toUInt64(f) < open, firsts),
        arrayFilter((next, f) -> toUInt64(f) < open, arrayShiftLeft(firsts, 1), firsts)))`}
)

func crudeCurve(ctx context.Context, db *warehouse.DB, from facts) (cells []cell, err error) {
	rows, err := db.Query(ctx, strings.NewReplacer("{facts}", from.rows, "{sends}", from.sends).Replace(crudeCurveSQL))
	if err != nil {
		return nil, fmt.Errorf("compute the crude curve: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c cell
		if err := rows.Scan(&c[0], &c[1], &c[2]); err != nil {
			return nil, fmt.Errorf("read the crude curve: %w", err)
		}
		cells = append(cells, c)
	}
	return cells, rows.Err()
}

// duckDB is bench/duckdb at work on the same raw events.
type duckDB struct {
	process *exec.Cmd
	ask     io.WriteCloser
	answers *json.Decoder
	why     *strings.Builder // what it says when it fails

	said struct { // in its last answer
		Version string  `json:"version"`
		Seconds float64 `json:"seconds"`
		Curve   []cell  `json:"curve"`
	}
}

// startDuckDB exports the raw events, as small as DuckDB could wish them, for it to load.
func (b *bench) startDuckDB(ctx context.Context, db *warehouse.DB) (*duckDB, error) {
	program, err := filepath.Abs(filepath.Join(b.dir, "duckdb"))
	if err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir, build.Env = filepath.Join("bench", "duckdb"), append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build it, which needs a C compiler: %w: %s", err, firstLine(string(out)))
	}
	events := filepath.Join(b.dir, "events")
	if err := export(ctx, db, events); err != nil {
		return nil, fmt.Errorf("export the events: %w", err)
	}
	d := &duckDB{why: new(strings.Builder)}
	d.process = exec.CommandContext(ctx, program, filepath.Join(events, "*.parquet"), filepath.Join(b.dir, "peer.duckdb"))
	d.process.Stderr = d.why
	out, err := d.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.answers = json.NewDecoder(out)
	if d.ask, err = d.process.StdinPipe(); err != nil {
		return nil, err
	}
	if err := d.process.Start(); err != nil {
		return nil, err
	}
	if err := d.hear(); err != nil {
		return nil, fmt.Errorf("let it load the events: %w", err)
	}
	return d, os.RemoveAll(events)
}

// turn lets it compute the curve once and returns the seconds that it took.
func (d *duckDB) turn() (float64, error) {
	if _, err := io.WriteString(d.ask, "\n"); err != nil {
		return 0, fmt.Errorf("ask it for the curve: %w", err)
	}
	err := d.hear()
	return d.said.Seconds, err
}

// hear waits for its next answer.
func (d *duckDB) hear() error {
	if err := d.answers.Decode(&d.said); err != nil {
		d.stop() // and then all is read of why
		return fmt.Errorf("%w: %s", err, firstLine(d.why.String()))
	}
	return nil
}

// stop may be called again.
func (d *duckDB) stop() {
	d.ask.Close()
	d.process.Wait()
}

// export writes the raw events into Parquet files of a folder.
func export(ctx context.Context, db *warehouse.DB, folder string) error {
	var events uint64
	if err := db.QueryRow(ctx, "SELECT count() FROM event_log").Scan(&events); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	files := events/exportedAtOnce + 1
	for i := range files {
		body, err := db.QueryFormat(ctx, "Parquet", fmt.Sprintf(`
SELECT sipHash64(business_id, contact_id) AS contact_id, message_id, toString(event_type) AS event_type, toUnixTimestamp64Milli(event_time) AS event_ms
FROM event_log
WHERE sipHash64(contact_id) %% %d = %d`, files, i))
		if err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%d.parquet", i)))
		if err != nil {
			return errors.Join(err, body.Close())
		}
		_, err = io.Copy(f, body)
		if err := errors.Join(err, body.Close(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// enginePeak returns the most memory that a child of this process held, in GB; not ok where the system does not say.
func enginePeak() (peak float64, ok bool) {
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) {
			continue
		}
		_, after, found := strings.Cut(string(text), "\nVmHWM:")
		var kilobytes float64
		if _, err := fmt.Sscan(after, &kilobytes); found && err == nil {
			peak, ok = max(peak, kilobytes/1e6), true
		}
	}
	return peak, ok
}
