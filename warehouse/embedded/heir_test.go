package embedded_test

import (
	"bufio"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"drumbeat/warehouse/embedded"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Without an heir, collectors that were started beside a short query would spool for ever.
func TestLongProcessTakesOverFromShortOne(t *testing.T) {
	for name, end := range map[string]func(*exec.Cmd){
		"owner killed": func(owner *exec.Cmd) { owner.Process.Kill() },
		"owner closes": nil,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var stop func()
			if end == nil {
				owner := start(t, dir)
				stop = func() { owner.Close() }
			} else {
				exe, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				owner := exec.Command(exe)
				owner.Env = append(os.Environ(), ownerDir+"="+dir)
				if _, err := owner.StdinPipe(); err != nil {
					t.Fatal(err)
				}
				stdout, err := owner.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := owner.Start(); err != nil {
					t.Fatal(err)
				}
				bufio.NewReader(stdout).ReadString('\n')
				stop = func() { end(owner); owner.Wait() }
				t.Cleanup(stop)
			}
			heir, err := embedded.AttachToStay(embedded.Options{Dir: dir, MemoryBytes: 1 << 30, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer heir.Close()
			other, err := embedded.Attach(dir) // finds the heir's engine by the same passwords
			if err != nil {
				t.Fatal(err)
			}
			conn, others := connect(t, heir, heir.Writer(), clickhouse.Native), connect(t, other, other.Writer(), clickhouse.Native)
			exec1(t, conn, "CREATE DATABASE drumbeat ENGINE = Atomic")
			if !heir.State().Attached {
				t.Error("the owner is still there, and its engine is not used")
			}
			stop()
			eventually(t, "the heir owns the engine", func() bool { return !heir.State().Attached })
			for _, conn := range []driver.Conn{conn, others} {
				eventually(t, "the engine answers again", func() bool { return conn.Ping(t.Context()) == nil })
			}
			heir.Close()
			start(t, dir).Close()
		})
	}
}

// An heir that never inherits leaves the owner alone.
func TestHeirThatClosesFirst(t *testing.T) {
	owner := start(t, t.TempDir())
	heir, err := embedded.AttachToStay(embedded.Options{Dir: owner.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	heir.Close()
	heir.Close()
	if _, _, err := heir.Addresses(t.Context()); err == nil {
		t.Error("a closed engine has an address")
	}
	if n := count(t, connect(t, owner, owner.Writer(), clickhouse.Native), "SELECT 1::UInt64"); n != 1 {
		t.Error(n)
	}
}
