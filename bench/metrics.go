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
	library, err := os.ReadFile("node_modules/.drumbeat/charts.min.js")
	if err != nil {
		return fmt.Errorf("read the chart library; run this in Drumbeat's folder, after `make deps`: %w", err)
	}
	definitions, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		return fmt.Errorf("read the definitions; run this in Drumbeat's folder: %w", err)
	}
	o := reports.Options{Dir: filepath.Join(b.dir, "reports"), Echarts: library, Definitions: string(definitions)}
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
	for _, page := range pages {
		info, err := os.Stat(page)
		if err != nil {
			return fmt.Errorf("weigh the pages: %w", err)
		}
		largest = max(largest, info.Size())
	}
	b.add(alone(row{Name: "largest page", Value: float64(largest) / 1e6, Unit: "MB", Goal: 1, AtMost: true}))
	return nil
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
