package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"drumbeat/ingest/quarantine"
	"drumbeat/ingest/spool"

	"golang.org/x/net/netutil"
)

// Limits of a request's body, inflated.
const (
	MaxWebhook = 4 << 20  // Meta sends up to 3 MB
	MaxEvents  = 32 << 20 // POST /v1/events
)

// maxConnections is how many clients are served at a time; more wait for one to leave.
const maxConnections = 4096

// maxListed is how many rejected lines an answer names; the rest is counted.
const maxListed = 1000

// retryAfter is what a sender is told to wait when nothing more can be kept, in seconds.
const retryAfter = "5"

// Appender makes a record durable before it returns; a *spool.Spool is one.
type Appender interface {
	Append(ctx context.Context, payload []byte) error
}

// Endpoint is one webhook address, /webhooks/{source}/{name} or, without a name,
// /webhooks/{source}: who may post there and whose events they are.
type Endpoint struct {
	Source      string   // the platform, a key of ServerOptions.Sources
	Name        string   // tells several endpoints of one platform apart
	BusinessID  string   // the tenant; default: each event's account
	Accounts    []string // the accounts whose events are taken; empty: any
	Secrets     []string // one of them signs every body
	VerifyToken string   // for the platform's handshake
}

// Token lets a sender post events of one business.
type Token struct {
	Secret     string
	BusinessID string
	Accounts   []string    // the accounts whose events are taken; empty: any
	Lines      LineDecoder // reads this sender's lines; default: the server's
}

// ServerOptions of a server.
type ServerOptions struct {
	Spool     Appender
	Pseudonym *Pseudonymizer
	Sources   map[string]Source // by name in the address
	Endpoints []Endpoint
	Lines     LineDecoder // of POST /v1/events
	Tokens    []Token
	Now       func() time.Time // default time.Now
	Log       *slog.Logger     // default slog.Default()

	// Quarantine keeps signed bodies that cannot be decoded; without one they are only refused.
	Quarantine *quarantine.Store
	// MaxInFlight is how many bytes of bodies may be in memory at a time; default 256 MiB. Webhooks and
	// /v1/events have half of it each: who signs a webhook is known only when all of it is there, and a
	// flood of unsigned ones must not keep out those who have a token.
	MaxInFlight int64
	// Patience is how long the body of a webhook may take; default 20 s. Platforms send at once.
	Patience time.Duration
}

// Server takes events over HTTP. It answers 200 when they are durable and not before.
type Server struct {
	opts      ServerOptions
	mux       *http.ServeMux
	endpoints map[[2]string]*Endpoint
	tokens    map[[sha256.Size]byte]*Token
	buffers   sync.Pool // of *[]byte, records for the spool
	webhooks  *room
	lines     *room
	kept      *watched // opts.Spool
	log       seldom

	mu    sync.Mutex
	stats map[string]*SourceStats
}

// SourceStats counts what one source brought since the start of the process.
type SourceStats struct {
	Requests map[int]uint64    // by HTTP status of the answer
	Accepted uint64            // events made durable
	Rejected map[string]uint64 // events and lines not taken, by reason
	Skipped  map[string]uint64 // items that say nothing about a message or contact, by reason
	Unsigned map[string]uint64 // webhooks with a wrong signature or none, by the endpoint's name
}

// Reasons of SourceStats.Rejected; a line's own fault is "line".
const (
	rejectedAccount = "another account"
	rejectedLine    = "line"
)

// NewServer checks the options and returns a server. It fails on an endpoint of an unknown source,
// without a secret, or named twice, on an empty or repeated token, and where the holder of one secret
// could write into the business of another.
func NewServer(opts ServerOptions) (*Server, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.MaxInFlight == 0 {
		opts.MaxInFlight = 256 << 20
	}
	if opts.Patience == 0 {
		opts.Patience = 20 * time.Second
	}
	kept := &watched{Appender: opts.Spool}
	opts.Spool = kept
	s := &Server{
		opts: opts, mux: http.NewServeMux(), stats: map[string]*SourceStats{}, kept: kept,
		webhooks: newRoom(opts.MaxInFlight / 2), lines: newRoom(opts.MaxInFlight / 2),
		log:       seldom{to: opts.Log, now: opts.Now, lines: map[string]*tally{}},
		endpoints: map[[2]string]*Endpoint{}, tokens: map[[sha256.Size]byte]*Token{},
		buffers: sync.Pool{New: func() any { return new([]byte) }},
	}
	for _, e := range opts.Endpoints {
		place := e.place()
		key := [2]string{e.Source, e.Name}
		switch {
		case opts.Sources[e.Source] == nil:
			return nil, fmt.Errorf("%s: unknown source; known are %s", place, strings.Join(slices.Sorted(maps.Keys(opts.Sources)), ", "))
		case len(e.Secrets) == 0 || slices.Contains(e.Secrets, ""):
			return nil, fmt.Errorf("%s: no secret, so anyone could post there; set the platform's app secret", place)
		case s.endpoints[key] != nil:
			return nil, fmt.Errorf("%s: configured twice", place)
		case strings.Contains(e.Name, "/"):
			return nil, fmt.Errorf("%s: a name with a / is never called", place)
		}
		s.endpoints[key] = &e
	}
	for i, token := range opts.Tokens {
		// Looked up by hash: how long a comparison takes tells nothing about a token.
		hash := sha256.Sum256([]byte(token.Secret))
		switch {
		case len(token.Secret) < 16:
			return nil, fmt.Errorf("token %d of /v1/events: it has fewer than 16 characters and could be guessed", i+1)
		case token.BusinessID == "":
			return nil, fmt.Errorf("token %d of /v1/events: it belongs to no business", i+1)
		case s.tokens[hash] != nil:
			return nil, fmt.Errorf("token %d of /v1/events: it was given before", i+1)
		}
		s.tokens[hash] = &token
	}
	if err := opts.tenants(); err != nil {
		return nil, err
	}
	s.mux.HandleFunc("/v1/events", s.events)
	s.mux.HandleFunc("/webhooks/{source}", s.webhook)
	s.mux.HandleFunc("/webhooks/{source}/{name}", s.webhook)
	return s, nil
}

func (e *Endpoint) place() string {
	return "webhook endpoint /webhooks/" + strings.TrimSuffix(e.Source+"/"+e.Name, "/")
}

// tenants sees that a secret opens the way to one business only.
func (o *ServerOptions) tenants() error {
	type owner struct{ place, business string }
	owners := map[string]owner{}
	own := func(secret, place, business string) error {
		before, known := owners[secret]
		if known && before.business != business {
			return fmt.Errorf("%s: its secret is also that of %s, which is of another business: give each its own", place, before.place)
		}
		owners[secret] = owner{place, business}
		return nil
	}
	for i, token := range o.Tokens {
		if err := own(token.Secret, fmt.Sprintf("token %d of /v1/events", i+1), token.BusinessID); err != nil {
			return err
		}
	}
	for _, e := range o.Endpoints {
		for _, secret := range e.Secrets {
			if err := own(secret, e.place(), e.BusinessID); err != nil {
				return err
			}
		}
	}
	for _, open := range o.Endpoints {
		if open.BusinessID != "" || len(open.Accounts) > 0 {
			continue
		}
		// Each account is a business here, and the body says which: whoever signs it could name any.
		for secret, other := range owners {
			if !slices.Contains(open.Secrets, secret) {
				return fmt.Errorf("%s: it has neither a business nor accounts, so its sender could write into the business of %s: name one of them", open.place(), other.place)
			}
		}
	}
	return nil
}

// ServeHTTP serves /v1/events and /webhooks/; register it for both.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seat := &seat{ReadCloser: r.Body, room: s.lines}
	if strings.HasPrefix(r.URL.Path, "/webhooks/") {
		seat.room = s.webhooks
	}
	r.Body = seat
	defer func() {
		seat.leave()
		// net/http looks at its own body to see that not all was read, and gives the sender time to read the answer.
		r.Body = seat.ReadCloser
	}()
	defer func() {
		// net/http would log the sender's address and the panic's value.
		if failure := recover(); failure != nil {
			if failure != http.ErrAbortHandler {
				s.log.line(slog.LevelError, "request broke down", "", "", "stack", string(debug.Stack()))
			}
			panic(http.ErrAbortHandler)
		}
	}()
	s.mux.ServeHTTP(w, r)
}

// NewHTTPServer returns an http.Server with limits that a slow or hostile client cannot stretch.
// The longest request is 32 MiB over a slow line.
func NewHTTPServer(address string, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr: address, Handler: handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// Listen announces on a TCP address. A flood of connections waits there and takes no memory of ours.
func Listen(address string) (net.Listener, error) { return listen(address, maxConnections) }

func listen(address string, connections int) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return netutil.LimitListener(listener, connections), nil
}

// Ready returns nil if an event would be kept now, else why not. After an event could not be written it
// tries to write a record without events, so that it sees when the disk is well again.
func (s *Server) Ready(ctx context.Context) error {
	if !s.kept.failed.Load() {
		return nil
	}
	return s.opts.Spool.Append(ctx, nil)
}

// InFlight returns how many bytes of bodies are in memory.
func (s *Server) InFlight() int64 { return s.webhooks.taken.Load() + s.lines.taken.Load() }

// Stats returns the counts so far, by source; those of /v1/events stand under "events".
func (s *Server) Stats() map[string]SourceStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]SourceStats, len(s.stats))
	for name, stats := range s.stats {
		out[name] = SourceStats{
			Requests: maps.Clone(stats.Requests), Accepted: stats.Accepted,
			Rejected: maps.Clone(stats.Rejected), Skipped: maps.Clone(stats.Skipped), Unsigned: maps.Clone(stats.Unsigned),
		}
	}
	return out
}

// count changes the counts of one source.
func (s *Server) count(source string, change func(*SourceStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats[source]
	if stats == nil {
		stats = &SourceStats{Requests: map[int]uint64{}, Rejected: map[string]uint64{}, Skipped: map[string]uint64{}, Unsigned: map[string]uint64{}}
		s.stats[source] = stats
	}
	change(stats)
}

// problem is an answer other than 200. The text goes to the client, so it holds nothing of ours.
type problem struct {
	status int
	text   string
}

func (p problem) Error() string { return p.text }

// answer ends a request with err's status; what went wrong on our side is logged.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, source string, err error) {
	var p problem
	if !errors.As(err, &p) {
		p = problem{http.StatusServiceUnavailable, "events cannot be kept at the moment, send them again later"}
		if r.Context().Err() == nil {
			s.log.line(slog.LevelError, "events not kept", source, "", "err", err)
		}
	}
	switch p.status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	s.count(source, func(stats *SourceStats) { stats.Requests[p.status]++ })
	http.Error(w, p.text, p.status)
}

func (s *Server) ok(source string) {
	s.count(source, func(stats *SourceStats) { stats.Requests[http.StatusOK]++ })
}

func (s *Server) now() time.Time { return s.opts.Now().UTC().Truncate(time.Millisecond) }

func (s *Server) batch() *[]byte { return s.buffers.Get().(*[]byte) }

// release takes a record's buffer back; the spool has its own copy.
func (s *Server) release(batch *[]byte) {
	if cap(*batch) > 4<<20 {
		return
	}
	*batch = (*batch)[:0]
	s.buffers.Put(batch)
}

func allows(accounts []string, account string) bool {
	return len(accounts) == 0 || slices.Contains(accounts, account)
}

// watched remembers whether the last record could be written.
type watched struct {
	Appender
	failed atomic.Bool
}

func (w *watched) Append(ctx context.Context, payload []byte) error {
	err := w.Appender.Append(ctx, payload)
	switch {
	case err == nil:
		w.failed.Store(false)
	case errors.Is(err, spool.ErrTooLarge), ctx.Err() != nil: // not the disk's fault
	default:
		w.failed.Store(true)
	}
	return err
}

// seldom logs what clients cause: of each kind a line at once, and then one a minute with how many there were,
// so that a flood of requests is no flood of lines.
type seldom struct {
	to  *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	lines map[string]*tally
}

type tally struct {
	last  time.Time
	times int
}

// line logs text, which is constant, for a configured source and endpoint.
func (s *seldom) line(level slog.Level, text, source, endpoint string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := text + " " + source + "/" + endpoint
	l := s.lines[key]
	if l == nil {
		l = &tally{}
		s.lines[key] = l
	}
	l.times++
	now := s.now()
	if !l.last.IsZero() && now.Sub(l.last) < time.Minute {
		return
	}
	args = append([]any{"source", source, "endpoint", endpoint, "times", l.times}, args...)
	s.to.Log(context.Background(), level, text, args...)
	l.last, l.times = now, 0
}
