package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/queries"
	"drumbeat/reports"
	"drumbeat/transform"
	"drumbeat/warehouse"
)

type serveCommand struct {
	Config  string `help:"Who may send, and when jobs run; docs/operations.md has an example." default:"drumbeat.yaml" type:"path" short:"c"`
	Reports string `help:"Folder of the reports; by default reports/ in the data folder." type:"path"`

	own string // folder with what the user adds to the reports
}

// Run serves until interrupted. It stops in the direction of the data: requests, schedule, spool,
// warehouse.
func (c *serveCommand) Run(ctx context.Context, p *program) error {
	conf, err := readConfig(c.Config, c.Config != mustAbs("drumbeat.yaml"))
	if err != nil {
		return usageError{err}
	}
	c.Reports, c.own = p.reportsDir(c.Reports), p.Dir
	options, err := conf.serverOptions()
	if err == nil {
		check := options
		check.Sources = sources
		_, err = ingest.NewServer(check) // before anything starts
	}
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", c.Config, err)}
	}
	postmen, err := conf.postmen()
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", c.Config, err)}
	}
	password, err := p.reportsPassword()
	if err != nil {
		return err
	}
	db, err := p.awaitWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.close()
	present, _ := db.get()
	pseudonym, err := p.openPseudonymizer(ctx, present)
	if err != nil {
		return err
	}
	collector, err := p.collect(ctx, pseudonym, db, options)
	if err != nil {
		return err
	}
	listener, err := ingest.Listen(conf.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s, as the configuration says: %w", conf.Listen, err), collector.close())
	}
	scheduled, stopSchedule := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSchedule()
	schedule := make(chan error, 1)
	go func() {
		schedule <- transform.Serve(scheduled, p.log, transform.Scheduled{
			Name: "daily", Spec: conf.Schedule, Zone: conf.Zone,
			Do: func(ctx context.Context) error {
				present, err := db.get()
				if err != nil {
					return err
				}
				return c.daily(ctx, present, transform.Values(conf.Values), postmen, conf.calendars)
			},
		})
	}()

	mux := http.NewServeMux()
	collector.routes(mux)
	mux.Handle("GET /reports/", reportsSite(c.Reports, password))
	mux.Handle("GET /metrics", collector.metricsSite(db, password))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", collector.ready)
	server := ingest.NewHTTPServer(conf.Listen, mux, p.log)
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	p.log.Info("listening", "address", listener.Addr().String(), "webhooks", len(options.Endpoints), "event_tokens", len(options.Tokens),
		"reports", "/reports/ with any user name and the password in "+p.reportsPasswordPath())

	select {
	case <-ctx.Done():
	case err = <-serving:
		serving <- err
	}
	p.log.Info("stopping")
	shutdown := stopServer(server, 10*time.Second, p.log)
	if failed := <-serving; !errors.Is(failed, http.ErrServerClosed) {
		shutdown = errors.Join(shutdown, failed)
	}
	stopSchedule()
	return errors.Join(shutdown, <-schedule, collector.close(), db.close())
}

// stopServer lets requests end, and cuts off those that do not end within grace: nothing of them was
// acknowledged, so their senders send it again.
func stopServer(server *http.Server, grace time.Duration, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests cut off that did not end in time", "seconds", grace.Seconds())
		return server.Close()
	}
	return err
}

func mustAbs(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// serverOptions turns the configuration into what may be posted.
func (c config) serverOptions() (ingest.ServerOptions, error) {
	var o ingest.ServerOptions
	for i, e := range c.Events {
		place := fmt.Sprintf("events[%d]", i)
		token, err := e.Token.resolve(place + ".token")
		if err != nil {
			return o, err
		}
		if e.Business == "" {
			return o, fmt.Errorf("%s.business is missing", place)
		}
		o.Tokens = append(o.Tokens, ingest.Token{
			Secret: token, BusinessID: string(e.Business), Accounts: texts(e.Accounts), Lines: canonical.NewDecoder(e.Attributes...),
		})
	}
	for i, w := range c.Webhooks {
		place := fmt.Sprintf("webhooks[%d]", i)
		endpoint := ingest.Endpoint{Source: w.Source, Name: string(w.Name), BusinessID: string(w.Business), Accounts: texts(w.Accounts)}
		for j, s := range w.AppSecrets {
			secret, err := s.resolve(fmt.Sprintf("%s.app_secrets[%d]", place, j))
			if err != nil {
				return o, err
			}
			endpoint.Secrets = append(endpoint.Secrets, secret)
		}
		var err error
		if endpoint.VerifyToken, err = w.VerifyToken.resolve(place + ".verify_token"); err != nil {
			return o, err
		}
		o.Endpoints = append(o.Endpoints, endpoint)
	}
	return o, nil
}

// daily is every job, and the report of every business, which it mails. A job that fails takes no report away: it shows what was computed last.
func (c *serveCommand) daily(ctx context.Context, db *warehouse.DB, values transform.Values, postmen []postman, calendars []transform.Calendar) error {
	results, err := transform.RunAll(ctx, db, values, calendars...)
	if !slices.ContainsFunc(results, func(r transform.Result) bool { return !r.Window.IsZero() }) {
		return err
	}
	ask := queries.NewRunner(db)
	var businesses []struct {
		ID string `ch:"business_id"`
	}
	if asked := ask.Select(ctx, &businesses, "businesses", nil); asked != nil {
		return errors.Join(err, asked)
	}
	for _, b := range businesses {
		dir := c.Reports
		if len(businesses) > 1 {
			dir = filepath.Join(c.Reports, safeFolder(b.ID))
		}
		rendered, failed := renderReports(ctx, ask, reports.Options{Dir: dir, Own: c.own, Business: b.ID})
		if failed == nil {
			_, failed = deliver(ctx, postmen, b.ID, rendered)
			failed = errors.Join(failed, rendered.Failed)
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("report of %s: %w", b.ID, failed))
		}
	}
	return err
}

// safeFolder makes a folder's name of a business id: a different one for each id.
func safeFolder(id string) string {
	var name strings.Builder
	for _, c := range []byte(id) {
		if c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			name.WriteByte(c)
		} else {
			fmt.Fprintf(&name, "_%02x", c)
		}
	}
	return name.String()
}

func (p *program) reportsPasswordPath() string { return filepath.Join(p.Dir, "reports.password") }

// reportsPassword reads the password of the reports' site, or draws one at the first start: the
// listener faces the platforms, and the reports are nobody else's business.
func (p *program) reportsPassword() (string, error) {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	path := p.reportsPasswordPath()
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		text = []byte(rand.Text() + "\n")
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("read or make the reports' password: %w", err)
	}
	password := strings.TrimSpace(string(text))
	if password == "" {
		return "", fmt.Errorf("%s is empty: write a password into it, or delete it to have one drawn", path)
	}
	return password, nil
}

// reportsSite shows the pages in dir to whoever knows the password.
func reportsSite(dir, password string) http.Handler {
	return withPassword(password, http.StripPrefix("/reports/", http.FileServer(http.Dir(dir))))
}

// withPassword lets only those pass who know the password.
func withPassword(password string, to http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given, ok := r.BasicAuth()
		if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(password)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="Drumbeat reports", charset="UTF-8"`)
			http.Error(w, "reports and metrics need a password: any user name, and what stands in reports.password in the data folder", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		to.ServeHTTP(w, r)
	})
}
