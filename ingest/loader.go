package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
// and token must change nothing. It does not release the reader.
type Inserter interface {
	Insert(ctx context.Context, table string, records array.RecordReader, token string) error
}

// LoaderOptions of a loader; the zero value is usable.
type LoaderOptions struct {
	// Refused tells of an insert's error that the same rows will never be taken. Every other error
	// is retried for ever. Default: an error in the chain with a method Refused() bool says so.
	Refused   func(error) bool
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
// once all of it is stored. A segment gives the same batches under the same tokens however often it is
// loaded, so a crash anywhere leaves no row twice and none out.
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
	Refused  uint64    // segments set aside because the warehouse will not take them
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
	r := newRows(l.opts.Allocator)
	defer r.release()
	for {
		for _, segment := range l.spool.Sealed() {
			if err := l.load(ctx, segment, r); err != nil {
				return err
			}
		}
		select {
		case <-l.spool.Ready():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
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

// errRefused ends the loading of a segment that the warehouse will not take.
var errRefused = errors.New("refused")

// readAttempts is how often a segment that cannot be read is tried before it is set aside.
const readAttempts = 5

// load stores one segment and gets rid of it. It returns an error only when ctx has ended.
func (l *Loader) load(ctx context.Context, segment spool.Segment, r *rows) error {
	wait := l.opts.MinWait
	for attempt := 1; ; attempt++ {
		stored, damage, err := l.insert(ctx, segment, r)
		aside := ""
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && damage.Gaps == 0 && damage.Tail == 0:
		case err == nil:
			aside = spool.Corrupt
			l.opts.Log.Error("spool segment damaged, good records loaded and the file set aside",
				"segment", segment.Name, "events", stored, "lost_bytes", damage.Lost+damage.Tail)
		case errors.Is(err, errRefused), errors.Is(err, errEncoding):
			aside = spool.Refused
			l.opts.Log.Error("spool segment refused and set aside", "segment", segment.Name, "err", err)
		case attempt < readAttempts:
			l.opts.Log.Warn("spool segment not read, trying again", "segment", segment.Name, "wait_ms", wait.Milliseconds(), "err", err)
			if err := l.pause(ctx, &wait); err != nil {
				return err
			}
			continue
		default:
			aside = spool.Corrupt
			l.opts.Log.Error("spool segment unreadable and set aside", "segment", segment.Name, "err", err)
		}
		if err := l.dismiss(ctx, segment, aside, stored); err != nil {
			return err
		}
		return nil
	}
}

// dismiss deletes a loaded segment or sets it aside, for as long as it takes: going on without
// would load it again and again.
func (l *Loader) dismiss(ctx context.Context, segment spool.Segment, aside string, stored int) error {
	wait := l.opts.MinWait
	for {
		var err error
		if aside == "" {
			err = l.spool.Remove(segment)
		} else {
			err = l.spool.SetAside(segment, aside)
		}
		if err == nil {
			break
		}
		l.opts.Log.Error("spool segment not removed, trying again", "segment", segment.Name, "wait_ms", wait.Milliseconds(), "err", err)
		if err := l.pause(ctx, &wait); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Events += uint64(stored)
	switch aside {
	case spool.Refused:
		l.stats.Refused++
	case spool.Corrupt:
		l.stats.Corrupt++
	default:
		l.stats.Segments++
		l.stats.LastLoad = time.Now()
	}
	close(l.gone)
	l.gone = make(chan struct{})
	return nil
}

// insert stores the events of a segment in batches and returns how many were stored.
func (l *Loader) insert(ctx context.Context, segment spool.Segment, r *rows) (stored int, damage spool.Damage, err error) {
	batch := 0
	flush := func() error {
		n := r.n
		if n == 0 {
			return nil
		}
		record := r.record()
		defer record.Release()
		token := fmt.Sprintf("spool/%s/%d", segment.Name, batch)
		batch++
		if err := l.insertBatch(ctx, record, token); err != nil {
			return err
		}
		stored += n
		return nil
	}
	damage, err = l.spool.Read(segment, func(record []byte) error {
		return readEvents(record, func(e *Event) error {
			r.add(e)
			if r.n < l.opts.BatchRows {
				return nil
			}
			return flush()
		})
	})
	if err == nil {
		err = flush()
	}
	if r.n > 0 { // an error left some
		r.record().Release()
	}
	return stored, damage, err
}

// insertBatch stores one batch, for as long as it takes. It returns errRefused, wrapped, or the
// cause of ctx.
func (l *Loader) insertBatch(ctx context.Context, record arrow.Record, token string) error {
	wait := l.opts.MinWait
	for {
		err := insert(ctx, l.to, record, token)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case l.opts.Refused(err):
			return fmt.Errorf("%w: %w", errRefused, err)
		}
		l.mu.Lock()
		l.stats.Retries++
		l.mu.Unlock()
		l.opts.Log.Warn("warehouse takes no events, trying again", "rows", record.NumRows(), "wait_ms", wait.Milliseconds(), "err", err)
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
