// Package warehousetest gives tests a real ClickHouse.
//
//	func TestMain(m *testing.M) { warehousetest.Main(m) }
//
//	func TestLoad(t *testing.T) {
//		db := warehousetest.New(t) // a migrated database of its own
//
// One embedded engine serves all tests of a package; it starts with the first that asks. A migrated database is emptied after
// its test and serves another: that takes a tenth of the time of a new one. With DRUMBEAT_DSN
// set the tests run on that server instead, and fail if they cannot reach it.
package warehousetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"drumbeat/warehouse"
	"drumbeat/warehouse/embedded"
)

// shared is the engine of the test process; Main sets it up and takes it down.
var shared engine

type engine struct {
	dir   string // empty: Main was not called
	start sync.Once
	db    *warehouse.DB
	err   error

	mu   sync.Mutex
	free []*warehouse.DB // migrated and empty
}

// Main runs the tests of a package and exits. Call it from TestMain, alone and first.
func Main(m *testing.M) {
	embedded.RunChild()
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "drumbeat-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "warehousetest:", err)
		return 1
	}
	shared.dir = dir
	defer func() {
		for _, db := range shared.free {
			if err := drop(db); err != nil {
				fmt.Fprintln(os.Stderr, "warehousetest:", err)
				code = max(code, 1)
			}
		}
		if shared.db != nil {
			if err := shared.db.Close(); err != nil {
				fmt.Fprintln(os.Stderr, "warehousetest: close:", err)
				code = max(code, 1)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "warehousetest:", err)
			code = max(code, 1)
		}
	}()
	return m.Run()
}

// Options returns how to open a new database on the server or engine that the tests use.
// It fails the test if there is none.
func Options(t testing.TB) warehouse.Options {
	t.Helper()
	o := warehouse.Options{
		Database: "drumbeat_" + randomName(),
		Log:      slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if o.DSN = os.Getenv("DRUMBEAT_DSN"); o.DSN != "" {
		return o
	}
	if shared.dir == "" {
		t.Fatal("warehousetest: add `func TestMain(m *testing.M) { warehousetest.Main(m) }` to this package's tests")
	}
	shared.start.Do(func() {
		shared.db, shared.err = warehouse.Open(context.Background(), warehouse.Options{Dir: shared.dir, MemoryBytes: 2 << 30})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	o.Dir = shared.dir
	return o
}

// Empty returns a database of its own without tables. It is dropped and closed after the test.
func Empty(t testing.TB) *warehouse.DB {
	t.Helper()
	db, err := warehouse.Open(t.Context(), Options(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(db); err != nil {
			t.Error(err)
		}
	})
	return db
}

// New returns a migrated database of its own, without rows, until the end of the test.
func New(t testing.TB) *warehouse.DB {
	t.Helper()
	db, err := take(t)
	if err != nil {
		t.Fatal(err)
	}
	before, err := tables(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := giveBack(db, before); err != nil {
			t.Error(err)
		}
	})
	return db
}

// take returns a database that another test has given back, or a new one.
func take(t testing.TB) (*warehouse.DB, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if n := len(shared.free); n > 0 {
		db := shared.free[n-1]
		shared.free = shared.free[:n-1]
		return db, nil
	}
	o := Options(t)
	o.Log = slog.Default() // it outlives this test
	db, err := warehouse.Open(t.Context(), o)
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		return nil, errors.Join(err, drop(db))
	}
	return db, nil
}

// giveBack empties a database for the next test. One whose tables are no longer those of before is dropped.
func giveBack(db *warehouse.DB, before string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	after, err := tables(ctx, db)
	if err != nil || after != before {
		return errors.Join(err, drop(db))
	}
	if err := db.Exec(ctx, "TRUNCATE ALL TABLES FROM "+db.Database()+" NOT LIKE 'schema_migrations'"); err != nil {
		return errors.Join(fmt.Errorf("empty the test's database: %w", err), drop(db))
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.free = append(shared.free, db)
	return nil
}

// tables tells states of a schema apart.
func tables(ctx context.Context, db *warehouse.DB) (hash string, err error) {
	const query = `
SELECT toString(groupBitXor(cityHash64(create_table_query)))
FROM system.tables
WHERE database = currentDatabase()`
	if err := db.QueryRow(ctx, query).Scan(&hash); err != nil {
		return "", fmt.Errorf("look at the test's tables: %w", err)
	}
	return hash, nil
}

// drop drops the database and closes it.
func drop(db *warehouse.DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := db.Exec(ctx, "DROP DATABASE IF EXISTS "+db.Database()+" SYNC")
	if err != nil {
		err = fmt.Errorf("drop the test's database: %w", err)
	}
	return errors.Join(err, db.Close())
}

func randomName() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
