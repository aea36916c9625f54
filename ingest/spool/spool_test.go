package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var quiet = slog.New(slog.DiscardHandler)

func open(t *testing.T, dir string, opts Options) (*Spool, Recovery) {
	t.Helper()
	if opts.Log == nil {
		opts.Log = quiet
	}
	if opts.SealAfter == 0 {
		opts.SealAfter = -1
	}
	s, recovery, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, recovery
}

func add(t *testing.T, s *Spool, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if err := s.Append(t.Context(), []byte(p)); err != nil {
			t.Fatalf("append %q: %v", p, err)
		}
	}
}

// drain seals and returns everything that waits, oldest first, and the damage met.
func drain(t *testing.T, s *Spool) ([]string, []Damage) {
	t.Helper()
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	var damages []Damage
	for _, segment := range s.Sealed() {
		d, err := s.Read(segment, func(p []byte) error {
			got = append(got, string(p))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		damages = append(damages, d)
	}
	return got, damages
}

func wantRecords(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
}

// segmentFile returns the only segment of a closed spool.
func segmentFile(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"+extension))
	if err != nil || len(found) != 1 {
		t.Fatalf("segments %v, want one (%v)", found, err)
	}
	return found[0]
}

func TestRecordsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, Options{})
	add(t, s, "one", "", "three")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), []byte("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	s, recovery := open(t, dir, Options{})
	if want := (Recovery{Segments: 1, Records: 3}); recovery != want {
		t.Errorf("recovery %+v, want %+v", recovery, want)
	}
	add(t, s, "four")
	got, _ := drain(t, s)
	wantRecords(t, got, "one", "", "three", "four")
	for _, segment := range s.Sealed() {
		if err := s.Remove(segment); err != nil {
			t.Fatal(err)
		}
	}
	if waiting, _ := s.Bytes(); waiting != 0 || len(s.Sealed()) != 0 {
		t.Errorf("%d bytes wait after everything was removed", waiting)
	}
}

func TestSegmentNamesNeverComeAgain(t *testing.T) {
	dir := t.TempDir()
	seen := map[string]bool{}
	for range 5 {
		s, _ := open(t, dir, Options{})
		add(t, s, "x")
		drain(t, s)
		for _, segment := range s.Sealed() {
			if seen[segment.Name] {
				t.Fatalf("name %s came again", segment.Name)
			}
			seen[segment.Name] = true
			s.Remove(segment)
		}
		s.Close()
	}
}

func TestOneProcessPerFolder(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	if _, _, err := Open(dir, Options{Log: quiet}); !errors.Is(err, ErrInUse) {
		t.Errorf("second open: %v, want ErrInUse", err)
	}
}

func TestFullUntilSomethingIsRemoved(t *testing.T) {
	s, _ := open(t, t.TempDir(), Options{MaxBytes: 100})
	add(t, s, string(make([]byte, 60)))
	if err := s.Append(t.Context(), make([]byte, 60)); !errors.Is(err, ErrFull) {
		t.Fatalf("append over the limit: %v", err)
	}
	drain(t, s)
	s.Remove(s.Sealed()[0])
	add(t, s, string(make([]byte, 60)))
	if err := s.Append(t.Context(), make([]byte, MaxRecord+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("huge record: %v", err)
	}
}

func TestSegmentsAreSealedBySizeAndAge(t *testing.T) {
	s, _ := open(t, t.TempDir(), Options{SegmentBytes: 50})
	add(t, s, string(make([]byte, 60)), string(make([]byte, 60)))
	if n := len(s.Sealed()); n != 2 {
		t.Errorf("%d segments sealed by size, want 2", n)
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, _, err := Open(dir, Options{SealAfter: time.Second, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		add(t, s, "x")
		if n := len(s.Sealed()); n != 0 {
			t.Errorf("%d segments sealed at once", n)
		}
		<-s.Ready()
		if n := len(s.Sealed()); n != 1 {
			t.Errorf("%d segments sealed by age, want 1", n)
		}
		s.Close()
	})
}

// A crash can cut the last write anywhere. Whatever is left, all records before it are there, the
// torn one is kept aside, and the next start is clean.
func TestTornTailAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, Options{})
	add(t, s, "first", "second", "the last record")
	s.Close()
	path := segmentFile(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := len(whole) - sealBytes
	last := sealed - frameBytes - len("the last record")
	for cut := range len(whole) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, recovery := open(t, dir, Options{})
		got, _ := drain(t, s)
		want := []string{"first", "second"}
		switch {
		case cut < len(header)+frameBytes+len("first"):
			want = nil
		case cut < last:
			want = want[:1]
		case cut >= sealed:
			want = append(want, "the last record")
		}
		if !slices.Equal(got, want) || recovery.Corrupt != 0 || recovery.Records != len(want) {
			t.Fatalf("cut at %d of %d: records %q, %+v", cut, len(whole), got, recovery)
		}
		end := len(header)
		if cut < end {
			end = 0
		}
		for _, record := range want {
			end += frameBytes + len(record)
		}
		torn, err := os.ReadFile(filepath.Join(dir, Corrupt, strings.TrimSuffix(filepath.Base(path), extension)+tail))
		if recovery.TornBytes != int64(cut-end) || !bytes.Equal(torn, whole[end:cut]) || (err == nil) != (cut > end) {
			t.Fatalf("cut at %d: %d torn bytes reported and %q kept (%v), want %q", cut, recovery.TornBytes, torn, err, whole[end:cut])
		}
		add(t, s, "new")
		s.Close()
		s, recovery = open(t, dir, Options{})
		if got, _ := drain(t, s); len(got) != len(want)+1 || recovery.TornBytes != 0 {
			t.Fatalf("cut at %d: after the second start %q, %+v", cut, got, recovery)
		}
		s.Close()
	}
}

// Every single flipped bit is found: no record is changed, at most one is lost, and what was lost
// is told and kept.
func TestFlippedBitAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, Options{})
	records := []string{"first", "second", "third"}
	add(t, s, records...)
	s.Close()
	path := segmentFile(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range len(whole) {
		dir := t.TempDir()
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1 << (at % 8)
		name := filepath.Base(path)
		if err := os.WriteFile(filepath.Join(dir, name), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, recovery := open(t, dir, Options{})
		got, _ := drain(t, s)
		lost := len(records) - len(got)
		if at < len(header) && lost != 0 || lost > 1 {
			t.Fatalf("bit in byte %d: records %q", at, got)
		}
		for _, r := range got {
			if !slices.Contains(records, r) {
				t.Fatalf("bit in byte %d: record %q was never written", at, r)
			}
		}
		if inSeal := at >= len(whole)-sealBytes; inSeal != (recovery.TornBytes > 0) || inSeal == (recovery.Corrupt == 1) || inSeal && lost > 0 {
			t.Fatalf("bit in byte %d: records %q, %+v", at, got, recovery)
		}
		if recovery.Corrupt == 1 {
			kept, err := os.ReadFile(filepath.Join(dir, Corrupt, name))
			if err != nil || !bytes.Equal(kept, damaged) {
				t.Fatalf("bit in byte %d: the damaged file was not kept (%v)", at, err)
			}
		}
		s.Close()
	}
}

func TestDamageAfterSealingIsReported(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, Options{})
	add(t, s, "first", "second", "third")
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := segmentFile(t, dir)
	raw, _ := os.ReadFile(path)
	raw[bytes.Index(raw, []byte("second"))] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	got, damage := drain(t, s)
	wantRecords(t, got, "first", "third")
	if damage[0].Gaps != 1 || damage[0].Lost != frameBytes+6 {
		t.Errorf("damage %+v", damage[0])
	}
	if err := os.Truncate(path, int64(len(raw)-frameBytes-len("third"))); err != nil {
		t.Fatal(err)
	}
	if got, damage = drain(t, s); len(got) != 1 || damage[0].Tail == 0 {
		t.Errorf("records %q, damage %+v of a shortened segment", got, damage[0])
	}
	if err := s.SetAside(s.Sealed()[0]); err != nil {
		t.Fatal(err)
	}
	if waiting, _ := s.Bytes(); waiting != 0 {
		t.Errorf("%d bytes wait", waiting)
	}
}

// What is set aside is never deleted, so it counts towards the limit, until somebody looks after it.
func TestWhatIsSetAsideCounts(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, Options{MaxBytes: 400})
	add(t, s, string(make([]byte, 60)))
	drain(t, s)
	segment := s.Sealed()[0]
	for range 2 { // a crash in between has it refused twice
		if err := s.Refuse(segment, [][]byte{[]byte("one"), make([]byte, 200)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(segment); err != nil {
		t.Fatal(err)
	}
	waiting, limit := s.Bytes()
	if want := int64(400 - len(header) - 2*frameBytes - 203 - sealBytes); waiting != 0 || limit != want {
		t.Errorf("%d bytes of %d wait, want 0 of %d", waiting, limit, want)
	}
	if err := s.Append(t.Context(), make([]byte, 160)); !errors.Is(err, ErrFull) {
		t.Errorf("append beside what was refused: %v", err)
	}
	s.Close()
	s, _ = open(t, dir, Options{MaxBytes: 400})
	if _, again := s.Bytes(); again != limit {
		t.Errorf("limit %d after a restart, want %d", again, limit)
	}
	s.Close()

	// Once mended it is moved back, and is a segment like others, under a name of its own.
	refused := segment.Name + "-refused"
	if err := os.Rename(filepath.Join(dir, Refused, refused+extension), filepath.Join(dir, refused+extension)); err != nil {
		t.Fatal(err)
	}
	s, recovery := open(t, dir, Options{MaxBytes: 400})
	if want := (Recovery{Segments: 1, Records: 2}); recovery != want {
		t.Errorf("%+v, want %+v", recovery, want)
	}
	got, _ := drain(t, s)
	wantRecords(t, got, "one", string(make([]byte, 200)))
	if name := s.Sealed()[0].Name; name != refused {
		t.Errorf("segment %s, want %s", name, refused)
	}
}

// A slow reader finds few large segments instead of many small ones.
func TestSegmentsGrowWhileTheReaderIsBusy(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, _, err := Open(dir, Options{SealAfter: time.Second, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range 20 {
			add(t, s, "x")
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if n := len(s.Sealed()); n != maxWaiting {
			t.Errorf("%d segments wait, want %d", n, maxWaiting)
		}
		if err := s.Remove(s.Sealed()[0]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := s.Sealed()
		if len(got) != maxWaiting || got[1].Bytes != int64(len(header)+18*(frameBytes+1)) {
			t.Errorf("segments %+v, want all that waited in the second", got)
		}
	})
}

// A payload may itself look like a record.
func TestRecordsInsideRecords(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, Options{})
	nested := string(appendRecord(nil, []byte("inner"))) + marker + marker[:3]
	add(t, s, nested, marker, nested)
	s.Close()
	s, recovery := open(t, dir, Options{})
	got, _ := drain(t, s)
	wantRecords(t, got, nested, marker, nested)
	if recovery.Records != 3 || recovery.Corrupt != 0 {
		t.Errorf("%+v", recovery)
	}
}

// faulty is a file on a disk that fails.
type faulty struct {
	*os.File
	disk *faultyDisk
}

type faultyDisk struct {
	mu                         sync.Mutex
	failWrite, failSync, short bool
	syncs                      int
}

func (d *faultyDisk) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return faulty{f, d}, err
}

func (d *faultyDisk) set(write, sync, short bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failWrite, d.failSync, d.short = write, sync, short
}

func (f faulty) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.failWrite {
		n := 0
		if f.disk.short {
			n, _ = f.File.Write(p[:len(p)/2])
		}
		return n, errors.New("no space left on device")
	}
	return f.File.Write(p)
}

func (f faulty) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.syncs++
	if f.disk.failSync {
		return errors.New("input/output error")
	}
	return f.File.Sync()
}

// Senders try again and again: the log must not fill the disk that is full already.
func TestAFailingDiskIsLoggedOnce(t *testing.T) {
	disk, log := &faultyDisk{}, &bytes.Buffer{}
	s, _ := open(t, t.TempDir(), Options{create: disk.create, Log: slog.New(slog.NewTextHandler(log, nil))})
	disk.set(true, false, false)
	for range 20 {
		if err := s.Append(t.Context(), []byte("x")); !errors.Is(err, ErrWrite) {
			t.Fatalf("append on a failing disk: %v, want ErrWrite", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "spool write failed"); n != 1 {
		t.Errorf("%d lines for 20 failed writes, want 1:\n%s", n, log)
	}
}

func TestNothingIsAcknowledgedOnAFailingDisk(t *testing.T) {
	for _, fault := range []struct {
		name               string
		write, sync, short bool
	}{
		{name: "no space", write: true},
		{name: "half a write", write: true, short: true},
		{name: "fsync fails", sync: true},
	} {
		t.Run(fault.name, func(t *testing.T) {
			dir := t.TempDir()
			disk := &faultyDisk{}
			s, _ := open(t, dir, Options{create: disk.create})
			add(t, s, "before")
			disk.set(fault.write, fault.sync, fault.short)
			for i := range 3 {
				if err := s.Append(t.Context(), []byte("during")); !errors.Is(err, ErrWrite) {
					t.Fatalf("append %d on a failing disk: %v, want ErrWrite", i, err)
				}
			}
			disk.set(false, false, false)
			add(t, s, "after")
			got, damage := drain(t, s)
			// The poisoned segment ends at its last good record; a new one was begun.
			wantRecords(t, got, "before", "after")
			for _, d := range damage {
				if d.Gaps != 0 || d.Tail != 0 {
					t.Errorf("damage %+v", d)
				}
			}
			if n := len(s.Sealed()); n != 2 {
				t.Errorf("%d segments, want 2: the failed one is not written again", n)
			}
			s.Close()
			_, recovery := open(t, dir, Options{})
			if want := (Recovery{Segments: 2, Records: 2}); recovery != want {
				t.Errorf("recovery %+v, want %+v", recovery, want)
			}
		})
	}
}

func TestConcurrentAppendsShareAnFsync(t *testing.T) {
	disk := &faultyDisk{}
	s, _ := open(t, t.TempDir(), Options{create: disk.create})
	add(t, s, "first")
	// While the disk is held nobody is answered, so all of these wait together.
	disk.mu.Lock()
	const n = 200
	all, _ := s.Bytes()
	var group sync.WaitGroup
	for i := range n {
		payload := fmt.Appendf(nil, "%d", i)
		all += frameBytes + int64(len(payload))
		group.Go(func() {
			if err := s.Append(t.Context(), payload); err != nil {
				t.Error(err)
			}
		})
	}
	for {
		waiting, _ := s.Bytes()
		if waiting >= all {
			break
		}
	}
	disk.mu.Unlock()
	group.Wait()
	if got, _ := drain(t, s); len(got) != n+1 {
		t.Errorf("%d records, want %d", len(got), n+1)
	}
	// The header, the first, what the first writer took with it, and the rest.
	if disk.syncs > 5 {
		t.Errorf("%d fsyncs for %d appends", disk.syncs, n)
	}
}

func TestGivingUpWaiting(t *testing.T) {
	disk := &faultyDisk{}
	s, _ := open(t, t.TempDir(), Options{create: disk.create})
	disk.mu.Lock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Append(ctx, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	disk.mu.Unlock()
}

func FuzzScan(f *testing.F) {
	good := appendRecord(appendRecord([]byte(header), []byte("one")), []byte("two"))
	f.Add(good)
	f.Add(append(bytes.Clone(good), marker...))
	f.Add(append(bytes.Repeat([]byte{0}, 70_000), good...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		read := 0
		d, err := scan(bytes.NewReader(raw), int64(len(raw)), func(p []byte) error {
			read += frameBytes + len(p)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// Every byte is accounted for: header, records, gaps and tail.
		total := int64(read) + d.Lost + d.Tail
		if len(raw) >= len(header) && string(raw[:len(header)]) == header {
			total += int64(len(header))
		}
		if total != int64(len(raw)) {
			t.Fatalf("%d of %d bytes accounted for: %+v", total, len(raw), d)
		}
	})
}

func TestScanReportsAFailingReader(t *testing.T) {
	broken := errors.New("input/output error")
	_, err := scan(io.MultiReader(bytes.NewReader([]byte(header+marker)), errReader{broken}), 1000, nil)
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
