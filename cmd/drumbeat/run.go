package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"drumbeat/transform"
)

type runCommand struct {
	Job    string `arg:"" optional:"" help:"Name of the job, or all; without it the jobs are listed."`
	Config string `help:"What outcomes are worth, under values; docs/operations.md has an example." default:"drumbeat.yaml" type:"path" short:"c"`
	windowFlags
}

func (c *runCommand) Run(ctx context.Context, p *program) error {
	if c.Job == "" {
		_, err := fmt.Fprintln(p.stdout, strings.Join(transform.Jobs(), "\n"))
		return err
	}
	from, to, err := c.days()
	if err != nil {
		return err
	}
	conf, err := readConfig(c.Config, c.Config != mustAbs("drumbeat.yaml"))
	if err != nil {
		return usageError{err}
	}
	db, err := p.openWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var results []transform.Result
	if c.Job == allJobs {
		if !from.IsZero() {
			return usageError{errors.New("a window is that of one job: name the job, or leave --from and --to away")}
		}
		results, err = transform.RunAll(ctx, db, transform.Values(conf.Values), conf.calendars...)
	} else {
		var result transform.Result
		result, err = transform.RunWith(ctx, db, c.Job, transform.Window{From: from, To: to}, transform.Values(conf.Values), conf.calendars...)
		if errors.Is(err, transform.ErrUnknownJob) || errors.Is(err, transform.ErrWindow) || errors.Is(err, transform.ErrValues) {
			return usageError{err}
		}
		if err == nil {
			results = append(results, result)
		}
	}
	for _, result := range results {
		err = errors.Join(err, printResult(p.stdout, result))
	}
	return err
}

// allJobs stands for every job, in the order in which they read each other's tables.
const allJobs = "all"

func printResult(to io.Writer, result transform.Result) error {
	switch {
	case len(result.Steps) == 0:
		return fmt.Errorf("%s: there are no sends yet: load events first", result.Job)
	case result.Window.IsZero():
		fmt.Fprintf(to, "%s, without any log of messages\n", result.Job)
	default:
		fmt.Fprintf(to, "%s over %s, data up to %s\n", result.Job, result.Window, result.Cutoff.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, s := range result.Steps {
		fmt.Fprintf(w, "%s\t%d rows\t%.2f s\tfingerprint %016x\n", s.Relation, s.Rows, s.Took.Seconds(), s.Fingerprint)
	}
	return w.Flush()
}
