package ingest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"drumbeat/ingest/spool"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

func openSpool(t testing.TB, dir string) *spool.Spool {
	t.Helper()
	s, _, err := spool.Open(dir, spool.Options{SealAfter: 5 * time.Millisecond, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func appendEvents(t testing.TB, s *spool.Spool, events ...Event) {
	t.Helper()
	var record []byte
	for i := range events {
		record = appendEvent(record, &events[i])
	}
	if err := s.Append(t.Context(), record); err != nil {
		t.Fatal(err)
	}
}

// run runs a loader until the test ends or stop is called.
func run(t testing.TB, l *Loader) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// allocator fails the test if Arrow memory is not given back.
func allocator(t testing.TB) memory.Allocator {
	checked := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { checked.AssertSize(t, 0) })
	return checked
}

func rowsOf(t testing.TB, db *warehouse.DB, sql string) []map[string]any {
	t.Helper()
	body, err := db.QueryFormat(t.Context(), "JSONEachRow", sql)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var rows []map[string]any
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func count(t testing.TB, db *warehouse.DB, sql string) uint64 {
	t.Helper()
	var n uint64
	if err := db.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// Every field of every event comes back from the view as it went into the spool.
func TestEventsReachTheWarehouseUnchanged(t *testing.T) {
	db := warehousetest.New(t)
	s := openSpool(t, t.TempDir())
	l := NewLoader(s, db, LoaderOptions{BatchRows: 128, Allocator: allocator(t), Log: quiet})
	stop := run(t, l)

	r := rand.New(rand.NewPCG(7, 8))
	want := map[string]Event{}
	for i := range 150 {
		e := randomEvent(r)
		switch i % 3 {
		case 1: // nothing optional
			e = Event{Type: e.Type, Time: e.Time, IngestedAt: e.IngestedAt, BusinessID: e.BusinessID, ContactID: e.ContactID, MessageID: e.MessageID}
		case 2:
			v := reflect.ValueOf(&e).Elem()
			for j := range v.NumField() {
				if name := v.Type().Field(j).Name; r.IntN(2) == 0 && name != "Time" && name != "IngestedAt" && name != "ContactID" {
					v.Field(j).SetZero()
				}
			}
		}
		want[e.ContactID.String()] = e
		appendEvents(t, s, e)
	}
	// History as long as an import can hold: more months than a server takes in one insert by itself.
	var history []Event
	for month := range 110 {
		e := Event{Type: Send, Time: time.Date(2010, 1+time.Month(month), 1, 0, 0, 0, 0, time.UTC), IngestedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			ContactID: ID{1, byte(month)}, MessageID: ID{15: 2}}
		want[e.ContactID.String()] = e
		history = append(history, e)
	}
	appendEvents(t, s, history...)
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()

	got := rowsOf(t, db, "SELECT * FROM events SETTINGS output_format_json_quote_64bit_integers = 1")
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	const layout = "2006-01-02 15:04:05.000"
	for _, row := range got {
		e := want[row["contact_id"].(string)]
		expect := map[string]any{}
		v := reflect.ValueOf(e)
		for i := range v.NumField() {
			name := columnOf(v.Type().Field(i).Name)
			switch value := v.Field(i).Interface().(type) {
			case ID:
				expect[name] = value.String()
				if name != "contact_id" { // the warehouse keeps the second half of other ids
					expect[name] = strconv.FormatUint(binary.BigEndian.Uint64(value[8:]), 10)
				}
			case time.Time:
				switch {
				case !value.IsZero():
					expect[name] = value.Format(layout)
				default:
					expect[name] = nil
				}
			case bool:
				expect[name] = 0.0
				if value {
					expect[name] = 1.0
				}
			case uint32:
				expect[name] = float64(value)
			case map[string]string:
				attributes := map[string]any{}
				for k, v := range value {
					attributes[k] = v
				}
				expect[name] = attributes
			default:
				expect[name] = fmt.Sprint(value)
			}
		}
		delete(row, "copies")
		if !reflect.DeepEqual(row, expect) {
			for name, value := range expect {
				if !reflect.DeepEqual(row[name], value) {
					t.Errorf("%s: %#v, want %#v", name, row[name], value)
				}
			}
			t.Fatalf("row %v has %d columns, want %d", row, len(row), len(expect))
		}
	}
}

// columnOf turns a field's name into its column's: MessageID, message_id.
func columnOf(field string) string {
	switch field {
	case "Type":
		return "event_type"
	case "Time":
		return "event_time"
	}
	var name []byte
	for i := range len(field) {
		c := field[i]
		if isUpper(c) {
			if i > 0 && !isUpper(field[i-1]) {
				name = append(name, '_')
			}
			c += 'a' - 'A'
		}
		name = append(name, c)
	}
	return string(name)
}

func TestColumnsAreTheTable(t *testing.T) {
	db := warehousetest.New(t)
	var have []string
	for _, row := range rowsOf(t, db, "DESCRIBE events") {
		if name := row["name"].(string); name != "copies" {
			have = append(have, name)
		}
	}
	var want []string
	for _, c := range columns {
		want = append(want, strings.Replace(c.name, "ingest_delay_ms", "ingested_at", 1))
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("the view has %v\nthe loader fills %v", have, want)
	}
	if n := reflect.TypeFor[Event]().NumField(); n != len(columns) {
		t.Errorf("%d fields, %d columns", n, len(columns))
	}
}

// faultyWarehouse fails in one of the ways that a warehouse fails, and stores for real in between.
type faultyWarehouse struct {
	*warehouse.DB
	mu     sync.Mutex
	before []error // of the next inserts, instead of storing
	after  []error // of the next inserts, although stored
	tokens []string
}

func (f *faultyWarehouse) Insert(ctx context.Context, table string, records array.RecordReader, token string) error {
	f.mu.Lock()
	f.tokens = append(f.tokens, token)
	var before, after error
	if len(f.before) > 0 {
		before, f.before = f.before[0], f.before[1:]
	} else if len(f.after) > 0 {
		after, f.after = f.after[0], f.after[1:]
	}
	f.mu.Unlock()
	if before != nil {
		return before
	}
	if err := f.DB.Insert(ctx, table, records, token); err != nil {
		return err
	}
	return after
}

type refusal struct{}

func (refusal) Error() string { return "cannot parse" }
func (refusal) Refused() bool { return true }

func someEvents(n int) []Event {
	events := make([]Event, n)
	for i := range events {
		at := time.Date(2026, 3, 2, 1, 15, i%60, 0, time.UTC)
		events[i] = Event{Type: Send, Time: at, IngestedAt: at, BusinessID: "acme", AccountID: "1", Channel: "whatsapp",
			ContactID: ID{1, byte(i), byte(i >> 8)}, MessageID: ID{13: 2, 14: byte(i), 15: byte(i >> 8)}}
	}
	return events
}

// The warehouse may be away, or answer too late: nothing is lost and nothing counts twice.
func TestWarehouseAwayAndBack(t *testing.T) {
	db := warehousetest.New(t)
	away := errors.New("connection refused")
	to := &faultyWarehouse{DB: db, before: []error{away, away}, after: []error{away, away, away}}
	s := openSpool(t, t.TempDir())
	l := NewLoader(s, to, LoaderOptions{BatchRows: 40, MinWait: time.Microsecond, MaxWait: time.Millisecond, Allocator: allocator(t), Log: quiet})
	appendEvents(t, s, someEvents(100)...)
	stop := run(t, l)
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if n := count(t, db, "SELECT sum(copies) FROM event_log"); n != 100 {
		t.Errorf("%d copies stored, want 100: an insert that was repeated with its token must change nothing", n)
	}
	if stats := l.Stats(); stats.Events != 100 || stats.Retries != 5 || stats.Segments != 1 {
		t.Errorf("%+v", stats)
	}
	if waiting, _ := s.Bytes(); waiting != 0 {
		t.Errorf("%d bytes left in the spool", waiting)
	}
}

// stopped is a warehouse that stops its loader, as a crash does, after some inserts, of which the
// last was stored but not confirmed.
type stopped struct {
	*warehouse.DB
	left int
	stop func()
}

func (s *stopped) Insert(ctx context.Context, table string, records array.RecordReader, token string) error {
	err := s.DB.Insert(ctx, table, records, token)
	if s.left--; s.left == 0 {
		s.stop()
		return context.Canceled
	}
	return err
}

// A loader that ends anywhere, also in the middle of looking for the rows that the warehouse refuses,
// and begins again, stores every good row once, and the bad ones can be loaded after a fix.
func TestOnlyRefusedRowsAreSetAside(t *testing.T) {
	db := warehousetest.New(t)
	if err := db.Exec(t.Context(), "ALTER TABLE event_log ADD CONSTRAINT readable CHECK kind NOT LIKE 'spoiled%'"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	opts := LoaderOptions{BatchRows: 12, Refused: warehouse.RowsRefused, Allocator: allocator(t), Log: slog.New(slog.NewTextHandler(&log, nil))}
	last := false
	for inserts := 1; !last; inserts += 3 {
		events := someEvents(30)
		business := fmt.Sprint("business-", inserts)
		for i := range events {
			events[i].BusinessID = business
		}
		events[5].Kind, events[23].Kind = "spoiled by +15550142", "spoiled too"
		dir := t.TempDir()
		s := openSpool(t, dir)
		appendEvents(t, s, events[:9]...)
		if err := s.Append(t.Context(), []byte("not an event")); err != nil {
			t.Fatal(err)
		}
		appendEvents(t, s, events[9:]...)
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		segment := s.Sealed()[0]
		ctx, stop := context.WithCancel(t.Context())
		crash := &stopped{DB: db, left: inserts, stop: stop}
		l := NewLoader(s, crash, opts)
		go func() {
			if l.Drain(ctx) == nil { // never stopped: this was the last round
				last = true
				stop()
			}
		}()
		if err := l.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		s.Close()

		s = openSpool(t, dir)
		l = NewLoader(s, db, opts)
		stop = run(t, l)
		if err := l.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop()
		s.Close()
		stored := func() string {
			return fmt.Sprint(rowsOf(t, db, "SELECT count() AS n, sum(copies) AS copies FROM events WHERE business_id = '"+business+"'"))
		}
		if got := stored(); got != "[map[copies:28 n:28]]" {
			t.Fatalf("stopped after %d inserts: %s, want the 28 good events, once", inserts, got)
		}
		refused := filepath.Join(dir, spool.Refused, segment.Name+"-refused.seg")
		mended := filepath.Join(dir, segment.Name+"-refused.seg")
		if err := os.Rename(refused, mended); err != nil {
			t.Fatal(err)
		}
		if !last {
			continue
		}
		if err := db.Exec(t.Context(), "ALTER TABLE event_log DROP CONSTRAINT readable"); err != nil {
			t.Fatal(err)
		}
		s = openSpool(t, dir)
		l = NewLoader(s, db, opts)
		stop = run(t, l)
		if err := l.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop()
		if got := stored(); got != "[map[copies:30 n:30]]" {
			t.Errorf("after the fix: %s, want all 30", got)
		}
		if stats := l.Stats(); stats.Events != 2 || stats.Refused != 1 {
			t.Errorf("%+v, want 2 events and the record that is none", stats)
		}
		for _, want := range []string{"segment=" + segment.Name, "row=5", "row=23", "record=1", "VIOLATED_CONSTRAINT", "readable"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, &log)
			}
		}
	}
	if strings.Contains(log.String(), "15550142") || strings.Contains(log.String(), "spoiled") {
		t.Errorf("the log quotes an event:\n%s", &log)
	}
}

// A warehouse that refuses everything is not asked for every single row.
func TestRefusedAltogether(t *testing.T) {
	db := warehousetest.New(t)
	if err := db.Exec(t.Context(), "ALTER TABLE event_log ADD CONSTRAINT none CHECK channel = 'carrier pigeon'"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := openSpool(t, dir)
	to := &faultyWarehouse{DB: db}
	l := NewLoader(s, to, LoaderOptions{Refused: warehouse.RowsRefused, Allocator: allocator(t), Log: quiet})
	stop := run(t, l)
	appendEvents(t, s, someEvents(10_000)...)
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if len(to.tokens) > 3*maxRefused {
		t.Errorf("%d inserts to learn that nothing is taken", len(to.tokens))
	}
	if stats := l.Stats(); stats.Refused != 10_000 || stats.Segments != 1 {
		t.Errorf("%+v", stats)
	}
	if set, err := spool.Look(dir); err != nil || set.SetAside != 1 || set.Waiting != 0 {
		t.Errorf("%+v, %v", set, err)
	}
}

// Every stored batch is told, with its rows and its oldest event.
func TestObserve(t *testing.T) {
	db := warehousetest.New(t)
	s := openSpool(t, t.TempDir())
	type told struct {
		rows   int
		oldest time.Time
	}
	var got []told
	l := NewLoader(s, db, LoaderOptions{BatchRows: 4, Allocator: allocator(t), Log: quiet,
		Observe: func(rows int, oldest time.Time, took time.Duration) {
			if took <= 0 {
				t.Errorf("an insert of %d rows took %v", rows, took)
			}
			got = append(got, told{rows, oldest})
		}})
	stop := run(t, l)
	events := someEvents(6)
	slices.Reverse(events)
	appendEvents(t, s, events...)
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if want := []told{{4, events[3].IngestedAt}, {2, events[5].IngestedAt}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDamagedSegmentIsLoadedAsFarAsPossible(t *testing.T) {
	db := warehousetest.New(t)
	dir := t.TempDir()
	s, _, err := spool.Open(dir, spool.Options{SealAfter: -1, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, e := range someEvents(3) {
		appendEvents(t, s, e)
	}
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(files[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	l := NewLoader(s, db, LoaderOptions{Allocator: allocator(t), Log: quiet})
	stop := run(t, l)
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if n := count(t, db, "SELECT count() FROM events"); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	kept, _ := filepath.Glob(filepath.Join(dir, spool.Corrupt, "*"))
	if len(kept) != 1 || l.Stats().Corrupt != 1 {
		t.Errorf("corrupt segments kept: %v, %+v", kept, l.Stats())
	}
}

func TestDrainGivesUpWithItsContext(t *testing.T) {
	s := openSpool(t, t.TempDir())
	l := NewLoader(s, nil, LoaderOptions{Log: quiet}) // does not run
	appendEvents(t, s, someEvents(1)...)
	ctx, cancel := context.WithCancelCause(t.Context())
	gaveUp := errors.New("gave up")
	time.AfterFunc(time.Millisecond, func() { cancel(gaveUp) })
	if err := l.Drain(ctx); !errors.Is(err, gaveUp) {
		t.Errorf("drain: %v", err)
	}
}

func BenchmarkLoad(b *testing.B) {
	db := warehousetest.New(b)
	events := someEvents(50_000)
	r := newRows(memory.DefaultAllocator)
	defer r.release()
	b.Run("step=arrow", func(b *testing.B) {
		for b.Loop() {
			for i := range events {
				r.add(&events[i])
			}
			r.record().Release()
		}
		b.ReportMetric(float64(len(events)*b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("step=insert", func(b *testing.B) {
		for i := range events {
			r.add(&events[i])
		}
		record := r.record()
		defer record.Release()
		for b.Loop() {
			if err := insert(b.Context(), db, record, ""); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(events)*b.N)/b.Elapsed().Seconds(), "events/s")
	})
}
