package warehouse

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Migration is one numbered step of the schema.
type Migration struct {
	Version  int    // from 1, without gaps
	Name     string // of schema/NNNN_name.sql
	Checksum string // SHA-256 of the file, hex
	SQL      string
}

// File is the path of the migration in the schema's folder.
func (m Migration) File() string { return fmt.Sprintf("schema/%04d_%s.sql", m.Version, m.Name) }

// statementMark is a line of its own between two statements of one file.
const statementMark = "-- statement"

func (m Migration) statements() []string {
	var statements []string
	var current strings.Builder
	flush := func() {
		if s := strings.TrimSpace(current.String()); s != "" {
			statements = append(statements, s)
		}
		current.Reset()
	}
	for line := range strings.Lines(m.SQL) {
		if strings.TrimSpace(line) == statementMark {
			flush()
			continue
		}
		current.WriteString(line)
	}
	flush()
	return statements
}

// repeatableMark begins a line that says why a file as a whole may be run again.
const repeatableMark = "-- repeatable:"

// repeatable tells that all statements do nothing when they were done before, or that the file says it can be run again.
func (m Migration) repeatable() bool {
	if strings.Contains(m.SQL, "\n"+repeatableMark) {
		return true
	}
	for _, statement := range m.statements() {
		if !repeatableStatement.MatchString(comments.ReplaceAllString(statement, "")) {
			return false
		}
	}
	return true
}

var (
	comments            = regexp.MustCompile(`(?m)^\s*--.*$`)
	repeatableStatement = regexp.MustCompile(`(?is)^\s*(CREATE|DROP|ALTER)\s[^(]*?\b(IF\s+NOT\s+EXISTS|IF\s+EXISTS|OR\s+REPLACE)\b`)
)

// State of a migration in the table schema_migrations, which has one row per change of state.
const (
	migrationStarted = "started"
	migrationDone    = "done"
	migrationRefused = "refused" // its first statement was, so nothing has happened
)

const createMigrations = `
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version  UInt32,
    name     String,
    checksum String COMMENT 'SHA-256 of the file, hex',
    state    Enum8('started' = 1, 'done' = 2, 'refused' = 3),
    at       DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (version, at)`

// applied is the last state of a migration.
type applied struct {
	Version  uint32    `ch:"version"`
	Name     string    `ch:"name"`
	Checksum string    `ch:"checksum"`
	State    string    `ch:"state"`
	At       time.Time `ch:"at"`
}

const selectMigrations = `
SELECT
    version,
    argMax(m.name, m.at)            AS name,
    argMax(m.checksum, m.at)        AS checksum,
    toString(argMax(m.state, m.at)) AS state,
    max(m.at)                       AS at
FROM schema_migrations AS m
GROUP BY version
ORDER BY version`

// Migrate brings the database to the schema of this binary and returns the migrations that it applied, none
// if nothing was to do. It refuses, with the way out in the error, when the database is newer than the binary,
// when an applied file was edited, and when a migration broke off midway and cannot simply be repeated.
// Of two processes that migrate at once one waits for the other.
func (db *DB) Migrate(ctx context.Context) ([]Migration, error) {
	files, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return db.MigrateFS(ctx, files)
}

// MigrateFS is [DB.Migrate] with the files NNNN_name.sql of another schema.
func (db *DB) MigrateFS(ctx context.Context, files fs.FS) (done []Migration, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("migrate %s: %w", db.database, err)
		}
	}()
	schema, err := readSchema(files)
	if err != nil {
		return nil, err
	}
	if pending, err := db.pending(ctx, schema); err == nil && len(pending) == 0 {
		return nil, nil
	}
	unlock, err := db.lockMigrations(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	pending, err := db.pending(ctx, schema) // again: another process may have been at it, which looks as if it broke off
	if err != nil {
		return nil, err
	}
	if err := db.Exec(ctx, createMigrations); err != nil {
		return nil, err
	}
	var before []change // the end of one migration is recorded with the start of the next
	for _, m := range pending {
		if err := db.record(ctx, append(before, change{m, migrationStarted})...); err != nil {
			return done, err
		}
		if err := db.apply(ctx, m); err != nil {
			return done, err
		}
		done, before = append(done, m), []change{{m, migrationDone}}
	}
	return done, db.record(ctx, before...)
}

var migrationFile = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)

// readSchema returns the migrations in order, from 1 without gaps.
func readSchema(files fs.FS) ([]Migration, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var schema []Migration
	for _, name := range names { // sorted
		match := migrationFile.FindStringSubmatch(name)
		if match == nil {
			return nil, fmt.Errorf("schema/%s: name it NNNN_name.sql with a name of a-z, 0-9 and _", name)
		}
		version, err := strconv.Atoi(match[1])
		if err != nil {
			return nil, err
		}
		if want := len(schema) + 1; version != want {
			return nil, fmt.Errorf("schema/%s: number %04d was expected here: numbers begin at 0001, without gaps and each once", name, want)
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		m := Migration{Version: version, Name: match[2], Checksum: hex.EncodeToString(sum[:]), SQL: string(b)}
		if len(m.statements()) == 0 {
			return nil, fmt.Errorf("%s: it has no statement", m.File())
		}
		schema = append(schema, m)
	}
	return schema, nil
}

// pending compares the schema with the database and returns what is to apply.
func (db *DB) pending(ctx context.Context, schema []Migration) ([]Migration, error) {
	known, err := db.appliedMigrations(ctx)
	if err != nil {
		return nil, err
	}
	for i, a := range known {
		if int(a.Version) != i+1 {
			return nil, fmt.Errorf("the table schema_migrations has no version %d: restore its row, or begin with an empty database", i+1)
		}
		if i >= len(schema) {
			return nil, fmt.Errorf("the database is at version %d and this drumbeat knows %d: use the drumbeat that wrote it, or a newer one",
				len(known), len(schema))
		}
		m := schema[i]
		switch {
		case a.State == migrationRefused:
			return schema[i:], nil
		case a.Checksum != m.Checksum || a.Name != m.Name:
			return nil, fmt.Errorf("%s is not the file that was applied as %04d_%s on %s: undo the edit, and put the change into a new migration",
				m.File(), a.Version, a.Name, a.At.Format(time.DateTime))
		case a.State == migrationStarted && !m.repeatable():
			return nil, fmt.Errorf("%s broke off on %s, half applied: undo by hand what it did, delete its row with "+
				"`DELETE FROM %s.schema_migrations WHERE version = %d`, and start again", m.File(), a.At.Format(time.DateTime), quote(db.database), a.Version)
		case a.State == migrationStarted:
			return schema[i:], nil
		}
	}
	return schema[len(known):], nil
}

func (db *DB) appliedMigrations(ctx context.Context) ([]applied, error) {
	var known []applied
	err := db.Select(ctx, &known, selectMigrations)
	var exception *clickhouse.Exception
	if errors.As(err, &exception) && exception.Code == codeUnknownTable {
		return nil, nil
	}
	return known, err
}

func (db *DB) apply(ctx context.Context, m Migration) error {
	for i, statement := range m.statements() {
		err := db.Exec(ctx, statement)
		var exception *clickhouse.Exception
		if err != nil && i == 0 && errors.As(err, &exception) && !Retryable(err) {
			err = errors.Join(err, db.record(ctx, change{m, migrationRefused}))
		}
		if err != nil {
			return fmt.Errorf("%s, statement %d: %w", m.File(), i+1, err)
		}
	}
	return nil
}

// change is a migration's new state.
type change struct {
	Migration
	state string
}

func (db *DB) record(ctx context.Context, changes ...change) error {
	if len(changes) == 0 {
		return nil
	}
	var rows []string
	for _, c := range changes { // no name and no checksum needs escaping
		rows = append(rows, fmt.Sprintf("(%d,'%s','%s','%s')", c.Version, c.Name, c.Checksum, c.state))
	}
	err := db.Exec(ctx, `
INSERT INTO schema_migrations (version, name, checksum, state, at)
SELECT (arrayJoin({rows:Array(Tuple(UInt32, String, String, String))}) AS c).1, c.2, c.3, c.4, now64(6)`,
		clickhouse.Named("rows", "["+strings.Join(rows, ",")+"]"))
	if err != nil {
		last := changes[len(changes)-1]
		return fmt.Errorf("record that %s is %s: %w", last.File(), last.state, err)
	}
	return nil
}

// migrationPatience is how long a process waits for another one that migrates.
const migrationPatience = 30 * time.Second

// lockMigrations lets one process migrate. All users of an embedded engine are on one machine, so a file lock
// does it, and ends with its holder. On a server the lock is a table: creating it succeeds once. Its holder may
// die without dropping it; then the error says how to.
func (db *DB) lockMigrations(ctx context.Context) (unlock func() error, err error) {
	patience, cancel := context.WithTimeout(ctx, migrationPatience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	try := db.tryTableLock
	if db.engine != nil {
		try = db.tryFileLock
	}
	for {
		unlock, err := try(ctx)
		if err == nil || !errors.Is(err, errMigrating) {
			return unlock, err
		}
		select {
		case <-tick.C:
		case <-patience.Done():
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, err
		}
	}
}

var errMigrating = errors.New("another process is migrating")

func (db *DB) tryFileLock(context.Context) (unlock func() error, err error) {
	path := filepath.Join(db.engine.Dir(), "migrate")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w (lock file %s): wait for it, or stop it", errMigrating, path)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file.Close, nil
}

func (db *DB) tryTableLock(ctx context.Context) (unlock func() error, err error) {
	err = db.Exec(ctx, `CREATE TABLE schema_migrating (at DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY at`)
	var exception *clickhouse.Exception
	if errors.As(err, &exception) && exception.Code == codeTableExists {
		return nil, fmt.Errorf("%w; if none is, drop its mark with `DROP TABLE %s.schema_migrating`", errMigrating, quote(db.database))
	}
	if err != nil {
		return nil, err
	}
	return func() error {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return db.Exec(last, `DROP TABLE schema_migrating SYNC`)
	}, nil
}
