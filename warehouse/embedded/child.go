package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The owner starts its own executable again under this name, with the library
// and the folder in the environment and two descriptors beside the standard ones.
const (
	childName    = "drumbeat-engine"
	childLibrary = "DRUMBEAT_ENGINE_LIBRARY"
	childPath    = "DRUMBEAT_ENGINE_PATH"
	childConfig  = "DRUMBEAT_ENGINE_CONFIG"
	// Set in a child that cannot read other files than the engine's any more.
	childConfined = "DRUMBEAT_ENGINE_CONFINED"

	childEnded = "engine ended: " // begins the last line of a child that could not run

	childOwnerFD = 3 // read end of a pipe that the owner holds open
	// Descriptor 4 is the lock file: while the child lives, the folder stays locked.
)

// startListening opens the ports and then waits for ever. The wait needs no right
// to read anything. Reading the HTTP port as open implies that the native one is:
// the statements run in this order and the first failure ends the child.
const startListening = `SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; ` +
	`SELECT count(sleepEachRow(3)) FROM numbers(1000000000000) SETTINGS max_block_size = 1`

// RunChild runs the engine and never returns if this process was started to be
// one; otherwise it returns at once. Call it first in main, and first in TestMain
// of packages that use the engine.
func RunChild() {
	if os.Args[0] != childName || os.Getenv(childLibrary) == "" {
		return
	}
	// Ending is the owner's decision: a Ctrl-C or a service manager's SIGTERM goes
	// to the whole group, and the owner still wants to write what it holds.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if confinable() == nil {
		if err := confine(os.Getenv(childPath), os.Getenv(childLibrary), os.Getenv(childConfig)); err != nil {
			fmt.Fprintln(os.Stderr, childEnded+"cannot be confined to its files:", err)
			os.Exit(1)
		}
	}
	go exitWithOwner()
	if err := terminalInput(); err != nil {
		fmt.Fprintln(os.Stderr, "engine runs without a terminal, so malformed requests can end it:", err)
	}
	err := runLibrary(os.Getenv(childLibrary), []string{
		"clickhouse", "--interactive", "--progress=off", "--path=" + os.Getenv(childPath), "--log-level=warning",
		"-C", os.Getenv(childConfig), "--query", startListening,
	})
	fmt.Fprintln(os.Stderr, childEnded+err.Error())
	os.Exit(1)
}

// exitWithOwner ends this process when the owner closes the pipe or dies, however
// it dies. The engine is ended, not asked to end: whatever it acknowledged survives
// that (a kill -9 does the same), and there is only one way to stop that has to work.
func exitWithOwner() {
	var b [1]byte
	for {
		if _, err := syscall.Read(childOwnerFD, b[:]); err != syscall.EINTR {
			os.Exit(0)
		}
	}
}

// runLibrary calls ClickHouse's main. It returns only when ClickHouse ends by itself, with the reason.
func runLibrary(library string, args []string) error {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load %s: %w", library, err)
	}
	var main func(argc int32, argv unsafe.Pointer) (result unsafe.Pointer)
	var resultError func(result unsafe.Pointer) string
	for name, function := range map[string]any{"chdb_query_cmdline": &main, "chdb_result_error": &resultError} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return fmt.Errorf("look into %s: %w", library, err)
		}
		purego.RegisterFunc(function, symbol)
	}
	argv := make([]*byte, len(args)+1) // C wants a NULL behind the last
	for i, arg := range args {
		if argv[i], err = syscall.BytePtrFromString(arg); err != nil {
			return fmt.Errorf("pass argument %q: %w", arg, err)
		}
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, arg := range argv[:len(args)] {
		pin.Pin(arg)
	}
	pin.Pin(&argv[0])
	if result := main(int32(len(args)), unsafe.Pointer(&argv[0])); result != nil {
		if text := resultError(result); text != "" {
			text, _, _ = strings.Cut(text, ", Stack trace")
			if _, message, found := strings.Cut(text, "DB::Exception: "); found {
				text = message
			}
			return errors.New(strings.ReplaceAll(text, "\n", " "))
		}
	}
	return errors.New("the waiting statement returned")
}
