// Package spool is a durable log of opaque records between acknowledging and loading: Append
// returns once the record is on disk, and a reader takes sealed segments away when they are loaded.
//
//	s, recovery, err := spool.Open(dir, spool.Options{})
//	err = s.Append(ctx, payload)          // returns after fsync
//	for _, segment := range s.Sealed() {  // oldest first
//		damage, err := s.Read(segment, load)
//		err = s.Remove(segment)
//	}
//
// A record is read at least once: it may be there although Append failed or was given up.
//
// Nothing here goes by the wall clock: names count up, and ages are measured by the monotonic clock.
package spool

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Errors of Append, where callers branch.
var (
	ErrFull     = errors.New("spool full")                // the limit is reached until segments are loaded
	ErrWrite    = errors.New("spool cannot be written")   // the disk failed or is full; the record may or may not be kept
	ErrClosed   = errors.New("spool closed")              // Close was called
	ErrTooLarge = errors.New("record over 64 MiB")        // it never fits
	ErrInUse    = errors.New("spool in use by a process") // Open: another process has the folder
)

// Folders inside a spool for what nobody reads any more by itself. It is never deleted, and counts
// towards the limit.
const (
	Corrupt = "corrupt" // damaged segments, as they were; what could be read of them was recovered
	Refused = "refused" // records that the warehouse will not take, as segments
)

const (
	extension  = ".seg"
	tail       = ".tail" // in Corrupt: what was cut off a segment that a crash left unsealed
	unfinished = ".part" // a file that is being made; its sources are still there
)

// maxWaiting is how many sealed segments put off sealing by age: one that is being loaded, one to
// go on with. Behind them the active segment grows, so that a busy loader gets few large segments.
const maxWaiting = 2

// Options of a spool.
type Options struct {
	MaxBytes     int64         // limit of all segments waiting and of what is set aside; default 4 GiB
	SegmentBytes int64         // a segment is sealed from this size on; default 32 MiB
	SealAfter    time.Duration // a segment is sealed this long after its first record, or once fewer than two wait; default 250 ms, negative: never by age
	Log          *slog.Logger  // default slog.Default()

	create func(path string) (file, error) // tests put a faulty disk here
}

// file is what a segment is written to.
type file interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}

// Spool is an open spool. Its methods are safe for concurrent use.
type Spool struct {
	dir  string
	opts Options
	lock *flock.Flock

	mu      sync.Mutex
	pending *batch    // waits for the next write
	sealed  []Segment // oldest first
	bytes   int64     // on disk and pending
	aside   int64     // in the folders Corrupt and Refused
	looked  time.Time // when aside was measured
	next    uint64    // number of the next segment
	closed  bool

	kick  chan struct{}   // pending has something
	seals chan chan error // requests of Seal
	stop  chan struct{}
	done  chan struct{}
	ready chan struct{} // a segment was sealed
	freed chan struct{} // a segment left

	// Owned by run:
	active   *active
	failures int       // writes that failed since the log told of one
	told     time.Time // when it did
}

// batch is what one write and one fsync make durable.
type batch struct {
	buf     []byte
	records int
	done    chan struct{}
	err     error // valid once done is closed
}

type active struct {
	file    file
	name    string
	good    int64 // bytes that are durable
	records int   // in them
	due     <-chan time.Time
	overdue bool // due has passed
}

// Segment is one sealed file of records. It does not change any more.
type Segment struct {
	Name  string // unique for ever: it never names other records
	Bytes int64  // of good records and the header; what lies behind was never acknowledged
	Found bool   // by Open: an earlier process may have begun to load it
}

// Open opens the spool in dir, creating it where there is none, and repairs what a crash or the
// disk left. It returns ErrInUse if another process has it open.
func Open(dir string, opts Options) (*Spool, Recovery, error) {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = 4 << 30
	}
	if opts.SegmentBytes == 0 {
		opts.SegmentBytes = 32 << 20
	}
	if opts.SealAfter == 0 {
		opts.SealAfter = 250 * time.Millisecond
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.create == nil {
		opts.create = func(path string) (file, error) {
			return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		}
	}
	var recovery Recovery
	for _, d := range []string{dir, filepath.Join(dir, Corrupt), filepath.Join(dir, Refused)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, recovery, fmt.Errorf("create spool %s: %w", dir, err)
		}
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, recovery, fmt.Errorf("lock spool %s: %w", dir, err)
	}
	if !locked {
		return nil, recovery, fmt.Errorf("open spool %s: %w: stop it, or give this one another folder", dir, ErrInUse)
	}
	s := &Spool{
		dir: dir, opts: opts, lock: lock, pending: newBatch(),
		kick: make(chan struct{}, 1), seals: make(chan chan error), ready: make(chan struct{}, 1), freed: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	if recovery, err = s.recover(); err != nil {
		lock.Unlock()
		return nil, recovery, fmt.Errorf("recover spool %s: %w", dir, err)
	}
	if len(s.sealed) > 0 {
		s.ready <- struct{}{}
	}
	go s.run()
	return s, recovery, nil
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// Append makes payload durable and returns after the fsync; appends that wait at the same time
// share one. It returns ErrFull, ErrWrite, ErrClosed or ErrTooLarge, wrapped, or the error of ctx;
// after ErrWrite or an error of ctx the record may still be read later.
func (s *Spool) Append(ctx context.Context, payload []byte) error {
	if len(payload) > MaxRecord {
		return fmt.Errorf("%w: it has %d bytes", ErrTooLarge, len(payload))
	}
	size := int64(frameBytes + len(payload))
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	if s.bytes+s.aside+size > s.opts.MaxBytes {
		s.measureAside(time.Second) // somebody may have made room
	}
	if s.bytes+s.aside+size > s.opts.MaxBytes {
		defer s.mu.Unlock()
		return fmt.Errorf("%w: of %d MiB, %d MiB wait to be loaded and %d MiB lie in %s and %s", ErrFull,
			s.opts.MaxBytes>>20, s.bytes>>20, s.aside>>20, filepath.Join(s.dir, Corrupt), filepath.Join(s.dir, Refused))
	}
	s.bytes += size
	b := s.pending
	b.buf = appendRecord(b.buf, payload)
	b.records++
	s.mu.Unlock()
	select {
	case s.kick <- struct{}{}:
	default:
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run owns the active segment: it writes, syncs and seals, one thing at a time.
func (s *Spool) run() {
	defer close(s.done)
	for {
		var due <-chan time.Time
		if s.active != nil {
			due = s.active.due
		}
		select {
		case <-s.kick:
			s.commit()
		case <-due:
			s.active.overdue = true
			s.sealOverdue()
		case <-s.freed:
			s.sealOverdue()
		case reply := <-s.seals:
			s.commit()
			s.seal()
			reply <- nil
		case <-s.stop:
			s.commit()
			s.seal()
			return
		}
	}
}

// commit writes what is pending and answers those who wait for it.
func (s *Spool) commit() {
	s.mu.Lock()
	b := s.pending
	if len(b.buf) == 0 {
		s.mu.Unlock()
		return
	}
	s.pending = newBatch()
	s.mu.Unlock()
	if err := s.write(b); err != nil {
		b.err = fmt.Errorf("%w: %w", ErrWrite, err)
		s.mu.Lock()
		s.bytes -= int64(len(b.buf))
		s.mu.Unlock()
		s.tell(err, len(b.buf))
	}
	close(b.done)
}

// tell logs a failed write at once, and then once a minute with how many there were: senders try again and
// again, and the log may lie on the same full disk.
func (s *Spool) tell(err error, bytes int) {
	s.failures++
	if !s.told.IsZero() && time.Since(s.told) < time.Minute {
		return
	}
	s.opts.Log.Error("spool write failed", "times", s.failures, "bytes", bytes, "err", err)
	s.told, s.failures = time.Now(), 0
}

// write appends a batch to the active segment and syncs it. After an error nobody knows what the disk
// holds behind the last good record, and a later fsync may wrongly succeed: the segment is sealed
// at that record and never written again.
func (s *Spool) write(b *batch) error {
	if s.active == nil {
		a, err := s.create()
		if err != nil {
			return err
		}
		s.active = a
	}
	a := s.active
	_, err := a.file.Write(b.buf)
	if err == nil {
		err = a.file.Sync()
	}
	if err != nil {
		s.seal()
		return err
	}
	a.good += int64(len(b.buf))
	a.records += b.records
	if a.good >= s.opts.SegmentBytes {
		s.seal()
	}
	return nil
}

// create makes a new segment whose name and header are durable.
func (s *Spool) create() (*active, error) {
	name := s.newName()
	path := filepath.Join(s.dir, name+extension)
	f, err := s.opts.create(path)
	if err != nil {
		return nil, err
	}
	_, err = f.Write([]byte(header))
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	a := &active{file: f, name: name, good: int64(len(header))}
	if s.opts.SealAfter > 0 {
		a.due = time.After(s.opts.SealAfter)
	}
	s.mu.Lock()
	s.bytes += a.good
	s.mu.Unlock()
	return a, nil
}

// newName returns a name that sorts behind all others and never comes again, not even after every
// segment was removed: the warehouse recognises a repeated insert by it.
func (s *Spool) newName() string {
	var unique [8]byte
	rand.Read(unique[:]) // never fails
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("%012d-%s", s.next, hex.EncodeToString(unique[:]))
	s.next++
	return name
}

// sealOverdue seals the active segment if it is old enough and the reader soon has nothing to do.
func (s *Spool) sealOverdue() {
	s.mu.Lock()
	waiting := len(s.sealed)
	s.mu.Unlock()
	if s.active != nil && s.active.overdue && waiting < maxWaiting {
		s.seal()
	}
}

// seal ends the active segment, if there is one, and offers it to the reader.
func (s *Spool) seal() {
	a := s.active
	if a == nil {
		return
	}
	s.active = nil
	path := filepath.Join(s.dir, a.name+extension)
	whole := a.good
	if info, err := os.Stat(path); err == nil && info.Size() == a.good && a.records > 0 {
		// Every record was synced before it was acknowledged: of the seal nobody waits for the disk.
		if _, err := a.file.Write(appendSeal(nil, a.records, a.good)); err == nil {
			whole += sealBytes
		}
	}
	if err := a.file.Close(); err != nil {
		s.opts.Log.Warn("spool segment not closed cleanly", "segment", a.name, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.records == 0 {
		s.bytes -= a.good
		if err := os.Remove(path); err != nil {
			s.opts.Log.Warn("empty spool segment not removed", "segment", a.name, "err", err)
		}
		return
	}
	if info, err := os.Stat(path); err == nil && info.Size() > whole {
		// What a failed write left; nobody was told that it is kept.
		if err := os.Truncate(path, a.good); err != nil {
			s.opts.Log.Warn("spool segment not cut after a failed write", "segment", a.name, "err", err)
		}
	}
	s.sealed = append(s.sealed, Segment{Name: a.name, Bytes: a.good})
	s.notify()
}

func (s *Spool) notify() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Seal ends the active segment: everything acknowledged before the call is in sealed segments
// when it returns. It returns ErrClosed after Close, or the error of ctx.
func (s *Spool) Seal(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case s.seals <- reply:
		return <-reply
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Sealed returns the segments that wait to be loaded, oldest first.
func (s *Spool) Sealed() []Segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sealed)
}

// Ready tells when segments were sealed since the last receive. It is meant for one reader.
func (s *Spool) Ready() <-chan struct{} { return s.ready }

// Bytes returns how much waits to be loaded, and how much may: what is set aside takes from the
// limit.
func (s *Spool) Bytes() (waiting, limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.opts.MaxBytes - s.aside
}

// measureAside measures what is set aside unless it did so within the last age. The caller holds mu.
func (s *Spool) measureAside(age time.Duration) {
	if !s.looked.IsZero() && time.Since(s.looked) < age {
		return
	}
	s.looked = time.Now()
	s.aside = 0
	for _, folder := range []string{Corrupt, Refused} {
		entries, _ := os.ReadDir(filepath.Join(s.dir, folder)) // made by Open; who took it away made room
		for _, entry := range entries {
			if info, err := entry.Info(); err == nil {
				s.aside += info.Size()
			}
		}
	}
}

func (s *Spool) setAside() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.measureAside(0)
}

// Read hands every good record of a segment to each, which must not keep the payload. Damage that
// is not zero in Gaps or Tail means that the file changed after it was written; the good records
// were read all the same, and the caller should SetAside the file instead of removing it. It fails only if the
// file cannot be read or each fails.
func (s *Spool) Read(segment Segment, each func(payload []byte) error) (Damage, error) {
	return scanFile(s.path(segment), segment.Bytes, each)
}

func (s *Spool) path(segment Segment) string {
	return filepath.Join(s.dir, segment.Name+extension)
}

// Remove deletes a loaded segment. Its space counts as free again.
func (s *Spool) Remove(segment Segment) error {
	if err := os.Remove(s.path(segment)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove segment %s: %w", segment.Name, err)
	}
	s.forget(segment)
	// Without this fsync a power cut may bring the file back; loading it again changes nothing,
	// so nobody waits for it.
	return nil
}

// Refuse keeps records of a segment in the folder Refused, as a segment of its own that can be moved
// back into the spool's folder while nothing has it open. Its name follows from the segment's, so
// that refusing again after a crash replaces it. The segment itself stays where it is.
func (s *Spool) Refuse(segment Segment, records [][]byte) error {
	dir := filepath.Join(s.dir, Refused)
	file := []byte(header)
	for _, record := range records {
		file = appendRecord(file, record)
	}
	file = appendSeal(file, len(records), int64(len(file)))
	if err := writeFile(filepath.Join(dir, segment.Name+"-refused"+extension), file); err != nil {
		return fmt.Errorf("keep refused records of segment %s: %w", segment.Name, err)
	}
	s.setAside()
	return nil
}

// writeFile makes a file that is whole and durable, or not there.
func writeFile(path string, content []byte) error {
	temp := path + unfinished
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(path))
}

// SetAside moves a damaged segment into the folder Corrupt, where nothing reads it by itself.
func (s *Spool) SetAside(segment Segment) error {
	if err := os.Rename(s.path(segment), filepath.Join(s.dir, Corrupt, segment.Name+extension)); err != nil {
		return fmt.Errorf("set segment %s aside: %w", segment.Name, err)
	}
	s.forget(segment)
	s.setAside()
	return errors.Join(syncDir(filepath.Join(s.dir, Corrupt)), syncDir(s.dir))
}

func (s *Spool) forget(segment Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.sealed, func(x Segment) bool { return x.Name == segment.Name }); i >= 0 {
		s.bytes -= s.sealed[i].Bytes
		s.sealed = slices.Delete(s.sealed, i, i+1)
	}
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

// Close writes what is pending, seals the active segment and gives the folder free. What is
// sealed waits for the next Open.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	<-s.done
	return s.lock.Unlock()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
