package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of a request's body, inflated.
const (
	MaxWebhook = 4 << 20  // Meta sends up to 3 MB
	MaxEvents  = 32 << 20 // POST /v1/events
)

// maxReserved is how much memory a request gets for the mere promise of a body.
const maxReserved = 128 << 10

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
}

// Server takes events over HTTP. It answers 200 when they are durable and not before.
type Server struct {
	opts      ServerOptions
	mux       *http.ServeMux
	endpoints map[[2]string]*Endpoint
	tokens    map[[sha256.Size]byte]*Token
	buffers   sync.Pool // of *[]byte, records for the spool

	mu    sync.Mutex
	stats map[string]*SourceStats
}

// SourceStats counts what one source brought since the start of the process.
type SourceStats struct {
	Requests map[int]uint64    // by HTTP status of the answer
	Accepted uint64            // events made durable
	Rejected map[string]uint64 // events and lines not taken, by reason
	Skipped  map[string]uint64 // items that say nothing about a message or contact, by reason
}

// Reasons of SourceStats.Rejected; a line's own fault is "line".
const (
	rejectedAccount = "another account"
	rejectedLine    = "line"
)

// NewServer checks the options and returns a server. It fails on an endpoint of an unknown source,
// without a secret, or named twice, and on an empty or repeated token.
func NewServer(opts ServerOptions) (*Server, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	s := &Server{
		opts: opts, mux: http.NewServeMux(), stats: map[string]*SourceStats{},
		endpoints: map[[2]string]*Endpoint{}, tokens: map[[sha256.Size]byte]*Token{},
		buffers: sync.Pool{New: func() any { return new([]byte) }},
	}
	for _, e := range opts.Endpoints {
		place := "webhook endpoint /webhooks/" + strings.TrimSuffix(e.Source+"/"+e.Name, "/")
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
	s.mux.HandleFunc("/v1/events", s.events)
	s.mux.HandleFunc("/webhooks/{source}", s.webhook)
	s.mux.HandleFunc("/webhooks/{source}/{name}", s.webhook)
	return s, nil
}

// ServeHTTP serves /v1/events and /webhooks/; register it for both.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

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

// Stats returns the counts so far, by source; those of /v1/events stand under "events".
func (s *Server) Stats() map[string]SourceStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]SourceStats, len(s.stats))
	for name, stats := range s.stats {
		out[name] = SourceStats{
			Requests: maps.Clone(stats.Requests), Accepted: stats.Accepted,
			Rejected: maps.Clone(stats.Rejected), Skipped: maps.Clone(stats.Skipped),
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
		stats = &SourceStats{Requests: map[int]uint64{}, Rejected: map[string]uint64{}, Skipped: map[string]uint64{}}
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
			s.opts.Log.Error("events not kept", "source", source, "err", err)
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

// body reads a request's body: wire as it came, plain with gzip undone.
func body(w http.ResponseWriter, r *http.Request, limit int64) (wire, plain []byte, err error) {
	tooLarge := problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("body over %d MiB", limit>>20)}
	if r.ContentLength > limit {
		return nil, nil, tooLarge
	}
	var buf bytes.Buffer
	// ReadFrom wants room to find the end. More than most need is not reserved before it comes: of a webhook nobody
	// knows yet who sends it.
	buf.Grow(int(min(max(r.ContentLength, 0), maxReserved)) + bytes.MinRead)
	if _, err = buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return nil, nil, tooLarge
		}
		return nil, nil, problem{http.StatusBadRequest, "body not received completely"}
	}
	wire = buf.Bytes()
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return wire, wire, nil
	case "gzip", "x-gzip":
	default:
		return nil, nil, problem{http.StatusUnsupportedMediaType, "unknown Content-Encoding: send gzip or none"}
	}
	inflate, err := gzip.NewReader(bytes.NewReader(wire))
	if err == nil {
		plain, err = io.ReadAll(io.LimitReader(inflate, limit+1))
	}
	switch {
	case err != nil:
		return nil, nil, problem{http.StatusBadRequest, "body is not gzip"}
	case int64(len(plain)) > limit:
		return nil, nil, tooLarge
	}
	return wire, plain, nil
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
