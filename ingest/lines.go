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
