package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confinable tells why this system cannot keep an engine to its own files, or nil if it can.
func confinable() error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno != 0:
		return fmt.Errorf("the kernel offers no Landlock: %w", errno)
	case version < 2: // the first one forbids every rename between folders
		return errors.New("the kernel's Landlock is older than Linux 5.19")
	}
	return nil
}

// confine starts this process again as one that can read nothing but the engine's data and what any program
// reads to run; it returns only if that fails, and does nothing in the process so started.
//
// Rights of users are not enough: in `clickhouse local`, which the library is, the function file() and the
// format Template read any file for anybody, the pseudonym key and the owner's environment among them.
// Landlock, which needs no rights itself, keeps that from all threads that a confined one starts; so the
// thread that was confined becomes the new process.
func confine(data string, files ...string) error {
	if os.Getenv(childConfined) != "" {
		return nil
	}
	runtime.LockOSThread()
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	// Left open: a folder of /proc that nobody holds may be made anew, and the rule would be about the old one.
	self, err := unix.Open(fmt.Sprintf("/proc/%d", unix.Getpid()), unix.O_PATH, 0)
	if err != nil {
		return fmt.Errorf("open this process in /proc: %w", err)
	}
	// Renames between folders are forbidden where no rule allows them.
	attr := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_REFER}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr.Handled_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("make a Landlock ruleset: %w", errno)
	}
	rules := int(fd)
	if err := allow(rules, self, unix.LANDLOCK_ACCESS_FS_READ_FILE); err != nil {
		return err
	}
	if err := allowPath(rules, data, attr.Handled_access_fs); err != nil {
		return fmt.Errorf("let the engine read %s: %w", data, err)
	}
	places := append(append(files, executable), filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))...)
	for _, place := range append(places, readable...) {
		if place == "" || strings.HasPrefix(data, filepath.Clean(place)+"/") {
			continue // what lies beside the data is secret
		}
		if err := allowPath(rules, place, unix.LANDLOCK_ACCESS_FS_READ_FILE); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("let the engine read %s: %w", place, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(rules), 0, 0); errno != 0 {
		return fmt.Errorf("apply a Landlock ruleset: %w", errno)
	}
	return syscall.Exec(executable, os.Args, append(os.Environ(), childConfined+"=1"))
}

// readable is what programs read to run: libraries, time zones, what the kernel tells of the machine. What is
// missing is left out, and so are other processes.
var readable = []string{
	"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store",
	"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo",
	"/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/gai.conf",
	"/proc/cpuinfo", "/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/sys", "/proc/uptime", "/proc/vmstat", "/sys",
	"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/pts", "/dev/tty",
}

func allowPath(rules int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return allow(rules, fd, access)
}

func allow(rules, fd int, access uint64) error {
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
