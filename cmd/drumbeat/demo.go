package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"drumbeat/ingest"
	"drumbeat/queries"
	"drumbeat/reports"
	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
)

type demoCommand struct {
	worldFlags
	Out string `help:"Folder for the data, the truth and the reports; the data of an earlier demo is replaced." default:"build/demo" type:"path" short:"o"`
}

const (
	demoBusiness = "Simulated retailer"
	demoSecret   = "the demo's app secret"
	demoSenders  = 64 // posts under way at once: they share the fsyncs
)

// Run sends a simulated business through the product as it is: signed webhooks over HTTP, the
// spool, the warehouse, the job, the report.
func (c *demoCommand) Run(ctx context.Context, p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	world := c.world()
	say := newNarrator(p.stdout)
	fmt.Fprintf(p.stdout, "Drumbeat demo: a simulated retailer that messages %d people on WhatsApp for %d days (seed %d)\n\n",
		world.Options.Contacts, world.Options.Days, world.Options.Seed)

	// The data of an earlier demo goes only when nobody uses it: opening the warehouse takes the
	// folder's lock, and fails with a clear sentence where another process holds it.
	p.Dir = filepath.Join(c.Out, "data")
	truthPath := filepath.Join(c.Out, "truth.json")
	if err := p.isDemo(truthPath); err != nil {
		return err
	}
	db, err := p.openDemoWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	facts, err := db.Facts(ctx)
	if err != nil {
		return err
	}
	say.stage("engine", "ClickHouse %s, %s, schema version %d", facts.EngineVersion, facts.Mode, facts.Applied)

	if err := writeTruth(truthPath, world); err != nil {
		return err
	}
	say.stage("simulate", "the world and its truth")

	sent, err := p.collectDemo(ctx, db, world, say)
	if err != nil {
		return err
	}
	var unique, arrived uint64
	if err := db.QueryRow(ctx, "SELECT count(), sum(copies) FROM events").Scan(&unique, &arrived); err != nil {
		return fmt.Errorf("count the events: %w", err)
	}
	say.stage("load", "%d unique + %d duplicate = %d accepted", unique, arrived-unique, arrived)
	if arrived != sent.accepted {
		return fmt.Errorf("the collector accepted %d events but %d are in the warehouse: please report this as a bug", sent.accepted, arrived)
	}

	result, err := transform.Run(ctx, db, "frequency", transform.Window{})
	if err != nil {
		return err
	}
	var computed []string
	for _, step := range result.Steps {
		computed = append(computed, fmt.Sprintf("%s %d rows", step.Relation, step.Rows))
	}
	say.stage("compute", "%s", strings.Join(computed, ", "))

	dir := filepath.Join(c.Out, "reports")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the earlier demo's reports: %w", err)
	}
	pages, err := renderReports(ctx, queries.NewRunner(db), reports.Options{Dir: dir, Business: demoBusiness})
	if err != nil {
		return err
	}
	say.stage("report", "pages that need no network, and the rows they were made of")
	if err := db.Close(); err != nil {
		return fmt.Errorf("end the engine: %w", err)
	}

	fmt.Fprintf(p.stdout, "\nHow often may we message?\n\n%s\n\nReport  %s\nTruth   %s\nSQL     drumbeat --dir %s query frequency_engagement\nTook    %.1f s\n",
		pages.Answer, relative(pages.Report), relative(truthPath), relative(p.Dir), say.total().Seconds())
	return nil
}

// isDemo refuses to replace data that no demo made, such as those of `drumbeat serve` in the folder's data/:
// a demo writes its truth before it makes the key.
func (p *program) isDemo(truthPath string) error {
	_, noKey := os.Stat(keyPath(p.Dir))
	_, noTruth := os.Stat(truthPath)
	if noKey == nil && errors.Is(noTruth, os.ErrNotExist) {
		return usageError{fmt.Errorf("%s holds data that are no demo's, and a demo would replace them: name another folder with --out", p.Dir)}
	}
	return nil
}

// openDemoWarehouse opens an empty warehouse in p.Dir. What an earlier demo left there goes only
// now that the folder's lock is ours.
func (p *program) openDemoWarehouse(ctx context.Context) (*warehouse.DB, error) {
	if p.DSN != "" {
		return nil, usageError{errors.New("the demo replaces data and so runs on its own engine: leave --dsn and DRUMBEAT_DSN away")}
	}
	db, err := warehouse.Open(ctx, warehouse.Options{Dir: p.Dir, Log: p.log})
	if err != nil {
		return nil, err
	}
	if err := p.emptyDemo(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (p *program) emptyDemo(ctx context.Context, db *warehouse.DB) error {
	facts, err := db.Facts(ctx)
	if facts.Mode == "attached" {
		return fmt.Errorf("another process uses %s: wait for it to end, or name another folder with --out", p.Dir)
	}
	if err != nil {
		p.log.Debug("the earlier demo's schema is not ours; it is dropped", "error", err)
	}
	var relations []struct {
		Name string `ch:"name"`
	}
	if err := db.Select(ctx, &relations, "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY engine = 'MaterializedView' DESC, name"); err != nil {
		return fmt.Errorf("list the earlier demo's tables: %w", err)
	}
	for _, r := range relations {
		if err := db.Exec(ctx, "DROP TABLE IF EXISTS `"+r.Name+"` SYNC"); err != nil {
			return fmt.Errorf("drop the earlier demo's %s: %w", r.Name, err)
		}
	}
	if err := os.RemoveAll(spoolPath(p.Dir)); err != nil {
		return fmt.Errorf("remove the earlier demo's spool: %w", err)
	}
	_, err = db.Migrate(ctx)
	return err
}

// sentWorld counts a world's way into the collector.
type sentWorld struct{ posts, facts, accepted, refusedPosts uint64 }

// collectDemo posts the world to a collector on a free port, and returns when all of it is loaded.
func (p *program) collectDemo(ctx context.Context, db *warehouse.DB, world *simulate.World, say *narrator) (sentWorld, error) {
	var sent sentWorld
	c, err := p.startCollector(ctx, db, ingest.ServerOptions{Endpoints: []ingest.Endpoint{{
		Source: "whatsapp", Name: "demo", BusinessID: demoBusiness, Secrets: []string{demoSecret}, VerifyToken: "the demo's verify token",
	}}})
	if err != nil {
		return sent, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return sent, errors.Join(fmt.Errorf("listen on a free port: %w", err), c.close())
	}
	mux := http.NewServeMux()
	c.routes(mux)
	server := ingest.NewHTTPServer("", mux, p.log)
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()

	sent, err = postWorld(ctx, "http://"+listener.Addr().String()+"/webhooks/whatsapp/demo", world)
	if err == nil {
		stats := c.Stats()["whatsapp"]
		sent.accepted = stats.Accepted
		rejected, skipped := sum(stats.Rejected), sum(stats.Skipped)
		say.stage("collect", "%d signed webhooks with %d facts: %d accepted, %d rejected, %d of no interest", sent.posts, sent.facts, sent.accepted, rejected, skipped)
		say.stage("", "%d posts with a wrong signature: all refused", sent.refusedPosts)
		err = c.loader.Drain(ctx)
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(shutdown), c.close())
	<-serving
	return sent, err
}

func sum(counts map[string]uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}

// postWorld sends every post of the world, signed; the first three also with a wrong signature,
// which must be refused.
func postWorld(ctx context.Context, url string, world *simulate.World) (sent sentWorld, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: demoSenders}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	posts := make(chan simulate.Post, demoSenders)
	var senders sync.WaitGroup
	var facts, posted atomic.Uint64
	for range demoSenders {
		senders.Go(func() {
			for post := range posts {
				status, err := postWebhook(ctx, client, url, post.Body, simulate.Sign(post.Body, demoSecret))
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("the collector answered a signed webhook with %d %s", status, http.StatusText(status))
				}
				if err != nil {
					cancel(err)
					return
				}
				posted.Add(1)
				facts.Add(uint64(post.Facts))
			}
		})
	}
	n := 0
	for post := range world.WhatsApp() {
		if n++; n <= 3 {
			status, err := postWebhook(ctx, client, url, post.Body, simulate.Sign(post.Body, "somebody else's secret"))
			if err != nil {
				cancel(err)
				break
			}
			if status == http.StatusUnauthorized || status == http.StatusForbidden {
				sent.refusedPosts++
			}
		}
		select {
		case posts <- post:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(posts)
	senders.Wait()
	sent.posts, sent.facts = posted.Load(), facts.Load()
	return sent, context.Cause(ctx)
}

func postWebhook(ctx context.Context, client *http.Client, url string, body []byte, signature string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Hub-Signature-256", signature)
	response, err := client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("post a webhook: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, fmt.Errorf("read the collector's answer: %w", err)
	}
	return response.StatusCode, nil
}

// narrator prints the stages of the demo with the time that each took.
type narrator struct {
	to          io.Writer
	start, last time.Time
}

func newNarrator(to io.Writer) *narrator {
	now := time.Now()
	return &narrator{to: to, start: now, last: now}
}

func (n *narrator) stage(name, format string, args ...any) {
	now := time.Now()
	fmt.Fprintf(n.to, "  %-9s %-92s %5.1f s\n", name, fmt.Sprintf(format, args...), now.Sub(n.last).Seconds())
	n.last = now
}

func (n *narrator) total() time.Duration { return time.Since(n.start) }

// relative shortens a path for people, where it lies below the working folder.
func relative(path string) string {
	if dir, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(short) {
			return short
		}
	}
	return path
}
