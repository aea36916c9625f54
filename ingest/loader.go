package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"drumbeat/ingest/spool"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Inserter is the one thing that ingest needs of a warehouse: it stores the records in the table's
// columns of the same names and returns once they are stored. A repeated call with the same rows
// and token must change nothing. It does not release the reader, and its errors quote no row.
type Inserter interface {
	Insert(ctx context.Context, table string, records array.RecordReader, token string) error
}

// LoaderOptions of a loader; the zero value is usable.
type LoaderOptions struct {
	// Refused tells of an insert's error that the same rows will never be taken. Every other error
	// is retried for ever. Default: an error in the chain with a method Refused() bool says so.
	Refused func(error) bool
	// Observe is told of every insert that stored rows: when the oldest event of its batch was
	// accepted, and how long the insert took.
	Observe   func(rows int, oldest time.Time, took time.Duration)
	BatchRows int              // rows per insert; default 100,000
	MinWait   time.Duration    // before the first retry; default 100 ms, doubled each time
	MaxWait   time.Duration    // the longest wait between retries; default 15 s
	Allocator memory.Allocator // of Arrow buffers; default memory.DefaultAllocator
	Log       *slog.Logger     // default slog.Default()
}

func (o *LoaderOptions) defaults() {
	if o.Refused == nil {
		o.Refused = refused
	}
	if o.BatchRows == 0 {
		o.BatchRows = 100_000
	}
	if o.MinWait == 0 {
		o.MinWait = 100 * time.Millisecond
	}
	if o.MaxWait == 0 {
		o.MaxWait = 15 * time.Second
	}
	if o.Observe == nil {
		o.Observe = func(int, time.Time, time.Duration) {}
	}
	if o.Allocator == nil {
		o.Allocator = memory.DefaultAllocator
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

func refused(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}

// Loader takes sealed segments from the spool to the warehouse, oldest first, and deletes each
// once all of it is stored. While one batch is stored the next is built.
//
// A batch's token names its rows' place in their segment, which never changes: however often a
// segment is loaded, in whatever pieces, a crash leaves no row twice and none out (see also insertAgain).
//
// Rows that the warehouse refuses are found by halving their batch; all others are stored. They go to
// the spool's folder of refused records with their place and the reason in the log.
type Loader struct {
	spool *spool.Spool
	to    Inserter
	opts  LoaderOptions

	mu    sync.Mutex
	stats LoaderStats
	gone  chan struct{} // closed and replaced whenever a segment leaves the spool
}

// LoaderStats counts since the start of the process.
type LoaderStats struct {
	Events   uint64    // stored
	Segments uint64    // loaded and deleted
	Retries  uint64    // inserts repeated because the warehouse was away
	Refused  uint64    // events set aside because the warehouse will not take them, and records that are no events
	Corrupt  uint64    // segments set aside because the disk changed them
	LastLoad time.Time // when the last segment was loaded
}

// NewLoader returns a loader; Run it.
func NewLoader(s *spool.Spool, to Inserter, opts LoaderOptions) *Loader {
	opts.defaults()
	return &Loader{spool: s, to: to, opts: opts, gone: make(chan struct{})}
}

// Stats returns the counts so far.
func (l *Loader) Stats() LoaderStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Run loads until ctx ends, and returns its cause. Call it once.
func (l *Loader) Run(ctx context.Context) error {
	batches := make(chan batch) // without a buffer: one is being stored, one is being built or ready
	go func() {
		defer close(batches)
		l.read(ctx, batches)
	}()
	var p progress
	for b := range batches { // until ctx has ended: read ends with it
		if ctx.Err() == nil {
			l.take(ctx, b, &p)
		}
		if b.record != nil {
			b.record.Release()
		}
	}
	return context.Cause(ctx)
}

// Drain returns once everything that was acknowledged before the call has left the spool: stored
// in the warehouse, or set aside. Run must be running. It returns the error of ctx or of the spool.
func (l *Loader) Drain(ctx context.Context) error {
	if err := l.spool.Seal(ctx); err != nil {
		return fmt.Errorf("drain spool: %w", err)
	}
	wait := l.spool.Sealed()
	for {
		l.mu.Lock()
		gone := l.gone
		l.mu.Unlock()
		left := l.spool.Sealed()
		if !slices.ContainsFunc(wait, func(s spool.Segment) bool { return slices.Contains(left, s) }) {
			return nil
		}
		select {
		case <-gone:
		case <-ctx.Done():
			return fmt.Errorf("drain spool, %d segments left: %w", len(left), context.Cause(ctx))
		}
	}
}

// batch is rows of a segment on their way from the reader to the warehouse; the last batch of each
// segment has none and tells how its reading ended.
type batch struct {
	segment spool.Segment
	record  arrow.Record // nil: the segment ends here
	from    int          // place in the segment of the first row
	oldest  time.Time    // the earliest IngestedAt

	damage     spool.Damage
	unreadable int   // records that are no events
	err        error // the file cannot be read
}

// readAttempts is how often a segment that cannot be read is tried before it is set aside.
const readAttempts = 5

// read hands on the batches of every segment, each segment once, until ctx ends.
func (l *Loader) read(ctx context.Context, to chan<- batch) {
	r := newRows(l.opts.Allocator)
	defer r.release()
	taken := map[string]bool{}
	for {
		waiting := l.spool.Sealed()
		maps.DeleteFunc(taken, func(name string, _ bool) bool {
			return !slices.ContainsFunc(waiting, func(s spool.Segment) bool { return s.Name == name })
		})
		for _, segment := range waiting {
			if taken[segment.Name] {
				continue
			}
			taken[segment.Name] = true
			if err := l.readSegment(ctx, segment, r, to); err != nil {
				return
			}
		}
		select {
		case <-l.spool.Ready():
		case <-ctx.Done():
			return
		}
	}
}

// readSegment hands on the batches of a segment. It returns an error only when ctx has ended.
func (l *Loader) readSegment(ctx context.Context, segment spool.Segment, r *rows, to chan<- batch) error {
	hand := func(b batch) error {
		select {
		case to <- b:
			return nil
		case <-ctx.Done():
			if b.record != nil {
				b.record.Release()
			}
			return context.Cause(ctx)
		}
	}
	handed := 0 // rows
	wait := l.opts.MinWait
	for attempt := 1; ; attempt++ {
		end := batch{segment: segment}
		row, oldest := 0, time.Time{}
		flush := func() error {
			n := r.n
			if n == 0 {
				return nil
			}
			b := batch{segment: segment, record: r.record(), from: handed, oldest: oldest}
			handed += n
			oldest = time.Time{}
			return hand(b)
		}
		end.damage, end.err = l.events(segment, func(e *Event) error {
			if row++; row <= handed { // by an earlier attempt
				return nil
			}
			r.add(e)
			if oldest.IsZero() || e.IngestedAt.Before(oldest) {
				oldest = e.IngestedAt
			}
			if r.n < l.opts.BatchRows {
				return nil
			}
			return flush()
		}, func(int, []byte) { end.unreadable++ })
		if end.err == nil {
			end.err = flush()
		}
		if r.n > 0 { // an error left some
			r.record().Release()
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case end.err == nil || attempt == readAttempts:
			return hand(end)
		}
		l.opts.Log.Warn("spool segment not read, trying again", "segment", segment.Name, "wait_ms", wait.Milliseconds(), "err", end.err)
		if err := l.pause(ctx, &wait); err != nil {
			return err
		}
	}
}

// events hands every event of a segment to each, in the same order whenever it is read, and the
// records that are no events, with their number from 0 on, to unreadable. It returns what the spool or each returns.
func (l *Loader) events(segment spool.Segment, each func(*Event) error, unreadable func(record int, payload []byte)) (spool.Damage, error) {
	n := -1
	return l.spool.Read(segment, func(payload []byte) error {
		n++
		err := readEvents(payload, each)
		if errors.Is(err, errEncoding) {
			unreadable(n, payload)
			return nil
		}
		return err
	})
}

// progress is what became of a segment's rows so far.
type progress struct {
	stored  int
	refused []span
}

// span is the rows [from, to) of a segment.
type span struct{ from, to int }

// maxRefused is how many refused spans of a segment are told apart. What else is refused in it is
// set aside in larger pieces: a warehouse that takes nothing must not be asked row by row.
const maxRefused = 100

// errRefused says that a batch holds rows that the warehouse will not take.
var errRefused = errors.New("refused")

// take stores a batch, or ends its segment. It leaves work undone only when ctx has ended.
func (l *Loader) take(ctx context.Context, b batch, p *progress) {
	if b.record != nil {
		l.store(ctx, b, span{0, int(b.record.NumRows())}, p)
		return
	}
	if l.finish(ctx, b, *p) == nil {
		*p = progress{}
	}
}

// store stores a span of a batch. If it is refused, it stores the halves. It returns an error only when ctx
// has ended.
func (l *Loader) store(ctx context.Context, b batch, part span, p *progress) error {
	place := span{b.from + part.from, b.from + part.to}
	token := fmt.Sprintf("spool/%s/%d-%d", b.segment.Name, place.from, place.to)
	err := l.insertRows(ctx, b, part, token)
	n := part.to - part.from
	switch {
	case err == nil:
		p.stored += n
		return nil
	case !errors.Is(err, errRefused):
		return err
	case n == 1 || len(p.refused) >= maxRefused:
		p.refused = append(p.refused, place)
		l.opts.Log.Error("events refused by the warehouse", "segment", b.segment.Name, "row", place.from, "rows", n, "err", err)
		return nil
	}
	middle := part.from + n/2
	if err := l.store(ctx, b, span{part.from, middle}, p); err != nil {
		return err
	}
	return l.store(ctx, b, span{middle, part.to}, p)
}

// insertRows stores a span of a batch as one insert, for as long as it takes. It returns errRefused,
// wrapped, or the cause of ctx.
func (l *Loader) insertRows(ctx context.Context, b batch, part span, token string) error {
	rows := b.record.NewSlice(int64(part.from), int64(part.to))
	defer rows.Release()
	wait := l.opts.MinWait
	begun := b.segment.Found // an attempt may have got to the warehouse
	for {
		start := time.Now()
		err := insert(ctx, l.to, rows, token)
		if err == nil && begun {
			err = insertAgain(ctx, l.to, rows)
		}
		switch {
		case err == nil:
			l.opts.Observe(part.to-part.from, b.oldest, time.Since(start))
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case l.opts.Refused(err):
			return fmt.Errorf("%w: %w", errRefused, err)
		}
		begun = true
		l.mu.Lock()
		l.stats.Retries++
		l.mu.Unlock()
		l.opts.Log.Warn("warehouse takes no events, trying again", "rows", rows.NumRows(), "wait_ms", wait.Milliseconds(), "err", err)
		if err := l.pause(ctx, &wait); err != nil {
			return err
		}
	}
}

// finish gets rid of a segment whose rows are stored or refused. It returns an error only when ctx
// has ended.
func (l *Loader) finish(ctx context.Context, b batch, p progress) error {
	damaged := b.err != nil || b.damage.Gaps > 0 || b.damage.Tail > 0
	refused := b.unreadable
	for _, s := range p.refused {
		refused += s.to - s.from
	}
	if b.err != nil {
		refused = 0 // the whole file is kept
	}
	if refused > 0 {
		if err := l.persist(ctx, b.segment, func() error { return l.refuse(b.segment, p.refused) }); err != nil {
			return err
		}
	}
	switch {
	case b.err != nil:
		l.opts.Log.Error("spool segment unreadable and set aside", "segment", b.segment.Name, "events", p.stored, "err", b.err)
	case damaged:
		l.opts.Log.Error("spool segment damaged, good records loaded and the file set aside",
			"segment", b.segment.Name, "events", p.stored, "lost_bytes", b.damage.Lost+b.damage.Tail)
	}
	leave := l.spool.Remove
	if damaged {
		leave = l.spool.SetAside
	}
	if err := l.persist(ctx, b.segment, func() error { return leave(b.segment) }); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Events += uint64(p.stored)
	l.stats.Refused += uint64(refused)
	if damaged {
		l.stats.Corrupt++
	} else {
		l.stats.Segments++
		l.stats.LastLoad = time.Now()
	}
	close(l.gone)
	l.gone = make(chan struct{})
	return nil
}

// refuse keeps the refused rows of a segment, and its records that are no events.
func (l *Loader) refuse(segment spool.Segment, spans []span) error {
	var records [][]byte
	row := -1
	_, err := l.events(segment, func(e *Event) error {
		row++
		if slices.ContainsFunc(spans, func(s span) bool { return s.from <= row && row < s.to }) {
			records = append(records, appendEvent(nil, e))
		}
		return nil
	}, func(record int, payload []byte) {
		l.opts.Log.Error("spooled record is no event and set aside", "segment", segment.Name, "record", record)
		records = append(records, slices.Clone(payload))
	})
	if err != nil {
		return err
	}
	return l.spool.Refuse(segment, records)
}

// persist does what gets rid of a segment, for as long as it takes: going on without would load it
// again and again. It returns the cause of ctx.
func (l *Loader) persist(ctx context.Context, segment spool.Segment, do func() error) error {
	wait := l.opts.MinWait
	for {
		err := do()
		if err == nil {
			return nil
		}
		l.opts.Log.Error("spool segment not removed, trying again", "segment", segment.Name, "wait_ms", wait.Milliseconds(), "err", err)
		if err := l.pause(ctx, &wait); err != nil {
			return err
		}
	}
}

// pause waits and doubles the wait for the next time. It returns the cause of ctx.
func (l *Loader) pause(ctx context.Context, wait *time.Duration) error {
	timer := time.NewTimer(*wait)
	defer timer.Stop()
	*wait = min(2**wait, l.opts.MaxWait)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
