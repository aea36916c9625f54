package warehouse

import (
	"context"
	"fmt"
	"io/fs"
)

// Facts are what can be said about a warehouse, for people.
type Facts struct {
	EngineVersion string // ClickHouse's
	Mode          string // "server", "embedded" (run by this process) or "attached" (by another)
	Place         string // host:port, or the data folder
	Database      string
	Applied       int         // version of the schema in the database
	Pending       []Migration // what Migrate would apply
	Tables        []TableSize // by name; views and tables without rows on disk are left out
	EngineCrashes int         // embedded only: since this process started it
}

// TableSize is what a table holds on disk.
type TableSize struct {
	Name  string `ch:"table"`
	Rows  uint64 `ch:"rows"`  // stored, before merging
	Bytes uint64 `ch:"bytes"` // compressed
}

const selectSizes = `
SELECT table, sum(p.rows) AS rows, sum(p.bytes_on_disk) AS bytes
FROM system.parts AS p
WHERE database = currentDatabase() AND active
GROUP BY table
ORDER BY table`

// Facts collects them. A schema that [DB.Migrate] would refuse is an error, beside the other facts.
func (db *DB) Facts(ctx context.Context) (Facts, error) {
	f := Facts{Mode: "server", Place: db.place, Database: db.database}
	if db.engine != nil {
		f.Mode = "embedded"
		state := db.engine.State()
		f.EngineCrashes = state.Crashes
		if state.Attached {
			f.Mode = "attached"
		}
	}
	if err := db.QueryRow(ctx, `SELECT version()`).Scan(&f.EngineVersion); err != nil {
		return f, fmt.Errorf("ask for the engine's version: %w", err)
	}
	if err := db.Select(ctx, &f.Tables, selectSizes); err != nil {
		return f, fmt.Errorf("ask for the sizes of tables: %w", err)
	}
	files, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		return f, err
	}
	schema, err := readSchema(files)
	if err != nil {
		return f, err
	}
	if f.Pending, err = db.pending(ctx, schema); err != nil {
		return f, err
	}
	f.Applied = len(schema) - len(f.Pending)
	return f, nil
}
