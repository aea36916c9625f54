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

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sys/unix"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/instagram"
	"drumbeat/ingest/messenger"
	"drumbeat/ingest/quarantine"
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

func keyPath(dir string) string        { return filepath.Join(dir, "pseudonym.key") }
func spoolPath(dir string) string      { return filepath.Join(dir, "spool") }
func quarantinePath(dir string) string { return filepath.Join(dir, "quarantine") }

// reserve is the free space of the disk below which no more events should come: the spool and the embedded
// engine both still need some to end what they began.
const reserve = 64 << 20

// openPseudonymizer reads the key of the data folder, or makes both. It makes no key for a warehouse that has
// events already: they were made with another one, and nobody would notice that no contact matches any more. db
// is nil while the warehouse is away.
func (p *program) openPseudonymizer(ctx context.Context, db *warehouse.DB) (*ingest.Pseudonymizer, error) {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if _, err := os.Stat(keyPath(p.Dir)); errors.Is(err, os.ErrNotExist) {
		if db == nil {
			return nil, fmt.Errorf("there is no pseudonym key %s, and the warehouse is away, so nobody can tell whether it holds events made with one: "+
				"restore the key, or start again when the warehouse answers", keyPath(p.Dir))
		}
		var events uint64
		if err := db.QueryRow(ctx, "SELECT count() FROM event_log").Scan(&events); err != nil {
			return nil, fmt.Errorf("look whether the pseudonym key was there before: %w", err)
		}
		if events > 0 {
			return nil, fmt.Errorf("the pseudonym key %s is gone, and the warehouse holds events made with it: restore it from its backup, "+
				"or begin anew with another data folder and database", keyPath(p.Dir))
		}
	}
	pseudonym, created, err := ingest.OpenPseudonymizer(keyPath(p.Dir))
	if created {
		p.log.Info("pseudonym key made; back it up: without it old and new events of a person do not meet", "path", keyPath(p.Dir))
	}
	if err == nil && db != nil {
		err = p.checkKey(ctx, db)
	}
	return pseudonym, err
}

// checkKey compares the key of the data folder, if there is one, with the one that the warehouse's events were made with,
// and has the warehouse remember the first.
func (p *program) checkKey(ctx context.Context, db *warehouse.DB) error {
	if _, err := os.Stat(keyPath(p.Dir)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	pseudonym, _, err := ingest.OpenPseudonymizer(keyPath(p.Dir))
	if err != nil {
		return err
	}
	var known []struct {
		Fingerprint string `ch:"fingerprint"`
	}
	if err := db.Select(ctx, &known, "SELECT fingerprint FROM pseudonym_keys ORDER BY at LIMIT 1"); err != nil {
		return fmt.Errorf("look which pseudonym key the warehouse knows: %w", err)
	}
	switch {
	case len(known) == 0:
		if err := db.Exec(ctx, "INSERT INTO pseudonym_keys (fingerprint) SELECT {fingerprint:String}",
			clickhouse.Named("fingerprint", pseudonym.Fingerprint())); err != nil {
			return fmt.Errorf("have the warehouse remember the pseudonym key: %w", err)
		}
	case known[0].Fingerprint != pseudonym.Fingerprint():
		return fmt.Errorf("%s is not the pseudonym key that the events of this warehouse were made with: restore the right one from its backup. "+
			"With this one every contact would become a new one, and every event that comes again a second one", keyPath(p.Dir))
	}
	return nil
}

// openQuarantine needs the key's file, which openPseudonymizer makes and checks.
func (p *program) openQuarantine() (*quarantine.Store, error) {
	key, err := os.ReadFile(keyPath(p.Dir))
	if err != nil {
		return nil, fmt.Errorf("open the quarantine: %w", err)
	}
	return quarantine.Open(quarantinePath(p.Dir), key, quarantine.Options{Log: p.log})
}

// collector takes events over HTTP, keeps them in the spool and loads them into the warehouse.
type collector struct {
	*ingest.Server
	dir        string
	spool      *spool.Spool
	loader     *ingest.Loader
	quarantine *quarantine.Store
	metrics    *ingest.Metrics

	stop    context.CancelFunc
	running sync.WaitGroup
}

// startCollector is collect for a warehouse that is there.
func (p *program) startCollector(ctx context.Context, db *warehouse.DB, o ingest.ServerOptions) (*collector, error) {
	pseudonym, err := p.openPseudonymizer(ctx, db)
	if err != nil {
		return nil, err
	}
	return p.collect(ctx, pseudonym, db, o)
}

// collect runs until close. Endpoints, Tokens and Lines of o are the caller's; the rest is filled in.
func (p *program) collect(ctx context.Context, pseudonym *ingest.Pseudonymizer, db ingest.Inserter, o ingest.ServerOptions) (*collector, error) {
	unreadable, err := p.openQuarantine()
	if err == nil {
		err = unreadable.Expire()
	}
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
	o.Spool, o.Pseudonym, o.Sources, o.Quarantine, o.Log = kept, pseudonym, sources, unreadable, p.log
	if o.Lines == nil {
		o.Lines = canonical.NewDecoder()
	}
	server, err := ingest.NewServer(o)
	if err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	metrics := ingest.NewMetrics()
	c := &collector{
		Server: server, dir: p.Dir, spool: kept, quarantine: unreadable, metrics: metrics,
		loader: ingest.NewLoader(kept, db, ingest.LoaderOptions{Refused: warehouse.RowsRefused, Observe: metrics.Observe, Log: p.log}),
	}
	metrics.Watch(c.Server, c.loader, c.spool)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.running.Go(func() {
		if err := c.loader.Run(running); err != nil && !errors.Is(err, context.Canceled) {
			p.log.Error("loader ended", "error", err)
		}
	})
	c.running.Go(func() {
		hourly := time.NewTicker(time.Hour)
		defer hourly.Stop()
		for {
			select {
			case <-hourly.C:
				if err := c.quarantine.Expire(); err != nil {
					p.log.Error("quarantined bodies not deleted in time", "error", err)
				}
			case <-running.Done():
				return
			}
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
	c.running.Wait()
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

// ready answers whether an event would be accepted now.
func (c *collector) ready(w http.ResponseWriter, r *http.Request) {
	waiting, limit := c.spool.Bytes()
	free, err := freeBytes(c.dir)
	switch {
	case waiting > limit-ingest.MaxWebhook:
		http.Error(w, "the spool is full: the warehouse has been away for long", http.StatusServiceUnavailable)
	case err == nil && free < reserve:
		http.Error(w, "the disk is almost full", http.StatusServiceUnavailable)
	case c.Ready(r.Context()) != nil: // the log says why
		http.Error(w, "events cannot be written", http.StatusServiceUnavailable)
	default:
		fmt.Fprintln(w, "ready")
	}
}

// freeBytes is what the disk of dir still holds for us.
func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
