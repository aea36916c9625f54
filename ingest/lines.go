package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"
	"unicode/utf8"

	"drumbeat/ingest/cloudevents"
	"drumbeat/ingest/jsontree"
	"drumbeat/ingest/spool"
)

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
	if r.Method != http.MethodPost && r.Method != http.MethodOptions {
		w.Header().Set("Allow", "OPTIONS, POST")
		s.answer(w, r, sourceEvents, problem{http.StatusMethodNotAllowed, "use POST"})
		return
	}
	token, inURL := s.token(r)
	if token == nil {
		s.answer(w, r, sourceEvents, problem{http.StatusUnauthorized, "token missing or unknown: send Authorization: Bearer <token>"})
		return
	}
	if inURL {
		w.Header().Set("Cache-Control", "private")
	}
	if r.Method == http.MethodOptions {
		s.permit(w, r)
		return
	}
	answer, err := s.post(w, r, token)
	if err != nil {
		s.answer(w, r, sourceEvents, err)
		return
	}
	status := http.StatusOK
	if answer.Rejected > 0 && answer.Accepted == 0 || answer.Error != "" {
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

// token returns who sends, by header or, for senders that can set none, by the address (RFC 6750, section 2). nil is nobody.
func (s *Server) token(r *http.Request) (token *Token, inURL bool) {
	secret := ""
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		kind, rest, _ := strings.Cut(authorization, " ")
		if !strings.EqualFold(kind, "Bearer") {
			return nil, false
		}
		secret = strings.TrimSpace(rest)
	} else if r.URL.RawQuery != "" {
		secret, inURL = r.URL.Query().Get("access_token"), true
	}
	return s.tokens[sha256.Sum256([]byte(secret))], inURL
}

// permit answers a sender that asks whether it may post here: the handshake of the CloudEvents webhook profile, which
// protects others from being flooded. It is the token that decides, not where the sender says it is.
func (s *Server) permit(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "OPTIONS, POST")
	if r.Header.Get("WebHook-Request-Origin") == "" {
		s.answer(w, r, sourceEvents, problem{http.StatusBadRequest, "WebHook-Request-Origin is missing: OPTIONS is the handshake of CloudEvents webhooks"})
		return
	}
	w.Header().Set("WebHook-Allowed-Origin", "*")
	w.Header().Set("WebHook-Allowed-Rate", "*")
	s.ok(sourceEvents)
}

// post reads a request's events and makes the good ones durable.
func (s *Server) post(w http.ResponseWriter, r *http.Request, token *Token) (Answer, error) {
	read, err := formatOf(r.Header)
	if err != nil {
		return Answer{}, err
	}
	_, plain, err := body(w, r, MaxEvents)
	if err != nil {
		return Answer{}, err
	}
	events, err := read.events(plain)
	if err != nil {
		return Answer{Error: err.Error()}, nil
	}
	answer, err := s.keep(r.Context(), events, read.line, token)
	if err == nil && answer.Accepted+answer.Rejected == 0 && !read.mayBeEmpty {
		answer.Error = errNoEvent.Error()
	}
	return answer, err
}

// keep decodes numbered events and makes the good ones durable, all or none. line turns one into an event line; nil
// if it is one.
func (s *Server) keep(ctx context.Context, events iter.Seq2[int, []byte], line func([]byte) ([]byte, error), token *Token) (Answer, error) {
	var answer Answer
	reject := func(n int, err error) {
		answer.Rejected++
		if len(answer.Errors) < maxListed {
			answer.Errors = append(answer.Errors, RejectedLine{n, err.Error()})
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
	var sealed [2]Event // this event and the one before it, of which the spool keeps what differs
	var before *Event
	for n, raw := range events {
		var err error
		switch {
		case line == nil:
		case !utf8.Valid(raw): // the line made of it would be
			err = errNotUTF8
		default:
			raw, err = line(raw)
		}
		if err == nil {
			err = decoder.Decode(raw, token.BusinessID, received, &draft)
		}
		if err == nil && !allows(token.Accounts, draft.AccountID) {
			err = errAccount
		}
		if err != nil {
			reject(n, err)
			continue
		}
		event := &sealed[answer.Accepted%2]
		*event = s.opts.Pseudonym.Seal(&draft)
		*batch = appendAfter(*batch, before, event)
		before = event
		answer.Accepted++
	}
	if answer.Accepted == 0 {
		return answer, nil
	}
	err := s.opts.Spool.Append(ctx, *batch)
	if errors.Is(err, spool.ErrTooLarge) {
		err = problem{http.StatusRequestEntityTooLarge, "too many events for one request"}
	}
	return answer, err
}

var (
	errAccount = errors.New("account_id is not one of the token's accounts")
	errNotUTF8 = errors.New("not UTF-8")
	errNoEvent = errors.New("no event in the body")
)

// format is how a body holds events.
type format struct {
	events     func(plain []byte) (iter.Seq2[int, []byte], error) // tells them apart and numbers them from 1
	line       func(raw []byte) ([]byte, error)                   // makes an event line of one; nil: it is one
	mayBeEmpty bool                                               // a body without events is no mistake
}

// lineTypes are the media types under which lines and arrays come. Many senders name none or a wrong one, such as curl, so
// the body decides; but what names another format is not read as lines.
var lineTypes = map[string]bool{
	"": true, "application/json": true, "text/json": true, "text/plain": true,
	"application/x-ndjson": true, "application/ndjson": true, "application/x-jsonlines": true, "application/jsonlines": true, "application/jsonl": true,
	"application/stream+json": true, "application/x-json-stream": true, "application/octet-stream": true, "application/x-www-form-urlencoded": true,
}

// formatOf returns the format that a request's headers announce. It fails with 415 for an unknown one.
func formatOf(header http.Header) (format, error) {
	// Parameters after the ; may be malformed; only the type counts.
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch {
	case media == cloudevents.MediaType, media == cloudevents.BatchMediaType:
		return format{events: documentOf, line: cloudevents.Structured, mayBeEmpty: true}, nil
	case cloudevents.IsBinary(header) && cloudevents.IsJSON(media):
		return format{events: wholeOf, line: func(raw []byte) ([]byte, error) { return cloudevents.Binary(header, raw) }}, nil
	case !cloudevents.IsBinary(header) && lineTypes[media]:
		return format{events: linesOf}, nil
	}
	return format{}, problem{http.StatusUnsupportedMediaType, "unknown Content-Type: send application/x-ndjson, application/json, " +
		cloudevents.MediaType + " or " + cloudevents.BatchMediaType}
}

// linesOf yields the events of a body: the elements of a JSON array, else lines.
func linesOf(plain []byte) (iter.Seq2[int, []byte], error) {
	plain, first := begin(plain)
	if first == '[' {
		return elementsOf(plain)
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

// documentOf yields the elements of a body that is a JSON array, else the body.
func documentOf(plain []byte) (iter.Seq2[int, []byte], error) {
	plain, first := begin(plain)
	switch first {
	case '[':
		return elementsOf(plain)
	case 0:
		return nil, errNoEvent
	}
	return wholeOf(plain)
}

// wholeOf yields a body that is one event.
func wholeOf(plain []byte) (iter.Seq2[int, []byte], error) {
	return func(yield func(int, []byte) bool) { yield(1, plain) }, nil
}

// elementsOf yields the elements of a JSON array. An array that is not JSON as a whole has no elements that could be
// told apart.
func elementsOf(array []byte) (iter.Seq2[int, []byte], error) {
	elements, err := jsontree.SplitArray(array)
	if err != nil {
		return nil, err
	}
	return func(yield func(int, []byte) bool) {
		n := 0
		for element := range elements {
			n++
			if !yield(n, element) {
				return
			}
		}
	}, nil
}

// begin returns a body without byte order mark, and its first byte that is no space; 0 if there is none.
func begin(plain []byte) (text []byte, first byte) {
	text = bytes.TrimPrefix(plain, []byte("\xef\xbb\xbf"))
	if rest := bytes.TrimLeft(text, " \t\r\n"); len(rest) > 0 {
		first = rest[0]
	}
	return text, first
}
