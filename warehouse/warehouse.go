// Package warehouse keeps Drumbeat's data in ClickHouse.
//
// [Open] connects to a server by DSN or, without one, to a real ClickHouse in a child process
// (package embedded), so that nothing has to be installed. [DB.Migrate] brings the schema up to
// date. The pipeline writes as the writer; questions of people go through [DB.QueryFormat], as an
// analyst who can neither write nor starve the pipeline.
//
//	db, err := warehouse.Open(ctx, warehouse.Options{Dir: "data"})
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	if _, err := db.Migrate(ctx); err != nil {
//		return err
//	}
//	err = db.Insert(ctx, "event_log", records, token)
package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"drumbeat/warehouse/embedded"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DefaultDatabase is where the tables are, unless Options or the DSN name another database.
const DefaultDatabase = "drumbeat"

// attachPatience is how long Open waits for a folder whose owner is just starting or going away.
const attachPatience = 15 * time.Second

// Options of [Open].
type Options struct {
	DSN         string       // clickhouse://USER:PASSWORD@HOST:9000/DATABASE?secure=true&http_port=8443; empty: embedded
	AnalystDSN  string       // for QueryFormat and AnalystQuery; default: DSN, read-only and with limits (but KILL QUERY works)
	Dir         string       // data folder of the embedded engine; needed without a DSN
	Database    string       // default: the DSN's, else DefaultDatabase; embedded: drumbeat or drumbeat_*
	Stay        bool         // embedded: when the process that runs the engine there ends, run it here (long-lived processes)
	MemoryBytes int64        // what the embedded engine may use; default: see embedded.Options
	Log         *slog.Logger // default: slog.Default()
}

// DB is the warehouse; its methods may be called concurrently.
type DB struct {
	database string
	place    string           // host:port or data folder, for messages
	engine   *embedded.Engine // nil with a DSN

	writer      driver.Conn // native protocol
	writerHTTP  driver.Conn
	analyst     driver.Conn
	analystHTTP driver.Conn
}

// Open connects to the warehouse and creates the database if it is missing; ctx bounds the opening only.
// Without a DSN it takes the data folder and starts the engine there, or attaches to the engine that another
// process runs on it. Errors are one sentence, with what to do and without passwords; one that wraps
// [embedded.ErrNoLibrary] or is a *[embedded.LockedError] can be told from the rest. The caller must Close the DB.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.DSN != "" {
		return openServer(ctx, o)
	}
	if o.Dir == "" {
		return nil, errors.New("open warehouse: name a data folder, or a ClickHouse server with a DSN")
	}
	return openEmbedded(ctx, o)
}

// embeddedDatabase is what the embedded writer has rights to.
var embeddedDatabase = regexp.MustCompile(`^drumbeat(_[A-Za-z0-9_]+)?$`)

func openEmbedded(ctx context.Context, o Options) (*DB, error) {
	if o.Database == "" {
		o.Database = DefaultDatabase
	}
	if !embeddedDatabase.MatchString(o.Database) {
		return nil, fmt.Errorf("open warehouse: database %q: name it drumbeat or drumbeat_something", o.Database)
	}
	engine, err := startOrAttach(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open warehouse: %w", err)
	}
	connect := func(who embedded.Credentials, protocol clickhouse.Protocol) clickhouse.Options {
		addr := embedded.NativeAddr
		if protocol == clickhouse.HTTP {
			addr = embedded.HTTPAddr
		}
		return clickhouse.Options{
			Protocol: protocol, Addr: []string{addr}, DialContext: engine.DialContext,
			Auth: clickhouse.Auth{Username: who.User, Password: who.Password, Database: o.Database},
		}
	}
	db, err := connections{
		place: engine.Dir(), create: "ENGINE = Atomic",
		writer:      connect(engine.Writer(), clickhouse.Native),
		writerHTTP:  connect(engine.Writer(), clickhouse.HTTP),
		analyst:     connect(engine.Analyst(), clickhouse.Native),
		analystHTTP: connect(engine.Analyst(), clickhouse.HTTP),
	}.open(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open warehouse: %w", err), engine.Close())
	}
	db.engine = engine
	return db, nil
}

// startOrAttach starts the engine or, if another process has the folder, finds that one's.
// A locked folder without an answering engine is one in transition: it tries again for a while.
func startOrAttach(ctx context.Context, o Options) (*embedded.Engine, error) {
	patience, cancel := context.WithTimeout(ctx, attachPatience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		options := embedded.Options{Dir: o.Dir, MemoryBytes: o.MemoryBytes, Log: o.Log}
		engine, err := embedded.Start(ctx, options)
		var locked *embedded.LockedError
		if !errors.As(err, &locked) {
			return engine, err
		}
		if engine, err := embedded.Attach(o.Dir); err == nil && answers(patience, engine) {
			if !o.Stay {
				return engine, nil
			}
			if engine, err := embedded.AttachToStay(options); err == nil {
				return engine, nil
			}
		}
		select {
		case <-tick.C:
		case <-patience.Done():
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, fmt.Errorf("%w, but no engine answers there: stop that process and try again, or name another data folder", locked)
		}
	}
}

func answers(ctx context.Context, engine *embedded.Engine) bool {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{embedded.NativeAddr}, DialContext: engine.DialContext, DialTimeout: 2 * time.Second,
		Auth: clickhouse.Auth{Username: engine.Writer().User, Password: engine.Writer().Password},
	})
	if err != nil {
		return false
	}
	defer conn.Close()
	return conn.Ping(ctx) == nil
}

// connections is how to reach the warehouse as each user by each protocol.
type connections struct {
	place                                    string
	create                                   string // behind CREATE DATABASE
	writer, writerHTTP, analyst, analystHTTP clickhouse.Options
}

// statementPatience is how long a statement of the pipeline may take. The driver's own five minutes are for the whole statement, however alive
// it is, and a model over tens of millions of messages takes longer. A server that is gone is noticed by TCP, and sooner.
const statementPatience = 24 * time.Hour

// open creates the database if it is missing, connects, and sees that every user gets in.
func (c connections) open(ctx context.Context) (*DB, error) {
	if err := c.createDatabase(ctx); err != nil {
		return nil, err
	}
	db := &DB{database: c.writer.Auth.Database, place: c.place}
	if c.writer.ReadTimeout == 0 { // else the DSN says
		c.writer.ReadTimeout = statementPatience
	}
	c.analystHTTP.Settings = with(c.analystHTTP.Settings, "wait_end_of_query", 1)
	for _, conn := range []struct {
		to      *driver.Conn
		options clickhouse.Options
	}{
		{&db.writer, c.writer}, {&db.writerHTTP, c.writerHTTP}, {&db.analyst, c.analyst}, {&db.analystHTTP, c.analystHTTP},
	} {
		conn.options.ClientInfo.Products = append(conn.options.ClientInfo.Products, struct{ Name, Version string }{"drumbeat", "1"})
		conn.options.MaxOpenConns = max(conn.options.MaxOpenConns, 16)
		opened, err := clickhouse.Open(&conn.options)
		if err == nil {
			*conn.to = opened
			err = opened.Ping(ctx)
		}
		if err != nil {
			return nil, errors.Join(explain(&conn.options, err), db.closeConns())
		}
	}
	return db, nil
}

func (c connections) createDatabase(ctx context.Context) error {
	name := c.writer.Auth.Database
	c.writer.Auth.Database = "" // it may not exist, and then no session can begin in it
	conn, err := clickhouse.Open(&c.writer)
	if err != nil {
		return explain(&c.writer, err)
	}
	defer conn.Close()
	var exists bool
	err = conn.QueryRow(ctx, `SELECT count() > 0 FROM system.databases WHERE name = {name:String}`, clickhouse.Named("name", name)).Scan(&exists)
	if err == nil && !exists {
		err = conn.Exec(ctx, strings.TrimSpace("CREATE DATABASE IF NOT EXISTS "+quote(name)+" "+c.create))
	}
	if err != nil {
		return explain(&c.writer, err)
	}
	return nil
}

// with returns a copy of settings with one more.
func with(settings clickhouse.Settings, name string, value any) clickhouse.Settings {
	merged := clickhouse.Settings{name: value}
	for k, v := range settings {
		merged[k] = v
	}
	return merged
}

// quote makes any text one SQL identifier.
func quote(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// Close closes the connections and ends the embedded engine, if this process started it.
func (db *DB) Close() error {
	err := db.closeConns()
	if db.engine != nil {
		err = errors.Join(err, db.engine.Close())
	}
	return err
}

func (db *DB) closeConns() error {
	var errs []error
	for _, conn := range []driver.Conn{db.writer, db.writerHTTP, db.analyst, db.analystHTTP} {
		if conn != nil {
			errs = append(errs, conn.Close())
		}
	}
	return errors.Join(errs...)
}

// Database is the name of the database that every statement runs in.
func (db *DB) Database() string { return db.database }

// Engine is the embedded engine, or nil on a server.
func (db *DB) Engine() *embedded.Engine { return db.engine }

// Ping tells whether the warehouse answers.
func (db *DB) Ping(ctx context.Context) error { return db.writer.Ping(ctx) }

// Exec runs a statement as the writer. Values go in as {name:Type} with clickhouse.Named or clickhouse.DateNamed.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) error {
	return db.writer.Exec(ctx, sql, args...)
}

// Query runs a query as the writer; see [DB.Exec] for args. The caller must Close the rows and look at their Err.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (driver.Rows, error) {
	return db.writer.Query(ctx, sql, args...)
}

// QueryRow runs a query for one row as the writer; see [DB.Exec] for args.
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) driver.Row {
	return db.writer.QueryRow(ctx, sql, args...)
}

// Select runs a query as the writer and scans all rows into dest, a pointer to a slice of
// structs with ch tags; see [DB.Exec] for args.
func (db *DB) Select(ctx context.Context, dest any, sql string, args ...any) error {
	return db.writer.Select(ctx, dest, sql, args...)
}

// PrepareBatch begins an insert of Go values as the writer, for small amounts; see [DB.Insert] for large ones.
func (db *DB) PrepareBatch(ctx context.Context, sql string) (driver.Batch, error) {
	return db.writer.PrepareBatch(ctx, sql)
}

// AnalystSelect runs a query as the analyst and scans all rows into dest; see [DB.Select].
func (db *DB) AnalystSelect(ctx context.Context, dest any, sql string, args ...any) error {
	return db.analyst.Select(analystContext(ctx), dest, sql, args...)
}

// AnalystQuery runs a query as the analyst; see [DB.Query].
func (db *DB) AnalystQuery(ctx context.Context, sql string, args ...any) (driver.Rows, error) {
	return db.analyst.Query(analystContext(ctx), sql, args...)
}

// QueryFormat runs a query as the analyst and returns the result in a ClickHouse format (CSV, JSON, Parquet,
// ArrowStream ...); see [DB.Exec] for args. The server holds the result back until it is complete, so that a
// query that fails returns an error here and never half a result. The caller must Close the reader.
func (db *DB) QueryFormat(ctx context.Context, format, sql string, args ...any) (io.ReadCloser, error) {
	return db.analystHTTP.QueryFormat(analystContext(ctx), format, sql, args...)
}

// analystContext hides a deadline beyond the analyst's own limit: the client would ask the
// server for that much time, which the analyst may not do. Cancelling goes through.
func analystContext(ctx context.Context) context.Context {
	const slack = 10 * time.Second // the client adds 5 s
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > embedded.AnalystTimeout-slack {
		return noDeadline{ctx}
	}
	return ctx
}

type noDeadline struct{ context.Context }

func (noDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }
