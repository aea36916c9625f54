// DuckDB computes the crude frequency curve from raw events, for the bench to be measured beside. It is a module
// of its own because DuckDB needs a C compiler, which Drumbeat does without.
//
//	duckdb 'EVENTS/*.parquet' DATABASE
//
// It loads the events into a new database file and prints a line of JSON with its version. Then it computes the
// curve once for each line of its standard input, and prints it with the seconds that it took.
package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

// A table with the types that serve DuckDB best: numbers, and an enum for the type of the event.
const load = `
CREATE TYPE event_type AS ENUM ('send', 'delivered', 'open', 'click', 'reply', 'failed', 'opt_in', 'opt_out', 'complaint');
CREATE TABLE events AS
SELECT contact_id, message_id, event_type::event_type AS event_type, event_ms
FROM read_parquet('%s')`

// The facts of each message, then how many sends its contact had in the 7 x 24 h up to and including it.
const curve = `
WITH
messages AS
(
    SELECT
        contact_id,
        min(event_ms) FILTER (event_type = 'send') AS sent_ms,
        min(event_ms) FILTER (event_type = 'open') AS opened_ms
    FROM events
    WHERE event_type IN ('send', 'open')
    GROUP BY contact_id, message_id
),
exposed AS
(
    SELECT
        count(*) OVER (PARTITION BY contact_id ORDER BY sent_ms RANGE BETWEEN 604799999 PRECEDING AND CURRENT ROW) AS exposure,
        coalesce(opened_ms <= sent_ms + 604800000, false) AS opened
    FROM messages
    WHERE sent_ms IS NOT NULL
)
SELECT
    CASE WHEN exposure <= 5 THEN exposure WHEN exposure <= 7 THEN 6 WHEN exposure <= 10 THEN 8 ELSE 11 END AS exposure_from,
    count(*)                       AS messages,
    count(*) FILTER (opened)       AS opens
FROM exposed
GROUP BY exposure_from
ORDER BY exposure_from`

// cell is a bin of the curve: exposure from, messages, opens.
type cell [3]int64

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: duckdb 'EVENTS/*.parquet' DATABASE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "duckdb:", err)
		os.Exit(1)
	}
}

func run(events, database string) error {
	db, err := sql.Open("duckdb", database)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf(load, strings.ReplaceAll(events, "'", "''"))); err != nil {
		return fmt.Errorf("load the events: %w", err)
	}
	var said struct {
		Version string  `json:"version"`
		Seconds float64 `json:"seconds"`
		Curve   []cell  `json:"curve"`
	}
	if err := db.QueryRow("SELECT version()").Scan(&said.Version); err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	answers := json.NewEncoder(os.Stdout)
	if err := answers.Encode(said); err != nil {
		return fmt.Errorf("say that the events are loaded: %w", err)
	}
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		started := time.Now()
		if said.Curve, err = compute(db); err != nil {
			return fmt.Errorf("compute the curve: %w", err)
		}
		said.Seconds = time.Since(started).Seconds()
		if err := answers.Encode(said); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return asked.Err()
}

func compute(db *sql.DB) (cells []cell, err error) {
	rows, err := db.Query(curve)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c cell
		if err := rows.Scan(&c[0], &c[1], &c[2]); err != nil {
			return nil, err
		}
		cells = append(cells, c)
	}
	return cells, rows.Err()
}
