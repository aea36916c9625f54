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
	Out      string `help:"Folder of the editions; by default reports/ in the data folder." short:"o" type:"path"`
	Business string `help:"Whose report; needed only where there are several."`
	Edition  string `help:"Render an archived edition again from its own rows, without the warehouse: the name of its folder." placeholder:"NAME"`
	Mail     bool   `help:"Send the summary and the pages to the addresses under mail in the configuration."`
	Config   string `help:"The configuration; docs/operations.md has an example." default:"drumbeat.yaml" type:"path" short:"c"`
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
	postmen, err := c.postmen()
	if err != nil {
		return usageError{err}
	}
	if c.Edition != "" {
		return c.again(ctx, p, postmen)
	}
	db, err := p.openWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	rendered, err := renderReports(ctx, queries.NewRunner(db), reports.Options{Dir: p.reportsDir(c.Out), Own: p.Dir, Business: c.Business, From: from, To: to})
	if errors.Is(err, queries.ErrBusiness) || errors.Is(err, queries.ErrWindow) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	return c.done(ctx, p, postmen, rendered)
}

// postmen are those of the configuration, if mail is wanted.
func (c *reportCommand) postmen() ([]postman, error) {
	if !c.Mail {
		return nil, nil
	}
	conf, err := readConfig(c.Config, true)
	if err != nil {
		return nil, err
	}
	list, err := conf.postmen()
	if err == nil && len(list) == 0 {
		err = errors.New("nobody is named under mail: docs/operations.md has an example")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Config, err)
	}
	return list, nil
}

// done says where the report is, and mails it.
func (c *reportCommand) done(ctx context.Context, p *program, postmen []postman, rendered reports.Rendered) error {
	fmt.Fprintln(p.stdout, rendered.Report)
	sent, err := deliver(ctx, postmen, rendered.Business, rendered)
	if err == nil && c.Mail && sent == 0 {
		err = fmt.Errorf("nobody gets the reports of business %q: add it under mail in %s", rendered.Business, c.Config)
	}
	return errors.Join(err, rendered.Failed)
}

// again renders an edition from its archive.
func (c *reportCommand) again(ctx context.Context, p *program, postmen []postman) error {
	if c.From != "" || c.To != "" || c.Business != "" {
		return usageError{errors.New("--edition has its business and window: leave --business, --from and --to away")}
	}
	o := reports.Options{Dir: p.reportsDir(c.Out), Own: p.Dir}
	if err := addAssets(&o); err != nil {
		return err
	}
	rendered, err := reports.RenderAgain(o, c.Edition)
	if errors.Is(err, reports.ErrEdition) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	return c.done(ctx, p, postmen, rendered)
}

// reportsDir is where pages go unless another folder was named.
func (p *program) reportsDir(named string) string {
	if named != "" {
		return named
	}
	return filepath.Join(p.Dir, "reports")
}

// renderReports renders with what every report needs.
func renderReports(ctx context.Context, ask *queries.Runner, o reports.Options) (reports.Rendered, error) {
	if err := addAssets(&o); err != nil {
		return reports.Rendered{}, err
	}
	return reports.Render(ctx, ask, o)
}

// addAssets adds the chart library and the definitions.
func addAssets(o *reports.Options) (err error) {
	o.Definitions = docs.Metrics
	o.Echarts, err = readChartLibrary()
	return err
}

// readChartLibrary looks where package embedded looks for the engine: beside the executable, in
// DRUMBEAT_LIB, in node_modules here or above.
func readChartLibrary() ([]byte, error) {
	const name = "charts.min.js"
	var places []string
	if executable, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(executable), name))
	}
	if lib := os.Getenv("DRUMBEAT_LIB"); lib != "" {
		places = append(places, filepath.Join(lib, name), filepath.Join(filepath.Dir(lib), name))
	}
	if dir, err := os.Getwd(); err == nil {
		for {
			places = append(places, filepath.Join(dir, "node_modules", ".drumbeat", name))
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
	return nil, fmt.Errorf("the chart library %s is neither beside the program, nor in DRUMBEAT_LIB, nor in node_modules: run `make deps` in Drumbeat's folder", name)
}
