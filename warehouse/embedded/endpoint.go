package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Credentials log in to the engine, over both protocols.
type Credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// endpoint is engine.json: how a second process finds the engine.
type endpoint struct {
	OwnerPID   int         `json:"owner_pid"`
	EnginePID  int         `json:"engine_pid"`
	NativePort int         `json:"native_port"`
	HTTPPort   int         `json:"http_port"`
	Writer     Credentials `json:"writer"`
	Analyst    Credentials `json:"analyst"`
}

// folder is a data folder:
//
//	engine/      what ClickHouse stores
//	engine.log   what it says (warnings; ClickHouse keeps one older file of 5 MB beside it)
//	engine.xml   its configuration, written at every start
//	engine.json  ports and passwords, while an engine runs
//	lock         held by the owner and its engine; the owner's process id
type folder string

func (f folder) data() string     { return filepath.Join(string(f), "engine") }
func (f folder) log() string      { return filepath.Join(string(f), "engine.log") }
func (f folder) config() string   { return filepath.Join(string(f), "engine.xml") }
func (f folder) endpoint() string { return filepath.Join(string(f), "engine.json") }
func (f folder) lockFile() string { return filepath.Join(string(f), "lock") }

// create makes the folder, readable by its owner only.
func (f folder) create() error {
	if err := os.MkdirAll(f.data(), 0o700); err != nil {
		return fmt.Errorf("use data folder %s: %w; make it writable or name another folder", string(f), cause(err))
	}
	return nil
}

// cause drops the operation and the path that a *PathError repeats.
func cause(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// LockedError says that another process owns the data folder.
type LockedError struct {
	Path string // the lock file
	PID  int    // of the owner, as it wrote it; 0 if it wrote none
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("data folder is in use (lock file %s)", e.Path)
	}
	return fmt.Sprintf("data folder is in use by process %d (lock file %s)", e.PID, e.Path)
}

// lock takes the folder for this process and, by inheritance of the file, its
// engine. The lock ends when the last of them is gone, so it is never stale.
func (f folder) lock() (*os.File, error) {
	file, err := os.OpenFile(f.lockFile(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("use data folder %s: %w; make it writable or name another folder", string(f), cause(err))
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &LockedError{Path: f.lockFile(), PID: readPID(file)}
		}
		return nil, fmt.Errorf("lock %s: %w; name a folder on a local disk", f.lockFile(), err)
	}
	if err := writePID(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("write %s: %w", f.lockFile(), cause(err))
	}
	return file, nil
}

func readPID(file *os.File) int {
	buf := make([]byte, 20)
	n, _ := file.ReadAt(buf, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	return pid
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func (f folder) readEndpoint() (endpoint, error) {
	var e endpoint
	b, err := os.ReadFile(f.endpoint())
	if err != nil {
		return e, fmt.Errorf("read %s: %w", f.endpoint(), cause(err))
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("read %s: %w", f.endpoint(), err)
	}
	return e, nil
}

func (f folder) writeEndpoint(e endpoint) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.endpoint(), err)
	}
	return writeSecret(f.endpoint(), b)
}

// writeSecret replaces a file in one step by one that only its owner can read.
func writeSecret(path string, content []byte) error {
	next := path + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
