package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"drumbeat/ingest/canonical"
	"drumbeat/queries"
	"drumbeat/reports"
	"drumbeat/reports/browsertest"
	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
)

// world returns a database with about a million events, made when it is first asked for. It goes
// with the engine.
func (b *bench) world(ctx context.Context) (*warehouse.DB, error) {
	if b.ready != nil {
		return b.ready, nil
	}
	db, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	go func() {
		w := canonical.NewWriter(in)
		for line := range simulate.New(simulate.Options{Seed: 1, Contacts: b.scaled(16_000), Days: 90}).Lines() {
			if w.Write(&line) != nil {
				return // the import has failed
			}
		}
		in.Close()
	}()
	err = importLines(ctx, db, out)
	out.Close()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	b.ready = db
	return db, nil
}

// metrics returns the world with its metrics computed.
func (b *bench) metrics(ctx context.Context) (*warehouse.DB, error) {
	db, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	var runs uint64
	if err := db.QueryRow(ctx, "SELECT count() FROM runs").Scan(&runs); err != nil {
		return nil, fmt.Errorf("look for earlier runs: %w", err)
	}
	if runs == 0 {
		_, err = transform.Run(ctx, db, "frequency", transform.Window{})
	}
	return db, err
}

func (b *bench) reports(ctx context.Context) error {
	db, err := b.metrics(ctx)
	if err != nil {
		return err
	}
	o, err := b.reportOptions("reports")
	if err != nil {
		return err
	}
	figures, err := b.alternate(ctx, seconds(func(ctx context.Context) error {
		_, err := reports.Render(ctx, queries.NewRunner(db), o)
		return err
	}))
	if err != nil {
		return err
	}
	b.add(alone(row{Name: "all reports from ready metrics", Value: figures[0].value, Unit: "s", Goal: 2, AtMost: true}))
	pages, err := filepath.Glob(filepath.Join(o.Dir, "*", "*.html"))
	if err != nil {
		return fmt.Errorf("list the pages: %w", err)
	}
	var largest int64
	var heaviest string
	for _, page := range pages {
		info, err := os.Stat(page)
		if err != nil {
			return fmt.Errorf("weigh the pages: %w", err)
		}
		if info.Size() > largest {
			largest, heaviest = info.Size(), page
		}
	}
	b.add(alone(row{Name: "largest page", Value: float64(largest) / 1e6, Unit: "MB", Goal: 1, AtMost: true, Note: filepath.Base(heaviest)}))
	return b.firstChart(ctx, heaviest)
}

// firstChart measures when a reader of a page sees a chart: its still at the first paint, and the live one.
func (b *bench) firstChart(ctx context.Context, page string) error {
	var painted []float64
	figures, err := b.alternate(ctx, func(ctx context.Context) (float64, error) {
		paint, live, err := browsertest.FirstChart(ctx, b.dir, page)
		painted = append(painted, paint.Seconds())
		return live.Seconds(), err
	})
	r := row{Name: "first chart of the largest page is live", Unit: "s", Goal: 1, AtMost: true}
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		r.Note = "not measured: " + err.Error()
		b.add(r)
		return nil
	}
	r.Value, r.Note = figures[0].value, fmt.Sprintf("its still is painted after %.2f s", median(painted))
	b.add(alone(r))
	return nil
}

// reportOptions are those of reports in a folder of the bench.
func (b *bench) reportOptions(folder string) (o reports.Options, err error) {
	library, err := os.ReadFile("node_modules/.drumbeat/charts.min.js")
	if err != nil {
		return o, fmt.Errorf("read the chart library; run this in Drumbeat's folder, after `make deps`: %w", err)
	}
	definitions, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		return o, fmt.Errorf("read the definitions; run this in Drumbeat's folder: %w", err)
	}
	return reports.Options{Dir: filepath.Join(b.dir, folder), Echarts: library, Definitions: string(definitions)}, nil
}

// query asks every question that needs no parameter, as an analyst would.
func (b *bench) query(ctx context.Context) error {
	db, err := b.metrics(ctx)
	if err != nil {
		return err
	}
	ask := queries.NewRunner(db)
	slowest := row{Name: "slowest named question", Unit: "s", Goal: 1, AtMost: true}
	for _, q := range queries.Catalogue() {
		if slices.ContainsFunc(q.Params, func(p queries.Param) bool { return p.Required }) {
			continue
		}
		figures, err := b.alternate(ctx, seconds(func(ctx context.Context) error { return ask.Run(ctx, q.Name, nil, queries.CSV, io.Discard) }))
		if err != nil {
			return err
		}
		if figures[0].value > slowest.Value {
			slowest.Value, slowest.Note = figures[0].value, q.Name
		}
	}
	b.add(alone(slowest))
	return nil
}
