package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Recovery is what Open found left by an earlier process.
type Recovery struct {
	Segments  int   // with records to load
	Records   int   // in them
	TornBytes int64 // cut off and kept in the folder Corrupt: most likely a write that a crash interrupted, never acknowledged
	Corrupt   int   // damaged files set aside; their good records are among Records
	LostBytes int64 // unreadable in those files
}

// recover reads every segment that is there, cuts torn tails and sets damaged files aside.
func (s *Spool) recover() (Recovery, error) {
	var r Recovery
	entries, err := os.ReadDir(s.dir) // sorted by name, so by age
	if err != nil {
		return r, err
	}
	var names []string
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), extension)
		if !ok || !entry.Type().IsRegular() {
			if strings.HasSuffix(entry.Name(), unfinished) {
				// Its original is still there and is repaired again.
				if err := os.Remove(filepath.Join(s.dir, entry.Name())); err != nil {
					return r, err
				}
			}
			continue
		}
		names = append(names, name)
		var number uint64
		if _, err := fmt.Sscanf(name, "%d-", &number); err == nil && number >= s.next {
			s.next = number + 1
		}
	}
	for _, name := range names {
		if err := s.recoverSegment(name, &r); err != nil {
			return r, err
		}
	}
	for _, folder := range []string{Corrupt, Refused} {
		left, err := filepath.Glob(filepath.Join(s.dir, folder, "*"+unfinished))
		if err != nil {
			return r, err
		}
		for _, path := range left {
			if err := os.Remove(path); err != nil {
				return r, err
			}
		}
	}
	s.measureAside(0)
	return r, syncDir(s.dir)
}

func (s *Spool) recoverSegment(name string, r *Recovery) error {
	path := filepath.Join(s.dir, name+extension)
	raw, err := os.Stat(path)
	if err != nil {
		return err
	}
	size := raw.Size()
	sealed, records, err := sealOf(path, size)
	if err != nil {
		return err
	}
	if sealed {
		size -= sealBytes
	}
	d, err := scanFile(path, size, func([]byte) error { return nil })
	if err != nil {
		return err
	}
	segment := Segment{Name: name, Bytes: d.Good, Found: true}
	switch {
	case d.Gaps > 0 || d.Whole || d.Good == 0 && d.Tail >= int64(len(header)) || sealed && (d.Tail > 0 || d.Records != records):
		if segment, err = s.repair(name, size, d); err != nil {
			return err
		}
		r.Corrupt++
		r.LostBytes += d.Lost + d.Tail
		s.opts.Log.Error("spool segment damaged, good records recovered and the file set aside",
			"segment", name, "records", d.Records, "gaps", d.Gaps, "lost_bytes", d.Lost+d.Tail)
	case !sealed:
		// The process that wrote it ended without sealing it. Behind the last good record lies what it had no time to
		// finish, or a record with a damaged length: so it is kept.
		kept := d.Tail == 0
		if d.Tail > 0 {
			err := s.keepTail(name, d)
			kept = err == nil
			r.TornBytes += d.Tail
			s.opts.Log.Warn("spool segment ended in an unfinished write, cut off and set aside",
				"segment", name, "records", d.Records, "torn_bytes", d.Tail, "kept", kept, "err", err)
		}
		if !kept && d.Records == 0 {
			return nil // the next start tries again
		}
		if kept && d.Records > 0 {
			if err := sealFile(path, d); err != nil { // on a full disk; it is loaded all the same
				s.opts.Log.Warn("spool segment not sealed", "segment", name, "err", err)
			}
		}
	}
	if d.Records == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	r.Segments++
	r.Records += d.Records
	s.bytes += segment.Bytes
	s.sealed = append(s.sealed, segment)
	return nil
}

// repair copies the good records of the first size bytes of a damaged segment into a new one and
// sets the damaged file aside. A crash in between leaves both; loading a record twice changes nothing.
func (s *Spool) repair(name string, size int64, d Damage) (Segment, error) {
	path := filepath.Join(s.dir, name+extension)
	var repaired Segment
	if d.Records > 0 {
		repaired.Name = s.newName()
		file := []byte(header)
		_, err := scanFile(path, size, func(payload []byte) error {
			file = appendRecord(file, payload)
			return nil
		})
		repaired.Bytes = int64(len(file))
		if err == nil {
			err = writeFile(filepath.Join(s.dir, repaired.Name+extension), appendSeal(file, d.Records, repaired.Bytes))
		}
		if err != nil {
			return repaired, fmt.Errorf("repair segment %s: %w", name, err)
		}
	}
	if err := os.Rename(path, filepath.Join(s.dir, Corrupt, name+extension)); err != nil {
		return repaired, err
	}
	return repaired, errors.Join(syncDir(filepath.Join(s.dir, Corrupt)), syncDir(s.dir))
}

// keepTail copies what lies behind the good records of a segment into the folder Corrupt.
func (s *Spool) keepTail(name string, d Damage) error {
	torn := make([]byte, d.Tail)
	f, err := os.Open(filepath.Join(s.dir, name+extension))
	if err == nil {
		_, err = f.ReadAt(torn, d.Good)
		err = errors.Join(err, f.Close())
	}
	if err == nil && len(bytes.Trim(torn, "\x00")) > 0 { // zeros: space that was given to the file but never written
		err = writeFile(filepath.Join(s.dir, Corrupt, name+tail), torn)
	}
	if err != nil {
		return fmt.Errorf("keep the end of segment %s: %w", name, err)
	}
	return nil
}

// sealFile cuts a segment behind its good records and seals it.
func sealFile(path string, d Damage) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(d.Good)
	if err == nil {
		_, err = f.WriteAt(appendSeal(nil, d.Records, d.Good), d.Good)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
