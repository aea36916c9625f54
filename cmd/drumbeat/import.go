package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/warehouse"
)

type importCommand struct {
	Files     []string `arg:"" help:"Events: NDJSON files, plain or gzip; docs/events.md has the format. With --survey: CSV, NDJSON or Parquet." type:"existingfile"`
	Business  string   `help:"Whose events these are."`
	Attribute []string `help:"An extra key of attributes to keep; all others are dropped." placeholder:"KEY"`
	Survey    string   `help:"The files are of a survey, whose columns this mapping names; docs/surveys.md." placeholder:"MAPPING.yaml" type:"existingfile"`
}

// errRejected says that some lines were not taken; they were printed.
var errRejected = errors.New("some lines were rejected; mend them and import the file again: what was taken counts once")

// Run stores what can be read of every file. It prints each rejected line on stderr and one line a file on stdout.
func (c *importCommand) Run(ctx context.Context, p *program) error {
	if c.Survey != "" {
		return c.survey(ctx, p)
	}
	if c.Business == "" {
		return usageError{errors.New("--business is missing: whose events these are")}
	}
	db, err := p.openWarehouseToStay(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	pseudonym, err := p.openPseudonymizer(ctx, db)
	if err != nil {
		return err
	}
	rejected := 0
	for _, name := range c.Files {
		result, err := importFile(ctx, name, ingest.ImportOptions{
			BusinessID: c.Business,
			Lines:      canonical.NewDecoder(c.Attribute...),
			Pseudonym:  pseudonym,
			To:         db,
			Refused:    warehouse.RowsRefused,
			Rejected:   func(err *ingest.LineError) { fmt.Fprintln(p.stderr, err) },
		})
		if err != nil {
			return fmt.Errorf("%w; %d lines were stored before: import the file again, they count once", err, result.Accepted)
		}
		fmt.Fprintf(p.stdout, "%s: %d lines, %d accepted, %d rejected\n", name, result.Lines, result.Accepted, result.Rejected)
		rejected += result.Rejected
	}
	if rejected > 0 {
		return errRejected
	}
	return nil
}

func importFile(ctx context.Context, name string, o ingest.ImportOptions) (ingest.ImportResult, error) {
	file, err := os.Open(name)
	if err != nil {
		return ingest.ImportResult{}, fmt.Errorf("open the events: %w", err)
	}
	defer file.Close()
	return ingest.Import(ctx, name, file, o)
}
