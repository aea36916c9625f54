package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/instagram"
	"drumbeat/ingest/messenger"
	"drumbeat/ingest/spool"
	"drumbeat/ingest/whatsapp"
	"drumbeat/warehouse"
)

// sources are the platforms that can be collected from; the next one is one line more.
var sources = map[string]ingest.Source{
	"instagram": instagram.Source{},
	"messenger": messenger.Source{},
	"whatsapp":  whatsapp.Source{},
}

func keyPath(dir string) string   { return filepath.Join(dir, "pseudonym.key") }
func spoolPath(dir string) string { return filepath.Join(dir, "spool") }

// openPseudonymizer reads the key of the data folder, or makes both. It makes no key for a warehouse that has
// events already: they were made with another one, and nobody would notice that no contact matches any more.
func (p *program) openPseudonymizer(ctx context.Context, db *warehouse.DB) (*ingest.Pseudonymizer, error) {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if _, err := os.Stat(keyPath(p.Dir)); errors.Is(err, os.ErrNotExist) {
		var events uint64
		if err := db.QueryRow(ctx, "SELECT count() FROM event_log").Scan(&events); err != nil {
			return nil, fmt.Errorf("look whether the pseudonym key was there before: %w", err)
		}
		if events > 0 {
			return nil, fmt.Errorf("the pseudonym key %[1]s is gone, and the warehouse holds events made with it: restore it from its backup, "+
				"or begin anew, with contacts that match no earlier ones, by `(umask 077; head -c 32 /dev/urandom >%[1]s)`", keyPath(p.Dir))
		}
	}
	pseudonym, created, err := ingest.OpenPseudonymizer(keyPath(p.Dir))
	if created {
		p.log.Info("pseudonym key made; back it up: without it old and new events of a person do not meet", "path", keyPath(p.Dir))
	}
	return pseudonym, err
}

// collector takes events over HTTP, keeps them in the spool and loads them into the warehouse.
type collector struct {
	*ingest.Server
	spool  *spool.Spool
	loader *ingest.Loader

	stop   context.CancelFunc
	loaded sync.WaitGroup
}

// startCollector runs until close. Endpoints, Tokens and Lines of o are the caller's; the rest is
// filled in.
func (p *program) startCollector(ctx context.Context, db *warehouse.DB, o ingest.ServerOptions) (*collector, error) {
	pseudonym, err := p.openPseudonymizer(ctx, db)
	if err != nil {
		return nil, err
	}
	kept, recovery, err := spool.Open(spoolPath(p.Dir), spool.Options{Log: p.log})
	if err != nil {
		return nil, err
	}
	if recovery != (spool.Recovery{}) {
		p.log.Info("spool reopened", "segments", recovery.Segments, "records", recovery.Records,
			"torn_bytes", recovery.TornBytes, "corrupt", recovery.Corrupt, "lost_bytes", recovery.LostBytes)
	}
	o.Spool, o.Pseudonym, o.Sources, o.Log = kept, pseudonym, sources, p.log
	if o.Lines == nil {
		o.Lines = canonical.NewDecoder()
	}
	server, err := ingest.NewServer(o)
	if err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	c := &collector{
		Server: server,
		spool:  kept,
		loader: ingest.NewLoader(kept, db, ingest.LoaderOptions{Refused: warehouse.RowsRefused, Log: p.log}),
	}
	loading, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.loaded.Go(func() {
		if err := c.loader.Run(loading); err != nil && !errors.Is(err, context.Canceled) {
			p.log.Error("loader ended", "error", err)
		}
	})
	return c, nil
}

// close loads what is spooled, as far as 10 seconds allow, and stops; the rest stays in the spool
// for the next start. The HTTP server in front must have stopped before.
func (c *collector) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	drained := c.loader.Drain(ctx)
	c.stop()
	c.loaded.Wait()
	if errors.Is(drained, context.DeadlineExceeded) {
		drained = nil // not lost: the spool keeps it
	}
	return errors.Join(drained, c.spool.Close())
}

// routes puts the collector's addresses into mux.
func (c *collector) routes(mux *http.ServeMux) {
	mux.Handle("/v1/events", c)
	mux.Handle("/webhooks/", c)
}
