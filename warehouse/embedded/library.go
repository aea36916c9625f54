package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrNoLibrary says that the engine's library is nowhere it is looked for.
// The error that wraps it names the places and the command that helps.
var ErrNoLibrary = errors.New("the ClickHouse library is not installed")

const libraryFile = "libchdb.so"

// FindLibrary returns the path of the engine's library: beside the executable,
// else DRUMBEAT_LIB (the file or its folder), else in node_modules of the working
// directory or of one of its parents. It returns an error that wraps [ErrNoLibrary]
// if there is none.
func FindLibrary() (string, error) {
	var places []string
	if exe, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(exe), libraryFile))
	}
	if lib := os.Getenv("DRUMBEAT_LIB"); lib != "" {
		if info, err := os.Stat(lib); err == nil && info.IsDir() {
			lib = filepath.Join(lib, libraryFile)
		}
		places = append(places, lib)
	}
	npm := filepath.Join("node_modules", "@chdb", npmPackage(), libraryFile)
	if dir, err := os.Getwd(); err == nil {
		for ; ; dir = filepath.Dir(dir) {
			places = append(places, filepath.Join(dir, npm))
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	for _, place := range places {
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() {
			return place, nil
		}
	}
	return "", noLibrary(places, npm)
}

func noLibrary(places []string, npm string) error {
	var named []string
	for _, place := range places {
		if !strings.HasSuffix(place, npm) {
			named = append(named, place)
		}
	}
	named = append(named, npm+" here or in a parent folder")
	return fmt.Errorf("%w (looked for %s): run `npm ci` in the project's folder, set DRUMBEAT_LIB to the folder that has %s, or name a ClickHouse server with a DSN",
		ErrNoLibrary, strings.Join(named, ", "), libraryFile)
}

// npmPackage is the npm name of the library for this platform.
func npmPackage() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	name := "lib-" + runtime.GOOS + "-" + arch
	if runtime.GOOS == "linux" {
		name += "-gnu"
	}
	return name
}
