package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/quarantine"
	"drumbeat/ingest/spool"
	"drumbeat/warehouse"
)

type doctorCommand struct{}

// Run prints what there is, and fails if anything is wrong.
func (c *doctorCommand) Run(ctx context.Context, p *program) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	var wrong []error
	line := func(what string, err error, format string, args ...any) {
		state := "ok"
		text := fmt.Sprintf(format, args...)
		if err != nil {
			state, text = "WRONG", err.Error()
			wrong = append(wrong, err)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", state, what, text)
	}

	if p.DSN == "" {
		_, err := os.Stat(p.Dir)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("there is no data folder %s yet: `drumbeat import` or `drumbeat serve` makes it, --dir names another", p.Dir)
		}
		line("data folder", err, "%s", p.Dir)
	}
	key := keyPath(p.Dir)
	if _, err := os.Stat(key); errors.Is(err, os.ErrNotExist) {
		line("pseudonym key", nil, "none yet; made with the first event")
	} else {
		_, _, err := ingest.OpenPseudonymizer(key)
		line("pseudonym key", err, "%s; back it up: without it old and new events of a person do not meet", key)
	}
	_, err := readChartLibrary()
	line("chart library", err, "found")

	db, err := warehouse.Open(ctx, warehouse.Options{DSN: p.DSN, AnalystDSN: p.AnalystDSN, Dir: p.Dir, Log: p.log})
	if err != nil {
		line("engine", err, "")
		return errWrong(len(wrong))
	}
	defer db.Close()
	facts, err := db.Facts(ctx)
	line("engine", nil, "ClickHouse %s, %s, %s", facts.EngineVersion, facts.Mode, facts.Place)
	line("schema", err, "version %d of database %s, %d to apply", facts.Applied, facts.Database, len(facts.Pending))
	for _, t := range facts.Tables {
		line("table", nil, "%s: %d rows, %.1f MB", t.Name, t.Rows, float64(t.Bytes)/1e6)
	}
	backlog, spoolErr := spool.Look(spoolPath(p.Dir))
	if spoolErr == nil && backlog.SetAside > 0 {
		spoolErr = fmt.Errorf("%d files of events were set aside in %s, because the database refused them or the disk spoiled them; the log of that time says why", backlog.SetAside, spoolPath(p.Dir))
	}
	line("spool", spoolErr, "%d segments with %.1f MB wait to be loaded", backlog.Waiting, float64(backlog.Bytes)/1e6)
	unreadable, size, quarantineErr := quarantine.Look(quarantinePath(p.Dir))
	line("quarantine", quarantineErr, "%d bodies of webhooks that could not be read, %.1f MB; `drumbeat quarantine list` says why", unreadable, float64(size)/1e6)
	if err == nil && len(facts.Pending) == 0 {
		line("pseudonym key", p.checkKey(ctx, db), "it is the one of the events")
		var cutoff time.Time
		err := db.QueryRow(ctx, "SELECT max(event_time) FROM event_log WHERE event_time <= ingested_at").Scan(&cutoff)
		if err == nil && cutoff.Unix() <= 0 {
			line("freshness", nil, "no events yet")
		} else {
			line("freshness", err, "events up to %s", cutoff.UTC().Format("2 Jan 2006 15:04:05 UTC"))
		}
	}
	return errWrong(len(wrong))
}

func errWrong(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d of the checks above found something wrong", n)
}
