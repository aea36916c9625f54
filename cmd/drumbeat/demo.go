package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/survey"
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
	demoToken    = "the demo's token of /v1/events"
	demoSenders  = 64  // posts under way at once: they share the fsyncs
	demoLines    = 200 // of the sender in one request
)

// consents is the demo's second world: the same business in the same days, with other people, few enough not to
// change what the first one shows.
func (f worldFlags) consents(world *simulate.World) *simulate.ConsentWorld {
	o := world.Options
	return simulate.NewConsent(simulate.ConsentOptions{Seed: o.Seed, Contacts: max(1, o.Contacts*2/15), Days: o.Days, Start: o.Start})
}

// Run sends a simulated business through the product as it is: signed webhooks over HTTP, the
// spool, the warehouse, the job, the report.
func (c *demoCommand) Run(ctx context.Context, p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	world := c.world()
	consents := c.consents(world)
	say := newNarrator(p.stdout)
	fmt.Fprintf(p.stdout, "Drumbeat demo: a simulated retailer that messages %d people on WhatsApp, and promises %d more how often it will, for %d days (seed %d)\n\n",
		world.Options.Contacts, consents.Options.Contacts, world.Options.Days, world.Options.Seed)

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
	if err := writeJSON(filepath.Join(c.Out, "truth-consents.json"), consents.Truth()); err != nil {
		return err
	}
	calendarsPath := filepath.Join(c.Out, "calendars.yaml")
	if err := writeCalendars(calendarsPath); err != nil {
		return err
	}
	calendars, err := transform.ReadCalendars(calendarsPath)
	if err != nil {
		return err
	}
	say.stage("simulate", "the worlds, their truth and their hours of work")

	accepted, err := p.collectDemo(ctx, db, demoStreams(world, consents), say)
	if err != nil {
		return err
	}
	var unique, arrived uint64
	if err := db.QueryRow(ctx, "SELECT count(), sum(copies) FROM events").Scan(&unique, &arrived); err != nil {
		return fmt.Errorf("count the events: %w", err)
	}
	say.stage("load", "%d unique + %d duplicate = %d accepted", unique, arrived-unique, arrived)
	if arrived != accepted {
		return fmt.Errorf("the collector accepted %d events but %d are in the warehouse: please report this as a bug", accepted, arrived)
	}

	prices, err := transform.ReadRateCard(bytes.NewReader(simulate.ConsentCard))
	if err != nil {
		return err
	}
	if _, err := transform.LoadRateCard(ctx, db, prices); err != nil {
		return err
	}
	if err := p.surveyDemo(ctx, db, filepath.Join(c.Out, "survey"), world, say); err != nil {
		return err
	}
	for _, job := range transform.Jobs() {
		result, err := transform.RunWith(ctx, db, job, transform.Window{}, transform.DefaultValues(), calendars...)
		if err != nil {
			return err
		}
		var rows uint64
		for _, step := range result.Steps {
			rows += step.Rows
		}
		say.stage("compute", "%s: %d tables, %d rows", job, len(result.Steps), rows)
	}

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

// surveyDemo asks some of the world's contacts and imports what they said, as `drumbeat import --survey` does. A world that is
// too short or too small for a survey has none.
func (p *program) surveyDemo(ctx context.Context, db *warehouse.DB, dir string, world *simulate.World, say *narrator) error {
	if err := writeSurvey(dir, world); errors.As(err, &usageError{}) {
		say.stage("survey", "none: %v", err)
		return nil
	} else if err != nil {
		return err
	}
	text, err := os.Open(filepath.Join(dir, "mapping.yaml"))
	if err != nil {
		return fmt.Errorf("open the mapping: %w", err)
	}
	defer text.Close()
	mapping, err := survey.ReadMapping("mapping.yaml", text)
	if err != nil {
		return err
	}
	pseudonym, err := p.openPseudonymizer(ctx, db)
	if err != nil {
		return err
	}
	result, err := importSurvey(ctx, db, pseudonym, mapping, []string{filepath.Join(dir, "survey.csv")})
	if err != nil {
		return err
	}
	say.stage("survey", "%d people asked: %d questions, %d rows rejected", result.Respondents, len(result.Questions), result.Rejected)
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

// stream is one way by which the worlds reach the collector.
type stream struct {
	source string // of the collector's statistics
	path   string
	what   string // of its requests
	prove  func(body []byte, secret, token string) (header, value string)
	posts  iter.Seq[simulate.Post]
}

func signed(body []byte, secret, _ string) (header, value string) {
	return "X-Hub-Signature-256", simulate.Sign(body, secret)
}

func bearer(_ []byte, _, token string) (header, value string) {
	return "Authorization", "Bearer " + token
}

// demoStreams tell both worlds as their platforms and the sender would.
func demoStreams(world *simulate.World, consents *simulate.ConsentWorld) []stream {
	return []stream{
		{"whatsapp", "/webhooks/whatsapp/demo", "signed WhatsApp webhooks", signed, inTurn(world.WhatsApp(), consents.WhatsApp())},
		{"messenger", "/webhooks/messenger/demo", "signed Messenger webhooks", signed, consents.Messenger()},
		{"events", "/v1/events", "posts of the sender's own lines", bearer, linePosts(inTurn(world.Own(), consents.Own()))},
	}
}

// inTurn yields one sequence after another.
func inTurn[T any](all ...iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, items := range all {
			for item := range items {
				if !yield(item) {
					return
				}
			}
		}
	}
}

// linePosts puts event lines into requests.
func linePosts(lines iter.Seq[canonical.Line]) iter.Seq[simulate.Post] {
	return func(yield func(simulate.Post) bool) {
		var body bytes.Buffer
		n, writer := 0, canonical.NewWriter(&body)
		flush := func() bool {
			post := simulate.Post{Facts: n, Body: bytes.Clone(body.Bytes())}
			body.Reset()
			n = 0
			return yield(post)
		}
		for line := range lines {
			if err := writer.Write(&line); err != nil {
				panic(err) // a buffer takes every line
			}
			if n++; n == demoLines && !flush() {
				return
			}
		}
		if n > 0 {
			flush()
		}
	}
}

// collectDemo posts the worlds to a collector on a free port, and returns how many events were accepted when all are loaded.
func (p *program) collectDemo(ctx context.Context, db *warehouse.DB, streams []stream, say *narrator) (accepted uint64, err error) {
	endpoint := func(source string) ingest.Endpoint {
		return ingest.Endpoint{Source: source, Name: "demo", BusinessID: demoBusiness, Secrets: []string{demoSecret}, VerifyToken: "the demo's verify token"}
	}
	c, err := p.startCollector(ctx, db, ingest.ServerOptions{
		Endpoints: []ingest.Endpoint{endpoint("whatsapp"), endpoint("messenger")},
		Tokens:    []ingest.Token{{Secret: demoToken, BusinessID: demoBusiness}},
	})
	if err != nil {
		return 0, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, errors.Join(fmt.Errorf("listen on a free port: %w", err), c.close())
	}
	mux := http.NewServeMux()
	c.routes(mux)
	server := ingest.NewHTTPServer("", mux, p.log)
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()

	refused := 0
	for _, s := range streams {
		var posts, facts uint64
		var wrong int
		if posts, facts, wrong, err = postStream(ctx, "http://"+listener.Addr().String(), s); err != nil {
			break
		}
		stats := c.Stats()[s.source]
		accepted += stats.Accepted
		refused += wrong
		rejected, skipped := sum(stats.Rejected), sum(stats.Skipped)
		say.stage("collect", "%d %s with %d facts: %d accepted, %d rejected, %d of no interest", posts, s.what, facts, stats.Accepted, rejected, skipped)
	}
	if err == nil {
		say.stage("", "%d posts with a wrong signature or token: all refused", refused)
		err = c.loader.Drain(ctx)
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(shutdown), c.close())
	<-serving
	return accepted, err
}

func sum(counts map[string]uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}

// postStream sends every post of a stream; the first three also with a wrong signature or token, which must be
// refused: it returns how many were.
func postStream(ctx context.Context, base string, s stream) (posted, facts uint64, refused int, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: demoSenders}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	posts := make(chan simulate.Post, demoSenders)
	var senders sync.WaitGroup
	var sent, told atomic.Uint64
	for range demoSenders {
		senders.Go(func() {
			for post := range posts {
				header, value := s.prove(post.Body, demoSecret, demoToken)
				status, err := postBody(ctx, client, base+s.path, post.Body, header, value)
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("the collector answered %s with %d %s", s.path, status, http.StatusText(status))
				}
				if err != nil {
					cancel(err)
					return
				}
				sent.Add(1)
				told.Add(uint64(post.Facts))
			}
		})
	}
	n := 0
	for post := range s.posts {
		if n++; n <= 3 {
			header, value := s.prove(post.Body, "somebody else's secret", "somebody else's token")
			status, err := postBody(ctx, client, base+s.path, post.Body, header, value)
			if err != nil {
				cancel(err)
				break
			}
			if status == http.StatusUnauthorized || status == http.StatusForbidden {
				refused++
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
	return sent.Load(), told.Load(), refused, context.Cause(ctx)
}

// postBody posts a body with the header that proves who sends it.
func postBody(ctx context.Context, client *http.Client, url string, body []byte, header, value string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(header, value)
	response, err := client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("post to the collector: %w", err)
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
