package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"drumbeat/docs"
	"drumbeat/queries"
	"drumbeat/reports"
)

type reportCommand struct {
	Out      string `help:"Folder of the pages; by default reports/ in the data folder." short:"o" type:"path"`
	Business string `help:"Whose report; needed only where there are several."`
	windowFlags
}

// windowFlags choose a window of UTC days.
type windowFlags struct {
	From string `help:"First day of the window, UTC." placeholder:"YYYY-MM-DD"`
	To   string `help:"Day after the last one, UTC." placeholder:"YYYY-MM-DD"`
}

// days returns zero times where no window was asked for.
func (f windowFlags) days() (from, to time.Time, err error) {
	if f.From == "" && f.To == "" {
		return from, to, nil
	}
	from, errFrom := time.Parse(time.DateOnly, f.From)
	to, errTo := time.Parse(time.DateOnly, f.To)
	if errFrom != nil || errTo != nil || !from.Before(to) {
		return from, to, usageError{fmt.Errorf("--from %q --to %q is no window: give two days such as 2026-03-01, the later one second", f.From, f.To)}
	}
	return from, to, nil
}

func (c *reportCommand) Run(ctx context.Context, p *program) error {
	from, to, err := c.days()
	if err != nil {
		return err
	}
	db, err := p.openWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	pages, err := renderReports(ctx, queries.NewRunner(db), reports.Options{Dir: p.reportsDir(c.Out), Business: c.Business, From: from, To: to})
	if errors.Is(err, queries.ErrBusiness) || errors.Is(err, queries.ErrWindow) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, pages.Report)
	return nil
}

// reportsDir is where pages go unless another folder was named.
func (p *program) reportsDir(named string) string {
	if named != "" {
		return named
	}
	return filepath.Join(p.Dir, "reports")
}

// renderReports adds to o what every report needs: the chart library and the definitions.
func renderReports(ctx context.Context, ask *queries.Runner, o reports.Options) (reports.Pages, error) {
	library, err := readChartLibrary()
	if err != nil {
		return reports.Pages{}, err
	}
	o.Echarts, o.Definitions = library, docs.Metrics
	return reports.Render(ctx, ask, o)
}

// readChartLibrary looks where package embedded looks for the engine: beside the executable, in
// DRUMBEAT_LIB, in node_modules here or above.
func readChartLibrary() ([]byte, error) {
	const name = "echarts.common.min.js"
	var places []string
	if executable, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(executable), name))
	}
	if lib := os.Getenv("DRUMBEAT_LIB"); lib != "" {
		places = append(places, filepath.Join(lib, name), filepath.Join(filepath.Dir(lib), name))
	}
	if dir, err := os.Getwd(); err == nil {
		for {
			places = append(places, filepath.Join(dir, "node_modules", "echarts", "dist", name))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	for _, place := range places {
		library, err := os.ReadFile(place)
		if err == nil {
			return library, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("read the chart library: %w", err)
		}
	}
	return nil, fmt.Errorf("the chart library %s is neither beside the program, nor in DRUMBEAT_LIB, nor in node_modules: run `npm ci` in Drumbeat's folder", name)
}
