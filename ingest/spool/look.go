package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Backlog is what lies in a spool's folder.
type Backlog struct {
	Waiting  int   // segments to be loaded
	Bytes    int64 // in them
	SetAside int   // files in the folders Corrupt and Refused
}

// Look tells what lies in the spool in dir, without opening it; another process may be using it.
// A folder that is missing holds nothing.
func Look(dir string) (Backlog, error) {
	var b Backlog
	for _, folder := range []string{"", Corrupt, Refused} {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return b, fmt.Errorf("look into the spool: %w", err)
		}
		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), extension) {
				continue
			}
			if folder != "" {
				b.SetAside++
				continue
			}
			b.Waiting++
			if info, err := entry.Info(); err == nil { // else it was loaded in this moment
				b.Bytes += info.Size()
			}
		}
	}
	return b, nil
}
