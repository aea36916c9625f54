package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

const (
	firstBytes = 4 << 10 // what a request gets before it has sent anything
	maxRatio   = 100     // of a compressed body's sizes; event logs shrink 10 to 30 times
	freeRatio  = 1 << 20 // inflated bytes up to which the ratio does not matter
)

// room bounds the memory of the bodies that are in it at a time.
type room struct {
	free  *semaphore.Weighted
	taken atomic.Int64 // for people to see
}

func newRoom(size int64) *room { return &room{free: semaphore.NewWeighted(size)} }

func (r *room) take(n int64) bool {
	if !r.free.TryAcquire(n) {
		return false
	}
	r.taken.Add(n)
	return true
}

func (r *room) give(n int64) {
	r.taken.Add(-n)
	r.free.Release(n)
}

// seat is the body of one request and the memory that it takes in a room until its request ends.
type seat struct {
	io.ReadCloser
	room  *room
	taken int64
}

func (s *seat) leave() {
	if s.taken > 0 {
		s.room.give(s.taken)
		s.taken = 0
	}
}

// errNoRoom says that the bodies of other requests fill the memory that there is for them.
var errNoRoom = problem{http.StatusServiceUnavailable, "too much arrives at once, send it again later"}

// errOver says that a reader has more than the limit.
var errOver = errors.New("over the limit")

// read reads all of in, of which size bytes are promised; -1 if nobody knows. Memory is taken as bytes come, not as they
// are promised: anyone can promise. It returns errOver, errNoRoom or the reader's error.
func (s *seat) read(in io.Reader, size, limit int64) ([]byte, error) {
	grown := func(old []byte, n int64) ([]byte, error) {
		if !s.room.take(n) {
			return nil, errNoRoom
		}
		larger := append(make([]byte, 0, n), old...)
		s.room.give(int64(cap(old)))
		s.taken += n - int64(cap(old))
		return larger, nil
	}
	first := int64(firstBytes)
	if size >= 0 {
		first = min(first, size+1) // one byte more than is promised, to find the end
	}
	buf, err := grown(nil, first)
	for err == nil {
		if len(buf) == cap(buf) {
			next := min(2*int64(cap(buf)), limit+1)
			if size >= int64(len(buf)) {
				next = min(next, size+1)
			}
			if buf, err = grown(buf, next); err != nil {
				break
			}
		}
		var n int
		n, err = in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return nil, errOver
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return buf, nil
}

// body reads a request's body: wire as it came, plain with gzip undone.
func body(w http.ResponseWriter, r *http.Request, limit int64) (wire, plain []byte, err error) {
	seat := r.Body.(*seat) // put there by ServeHTTP
	wire, plain, err = seat.body(r, limit)
	switch p := (problem{}); {
	case errors.Is(err, errOver):
		err = problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("body over %d MiB", limit>>20)}
	case err != nil && !errors.As(err, &p):
		err = problem{http.StatusBadRequest, "body not received completely"}
	}
	if err != nil {
		// Else the answer waits for the rest of the body, from whom we want no more.
		w.Header().Set("Connection", "close")
	}
	return wire, plain, err
}

func (s *seat) body(r *http.Request, limit int64) (wire, plain []byte, err error) {
	if r.ContentLength > limit {
		return nil, nil, errOver
	}
	if wire, err = s.read(s.ReadCloser, r.ContentLength, limit); err != nil {
		return nil, nil, err
	}
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return wire, wire, nil
	case "gzip", "x-gzip":
	default:
		return nil, nil, problem{http.StatusUnsupportedMediaType, "unknown Content-Encoding: send gzip or none"}
	}
	inflate, err := gzip.NewReader(bytes.NewReader(wire))
	most := max(freeRatio, maxRatio*int64(len(wire)))
	if err == nil {
		plain, err = s.read(inflate, -1, min(limit, most))
	}
	switch {
	case err == nil:
		return wire, plain, nil
	case errors.Is(err, errOver) && most < limit:
		return nil, nil, problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("body inflates to more than %d times its size", maxRatio)}
	case errors.Is(err, errOver), errors.Is(err, errNoRoom):
		return nil, nil, err
	}
	return nil, nil, problem{http.StatusBadRequest, "body is not gzip"}
}
