package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"drumbeat/warehouse/embedded"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ownerDir makes this test binary a process that owns an engine on that folder until it is killed.
const ownerDir = "DRUMBEAT_TEST_OWNER_DIR"

func TestMain(m *testing.M) {
	embedded.RunChild()
	if dir := os.Getenv(ownerDir); dir != "" {
		engine, err := embedded.Start(context.Background(), embedded.Options{Dir: dir})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(engine.State().PID)
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // without Close
	}
	os.Exit(m.Run())
}

func start(t *testing.T, dir string) *embedded.Engine {
	t.Helper()
	engine, err := embedded.Start(t.Context(), embedded.Options{
		Dir: dir, MemoryBytes: 1 << 30, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return engine
}

func connect(t *testing.T, engine *embedded.Engine, who embedded.Credentials, protocol clickhouse.Protocol) driver.Conn {
	t.Helper()
	addr := embedded.NativeAddr
	if protocol == clickhouse.HTTP {
		addr = embedded.HTTPAddr
	}
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: protocol, Addr: []string{addr}, DialContext: engine.DialContext,
		Auth: clickhouse.Auth{Username: who.User, Password: who.Password},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func exec1(t *testing.T, conn driver.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func count(t *testing.T, conn driver.Conn, sql string) uint64 {
	t.Helper()
	var n uint64
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened:", what)
		}
	}
}

func TestStartStopStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder & more")
	engine := start(t, dir)
	conn := connect(t, engine, engine.Writer(), clickhouse.Native)
	exec1(t, conn, "CREATE DATABASE drumbeat ENGINE = Atomic", "CREATE TABLE drumbeat.t (x UInt64) ENGINE = MergeTree ORDER BY x",
		"INSERT INTO drumbeat.t SELECT number FROM numbers(1000)")
	for name, want := range map[string]os.FileMode{".": 0o700, "engine": 0o700, "engine.json": 0o600, "engine.xml": 0o600, "engine.log": 0o600, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "engine.xml")); strings.Contains(string(b), engine.Writer().Password) {
		t.Error("engine.xml has a password in the clear")
	}
	pid := engine.State().PID
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if !gone(pid) {
		t.Errorf("child %d lives after Close", pid)
	}
	if _, err := os.Stat(filepath.Join(dir, "engine.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("engine.json after Close: %v", err)
	}
	if _, err := engine.DialContext(t.Context(), embedded.NativeAddr); !errors.Is(err, embedded.ErrClosed) {
		t.Errorf("dial after Close = %v, want ErrClosed", err)
	}
	if err := engine.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}

	again := start(t, dir)
	if again.Writer() == engine.Writer() {
		t.Error("passwords are the same as before")
	}
	if n := count(t, connect(t, again, again.Writer(), clickhouse.HTTP), "SELECT count() FROM drumbeat.t"); n != 1000 {
		t.Errorf("%d rows after a restart, want 1000", n)
	}
}

func TestEngineGoesWithKilledOwner(t *testing.T) {
	dir := t.TempDir()
	for _, end := range []struct {
		name string
		stop func(*exec.Cmd, io.Closer) error
	}{
		{"killed", func(c *exec.Cmd, _ io.Closer) error { return c.Process.Kill() }},
		{"exits without closing", func(_ *exec.Cmd, stdin io.Closer) error { return stdin.Close() }},
	} {
		t.Run(end.name, func(t *testing.T) {
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			owner := exec.Command(exe)
			owner.Env = append(os.Environ(), ownerDir+"="+dir)
			stdin, err := owner.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := owner.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := owner.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { owner.Process.Kill(); owner.Wait() })
			line, _ := bufio.NewReader(stdout).ReadString('\n')
			var pid int
			if _, err := fmt.Sscan(line, &pid); err != nil {
				t.Fatalf("owner said %q", line)
			}

			var locked *embedded.LockedError
			if _, err := embedded.Start(t.Context(), embedded.Options{Dir: dir}); !errors.As(err, &locked) || locked.PID != owner.Process.Pid {
				t.Errorf("Start beside the owner = %v, want a LockedError with pid %d", err, owner.Process.Pid)
			}
			// What a terminal or a service manager sends to the whole group is for the owner to act on.
			syscall.Kill(pid, syscall.SIGTERM)
			syscall.Kill(pid, syscall.SIGINT)
			syscall.Kill(pid, syscall.SIGHUP)
			attached, err := embedded.Attach(dir)
			if err != nil {
				t.Fatal(err)
			}
			count(t, connect(t, attached, attached.Writer(), clickhouse.Native), "SELECT 1::UInt64")

			if err := end.stop(owner, stdin); err != nil {
				t.Fatal(err)
			}
			owner.Wait()
			// The child is init's now; where nobody reaps it, it stays as a zombie that holds nothing.
			eventually(t, "the child goes", func() bool { return gone(pid) || isZombie(pid) })
			var next *embedded.Engine
			eventually(t, "the folder is free", func() bool {
				next, err = embedded.Start(t.Context(), embedded.Options{Dir: dir})
				return err == nil
			})
			if _, err := attached.DialContext(t.Context(), embedded.NativeAddr); err == nil || !strings.Contains(err.Error(), "run the command again") {
				t.Errorf("dial from before = %v, want what to do", err)
			}
			next.Close()
		})
	}
}

func isZombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(b), ") Z ")
}

func TestAcknowledgedInsertsSurviveCrash(t *testing.T) {
	engine := start(t, t.TempDir())
	conn := connect(t, engine, engine.Writer(), clickhouse.Native)
	exec1(t, conn, "CREATE DATABASE drumbeat ENGINE = Atomic", "CREATE TABLE drumbeat.t (x UInt64) ENGINE = MergeTree ORDER BY x")
	attached, err := embedded.Attach(engine.Dir())
	if err != nil {
		t.Fatal(err)
	}
	fromOther := connect(t, attached, attached.Writer(), clickhouse.Native)
	count(t, fromOther, "SELECT 1::UInt64")

	ctx, stop := context.WithCancel(t.Context())
	var acknowledged []uint64
	var refused int
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := uint64(0); ctx.Err() == nil; i++ {
			if conn.Exec(ctx, fmt.Sprintf("INSERT INTO drumbeat.t SELECT %d FROM numbers(1000)", i)) == nil {
				acknowledged = append(acknowledged, i)
			} else {
				refused++
			}
		}
	}()
	const crashes = 3
	for i := range crashes {
		time.Sleep(300 * time.Millisecond)
		state := engine.State()
		if err := syscall.Kill(state.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "restart", func() bool {
			s := engine.State()
			return s.Phase == embedded.Running && s.Crashes == i+1 && s.PID != state.PID
		})
	}
	time.Sleep(100 * time.Millisecond)
	stop()
	<-done
	if len(acknowledged) < crashes || refused == 0 {
		t.Fatalf("%d acknowledged, %d refused: the test did not hit anything", len(acknowledged), refused)
	}
	for _, c := range []driver.Conn{conn, fromOther} { // the other's first connection is of before the crash
		var have []uint64
		if err := c.Select(t.Context(), &[]struct{}{}, "SELECT 1 WHERE 0"); err != nil {
			t.Log("first statement after the crash:", err)
		}
		if err := c.QueryRow(t.Context(), "SELECT groupUniqArray(x) FROM drumbeat.t").Scan(&have); err != nil {
			t.Fatal(err)
		}
		stored := map[uint64]bool{}
		for _, x := range have {
			stored[x] = true
		}
		for _, x := range acknowledged {
			if !stored[x] {
				t.Errorf("acknowledged insert %d is lost", x)
			}
		}
	}
	t.Logf("%d acknowledged, %d refused", len(acknowledged), refused)
}

func TestGivesUpAfterCrashes(t *testing.T) {
	engine := start(t, t.TempDir())
	for last := 0; ; {
		state := engine.State()
		if state.Phase == embedded.GivenUp {
			break
		}
		if state.Phase == embedded.Running && state.PID != last {
			last = state.PID
			syscall.Kill(last, syscall.SIGKILL)
		}
		time.Sleep(5 * time.Millisecond)
		if t.Context().Err() != nil {
			t.Fatal("never gave up")
		}
	}
	_, err := engine.DialContext(t.Context(), embedded.HTTPAddr)
	if !errors.Is(err, embedded.ErrGivenUp) || !strings.Contains(err.Error(), engine.LogPath()) {
		t.Errorf("dial = %v, want ErrGivenUp with the log's path", err)
	}
	if n := engine.State().Crashes; n != 5 {
		t.Errorf("gave up after %d crashes, want 5", n)
	}
	if err := engine.Close(); err != nil {
		t.Error(err)
	}
}

// Without a terminal (see terminalInput) each of these ends the engine.
func TestMalformedRequestsDoNotEndEngine(t *testing.T) {
	engine := start(t, t.TempDir())
	for _, addr := range []string{embedded.NativeAddr, embedded.HTTPAddr} {
		for _, request := range []string{
			"", "\x00\x01", "garbage\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", strings.Repeat("\xff", 100),
			"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
		} {
			conn, err := engine.DialContext(t.Context(), addr)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, request)
			conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			conn.Read(make([]byte, 1))
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}
	for _, protocol := range []clickhouse.Protocol{clickhouse.Native, clickhouse.HTTP} {
		for _, who := range []embedded.Credentials{{User: "writer", Password: "x"}, {User: "nobody"}, {User: "default"}} {
			if err := connect(t, engine, who, protocol).Ping(t.Context()); err == nil {
				t.Errorf("%q got in", who.User)
			}
		}
		conn := connect(t, engine, engine.Writer(), protocol)
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			conn.Exec(ctx, "SELECT sleepEachRow(0.01) FROM numbers(1000) SETTINGS max_block_size = 1")
			cancel()
		}
	}
	if n := count(t, connect(t, engine, engine.Writer(), clickhouse.HTTP), "SELECT 1::UInt64"); n != 1 {
		t.Errorf("SELECT 1 = %d", n)
	}
	if b, err := os.ReadFile(engine.LogPath()); err != nil || strings.Contains(string(b), "<Fatal>") {
		t.Errorf("the log has a fatal error, %v:\n%s", err, b)
	}
	if state := engine.State(); state.Crashes != 0 {
		t.Errorf("%d crashes", state.Crashes)
	}
}

func TestCloseWhileRestarting(t *testing.T) {
	engine := start(t, t.TempDir())
	syscall.Kill(engine.State().PID, syscall.SIGKILL)
	eventually(t, "the crash is seen", func() bool { return engine.State().Phase == embedded.Restarting })
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if s := engine.State(); s.Phase != embedded.Closed || s.PID != 0 {
		t.Errorf("state after Close = %+v", s)
	}
}

func TestStartErrors(t *testing.T) {
	library, err := embedded.FindLibrary()
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, o embedded.Options, want ...string) {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			engine, err := embedded.Start(t.Context(), o)
			if err == nil {
				engine.Close()
				t.Fatal("Start succeeded")
			}
			t.Log(err)
			for _, text := range want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q does not say %q", err, text)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has more than one line", err)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	f("folder is a file", embedded.Options{Dir: file, Library: library}, file, "not a directory", "name another folder")
	f("folder in a file", embedded.Options{Dir: file + "/data", Library: library}, file, "name another folder")
	f("folder that nobody can write", embedded.Options{Dir: "/proc/drumbeat", Library: library}, "/proc/drumbeat", "name another folder")
	dir := t.TempDir()
	f("not a library", embedded.Options{Dir: dir, Library: file}, "engine did not start", filepath.Join(dir, "engine.log"))
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	f("locked", embedded.Options{Dir: dir, Library: library}, "in use", filepath.Join(dir, "lock"))
}

func TestNoLibrary(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("DRUMBEAT_LIB", "/nowhere")
	_, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir()})
	if !errors.Is(err, embedded.ErrNoLibrary) {
		t.Fatalf("Start = %v, want ErrNoLibrary", err)
	}
	for _, text := range []string{"/nowhere", "node_modules/@chdb/", "npm ci", "DRUMBEAT_LIB", "DSN"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "libchdb.so")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, lib := range []string{dir, file} {
		t.Setenv("DRUMBEAT_LIB", lib)
		if got, err := embedded.FindLibrary(); got != file || err != nil {
			t.Errorf("DRUMBEAT_LIB=%s: %q, %v; want %q", lib, got, err, file)
		}
	}
}
