package spool

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// A segment is a header, records, and a seal once it is full:
//
//	header  "drumspl" version        8 bytes
//	record  marker length crc        4 + 4 + 4 bytes, little endian
//	        payload                  length bytes
//	seal    marker records crc       4 + 4 + 4 bytes
//
// A record's crc is CRC32C over length and payload, a seal's over the number of records and its own
// place in the file (8 bytes). The marker is there for reading on after damage: a length that cannot
// be trusted would otherwise hide every record behind it. The seal tells damage from a write that a
// crash cut short, which only a segment without it can have.
const (
	header     = "drumspl\x01"
	marker     = "\xd7BR\x01"
	sealMarker = "\xd7BR\x02"
	frameBytes = 12
	sealBytes  = 12
)

// MaxRecord is the largest payload that Append takes.
const MaxRecord = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(length [4]byte, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length[:], castagnoli), castagnoli, payload)
}

func appendRecord(dst, payload []byte) []byte {
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(payload)))
	dst = append(dst, marker...)
	dst = append(dst, length[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, checksum(length, payload))
	return append(dst, payload...)
}

// appendSeal appends the seal of a segment of so many records that end at offset at.
func appendSeal(dst []byte, records int, at int64) []byte {
	var count [4]byte
	binary.LittleEndian.PutUint32(count[:], uint32(records))
	dst = append(dst, sealMarker...)
	dst = append(dst, count[:]...)
	return binary.LittleEndian.AppendUint32(dst, checksum(count, binary.LittleEndian.AppendUint64(nil, uint64(at))))
}

// sealOf tells whether the file of size bytes ends in a seal, and how many records it had then.
func sealOf(path string, size int64) (sealed bool, records int, err error) {
	at := size - sealBytes
	if at < int64(len(header)) {
		return false, 0, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return false, 0, err
	}
	defer file.Close()
	var seal [sealBytes]byte
	if _, err := file.ReadAt(seal[:], at); err != nil {
		return false, 0, fmt.Errorf("read the seal of segment %s: %w", filepath.Base(path), err)
	}
	records = int(binary.LittleEndian.Uint32(seal[4:8]))
	return bytes.Equal(seal[:], appendSeal(nil, records, at)), records, nil
}

// Damage is what a reading of a segment found besides good records.
type Damage struct {
	Records int   // good records read
	Gaps    int   // places where bytes could not be read and good records follow
	Lost    int64 // bytes in those gaps
	Tail    int64 // bytes after the last good record
	Good    int64 // offset behind the last good record; 0 if not even the header is
	// Whole tells that the tail has the size it says it has, so it is damage rather than a write
	// that a crash cut short.
	Whole bool
}

// scan reads the records of a segment and hands each payload to each, which must not keep it.
// It skips what is damaged, reports it, and fails only when the file cannot be read or each fails.
func scan(file io.Reader, size int64, each func(payload []byte) error) (Damage, error) {
	r := &window{in: bufio.NewReaderSize(file, 256<<10)}
	var d Damage
	head, err := r.peek(len(header))
	if err != nil {
		return d, err
	}
	if string(head) == header {
		r.skip(len(header))
		d.Good = int64(len(header))
	}
	// gap is where the run of unreadable bytes began, or -1.
	gap := int64(-1)
	if d.Good == 0 {
		gap = 0
	}
	for {
		payload, frame, err := r.record(size)
		if err != nil {
			return d, err
		}
		if frame == 0 {
			if gap < 0 {
				gap = r.at
			}
			more, err := r.resync()
			if err != nil {
				return d, err
			}
			if !more {
				break
			}
			continue
		}
		if gap >= 0 {
			d.Gaps++
			d.Lost += r.at - gap
			gap = -1
		}
		if err := each(payload); err != nil {
			return d, err
		}
		d.Records++
		r.skip(frame)
		d.Good = r.at
	}
	if gap >= 0 {
		d.Tail = size - gap
		d.Whole = r.whole && r.wholeAt >= gap
	}
	if d.Tail < 0 {
		d.Tail = 0
	}
	return d, nil
}

// window is a file read once, forward, with a look ahead as long as one record.
type window struct {
	in      *bufio.Reader
	buf     []byte // read but not skipped
	at      int64  // offset of buf[0]
	eof     bool
	whole   bool  // the last record that failed its checksum was all there
	wholeAt int64 // and began here
}

// peek returns the next n bytes, fewer only at the end of the file.
func (w *window) peek(n int) ([]byte, error) {
	for len(w.buf) < n && !w.eof {
		have := len(w.buf)
		want := min(n-have, 1<<20) // a damaged length must not ask for memory that the file cannot fill
		w.buf = append(w.buf, make([]byte, want)...)
		got, err := io.ReadFull(w.in, w.buf[have:])
		w.buf = w.buf[:have+got]
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			w.eof = true
		case err != nil:
			return nil, err
		}
	}
	return w.buf[:min(n, len(w.buf))], nil
}

func (w *window) skip(n int) {
	w.at += int64(n)
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
}

// record returns the payload of the record that begins here and the length of its frame; frame is
// 0 if no good record begins here.
func (w *window) record(size int64) (payload []byte, frame int, err error) {
	head, err := w.peek(frameBytes)
	if err != nil || len(head) < frameBytes || string(head[:4]) != marker {
		return nil, 0, err
	}
	var length [4]byte
	copy(length[:], head[4:8])
	n := int64(binary.LittleEndian.Uint32(length[:]))
	sum := binary.LittleEndian.Uint32(head[8:12])
	if n > MaxRecord || w.at+frameBytes+n > size {
		return nil, 0, nil
	}
	all, err := w.peek(frameBytes + int(n))
	if err != nil || len(all) < frameBytes+int(n) {
		return nil, 0, err
	}
	if checksum(length, all[frameBytes:]) != sum {
		w.whole, w.wholeAt = true, w.at
		return nil, 0, nil
	}
	return all[frameBytes:], len(all), nil
}

// resync moves to the next place that looks like a record; more is false at the end of the file.
func (w *window) resync() (more bool, err error) {
	step := 1
	for {
		if len(w.buf) < step+len(marker) {
			if _, err := w.peek(64 << 10); err != nil {
				return false, err
			}
			if len(w.buf) < step+len(marker) {
				return false, nil
			}
		}
		if i := bytes.Index(w.buf[step:], []byte(marker)); i >= 0 {
			w.skip(step + i)
			return true, nil
		}
		// The marker may begin in the last bytes that were read.
		w.skip(len(w.buf) - len(marker) + 1)
		step = 0
		if w.eof {
			return false, nil
		}
		if _, err := w.peek(64 << 10); err != nil {
			return false, err
		}
	}
}

// scanFile is scan of the first size bytes of the file at path.
func scanFile(path string, size int64, each func([]byte) error) (Damage, error) {
	file, err := os.Open(path)
	if err != nil {
		return Damage{}, err
	}
	defer file.Close()
	d, err := scan(io.LimitReader(file, size), size, each)
	if err != nil {
		return d, fmt.Errorf("read segment %s: %w", filepath.Base(path), err)
	}
	return d, nil
}
