package embedded

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// terminalInput makes a new terminal this process's standard input.
//
// `clickhouse local` decides by it what an exception means that nobody catches in a thread, such as a
// malformed request or, over the native protocol, a wrong password: without a terminal it ends the process,
// with one it goes on. Both ends of the terminal stay open and nobody types.
func terminalInput() error {
	ours, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/ptmx: %w", err)
	}
	if err := unix.IoctlSetPointerInt(ours, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock a terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(ours, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("number a terminal: %w", err)
	}
	path := fmt.Sprintf("/dev/pts/%d", number)
	theirs, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if err := unix.Dup3(theirs, 0, 0); err != nil {
		return fmt.Errorf("use %s as input: %w", path, err)
	}
	return nil
}
