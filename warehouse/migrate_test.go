package warehouse_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

// schema makes files from pairs of name and content.
func schema(pairs ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

const (
	createA = "-- a; with a semicolon\nCREATE TABLE a (x String DEFAULT ';') ENGINE = MergeTree ORDER BY x"
	createB = "CREATE TABLE b (x UInt8) ENGINE = MergeTree ORDER BY x\n-- statement\nINSERT INTO b VALUES (1)\n-- statement\n"
)

func versions(migrations []warehouse.Migration) string {
	var s []string
	for _, m := range migrations {
		s = append(s, fmt.Sprint(m.Version, " ", m.Name))
	}
	return strings.Join(s, ", ")
}

func TestMigrate(t *testing.T) {
	db := warehousetest.Empty(t)
	f := func(want string, pairs ...string) {
		t.Helper()
		done, err := db.MigrateFS(t.Context(), schema(pairs...))
		if err != nil || versions(done) != want {
			t.Errorf("Migrate = %q, %v; want %q", versions(done), err, want)
		}
	}
	f("")
	f("1 a", "0001_a.sql", createA)
	f("", "0001_a.sql", createA)
	f("2 b", "0001_a.sql", createA, "0002_b.sql", createB)
	f("", "0001_a.sql", createA, "0002_b.sql", createB)
	var n uint64
	if err := db.QueryRow(t.Context(), "SELECT count() FROM b").Scan(&n); err != nil || n != 1 {
		t.Errorf("b has %d rows, %v; want 1", n, err)
	}
}

func TestMigrateErrors(t *testing.T) {
	f := func(name string, before, after fstest.MapFS, want ...string) {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			db := warehousetest.Empty(t)
			if _, err := db.MigrateFS(t.Context(), before); err != nil {
				t.Log("before:", err)
			}
			done, err := db.MigrateFS(t.Context(), after)
			if err == nil || len(done) != 0 {
				t.Fatalf("Migrate = %q, %v; want an error", versions(done), err)
			}
			t.Log(err)
			for _, text := range want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q does not say %q", err, text)
				}
			}
		})
	}
	ab := schema("0001_a.sql", createA, "0002_b.sql", createB)
	f("edited", ab, schema("0001_a.sql", createA+" ", "0002_b.sql", createB), "schema/0001_a.sql", "undo the edit")
	f("renamed", ab, schema("0001_c.sql", createA, "0002_b.sql", createB), "0001_c.sql", "0001_a", "undo the edit")
	f("newer database", ab, schema("0001_a.sql", createA), "at version 2", "knows 1", "newer")
	f("gap", schema(), schema("0001_a.sql", createA, "0003_b.sql", createB), "0003_b.sql", "0002 was expected")
	f("number twice", schema(), schema("0001_a.sql", createA, "0001_b.sql", createB), "0001_b.sql", "0002 was expected")
	f("name", schema(), schema("1_a.sql", createA), "NNNN_name.sql")
	f("empty", schema(), schema("0001_a.sql", "-- statement\n"), "no statement")
	torn := schema("0001_a.sql", "CREATE TABLE a (x UInt8) ENGINE = MergeTree ORDER BY x\n-- statement\nSELECT nothing")
	f("refused", schema(), torn, "schema/0001_a.sql", "statement 2", "nothing")
	f("half applied", torn, torn, "schema/0001_a.sql", "half applied", "undo by hand", "DELETE FROM `drumbeat_", "WHERE version = 1")
}

// What broke off, a kill or an error, goes on when it can be repeated or when nothing happened yet.
func TestMigrateGoesOn(t *testing.T) {
	t.Run("first statement was refused", func(t *testing.T) {
		db := warehousetest.Empty(t)
		if _, err := db.MigrateFS(t.Context(), schema("0001_a.sql", "CREATE TABEL a")); err == nil {
			t.Fatal("Migrate succeeded")
		}
		if done, err := db.MigrateFS(t.Context(), schema("0001_a.sql", createA)); err != nil || len(done) != 1 {
			t.Errorf("after a correction: %v, %v", done, err)
		}
	})
	t.Run("all statements can be repeated", func(t *testing.T) {
		db := warehousetest.Empty(t)
		files := schema("0001_a.sql", "-- first\nCREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x\n-- statement\n"+
			"CREATE MATERIALIZED VIEW IF NOT EXISTS v TO b AS SELECT x FROM a")
		if _, err := db.MigrateFS(t.Context(), files); err == nil { // b is missing
			t.Fatal("Migrate succeeded")
		}
		if err := db.Exec(t.Context(), "CREATE TABLE b (x UInt8) ENGINE = MergeTree ORDER BY x"); err != nil {
			t.Fatal(err)
		}
		if done, err := db.MigrateFS(t.Context(), files); err != nil || len(done) != 1 {
			t.Errorf("second try: %v, %v", done, err)
		}
	})
}

func TestMigrateTwiceAtOnce(t *testing.T) {
	o := warehousetest.Options(t)
	first := open(t, o)
	defer func() {
		if err := first.Exec(t.Context(), "DROP DATABASE "+o.Database+" SYNC"); err != nil {
			t.Error(err)
		}
	}()
	var wg sync.WaitGroup
	var mu sync.Mutex
	applied := 0
	for range 4 {
		db := open(t, o)
		wg.Go(func() {
			done, err := db.MigrateFS(t.Context(), schema("0001_a.sql", createA, "0002_b.sql", createB))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			applied += len(done)
		})
	}
	wg.Wait()
	var n uint64
	if err := first.QueryRow(t.Context(), "SELECT count() FROM b").Scan(&n); err != nil || n != 1 || applied != 2 {
		t.Errorf("%d migrations applied, b has %d rows (%v); want 2 and 1", applied, n, err)
	}
}
