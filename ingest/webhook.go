package ingest

import (
	"io"
	"net/http"
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
