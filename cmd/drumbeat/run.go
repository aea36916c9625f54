package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"drumbeat/transform"
)

type runCommand struct {
	Job    string `arg:"" optional:"" help:"Name of the job; without it the jobs are listed."`
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
	result, err := transform.RunWith(ctx, db, c.Job, transform.Window{From: from, To: to}, transform.Values(conf.Values), conf.calendars...)
	if errors.Is(err, transform.ErrUnknownJob) || errors.Is(err, transform.ErrWindow) || errors.Is(err, transform.ErrValues) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if len(result.Steps) == 0 {
		return errors.New("there are no sends yet: load events first")
	}
	if result.Window.IsZero() {
		fmt.Fprintf(p.stdout, "%s, without any log of messages\n", result.Job)
	} else {
		fmt.Fprintf(p.stdout, "%s over %s, data up to %s\n", result.Job, result.Window, result.Cutoff.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, s := range result.Steps {
		fmt.Fprintf(w, "%s\t%d rows\t%.2f s\tfingerprint %016x\n", s.Relation, s.Rows, s.Took.Seconds(), s.Fingerprint)
	}
	return w.Flush()
}
