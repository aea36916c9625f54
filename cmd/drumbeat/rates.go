package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"drumbeat/transform"
)

type ratesCommand struct {
	File string `arg:"" help:"CSV of prices; docs/metrics.md has the format, docs/rates-example.csv a made-up example." type:"path"`
}

// Run loads a rate card in the place of what was loaded for its channels and dates.
func (c *ratesCommand) Run(ctx context.Context, p *program) error {
	file, err := os.Open(c.File)
	if err != nil {
		return usageError{err}
	}
	defer file.Close()
	prices, err := transform.ReadRateCard(file)
	if errors.Is(err, transform.ErrRateCard) {
		return usageError{fmt.Errorf("%s: %w; nothing was loaded", c.File, err)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	db, err := p.openWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	replaced, err := transform.LoadRateCard(ctx, db, prices)
	if err != nil {
		return fmt.Errorf("load %s: %w", c.File, err)
	}
	_, err = fmt.Fprintf(p.stdout, "%d prices loaded, the card of %d pairs of channel and date replaced; `drumbeat run consent` computes with them\n", len(prices), replaced)
	return err
}
