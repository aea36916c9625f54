// Package quarantine keeps signed bytes that no decoder could read, encrypted and for a few days, so
// that a mended decoder can read them again. The bytes are personal data: whatever a platform sent.
//
// One file holds one body. Its name tells when the body came; everything else in it is sealed with
// AES-256-GCM:
//
//	header  "drumqrn" version           8 bytes
//	length  of the sealed entry         4 bytes, little endian
//	entry   nonce, JSON of Entry, tag   length bytes
//	body    nonce, the bytes, tag       the rest
package quarantine

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MaxAge is how long a body is kept.
const MaxAge = 7 * 24 * time.Hour

const (
	header    = "drumqrn\x01"
	extension = ".sealed"
	temporary = ".new"
)

// Errors of [Store.Body], wrapped.
var (
	ErrNotFound = errors.New("not in the quarantine")         // never was, expired, or replayed
	ErrSealed   = errors.New("quarantined body not unsealed") // another key sealed it, or the disk changed it
)

// Options of a store; the zero value is usable.
type Options struct {
	MaxBytes   int64            // of all files; default 256 MiB. The oldest give way
	MaxEntries int              // default 10,000. The oldest give way
	Now        func() time.Time // default time.Now
	Log        *slog.Logger     // default slog.Default()
}

// Entry says what a body is, but not what is in it.
type Entry struct {
	ID       string    `json:"-"`
	Received time.Time `json:"-"` // in whole milliseconds, UTC; part of the ID
	Source   string    `json:"source"`
	Endpoint string    `json:"endpoint"` // its name; may be empty
	Reason   string    `json:"reason"`   // why it could not be read
	Bytes    int       `json:"bytes"`    // of the body
}

// Store is the quarantine in one folder. Its methods are safe for concurrent use, and another process
// may use the same folder.
type Store struct {
	dir   string
	opts  Options
	aead  cipher.AEAD
	names []byte // key of the names

	mu    sync.Mutex
	stats Stats
}

// Stats counts since the start of the process.
type Stats struct {
	Kept    uint64 // bodies
	Dropped uint64 // bodies that gave way to newer ones before their time
	Expired uint64 // bodies over MaxAge
}

// Open returns the store in dir, which it makes if it is missing. Its keys are derived from secret.
func Open(dir string, secret []byte, opts Options) (*Store, error) {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = 256 << 20
	}
	if opts.MaxEntries == 0 {
		opts.MaxEntries = 10_000
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	s := &Store{dir: dir, opts: opts}
	key, err := hkdf.Key(sha256.New, secret, nil, "drumbeat quarantine: bodies", 32)
	if err == nil {
		s.names, err = hkdf.Key(sha256.New, secret, nil, "drumbeat quarantine: names", 32)
	}
	var block cipher.Block
	if err == nil {
		block, err = aes.NewCipher(key)
	}
	if err == nil {
		s.aead, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("open quarantine %s: %w", dir, err)
	}
	return s, nil
}

// file is one body as the folder shows it.
type file struct {
	id       string
	received time.Time
	bytes    int64
}

// files lists the folder, oldest first. Files that are no bodies are left out.
func files(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []file
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), extension)
		received, err := receivedOf(id)
		if !ok || err != nil {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) { // another process removed it in this moment
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, file{id, received, info.Size()})
	}
	slices.SortFunc(found, func(a, b file) int {
		return cmp.Or(a.received.Compare(b.received), strings.Compare(a.id, b.id))
	})
	return found, nil
}

// receivedOf reads an id: when the body came, in milliseconds since 1970, and a keyed hash of it.
func receivedOf(id string) (time.Time, error) {
	at, hash, _ := strings.Cut(id, "-")
	ms, err := strconv.ParseUint(at, 10, 47)
	if err == nil && len(hash) != 32 {
		err = strconv.ErrSyntax
	}
	if err == nil {
		_, err = hex.DecodeString(hash)
	}
	return time.UnixMilli(int64(ms)).UTC(), err
}

// Keep seals a body and returns once it is on disk. Of e it takes Source, Endpoint, Reason and Received.
// A body that is kept already is not kept again: platforms repeat what was refused.
func (s *Store) Keep(e Entry, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.keep(e, body); err != nil {
		return fmt.Errorf("keep a body in the quarantine: %w", err)
	}
	return nil
}

func (s *Store) keep(e Entry, body []byte) error {
	e.Bytes = len(body)
	name := hmac.New(sha256.New, s.names)
	fmt.Fprintf(name, "%q %q ", e.Source, e.Endpoint)
	name.Write(body)
	hash := hex.EncodeToString(name.Sum(nil)[:16])
	there, err := files(s.dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(there, func(f file) bool { return strings.HasSuffix(f.id, hash) }) {
		return nil
	}
	e.ID = fmt.Sprintf("%d-%s", e.Received.UnixMilli(), hash)
	sealed, err := s.seal(e, body)
	if err != nil {
		return err
	}
	if err := s.makeRoom(there, int64(len(sealed))); err != nil {
		return err
	}
	if err := s.write(e.ID, sealed); err != nil {
		return err
	}
	s.stats.Kept++
	return nil
}

func (s *Store) seal(e Entry, body []byte) ([]byte, error) {
	about, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	about = s.aead.Seal(nil, nil, about, []byte("entry "+e.ID))
	sealed := make([]byte, 0, len(header)+4+len(about)+len(body)+s.aead.Overhead())
	sealed = append(sealed, header...)
	sealed = binary.LittleEndian.AppendUint32(sealed, uint32(len(about)))
	sealed = append(sealed, about...)
	return append(sealed, s.aead.Seal(nil, nil, body, []byte("body "+e.ID))...), nil
}

// makeRoom removes the oldest files until one more of size bytes fits.
func (s *Store) makeRoom(there []file, size int64) error {
	total := size
	for _, f := range there {
		total += f.bytes
	}
	dropped := 0
	for len(there) > 0 && (total > s.opts.MaxBytes || len(there) >= s.opts.MaxEntries) {
		if err := s.remove(there[0].id); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= there[0].bytes
		there = there[1:]
		dropped++
	}
	if dropped > 0 {
		s.stats.Dropped += uint64(dropped)
		s.opts.Log.Warn("quarantine full, the oldest bodies dropped", "bodies", dropped, "limit_bytes", s.opts.MaxBytes, "limit_bodies", s.opts.MaxEntries)
	}
	return nil
}

func (s *Store) write(id string, sealed []byte) error {
	path := s.path(id)
	out, err := os.OpenFile(path+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(sealed)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = os.Rename(path+temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+temporary))
	}
	return s.sync()
}

func (s *Store) path(id string) string { return filepath.Join(s.dir, id+extension) }

func (s *Store) sync() error {
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// List returns what is kept, oldest first. An entry that cannot be unsealed is listed with that as its reason.
func (s *Store) List() ([]Entry, error) {
	there, err := files(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list the quarantine: %w", err)
	}
	list := make([]Entry, 0, len(there))
	for _, f := range there {
		entry, _, err := s.open(f.id, false)
		if errors.Is(err, ErrNotFound) { // removed in this moment
			continue
		}
		if err != nil {
			entry = Entry{ID: f.id, Received: f.received, Reason: err.Error()}
		}
		list = append(list, entry)
	}
	return list, nil
}

// Body returns an entry and its bytes. It returns ErrNotFound or ErrSealed, wrapped.
func (s *Store) Body(id string) (Entry, []byte, error) { return s.open(id, true) }

func (s *Store) open(id string, withBody bool) (Entry, []byte, error) {
	e := Entry{ID: id}
	var err error
	if e.Received, err = receivedOf(id); err != nil { // also what is no file of this folder
		return e, nil, ErrNotFound
	}
	in, err := os.Open(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil, ErrNotFound
	}
	if err != nil {
		return e, nil, err
	}
	defer in.Close()
	var prefix [len(header) + 4]byte
	_, err = io.ReadFull(in, prefix[:])
	size := binary.LittleEndian.Uint32(prefix[len(header):])
	if err != nil || string(prefix[:len(header)]) != header || size > 64<<10 {
		return e, nil, fmt.Errorf("%w: not a file of this version", ErrSealed)
	}
	about := make([]byte, size)
	if _, err := io.ReadFull(in, about); err != nil {
		return e, nil, fmt.Errorf("%w: cut off", ErrSealed)
	}
	about, err = s.aead.Open(nil, nil, about, []byte("entry "+id))
	if err == nil {
		err = json.Unmarshal(about, &e)
	}
	if err != nil {
		return e, nil, fmt.Errorf("%w: changed, or sealed with another pseudonym key", ErrSealed)
	}
	if !withBody {
		return e, nil, nil
	}
	body, err := io.ReadAll(in)
	if err != nil {
		return e, nil, err
	}
	if body, err = s.aead.Open(nil, nil, body, []byte("body "+id)); err != nil {
		return e, nil, fmt.Errorf("%w: changed", ErrSealed)
	}
	return e, body, nil
}

// Remove deletes a body. One that is gone is no error.
func (s *Store) Remove(id string) error {
	if _, err := receivedOf(id); err != nil {
		return nil
	}
	if err := s.remove(id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a body from the quarantine: %w", err)
	}
	return nil
}

func (s *Store) remove(id string) error { return os.Remove(s.path(id)) }

// Expire deletes what is older than MaxAge, and what a crash left half written. Call it at start and hourly.
func (s *Store) Expire() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	there, err := files(s.dir)
	if err != nil {
		return fmt.Errorf("expire the quarantine: %w", err)
	}
	expired := 0
	for _, f := range there {
		if s.opts.Now().Sub(f.received) < MaxAge {
			break
		}
		if err := s.remove(f.id); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("expire the quarantine: %w", err)
		}
		expired++
	}
	if expired > 0 {
		s.stats.Expired += uint64(expired)
		s.opts.Log.Warn("quarantined bodies expired unread", "bodies", expired, "days", MaxAge.Hours()/24)
	}
	halves, err := filepath.Glob(filepath.Join(s.dir, "*"+extension+temporary))
	for _, half := range halves {
		err = errors.Join(err, os.Remove(half))
	}
	return err
}

// Stats returns the counts so far.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Size tells how many bodies are kept, and the bytes of their files.
func (s *Store) Size() (bodies int, bytes int64, err error) { return Look(s.dir) }

// Look is [Store.Size] without a key. A folder that is missing holds nothing.
func Look(dir string) (bodies int, bytes int64, err error) {
	there, err := files(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("look into the quarantine: %w", err)
	}
	for _, f := range there {
		bytes += f.bytes
	}
	return len(there), bytes, nil
}
