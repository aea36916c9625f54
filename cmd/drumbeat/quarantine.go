package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/quarantine"
)

type quarantineCommand struct {
	List   quarantineListCommand   `cmd:"" help:"List the bodies, oldest first."`
	Show   quarantineShowCommand   `cmd:"" help:"Show one."`
	Replay quarantineReplayCommand `cmd:"" help:"Read bodies again with the decoders of this version, and load their events."`
}

// keptQuarantine opens the quarantine of a data folder that has a key.
func (p *program) keptQuarantine() (*quarantine.Store, *ingest.Pseudonymizer, error) {
	if _, err := os.Stat(keyPath(p.Dir)); err != nil { // OpenPseudonymizer would make one
		return nil, nil, fmt.Errorf("there is no quarantine in %s: it is sealed with %s, which is missing", p.Dir, keyPath(p.Dir))
	}
	pseudonym, _, err := ingest.OpenPseudonymizer(keyPath(p.Dir))
	if err != nil {
		return nil, nil, err
	}
	kept, err := p.openQuarantine()
	return kept, pseudonym, err
}

type quarantineListCommand struct{}

// Run prints a table.
func (c *quarantineListCommand) Run(p *program) error {
	kept, _, err := p.keptQuarantine()
	if err != nil {
		return err
	}
	entries, err := kept.List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\treceived\tsource\tendpoint\tbytes\treason")
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", e.ID, e.Received.Format(time.RFC3339), e.Source, e.Endpoint, e.Bytes, e.Reason)
	}
	return w.Flush()
}

type quarantineShowCommand struct {
	ID   string `arg:"" help:"As list prints it."`
	Body bool   `help:"Print the body itself, and nothing else. It is personal data: names, numbers, texts."`
}

// Run prints what is known of one body, or the body.
func (c *quarantineShowCommand) Run(p *program) error {
	kept, _, err := p.keptQuarantine()
	if err != nil {
		return err
	}
	e, body, err := kept.Body(c.ID)
	if err != nil {
		return fmt.Errorf("body %s: %w", c.ID, err)
	}
	if c.Body {
		_, err := p.stdout.Write(body)
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"id", e.ID}, {"received", e.Received.Format(time.RFC3339Nano)}, {"source", e.Source}, {"endpoint", e.Endpoint},
		{"bytes", strconv.Itoa(e.Bytes)}, {"reason", e.Reason}, {"deleted", e.Received.Add(quarantine.MaxAge).Format(time.RFC3339)},
	} {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	return w.Flush()
}

type quarantineReplayCommand struct {
	ID     string `arg:"" optional:"" help:"As list prints it."`
	All    bool   `help:"Replay all."`
	Config string `help:"The configuration of serve: it says whose an endpoint's events are." default:"drumbeat.yaml" type:"path" short:"c"`
}

// Run replays, and prints a line for each body. What still cannot be read stays.
func (c *quarantineReplayCommand) Run(ctx context.Context, p *program) error {
	if (c.ID == "") != c.All {
		return usageError{errors.New("name one body, as `drumbeat quarantine list` prints it, or --all")}
	}
	conf, err := readConfig(c.Config, true)
	if err != nil {
		return usageError{err}
	}
	options, err := conf.serverOptions()
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", c.Config, err)}
	}
	kept, pseudonym, err := p.keptQuarantine()
	if err != nil {
		return err
	}
	ids := []string{c.ID}
	if c.All {
		entries, err := kept.List()
		if err != nil {
			return err
		}
		ids = nil
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
	}
	options.Sources, options.Pseudonym, options.Log = sources, pseudonym, p.log
	server, err := ingest.NewServer(options)
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", c.Config, err)}
	}
	db, err := p.openWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	left := 0
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, body, err := kept.Body(id)
		var result ingest.BodyResult
		if err == nil {
			result, err = server.Replay(ctx, entry, body, db)
		}
		if err == nil {
			err = kept.Remove(id) // only now: the events are stored
		}
		if err != nil {
			left++
			fmt.Fprintf(p.stdout, "%s: stays: %v\n", id, err)
			continue
		}
		skipped := 0
		for _, n := range result.Skipped {
			skipped += n
		}
		fmt.Fprintf(p.stdout, "%s: %d events accepted, %d of other accounts rejected, %d items of no interest\n", id, result.Accepted, result.Foreign, skipped)
	}
	if left > 0 {
		return fmt.Errorf("%d of %d bodies stay in the quarantine", left, len(ids))
	}
	return nil
}
