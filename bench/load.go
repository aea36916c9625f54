package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/spool"
	"drumbeat/ingest/whatsapp"
	"drumbeat/warehouse"
)

const (
	business  = "bench"
	appSecret = "the app secret of the bench"
	token     = "the token of the bench"
)

// request is made before the clock starts: what a platform does to sign and encode costs us nothing.
type request struct{ head, body []byte }

func newRequest(path, headers string, body []byte) request {
	return request{fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\n%sContent-Length: %d\r\n\r\n", path, headers, len(body)), body}
}

// post sends every request over kept-alive connections, one per sender, each with one request under
// way. It fails on any answer but 200. It is as thin as it can be, for it takes the same processors
// as what it measures.
func post(ctx context.Context, address string, senders int, requests []request) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var done sync.WaitGroup
	for range min(senders, len(requests)) {
		done.Go(func() {
			if err := send(ctx, address, requests, &next); err != nil {
				cancel(err)
			}
		})
	}
	done.Wait()
	return context.Cause(ctx)
}

func send(ctx context.Context, address string, requests []request, next *atomic.Int64) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	in := bufio.NewReader(conn)
	for {
		i := int(next.Add(1)) - 1
		if i >= len(requests) {
			return nil
		}
		parts := net.Buffers{requests[i].head, requests[i].body}
		if _, err := parts.WriteTo(conn); err != nil {
			return fmt.Errorf("post: %w", err)
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		if response.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
			return fmt.Errorf("answered %s: %s", response.Status, text)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
	}
}

// serve runs a handler as the product does, on a free port, until stop.
func serve(handler http.Handler) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen on a free port: %w", err)
	}
	server := ingest.NewHTTPServer("", handler, slog.Default())
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener) }) // should it end early, posts fail and say so
	return listener.Addr().String(), func() { server.Close(); serving.Wait() }, nil
}

// discard is the least that an HTTP server can do with a post.
func (b *bench) discard(ctx context.Context, requests []request, senders int) (perSecond float64, err error) {
	address, stop, err := serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	if err != nil {
		return 0, err
	}
	defer stop()
	started := time.Now()
	err = post(ctx, address, senders, requests)
	return float64(len(requests)) / time.Since(started).Seconds(), err
}

// pseudonyms are hashed under a key that never changes.
func pseudonyms() (*ingest.Pseudonymizer, error) {
	return ingest.NewPseudonymizer([]byte("a key for nothing but the bench."))
}

// collect posts requests to the whole collector: HTTP, spool, loader, warehouse. The second clock
// stops when every event can be queried.
func (b *bench) collect(ctx context.Context, db *warehouse.DB, requests []request, senders, events int) (acknowledged, queryable float64, err error) {
	pseudonym, err := pseudonyms()
	if err != nil {
		return 0, 0, err
	}
	kept, _, err := spool.Open(filepath.Join(b.dir, "spool-"+db.Database()), spool.Options{})
	if err != nil {
		return 0, 0, err
	}
	defer kept.Close()
	handler, err := ingest.NewServer(ingest.ServerOptions{
		Spool: kept, Pseudonym: pseudonym,
		Sources:   map[string]ingest.Source{"whatsapp": whatsapp.Source{}},
		Endpoints: []ingest.Endpoint{{Source: "whatsapp", BusinessID: business, Secrets: []string{appSecret}}},
		Lines:     canonical.NewDecoder(),
		Tokens:    []ingest.Token{{Secret: token, BusinessID: business}},
	})
	if err != nil {
		return 0, 0, err
	}
	loader := ingest.NewLoader(kept, db, ingest.LoaderOptions{Refused: warehouse.RowsRefused})
	loading, stopLoading := context.WithCancel(ctx)
	var loaded sync.WaitGroup
	loaded.Go(func() { loader.Run(loading) }) // ends with loading, and not before
	defer loaded.Wait()
	defer stopLoading()
	address, stop, err := serve(handler)
	if err != nil {
		return 0, 0, err
	}
	defer stop()

	started := time.Now()
	if err := post(ctx, address, senders, requests); err != nil {
		return 0, 0, err
	}
	acknowledged = float64(events) / time.Since(started).Seconds()
	if err := loader.Drain(ctx); err != nil {
		return 0, 0, err
	}
	err = expect(ctx, db, "SELECT sum(copies) FROM event_log", events)
	return acknowledged, float64(events) / time.Since(started).Seconds(), err
}

// clickHouse posts event lines to ClickHouse itself, into the table that a person would make who
// gives speed and size no thought.
func clickHouse(ctx context.Context, db *warehouse.DB, senders int, bodies [][]byte, events int, settings ...string) (perSecond float64, err error) {
	if err := db.Exec(ctx, "CREATE TABLE naive ("+naiveColumns()+") ENGINE = MergeTree ORDER BY event_time"); err != nil {
		return 0, err
	}
	_, address, err := db.Engine().Addresses(ctx)
	if err != nil {
		return 0, err
	}
	who := db.Engine().Writer()
	path := "/?date_time_input_format=best_effort&query=INSERT+INTO+" + db.Database() + ".naive+FORMAT+JSONEachRow"
	for _, setting := range settings {
		path += "&" + setting + "=1"
	}
	requests := make([]request, len(bodies))
	for i, body := range bodies {
		requests[i] = newRequest(path, "X-ClickHouse-User: "+who.User+"\r\nX-ClickHouse-Key: "+who.Password+"\r\n", body)
	}
	started := time.Now()
	if err := post(ctx, address, senders, requests); err != nil {
		return 0, err
	}
	err = expect(ctx, db, "SELECT count() FROM naive", events)
	return float64(events) / time.Since(started).Seconds(), err
}

// expect fails unless a query counts what it should: losing events fast is no speed.
func expect(ctx context.Context, db *warehouse.DB, sql string, want int) error {
	var got uint64
	if err := db.QueryRow(ctx, sql).Scan(&got); err != nil {
		return fmt.Errorf("count the events: %w", err)
	}
	if got != uint64(want) {
		return fmt.Errorf("%d events were sent but %d can be queried", want, got)
	}
	return nil
}
