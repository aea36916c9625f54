package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Source is one platform's webhook: how it proves who it is, and what its bodies say. A platform
// is one folder that implements it; the server is told of it by whoever builds the server.
type Source interface {
	// Verify reports whether a holder of one of secrets signed body, the bytes as they came.
	Verify(r *http.Request, body []byte, secrets []string) bool

	// Handshake answers the platform's question whether this endpoint is the owner's. It returns
	// the body of the answer; ok is false if the token is not verifyToken, and for a platform
	// that does not ask.
	Handshake(r *http.Request, verifyToken string) (answer string, ok bool)

	// Decode reads a body. It fails only if the body is not of the format at all; items that say nothing
	// about a message or contact, or that cannot be read, are counted in Skipped and lose no other.
	Decode(body []byte, from Intake) (Decoded, error)
}

// Intake is what the collector knows of a body before reading it.
type Intake struct {
	BusinessID string
	Received   time.Time
}

// Decoded is what a body says.
type Decoded struct {
	Drafts  []Draft
	Skipped map[string]int // items by reason; reasons are constant phrases
}

// Skip counts an item that gives no event.
func (d *Decoded) Skip(reason string) {
	if d.Skipped == nil {
		d.Skipped = map[string]int{}
	}
	d.Skipped[reason]++
}

// ErrBody says that a body is not in the source's format at all, JSON for instance.
var ErrBody = errors.New("body not readable")

// LineDecoder reads one event line of a sender as a draft of an event of business. Its errors hold no
// personal data. It is safe for concurrent use, and keeps nothing of line.
type LineDecoder interface {
	Decode(line []byte, business string, received time.Time, draft *Draft) error
}

// LineError is one rejected line; the lines after it are still read.
type LineError struct {
	Source string // file or request
	Line   int    // 1-based; of a JSON array the element
	Err    error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.Source, e.Line, e.Err) }

// Unwrap returns what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }
