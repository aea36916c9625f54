// Package warehousetest gives tests a real ClickHouse.
//
//	func TestMain(m *testing.M) { warehousetest.Main(m) }
//
//	func TestLoad(t *testing.T) {
//		db := warehousetest.New(t) // a migrated database of its own
//
// One embedded engine serves all tests of a package; it starts with the first that asks. With DRUMBEAT_DSN
// set the tests run on that server instead, and fail if they cannot reach it.
package warehousetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
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
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := db.Exec(ctx, "DROP DATABASE IF EXISTS "+db.Database()+" SYNC"); err != nil {
			t.Error("drop the test's database:", err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// New returns a migrated database of its own. It is dropped and closed after the test.
func New(t testing.TB) *warehouse.DB {
	t.Helper()
	db := Empty(t)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func randomName() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
