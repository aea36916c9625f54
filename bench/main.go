// Bench measures how fast Drumbeat is beside other programs, all in one run on one machine.
// docs/bench.md says how to run it and what the rows mean.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"drumbeat/warehouse"
	"drumbeat/warehouse/embedded"
)

type flags struct {
	Only       string  `help:"Run one group: ingest, import, survey, transform, reports, file, query." enum:",ingest,import,survey,transform,reports,file,query" default:""`
	Size       float64 `help:"Scale the amount of work." default:"1"`
	Rounds     int     `help:"Measurements of each; the median counts." default:"3"`
	Senders    int     `help:"Posts under way at once. The embedded engine takes 64 statements at a time." default:"48"`
	Out        string  `help:"File for the results." default:"build/bench.json" type:"path"`
	CPUProfile string  `help:"File for a CPU profile of this process: collector, import and load generator." name:"cpuprofile" type:"path"`
}

// groups run in this order.
var groups = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"ingest", (*bench).ingest},
	{"import", (*bench).importing},
	{"survey", (*bench).survey},
	{"transform", (*bench).transform},
	{"reports", (*bench).reports},
	{"file", (*bench).file},
	{"query", (*bench).query},
}

func main() {
	embedded.RunChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var f flags
	kong.Parse(&f, kong.Name("bench"), kong.Description("Measure Drumbeat's speed beside that of other programs."))
	if err := f.run(ctx); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures, prints the table and writes the results. After a failure it prints what there is
// and leaves the earlier results alone.
func (f flags) run(ctx context.Context) (err error) {
	if f.Size <= 0 || f.Rounds < 1 || f.Senders < 1 {
		return errors.New("--size, --rounds and --senders must be above 0")
	}
	if err := os.MkdirAll(filepath.Dir(f.Out), 0o755); err != nil {
		return fmt.Errorf("make the folder of the results: %w", err)
	}
	// Beside the results rather than in /tmp, which may be memory and sync for nothing.
	dir, err := os.MkdirTemp(filepath.Dir(f.Out), "bench-")
	if err != nil {
		return fmt.Errorf("make a folder for the data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if f.CPUProfile != "" {
		profile, err := os.Create(f.CPUProfile)
		if err != nil {
			return fmt.Errorf("create the profile: %w", err)
		}
		defer profile.Close()
		if err := pprof.StartCPUProfile(profile); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}

	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	b := &bench{flags: f, dir: dir}
	started, load := time.Now(), processors()
	err = b.measure(ctx)
	if len(b.rows) == 0 {
		return err
	}
	fmt.Printf("\n%s; %.0f s%s\n\n", machine(), time.Since(started).Seconds(), load.others())
	if err = errors.Join(err, writeTable(os.Stdout, b.rows)); err != nil {
		return err
	}
	return writeJSON(f.Out, b.rows)
}

// measure starts the engine, runs the groups and ends the engine.
func (b *bench) measure(ctx context.Context) (err error) {
	if b.engine, err = warehouse.Open(ctx, warehouse.Options{Dir: b.data()}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.engine.Close()) }()
	for _, g := range groups {
		if b.Only != "" && b.Only != g.name {
			continue
		}
		if err := g.run(b, ctx); err != nil {
			return fmt.Errorf("measure %s: %w", g.name, err)
		}
	}
	return nil
}

// bench is one run.
type bench struct {
	flags
	dir    string
	engine *warehouse.DB // owns the engine; what is measured has databases of its own there
	rows   []row

	databases int
	ready     *warehouse.DB // see world
}

func (b *bench) data() string { return filepath.Join(b.dir, "data") }

// scaled is an amount of work under --size.
func (b *bench) scaled(n int) int { return max(1, int(float64(n)*b.Size)) }

func (b *bench) add(r row) {
	b.rows = append(b.rows, r)
	fmt.Fprintln(os.Stderr, "measured:", r.Name)
}

// open makes a migrated database.
func (b *bench) open(ctx context.Context) (*warehouse.DB, error) {
	b.databases++
	db, err := warehouse.Open(ctx, warehouse.Options{Dir: b.data(), Database: fmt.Sprintf("drumbeat_%d", b.databases)})
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// contestant does the work once and returns its speed, or the time it took.
type contestant func(context.Context) (float64, error)

// apart gives each turn of a contestant a database of its own and drops it afterwards, so that nothing
// of it is still being merged while the next one works.
func (b *bench) apart(work func(context.Context, *warehouse.DB) (float64, error)) contestant {
	return func(ctx context.Context) (float64, error) {
		db, err := b.open(ctx)
		if err != nil {
			return 0, err
		}
		value, err := work(ctx, db)
		return value, errors.Join(err, db.Exec(ctx, "DROP DATABASE "+db.Database()+" SYNC"), db.Close())
	}
}

// seconds makes a contestant of work whose time counts.
func seconds(work func(context.Context) error) contestant {
	return func(ctx context.Context) (float64, error) {
		started := time.Now()
		err := work(ctx)
		return time.Since(started).Seconds(), err
	}
}

// figure is the median of a contestant's turns, or why there is none.
type figure struct {
	value float64
	err   error
}

// alternate lets the contestants work in turns, so that whatever slows the machine slows all of
// them. The first is ours, and has to succeed; another may fail.
func (b *bench) alternate(ctx context.Context, contestants ...contestant) ([]figure, error) {
	figures := make([]figure, len(contestants))
	values := make([][]float64, len(contestants))
	for range b.Rounds {
		for i, work := range contestants {
			if figures[i].err != nil {
				continue
			}
			value, err := work(ctx)
			if err != nil && (i == 0 || ctx.Err() != nil) {
				return nil, err
			}
			figures[i].err = err
			values[i] = append(values[i], value)
		}
	}
	for i := range figures {
		figures[i].value = median(values[i])
	}
	return figures, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
