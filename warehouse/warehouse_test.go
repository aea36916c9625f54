package warehouse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"drumbeat/warehouse"
	"drumbeat/warehouse/embedded"
	"drumbeat/warehouse/warehousetest"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// secondDir makes this test binary a second process that opens the warehouse there and prints what it is.
const secondDir = "DRUMBEAT_TEST_SECOND_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(secondDir); dir != "" {
		embedded.RunChild()
		db, err := warehouse.Open(context.Background(), warehouse.Options{Dir: dir})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		facts, err := db.Facts(context.Background())
		fmt.Println(facts.Mode, err)
		db.Close()
		os.Exit(0)
	}
	warehousetest.Main(m)
}

func open(t *testing.T, o warehouse.Options) *warehouse.DB {
	t.Helper()
	db, err := warehouse.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestParametersAndFormats(t *testing.T) {
	db := warehousetest.Empty(t)
	from := time.Date(2024, 2, 29, 1, 2, 3, 456e6, time.UTC)
	const sql = "SELECT {name:String} AS name, {from:DateTime64(3, 'UTC')} AS at, {n:UInt64} AS n"
	args := []any{clickhouse.Named("name", "a'b\\c\n"), clickhouse.DateNamed("from", from, clickhouse.MilliSeconds), clickhouse.Named("n", "7")}

	var name string
	var at time.Time
	var n uint64
	if err := db.QueryRow(t.Context(), sql, args...).Scan(&name, &at, &n); err != nil {
		t.Fatal(err)
	}
	if name != "a'b\\c\n" || !at.Equal(from) || n != 7 {
		t.Errorf("writer got %q, %v, %d", name, at, n)
	}
	rows, err := db.AnalystQuery(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		if err := rows.Scan(&name, &at, &n); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || !at.Equal(from) {
		t.Errorf("analyst got %v, %v", at, err)
	}
	long, cancel := context.WithTimeout(t.Context(), time.Hour) // more than an analyst may ask for
	defer cancel()
	for format, want := range map[string]string{
		"CSV":         "\"a'b\\c\n\",\"2024-02-29 01:02:03.456\",7\n",
		"JSONEachRow": `{"name":"a'b\\c\n","at":"2024-02-29 01:02:03.456","n":7}` + "\n",
	} {
		stream, err := db.QueryFormat(long, format, sql, args...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(stream)
		stream.Close()
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", format, got, err, want)
		}
	}
	// Half of the result is there when this fails, and none of it must arrive.
	_, err = db.QueryFormat(t.Context(), "CSV", "SELECT throwIf(number = 900000) FROM numbers(1000000)")
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) {
		t.Errorf("QueryFormat of a failing query = %v, want the server's exception", err)
	}
}

func TestSecondProcessAttaches(t *testing.T) {
	dir := t.TempDir()
	db := open(t, warehouse.Options{Dir: dir})
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	second := exec.Command(exe)
	second.Env = append(os.Environ(), secondDir+"="+dir)
	if out, err := second.CombinedOutput(); err != nil || string(out) != "attached <nil>\n" {
		t.Errorf("second process: %q, %v", out, err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("after the second process: %v", err)
	}
	other := open(t, warehouse.Options{Dir: dir, Database: "drumbeat_other"})
	syscall.Kill(db.Engine().State().PID, syscall.SIGKILL)
	for deadline := time.Now().Add(20 * time.Second); db.Engine().State().Crashes == 0 || db.Engine().State().Phase != embedded.Running; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the engine does not come back")
		}
	}
	for who, db := range map[string]*warehouse.DB{"owner": db, "attached": other} {
		err := db.Exec(t.Context(), "CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x")
		if err != nil && warehouse.Retryable(err) { // a connection of before
			err = db.Exec(t.Context(), "CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x")
		}
		if err != nil {
			t.Errorf("%s after a crash: %v", who, err)
		}
	}
	db.Close()
	err = other.Exec(t.Context(), "SELECT 1")
	if err == nil {
		t.Error("attached: the engine answers after its owner closed it")
	}
}

func TestOpenErrors(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	closed.Close()
	engine, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir(), MemoryBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	native, httpAddr, err := engine.Addresses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, httpPort, _ := net.SplitHostPort(httpAddr)
	_, nobodyPort, _ := net.SplitHostPort(nobody)
	good := engine.Writer().User + ":" + engine.Writer().Password
	f := func(name string, o warehouse.Options, want ...string) {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			db, err := warehouse.Open(t.Context(), o)
			if err == nil {
				db.Close()
				t.Fatal("Open succeeded")
			}
			t.Log(err)
			for _, text := range want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q does not say %q", err, text)
				}
			}
			for _, secret := range []string{"s3cret", engine.Writer().Password} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error %q has the password", err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has more than one line", err)
			}
		})
	}
	f("nothing", warehouse.Options{}, "data folder", "DSN")
	f("not a DSN", warehouse.Options{DSN: "clickhouse://u:s3cret#%zz@host"}, "clickhouse://USER", "percent-encode")
	f("bad parameter", warehouse.Options{DSN: "clickhouse://u:s3cret@host:9000/d?dial_timeout=s3cret"}, "clickhouse://USER", "dial timeout")
	f("HTTP scheme", warehouse.Options{DSN: "https://u:s3cret@host/d"}, "https://", "clickhouse://USER")
	f("bad http_port", warehouse.Options{DSN: "clickhouse://u:s3cret@host/d?http_port=x"}, "http_port=x")
	f("nobody listens", warehouse.Options{DSN: "clickhouse://u:s3cret@" + nobody + "/d"}, nobody, "does not answer", "correct host, port and secure")
	f("wrong password", warehouse.Options{DSN: "clickhouse://writer:s3cret@" + native + "/drumbeat"}, native, `refuses user "writer"`)
	f("HTTP away", warehouse.Options{DSN: "clickhouse://" + good + "@" + native + "/drumbeat?http_port=" + nobodyPort}, "over HTTP", "http_port")
	f("no right", warehouse.Options{DSN: "clickhouse://" + good + "@" + native + "/other?http_port=" + httpPort}, "does not let user", "other")
	f("database name", warehouse.Options{Dir: t.TempDir(), Database: "x"}, "drumbeat_")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f("folder is a file", warehouse.Options{Dir: file}, file, "name another folder")
}

func TestLockedByForeignProcess(t *testing.T) {
	dir := t.TempDir()
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	fmt.Fprintln(lock, 4711)
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = warehouse.Open(ctx, warehouse.Options{Dir: dir})
	var locked *embedded.LockedError
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), "4711") || !strings.Contains(err.Error(), filepath.Join(dir, "lock")) || !strings.Contains(err.Error(), "stop that process") {
		t.Errorf("Open = %v, want the lock, the process and what to do", err)
	}
}

// A server by DSN: an engine of another owner serves as one.
func TestServer(t *testing.T) {
	engine, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir(), MemoryBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	native, httpAddr, err := engine.Addresses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, httpPort, _ := net.SplitHostPort(httpAddr)
	dsn := func(who embedded.Credentials, database string) string {
		return (&url.URL{Scheme: "clickhouse", User: url.UserPassword(who.User, who.Password), Host: native, Path: "/" + database, RawQuery: "http_port=" + httpPort}).String()
	}
	for _, o := range []warehouse.Options{
		{DSN: dsn(engine.Writer(), "")},
		{DSN: dsn(engine.Writer(), "drumbeat_a"), AnalystDSN: dsn(engine.Analyst(), "drumbeat_a")},
	} {
		db := open(t, o)
		if _, err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again, err := db.Migrate(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("second Migrate = %v, %v", again, err)
		}
		facts, err := db.Facts(t.Context())
		if err != nil || facts.Mode != "server" || facts.Place != native || len(facts.Pending) != 0 {
			t.Errorf("Facts = %+v, %v", facts, err)
		}
		for _, statement := range []string{
			"INSERT INTO runs (job) VALUES ('x')", "DROP TABLE runs", "CREATE TABLE x (a UInt8) ENGINE = Memory",
			"SELECT 1 SETTINGS max_execution_time = 0", "SELECT 1 SETTINGS max_memory_usage = 0", "SELECT 1 SETTINGS readonly = 0",
			"SELECT * FROM url('http://127.0.0.1:1/', LineAsString)", "SELECT * FROM file('x', LineAsString)",
		} {
			if stream, err := db.QueryFormat(t.Context(), "CSV", statement); err == nil {
				stream.Close()
				t.Errorf("QueryFormat(%s) succeeded", statement)
			}
			if rows, err := db.AnalystQuery(t.Context(), statement); err == nil && (rows.Next() || rows.Err() == nil) {
				t.Errorf("AnalystQuery(%s) succeeded", statement)
			}
		}
		stream, err := db.QueryFormat(t.Context(), "CSV", "SELECT count() FROM runs")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(stream); string(got) != "0\n" || err != nil {
			t.Errorf("count = %q, %v", got, err)
		}
		stream.Close()
	}
}

func TestRetryable(t *testing.T) {
	db := warehousetest.Empty(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Exec(ctx, "SELECT 1"); err == nil || warehouse.Retryable(err) {
		t.Errorf("Retryable(%v) after cancelling", err)
	}
	if err := db.Exec(t.Context(), "SELECT nothing"); err == nil || warehouse.Retryable(err) || warehouse.RowsRefused(err) {
		t.Errorf("Retryable or RowsRefused(%v)", err)
	}
	closed, err := warehouse.Open(t.Context(), warehouse.Options{Dir: t.TempDir(), MemoryBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Engine().Close(); err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	for range 3 { // the first may meet a connection of before
		err = closed.Ping(t.Context())
	}
	if err == nil || warehouse.Retryable(err) {
		t.Errorf("Retryable(%v) after Close", err)
	}
}

func TestFacts(t *testing.T) {
	db := warehousetest.New(t)
	facts, err := db.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if facts.EngineVersion == "" || facts.Database != db.Database() || facts.Applied == 0 || len(facts.Pending) != 0 || len(facts.Tables) == 0 {
		t.Errorf("Facts = %+v", facts)
	}
}
