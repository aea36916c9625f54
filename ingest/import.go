package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// maxLine is the longest line of a file that is read. Longer ones are no events.
const maxLine = 1 << 20

// ImportOptions of an import. The fields up to To are required.
type ImportOptions struct {
	BusinessID string // the tenant; default: each event's account
	Lines      LineDecoder
	Pseudonym  *Pseudonymizer
	To         Inserter

	Refused   func(error) bool // as in LoaderOptions: errors after which another try is useless
	Rejected  func(*LineError) // called for each rejected line, in no order, one at a time
	KeepLines int              // rejected lines in the result; default 20
	Workers   int              // decoders at work; default one a processor
	Attempts  int              // tries of each insert; default 6, over about 6 seconds
	Wait      time.Duration    // before the second try, doubled each time; default 200 ms
	Now       func() time.Time // default time.Now
	Allocator memory.Allocator // of Arrow buffers; default memory.DefaultAllocator

	chunk int // tests make it small
}

// ImportResult tells what became of a file's lines: Lines = Accepted + Rejected once the whole file
// was read and stored. Empty lines are no lines.
type ImportResult struct {
	Lines    int
	Accepted int          // stored in the warehouse
	Rejected int          // never stored; fix and import them again
	Errors   []*LineError // the first rejected lines, in order
}

// chunkBytes is how much of a file one worker takes at a time: large enough for the warehouse to
// take it as one good insert, small enough to keep several in memory.
const chunkBytes = 8 << 20

// Import stores the event lines (NDJSON, plain or gzip) of a file. It does not go through the spool:
// the file itself is the durable copy. name stands for the file in errors. When it fails part of the file may be
// stored; importing the file again is safe, what is stored already only counts as a copy.
func Import(ctx context.Context, name string, in io.Reader, opts ImportOptions) (ImportResult, error) {
	opts.defaults()
	var run [8]byte
	rand.Read(run[:]) // never fails
	im := &importer{name: name, run: hex.EncodeToString(run[:]), opts: opts}

	in, err := gunzip(in)
	if err != nil {
		return im.result, fmt.Errorf("import %s: %w", name, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	chunks := make(chan chunk)
	var workers sync.WaitGroup
	for range opts.Workers {
		workers.Go(func() {
			r := newRows(opts.Allocator)
			defer r.release()
			for c := range chunks {
				if err := im.chunk(ctx, c, r); err != nil {
					cancel(err) // the others stop as well
				}
			}
		})
	}
	err = im.read(ctx, in, chunks)
	close(chunks)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	im.trim()
	if err != nil {
		err = fmt.Errorf("import %s: %w", name, err)
	}
	return im.result, err
}

func (o *ImportOptions) defaults() {
	if o.Refused == nil {
		o.Refused = refused
	}
	if o.KeepLines == 0 {
		o.KeepLines = 20
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Attempts == 0 {
		o.Attempts = 6
	}
	if o.Wait == 0 {
		o.Wait = 200 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Allocator == nil {
		o.Allocator = memory.DefaultAllocator
	}
	if o.chunk == 0 {
		o.chunk = chunkBytes
	}
}

// gunzip undoes gzip if in begins as gzip does.
func gunzip(in io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(in, 256<<10)
	if magic, _ := b.Peek(2); len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil
	}
	return gzip.NewReader(b)
}

type importer struct {
	name string
	run  string // makes the tokens of this import its own: a second import counts its copies
	opts ImportOptions

	mu     sync.Mutex
	result ImportResult
}

// chunk is whole lines of the file.
type chunk struct {
	number int
	line   int // number of the first line
	bytes  []byte
}

// read cuts the file into chunks of whole lines. It returns the error of the file's reader, or the
// cause of ctx.
func (im *importer) read(ctx context.Context, in io.Reader, to chan<- chunk) error {
	var rest []byte
	line, number := 1, 0
	long := false // in the middle of a line that was rejected for its length
	for {
		buf := make([]byte, len(rest)+im.opts.chunk)
		n, err := fill(in, buf[copy(buf, rest):])
		buf, rest = buf[:len(rest)+n], nil
		if long {
			cut := bytes.IndexByte(buf, '\n')
			if cut >= 0 {
				long = false
				line++
				buf = buf[cut+1:]
			} else {
				buf = nil
			}
		}
		if !errors.Is(err, io.EOF) { // the last line may go on, or was cut off
			whole := bytes.LastIndexByte(buf, '\n') + 1
			buf, rest = buf[:whole], buf[whole:]
		}
		if len(buf) > 0 {
			select {
			case to <- chunk{number, line, buf}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			number++
			line += bytes.Count(buf, newline)
		}
		if len(rest) > maxLine {
			long, rest = true, nil
			im.count(1, 0, im.lineError(line, errLong))
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read after line %d: %w", line, err)
		}
	}
}

var (
	newline = []byte("\n")
	errLong = fmt.Errorf("longer than %d MiB", maxLine>>20)
)

// fill reads until buf is full or the reader ends; unlike io.ReadFull it tells the end of a file
// from a file that was cut off.
func fill(in io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var more int
		more, err = in.Read(buf[n:])
		n += more
	}
	return n, err
}

// chunk decodes a chunk and stores its events as one insert.
func (im *importer) chunk(ctx context.Context, c chunk, r *rows) error {
	if ctx.Err() != nil {
		return nil // somebody else failed
	}
	received := im.opts.Now().UTC().Truncate(time.Millisecond)
	var draft Draft
	var rejected []*LineError
	lines, at := 0, c.line-1
	for line := range bytes.Lines(c.bytes) {
		at++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		lines++
		err := errLong
		if len(line) <= maxLine {
			err = im.opts.Lines.Decode(line, im.opts.BusinessID, received, &draft)
		}
		if err != nil {
			rejected = append(rejected, im.lineError(at, err))
			continue
		}
		event := im.opts.Pseudonym.Seal(&draft)
		r.add(&event)
	}
	accepted := r.n
	record := r.record()
	defer record.Release()
	if accepted > 0 {
		if err := im.insert(ctx, record, fmt.Sprintf("import/%s/%d", im.run, c.number)); err != nil {
			return fmt.Errorf("lines %d to %d: %w", c.line, at, err)
		}
	}
	im.count(lines, accepted, rejected...)
	return nil
}

// insert stores a record, trying again while the warehouse may come back.
func (im *importer) insert(ctx context.Context, record arrow.Record, token string) error {
	wait := im.opts.Wait
	for attempt := 1; ; attempt++ {
		err := insert(ctx, im.opts.To, record, token)
		if err == nil && attempt > 1 {
			err = insertAgain(ctx, im.opts.To, record)
		}
		if err == nil || attempt == im.opts.Attempts || im.opts.Refused(err) || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait *= 2
	}
}

func (im *importer) lineError(line int, err error) *LineError {
	return &LineError{Source: im.name, Line: line, Err: err}
}

// count adds lines that are done with to the result.
func (im *importer) count(lines, accepted int, rejected ...*LineError) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.result.Lines += lines
	im.result.Accepted += accepted
	im.result.Rejected += len(rejected)
	if im.opts.Rejected != nil {
		for _, err := range rejected {
			im.opts.Rejected(err)
		}
	}
	// Chunks end in any order, so the first lines are known only at the end.
	im.result.Errors = append(im.result.Errors, rejected...)
	if len(im.result.Errors) > 1000+2*im.opts.KeepLines {
		im.trim()
	}
}

// trim keeps the first rejected lines.
func (im *importer) trim() {
	slices.SortFunc(im.result.Errors, func(a, b *LineError) int { return a.Line - b.Line })
	if n := im.opts.KeepLines; len(im.result.Errors) > n {
		im.result.Errors = slices.Clip(im.result.Errors[:n])
	}
}
