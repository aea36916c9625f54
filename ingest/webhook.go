package ingest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"drumbeat/ingest/quarantine"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

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
	// A server without deadlines, as in some tests, has nothing to shorten.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.opts.Patience))
	wire, plain, err := body(w, r, MaxWebhook)
	if err != nil {
		return err
	}
	// A proxy that compresses hides the bytes that were signed.
	if !source.Verify(r, wire, endpoint.Secrets) && (len(wire) == len(plain) || !source.Verify(r, plain, endpoint.Secrets)) {
		s.log.line(slog.LevelWarn, "webhook with a wrong signature or none refused", endpoint.Source, endpoint.Name)
		s.count(endpoint.Source, func(stats *SourceStats) { stats.Unsigned[endpoint.Name]++ })
		return problem{http.StatusUnauthorized, "signature missing or wrong"}
	}
	received := s.now()
	batch := s.batch()
	defer s.release(batch)
	result, err := s.read(endpoint, plain, received, func(e *Event) { *batch = appendEvent(*batch, e) })
	if err != nil {
		s.log.line(slog.LevelWarn, "signed webhook not readable", endpoint.Source, endpoint.Name, "bytes", len(plain), "err", err)
		if s.opts.Quarantine != nil {
			entry := quarantine.Entry{Source: endpoint.Source, Endpoint: endpoint.Name, Reason: err.Error(), Received: received}
			if err := s.opts.Quarantine.Keep(entry, plain); err != nil {
				return err
			}
		}
		return problem{http.StatusBadRequest, err.Error()}
	}
	if result.Accepted > 0 {
		if err := s.opts.Spool.Append(r.Context(), *batch); err != nil {
			return err
		}
	}
	if result.Foreign > 0 {
		s.log.line(slog.LevelWarn, "events of an account that the endpoint does not list rejected", endpoint.Source, endpoint.Name, "events", result.Foreign)
	}
	s.count(endpoint.Source, func(stats *SourceStats) {
		stats.Accepted += uint64(result.Accepted)
		if result.Foreign > 0 {
			stats.Rejected[rejectedAccount] += uint64(result.Foreign)
		}
		for reason, n := range result.Skipped {
			stats.Skipped[reason] += uint64(n)
		}
	})
	return nil
}

// BodyResult tells what became of the items of a webhook's body.
type BodyResult struct {
	Accepted int            // events
	Foreign  int            // events of accounts that the endpoint does not list, not taken
	Skipped  map[string]int // items that give no event, by reason
}

// read decodes a body and hands the events that the endpoint may bring to each.
func (s *Server) read(endpoint *Endpoint, body []byte, received time.Time, each func(*Event)) (BodyResult, error) {
	decoded, err := s.decode(endpoint, body, received)
	if err != nil {
		return BodyResult{}, err
	}
	result := BodyResult{Skipped: decoded.Skipped}
	for i := range decoded.Drafts {
		draft := &decoded.Drafts[i]
		// The dashboard's test button sends made-up accounts; what is marked as test counts nowhere. Without a
		// business the account says whose the event is, and then a made-up one may be somebody else's.
		test := draft.IsTest && endpoint.BusinessID != ""
		if !test && !allows(endpoint.Accounts, draft.AccountID) {
			result.Foreign++
			continue
		}
		event := s.opts.Pseudonym.Seal(draft)
		each(&event)
		result.Accepted++
	}
	return result, nil
}

// errPanic says that a decoder met something that its author did not think of.
var errPanic = fmt.Errorf("%w: the decoder broke down on it", ErrBody)

// decode makes a decoder's panic an error: the platform would send the same body for days, and it belongs into the
// quarantine like any that cannot be read.
func (s *Server) decode(endpoint *Endpoint, body []byte, received time.Time) (decoded Decoded, err error) {
	defer func() {
		if recover() != nil { // the value may quote the body
			s.log.line(slog.LevelError, "decoder broke down", endpoint.Source, endpoint.Name, "stack", string(debug.Stack()))
			decoded, err = Decoded{}, errPanic
		}
	}()
	return s.opts.Sources[endpoint.Source].Decode(body, Intake{BusinessID: endpoint.BusinessID, Received: received})
}

// Replay reads a body that was quarantined once more, as if its endpoint had just been called, and stores
// its events. It returns ErrBody, wrapped, if the body still cannot be read, and an error if there is no such endpoint any more.
func (s *Server) Replay(ctx context.Context, entry quarantine.Entry, body []byte, to Inserter) (BodyResult, error) {
	endpoint := s.endpoints[[2]string{entry.Source, entry.Endpoint}]
	if endpoint == nil {
		e := Endpoint{Source: entry.Source, Name: entry.Endpoint}
		return BodyResult{}, fmt.Errorf("%s: not configured any more, so nobody knows whose events these are", e.place())
	}
	r := newRows(memory.DefaultAllocator)
	defer r.release()
	result, err := s.read(endpoint, body, entry.Received, r.add)
	if err != nil {
		return BodyResult{}, err
	}
	record := r.record()
	defer record.Release()
	if result.Accepted == 0 {
		return result, nil
	}
	// Without a token: a second replay, after the decoder changed again, may give other rows.
	return result, insert(ctx, to, record, "")
}
