// Drumbeat collects messaging events into ClickHouse and answers from them how often a business
// may message people, and what bothers the people who message it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"drumbeat/warehouse"
	"drumbeat/warehouse/embedded"
)

func main() {
	embedded.RunChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a slow stop at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drumbeat:", err)
	}
	os.Exit(exitCode(err))
}

// usageError is a mistake in how the command was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitCode is 0 for done, 2 for a wrong call, 1 for anything else.
func exitCode(err error) int {
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		return 2
	default:
		return 1
	}
}

// commandLine is what can be typed; `drumbeat --help` prints it.
type commandLine struct {
	Dir        string `help:"Data folder: the spool, the pseudonym key, the embedded database." default:"data" env:"DRUMBEAT_DIR" type:"path"`
	DSN        string `help:"ClickHouse server to use instead of the embedded one: clickhouse://user:password@host:9000/database." env:"DRUMBEAT_DSN" name:"dsn"`
	AnalystDSN string `help:"The same server with a read-only user, for queries and reports." env:"DRUMBEAT_ANALYST_DSN" name:"analyst-dsn"`
	Verbose    bool   `help:"Log every step." short:"v"`

	Demo     demoCommand     `cmd:"" help:"Run the whole pipeline on a simulated business and say where the report is."`
	Serve    serveCommand    `cmd:"" help:"Run collectors, schedule and the reports' site in one process."`
	Import   importCommand   `cmd:"" help:"Load files of events (NDJSON, also gzipped)."`
	Simulate simulateCommand `cmd:"" help:"Make events with a known truth."`
	Run      runCommand      `cmd:"" help:"Run a job now, or again for a past window."`
	Report   reportCommand   `cmd:"" help:"Render the reports to a folder."`
	Query    queryCommand    `cmd:"" help:"Ask a named question, or in SQL, as the read-only analyst."`
	Contacts contactsCommand `cmd:"" help:"Add the contact_id to a list of addresses (CSV), to join it with what queries export."`
	Rates    ratesCommand    `cmd:"" help:"Load a rate card: what messages cost (CSV)."`
	Doctor   doctorCommand   `cmd:"" help:"Check engine, schema, spool and freshness."`

	Survey     surveyCommand     `cmd:"" help:"Prepare the import of a survey."`
	Quarantine quarantineCommand `cmd:"" help:"See, and read again, signed webhooks that could not be read."`
}

// program is what every command works with.
type program struct {
	commandLine
	stdout, stderr io.Writer
	log            *slog.Logger
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	p := &program{stdout: stdout, stderr: stderr}
	done := false
	parser, err := kong.New(&p.commandLine,
		kong.Name("drumbeat"),
		kong.Description("How often may we message people before they stop listening, and what bothers them?\nOpenly computed from your own messaging logs. Exit codes: 0 done, 1 failed, 2 wrong usage."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { done = true }), // --help was printed
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if done {
		return nil
	}
	if err != nil {
		return usageError{fmt.Errorf("%w; `drumbeat --help` lists what there is", err)}
	}
	level := slog.LevelWarn
	if p.Verbose {
		level = slog.LevelDebug
	} else if name := command.Command(); name == "serve" || name == "import <files>" {
		level = slog.LevelInfo
	}
	p.log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	slog.SetDefault(p.log)
	err = command.Run()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// openWarehouse connects to the server, or to the embedded engine in dir, and brings its schema
// up to date. The caller closes it.
func (p *program) openWarehouse(ctx context.Context) (*warehouse.DB, error) {
	return p.migrated(ctx, warehouse.Options{DSN: p.DSN, AnalystDSN: p.AnalystDSN, Dir: p.Dir, Log: p.log})
}

// openWarehouseToStay is openWarehouse for commands that outlive others: a short one whose engine they use
// may end before them.
func (p *program) openWarehouseToStay(ctx context.Context) (*warehouse.DB, error) {
	return p.migrated(ctx, warehouse.Options{DSN: p.DSN, AnalystDSN: p.AnalystDSN, Dir: p.Dir, Log: p.log, Stay: true})
}

func (p *program) migrated(ctx context.Context, o warehouse.Options) (*warehouse.DB, error) {
	db, err := warehouse.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
