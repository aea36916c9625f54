package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"drumbeat/ingest/jsontree"
	"drumbeat/ingest/spool"
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

func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	endpoint := s.endpoints[[2]string{r.PathValue("source"), r.PathValue("name")}]
	if endpoint == nil {
		// Not counted by name: anyone can make one up.
		s.answer(w, r, "unknown", problem{http.StatusNotFound, "no such webhook endpoint"})
		return
	}
	name, source := endpoint.Source, s.opts.Sources[endpoint.Source]
	switch r.Method {
	case http.MethodGet:
		challenge, ok := source.Handshake(r, endpoint.VerifyToken)
		if !ok {
			s.answer(w, r, name, problem{http.StatusForbidden, "handshake refused: mode or verify token differ from the endpoint's"})
			return
		}
		s.ok(name)
		// As plain text, so that a browser does not take a made-up challenge for a page.
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		io.WriteString(w, challenge)
	case http.MethodPost:
		if err := s.take(w, r, endpoint, source); err != nil {
			s.answer(w, r, name, err)
			return
		}
		s.ok(name)
	default:
		w.Header().Set("Allow", "GET, POST")
		s.answer(w, r, name, problem{http.StatusMethodNotAllowed, "use POST, or GET for the handshake"})
	}
}

// take keeps the events of one webhook request.
func (s *Server) take(w http.ResponseWriter, r *http.Request, endpoint *Endpoint, source Source) error {
	wire, plain, err := body(w, r, MaxWebhook)
	if err != nil {
		return err
	}
	// A proxy that compresses hides the bytes that were signed.
	if !source.Verify(r, wire, endpoint.Secrets) && (len(wire) == len(plain) || !source.Verify(r, plain, endpoint.Secrets)) {
		return problem{http.StatusUnauthorized, "signature missing or wrong"}
	}
	decoded, err := source.Decode(plain, Intake{BusinessID: endpoint.BusinessID, Received: s.now()})
	if err != nil {
		s.opts.Log.Warn("signed webhook not readable", "source", endpoint.Source, "bytes", len(plain), "err", err)
		return problem{http.StatusBadRequest, err.Error()}
	}
	batch := s.batch()
	defer s.release(batch)
	accepted, foreign := 0, 0
	for i := range decoded.Drafts {
		draft := &decoded.Drafts[i]
		// The dashboard's test button sends made-up accounts; what is marked as test counts nowhere.
		if !draft.IsTest && !allows(endpoint.Accounts, draft.AccountID) {
			foreign++
			continue
		}
		event := s.opts.Pseudonym.Seal(draft)
		*batch = appendEvent(*batch, &event)
		accepted++
	}
	if accepted > 0 {
		if err := s.opts.Spool.Append(r.Context(), *batch); err != nil {
			return err
		}
	}
	if foreign > 0 {
		s.opts.Log.Warn("events of an account that the endpoint does not list rejected", "source", endpoint.Source, "endpoint", endpoint.Name, "events", foreign)
	}
	s.count(endpoint.Source, func(stats *SourceStats) {
		stats.Accepted += uint64(accepted)
		if foreign > 0 {
			stats.Rejected[rejectedAccount] += uint64(foreign)
		}
		for reason, n := range decoded.Skipped {
			stats.Skipped[reason] += uint64(n)
		}
	})
	return nil
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

// sourceEvents is the name of /v1/events in Stats.
const sourceEvents = "events"

// Answer is the body with which POST /v1/events answers.
type Answer struct {
	Accepted int            `json:"accepted"`
	Rejected int            `json:"rejected"`
	Errors   []RejectedLine `json:"errors,omitempty"`   // the first thousand
	LeftOut  int            `json:"left_out,omitempty"` // rejected lines that Errors does not name
	Error    string         `json:"error,omitempty"`    // why nothing was read at all
}

// RejectedLine is one line that was not taken.
type RejectedLine struct {
	Line  int    `json:"line"` // 1-based; of an array the element
	Error string `json:"error"`
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		s.answer(w, r, sourceEvents, problem{http.StatusMethodNotAllowed, "use POST"})
		return
	}
	token := s.token(r)
	if token == nil {
		s.answer(w, r, sourceEvents, problem{http.StatusUnauthorized, "token missing or unknown: send Authorization: Bearer <token>"})
		return
	}
	_, plain, err := body(w, r, MaxEvents)
	if err != nil {
		s.answer(w, r, sourceEvents, err)
		return
	}
	answer, err := s.keepLines(r.Context(), plain, token)
	if err != nil {
		s.answer(w, r, sourceEvents, err)
		return
	}
	status := http.StatusOK
	if answer.Accepted == 0 {
		status = http.StatusBadRequest
	}
	s.count(sourceEvents, func(stats *SourceStats) {
		stats.Requests[status]++
		stats.Accepted += uint64(answer.Accepted)
		if answer.Rejected > 0 {
			stats.Rejected[rejectedLine] += uint64(answer.Rejected)
		}
	})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}

func (s *Server) token(r *http.Request) *Token {
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return nil
	}
	return s.tokens[sha256.Sum256([]byte(strings.TrimSpace(secret)))]
}

// keepLines decodes a body and makes its good lines durable, all or none.
func (s *Server) keepLines(ctx context.Context, plain []byte, token *Token) (Answer, error) {
	var answer Answer
	lines, err := linesOf(plain)
	if err != nil {
		answer.Error = err.Error()
		return answer, nil
	}
	reject := func(line int, err error) {
		answer.Rejected++
		if len(answer.Errors) < maxListed {
			answer.Errors = append(answer.Errors, RejectedLine{line, err.Error()})
		} else {
			answer.LeftOut++
		}
	}
	received := s.now()
	batch := s.batch()
	defer s.release(batch)
	decoder := s.opts.Lines
	if token.Lines != nil {
		decoder = token.Lines
	}
	var draft Draft
	for n, line := range lines {
		if err := decoder.Decode(line, token.BusinessID, received, &draft); err != nil {
			reject(n, err)
			continue
		}
		if !allows(token.Accounts, draft.AccountID) {
			reject(n, errAccount)
			continue
		}
		event := s.opts.Pseudonym.Seal(&draft)
		*batch = appendEvent(*batch, &event)
		answer.Accepted++
	}
	if answer.Accepted == 0 {
		if answer.Rejected == 0 {
			answer.Error = "no event in the body"
		}
		return answer, nil
	}
	err = s.opts.Spool.Append(ctx, *batch)
	if errors.Is(err, spool.ErrTooLarge) {
		err = problem{http.StatusRequestEntityTooLarge, "too many events for one request"}
	}
	return answer, err
}

var errAccount = errors.New("account_id is not one of the token's accounts")

// linesOf yields the events of a body with their numbers: the elements of a JSON array, else lines.
// An array that is not JSON as a whole has no elements that could be told apart.
func linesOf(plain []byte) (iter.Seq2[int, []byte], error) {
	plain = bytes.TrimPrefix(plain, []byte("\xef\xbb\xbf"))
	if first := bytes.TrimLeft(plain, " \t\r\n"); len(first) > 0 && first[0] == '[' {
		root, err := jsontree.Parse(plain)
		if err != nil {
			return nil, err
		}
		return func(yield func(int, []byte) bool) {
			n := 0
			for element := range root.Elements() {
				n++
				if !yield(n, element.Raw()) {
					return
				}
			}
		}, nil
	}
	return func(yield func(int, []byte) bool) {
		n := 0
		for line := range bytes.Lines(plain) {
			n++
			if line = bytes.TrimSpace(line); len(line) > 0 && !yield(n, line) {
				return
			}
		}
	}, nil
}
