package warehouse_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"drumbeat/warehouse/warehousetest"
)

// Rows of the first schema, whose ids had 128 bits, are there after an upgrade, also after one that broke off
// behind any of its statements.
func TestRowsSurviveShorterIDs(t *testing.T) {
	first, rest := fstest.MapFS{}, []string{}
	files := os.DirFS("schema")
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		if name < "0012" {
			first[name] = &fstest.MapFile{Data: text}
		} else if name < "0016" {
			rest = append(rest, string(text))
		}
	}
	statements := strings.Split(strings.Join(rest, "\n-- statement\n"), "\n-- statement\n")
	const want = "1 0 send 2026-03-01 10:00:00.000 2026-03-01 10:00:03.000 3 | 2 0 reply 2026-03-01 11:00:00.000 2026-03-01 11:00:05.000 1"
	for _, until := range []int{0, len(statements) / 4, 6, 7, len(statements) / 2, len(statements) - 2} {
		db := warehousetest.Empty(t)
		exec := func(sql string) {
			t.Helper()
			if err := db.Exec(t.Context(), sql); err != nil {
				t.Fatalf("%.200s: %v", sql, err)
			}
		}
		if _, err := db.MigrateFS(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		exec(`INSERT INTO event_log (business_id, contact_id, message_id, event_type, event_time, ingested_at, in_reply_to, copies) VALUES
			('shop', '01234567-89ab-cdef-0123-456789abcdef', '89abcdef-0123-4567-0000-000000000001', 'send', '2026-03-01 10:00:00', '2026-03-01 10:00:03', '00000000-0000-0000-0000-000000000000', 3),
			('shop', '01234567-89ab-cdef-0123-456789abcdef', '89abcdef-0123-4567-0000-000000000002', 'reply', '2026-03-01 11:00:00', '2026-03-01 11:00:05', '89abcdef-0123-4567-0000-000000000001', 1)`)
		for _, statement := range statements[:until] {
			exec(statement)
		}
		for _, statement := range statements {
			exec(statement)
		}
		var got []string
		rows, err := db.Query(t.Context(), `SELECT concat(toString(message_id), ' ', toString(event_id), ' ', event_type, ' ', toString(event_time), ' ', toString(ingested_at), ' ', toString(copies)) FROM events ORDER BY event_time`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			got = append(got, line)
		}
		if text := strings.Join(got, " | "); text != want {
			t.Errorf("broken off behind statement %d: events\n%s\nwant\n%s", until, text, want)
		}
		var quoted, told uint64
		if err := db.QueryRow(t.Context(), `SELECT countIf(message_id = 1 AND sent_at < quoted_at), (SELECT count() FROM contact_facts FINAL WHERE in_reply_to = 1) FROM message_facts FINAL`).Scan(&quoted, &told); err != nil || quoted != 1 || told != 1 {
			t.Errorf("broken off behind statement %d: %d messages quoted, %d replies, %v; want 1 and 1", until, quoted, told, err)
		}
	}
}

// What was a number of days is no share: an upgraded day says that it is not known.
func TestOldDaysHaveNoShare(t *testing.T) {
	db := warehousetest.Empty(t)
	files := os.DirFS("schema")
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	schema := fstest.MapFS{}
	for _, name := range names {
		if schema[name] = new(fstest.MapFile); name == "0049_prior_engaged_share.sql" {
			delete(schema, name)
			break
		}
		if schema[name].Data, err = fs.ReadFile(files, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.MigrateFS(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(t.Context(), "INSERT INTO person_days (business_id, day, prior_engaged, opted_out) VALUES ('shop', '2026-03-01', 14, 1)"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.MigrateFS(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	var days, known, left uint64
	if err := db.QueryRow(t.Context(), "SELECT count(), count(prior_engaged), sum(opted_out) FROM person_days").Scan(&days, &known, &left); err != nil || days != 1 || known != 0 || left != 1 {
		t.Errorf("%d days, of which %d know a share and %d are an opt-out, %v; want 1, 0, 1", days, known, left, err)
	}
}
