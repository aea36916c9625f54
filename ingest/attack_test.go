package ingest_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/meta"
	"drumbeat/ingest/quarantine"
	"drumbeat/ingest/spool"
	"drumbeat/ingest/whatsapp"
	"drumbeat/warehouse/warehousetest"
)

// listening serves s as the product does, and returns its address.
func listening(t testing.TB, s *ingest.Server, change func(*http.Server)) string {
	t.Helper()
	listener, err := ingest.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := ingest.NewHTTPServer("", s, quiet)
	if change != nil {
		change(server)
	}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener) })
	t.Cleanup(func() { server.Close(); serving.Wait() })
	return listener.Addr().String()
}

// say opens a connection and sends text.
func say(t testing.TB, address, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil && text != "" {
		t.Logf("sent in part: %v", err) // the server may answer and close before all is sent
	}
	return conn
}

// answered reads the status of an answer, 0 if the server closed without one.
func answered(t testing.TB, conn net.Conn) (status int, header http.Header) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("no answer")
	}
	if err != nil {
		return 0, nil
	}
	response.Body.Close()
	return response.StatusCode, response.Header
}

func head(path string, length int, headers ...string) string {
	text := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", path, length)
	for _, h := range headers {
		text += h + "\r\n"
	}
	return text + "\r\n"
}

func signedHead(path, body string, headers ...string) string {
	return head(path, len(body), append(headers, "X-Hub-Signature-256: "+meta.Sign([]byte(body), secret))...)
}

func TestHostileRequests(t *testing.T) {
	to := &memory{}
	address := listening(t, newServer(t, to, nil), nil)
	good := status("1", "wamid.1", "12125550142")
	f := func(name string, want int, text string) {
		t.Helper()
		if got, _ := answered(t, say(t, address, text)); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	f("huge header", 431, "GET /webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 80<<10)+"\r\n\r\n")
	f("many headers", 431, "GET /webhooks/whatsapp HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("X: yyyyyyyy\r\n", 8<<10)+"\r\n")
	f("no HTTP", 400, "\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n")
	f("path out of the tree", 404, signedHead("/webhooks/whatsapp/..%2f..%2fetc", good)+good)
	f("endless path", 404, signedHead("/webhooks/whatsapp/"+strings.Repeat("a", 8<<10), good)+good)
	f("other path", 404, signedHead("/metrics", good)+good)
	f("wrong method", 405, "DELETE /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
	f("two lengths", 400, "POST /webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx")
	f("unknown transfer encoding", 501, "POST /webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: gzip\r\n\r\nxx")
	f("promised too much", 413, head("/webhooks/whatsapp", 1<<40))
	// The answer to what never ends comes before its end.
	f("endless chunks", 413, "POST /webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+
		strings.Repeat("10000\r\n"+strings.Repeat("x", 0x10000)+"\r\n", ingest.MaxWebhook>>16+1))
	bomb := zipped(strings.Repeat(" ", ingest.MaxWebhook-1))
	f("gzip bomb under the limit", 413, signedHead("/webhooks/whatsapp", bomb, "Content-Encoding: gzip")+bomb)
	nested := zipped(zipped(good))
	f("gzip in gzip", 400, signedHead("/webhooks/whatsapp", nested, "Content-Encoding: gzip")+nested)
	for _, deep := range []string{strings.Repeat("[", 1<<20), strings.Repeat(`{"entry":[`, 200_000), strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20)} {
		f("deep JSON", 400, signedHead("/webhooks/whatsapp", deep)+deep)
		f("deep line", 400, head("/v1/events", len(deep), "Authorization: Bearer "+bearer)+deep)
	}
	if n := to.kept(); n != 0 {
		t.Errorf("%d records were kept", n)
	}
	f("a good one after all that", 200, signedHead("/webhooks/whatsapp", good)+good)
	two := signedHead("/webhooks/whatsapp", good) + good
	conn := say(t, address, two+two)
	for in := bufio.NewReader(conn); to.kept() < 3; {
		if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != 200 {
			t.Fatalf("pipelined: %v %v", response, err)
		}
	}
}

// A sender that is still sending must get to read why it is refused.
func TestAnswerReachesWhoSendsTooMuch(t *testing.T) {
	url := "http://" + listening(t, newServer(t, &memory{}, nil), nil) + "/webhooks/whatsapp"
	large := bytes.Repeat([]byte(" "), 8*ingest.MaxWebhook)
	for range 10 {
		for _, body := range []io.Reader{bytes.NewReader(large), io.MultiReader(bytes.NewReader(large))} { // with its length told, and in chunks
			response, err := http.Post(url, "application/json", body)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s", response.Status)
			}
		}
	}
}

// Bodies take the memory of their bytes and never more than there is for all, whatever is promised.
func TestFloodOfSlowBodiesIsBounded(t *testing.T) {
	const senders, sent, limit = 1000, 32 << 10, 16 << 20
	s := newServer(t, &memory{}, func(o *ingest.ServerOptions) { o.MaxInFlight = limit })
	address := listening(t, s, nil)
	begun := head("/webhooks/whatsapp", ingest.MaxWebhook) + strings.Repeat(" ", sent)
	conns := make([]net.Conn, senders)
	busy := make(chan http.Header, senders)
	var reading sync.WaitGroup
	for i := range conns {
		conns[i] = say(t, address, begun)
		reading.Go(func() {
			response, err := http.ReadResponse(bufio.NewReader(conns[i]), nil)
			if err == nil && response.StatusCode == http.StatusServiceUnavailable {
				busy <- response.Header
			}
		})
	}
	// Half of the memory is for webhooks; so many bodies fit into it, and all others are told to come back.
	for range senders - limit/2/sent {
		select {
		case header := <-busy:
			if header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("only %d of %d senders have an answer, %d bytes are in memory", len(busy), senders, s.InFlight())
		}
	}
	if got := s.InFlight(); got == 0 || got > limit/2 {
		t.Errorf("%d bytes are in memory, the limit is %d", got, limit/2)
	}
	// Who has a token is not kept out.
	event := line("1", "")
	if got, _ := answered(t, say(t, address, head("/v1/events", len(event), "Authorization: Bearer "+bearer)+event)); got != 200 {
		t.Errorf("an event with a token: %d", got)
	}
	for _, conn := range conns {
		conn.Close()
	}
	reading.Wait()
	for patience := time.Now().Add(30 * time.Second); s.InFlight() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(patience) {
			t.Fatalf("%d bytes stay in memory after their senders are gone", s.InFlight())
		}
	}
	good := status("1", "wamid.1", "12125550142")
	if got, _ := answered(t, say(t, address, signedHead("/webhooks/whatsapp", good)+good)); got != 200 {
		t.Errorf("a webhook after the flood: %d", got)
	}
}

func TestSlowSendersAreCutOff(t *testing.T) {
	const soon = 50 * time.Millisecond
	s := newServer(t, &memory{}, func(o *ingest.ServerOptions) { o.Patience = soon })
	address := listening(t, s, func(server *http.Server) {
		server.ReadHeaderTimeout, server.IdleTimeout = soon, soon
	})
	f := func(name string, want int, text string) {
		t.Helper()
		conn := say(t, address, text)
		in := bufio.NewReader(conn)
		if response, err := http.ReadResponse(in, nil); err == nil && response.StatusCode != want || err != nil && want != 0 {
			t.Errorf("%s: %v %v, want %d", name, response, err, want)
		}
		if _, err := io.Copy(io.Discard, in); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection is still open", name)
		}
	}
	f("silence", 0, "")
	f("half a header", 400, "POST /webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nX-Ha")
	f("half a body", 400, head("/webhooks/whatsapp", 1000)+"half")
	if got := s.InFlight(); got != 0 {
		t.Errorf("%d bytes are left in memory", got)
	}
}

func TestFloodOfWrongSignaturesIsOneLine(t *testing.T) {
	var log bytes.Buffer
	now := received
	s := newServer(t, &memory{}, func(o *ingest.ServerOptions) {
		o.Log, o.Now = slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now }
	})
	for range 1000 {
		do(s, request("POST", "/webhooks/whatsapp/shop", status("1", "wamid.1", "12125550142")))
	}
	do(s, request("POST", "/webhooks/whatsapp", "{}"))
	now = now.Add(time.Minute)
	do(s, request("POST", "/webhooks/whatsapp/shop", "{}"))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "endpoint=shop times=1") || !strings.Contains(lines[2], "endpoint=shop times=1000") {
		t.Errorf("%d lines:\n%s", len(lines), &log)
	}
	for _, personal := range []string{"12125550142", "192.0.2.1", "wamid"} {
		if strings.Contains(log.String(), personal) {
			t.Errorf("the log holds %q", personal)
		}
	}
	if got := s.Stats()["whatsapp"].Unsigned; got["shop"] != 1001 || got[""] != 1 {
		t.Errorf("counted %v", got)
	}
}

func TestReadyAgainOnlyWhenTheDiskIs(t *testing.T) {
	to := &memory{}
	s := newServer(t, to, nil)
	post := func() int { return do(s, signed("/webhooks/whatsapp", status("1", "wamid.1", "12125550142"))).Code }
	if err := s.Ready(t.Context()); err != nil || post() != 200 {
		t.Fatal(err)
	}
	to.fail(spool.ErrWrite)
	if code := post(); code != 503 {
		t.Fatal(code)
	}
	if err := s.Ready(t.Context()); !errors.Is(err, spool.ErrWrite) {
		t.Errorf("after a failed write: %v", err)
	}
	// Nobody sends where nothing is ready: it must see by itself that the disk is well.
	to.fail(nil)
	if err := s.Ready(t.Context()); err != nil || post() != 200 {
		t.Errorf("after the disk is well: %v", err)
	}
	// A sender that gave up says nothing about the disk.
	to.fail(context.Canceled)
	ended, end := context.WithCancel(t.Context())
	end()
	do(s, signed("/webhooks/whatsapp", status("1", "wamid.1", "12125550142")).WithContext(ended))
	to.fail(nil)
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func (m *memory) kept() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// A body that cannot be read waits for a better decoder, and then counts as if it came only once.
func TestQuarantineAndReplay(t *testing.T) {
	db := warehousetest.New(t)
	dir := filepath.Join(t.TempDir(), "quarantine")
	kept, err := quarantine.Open(dir, bytes.Repeat([]byte{7}, 32), quarantine.Options{Now: func() time.Time { return received }, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	with := func(source ingest.Source) *ingest.Server {
		return newServer(t, &memory{}, func(o *ingest.ServerOptions) {
			o.Quarantine, o.Sources = kept, map[string]ingest.Source{"whatsapp": source}
		})
	}
	today := newServer(t, &memory{}, nil)
	mended := with(lenient{})
	broken := status("1", "wamid.1", "12125550142") + " and more"
	other := status("3", "wamid.2", "12125550142") + " and more" // of an account that /shop does not list
	s := with(whatsapp.Source{})
	for _, r := range []*http.Request{
		signed("/webhooks/whatsapp/shop", broken), signed("/webhooks/whatsapp/shop", broken), signed("/webhooks/whatsapp/shop", other),
		signed("/webhooks/whatsapp", "nonsense"),
	} {
		if w := do(s, r); w.Code != 400 {
			t.Fatal(w.Code, w.Body)
		}
	}
	if w := do(s, request("POST", "/webhooks/whatsapp/shop", "unsigned")); w.Code != 401 {
		t.Fatal(w.Code)
	}
	if w := do(s, signed("/webhooks/whatsapp", strings.Replace(status("1", "wamid.1", "12125550142"), "sent", "warning", 1))); w.Code != 200 {
		t.Fatal(w.Code)
	}
	entries, err := kept.List()
	if err != nil || len(entries) != 3 {
		t.Fatalf("%+v, %v; want three bodies", entries, err)
	}
	find := searcher()
	var accepted, foreign, unreadable int
	for _, entry := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, entry.ID+".sealed"))
		if err != nil {
			t.Fatal(err)
		}
		if found := find(raw); found != "" {
			t.Errorf("a file holds %q", found)
		}
		_, body, err := kept.Body(entry.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := today.Replay(t.Context(), entry, body, db); !errors.Is(err, ingest.ErrBody) {
			t.Errorf("replayed with the old decoder: %v", err)
		}
		for range 2 { // the second time as after a crash before the entry was removed
			result, err := mended.Replay(t.Context(), entry, body, db)
			if errors.Is(err, ingest.ErrBody) {
				unreadable++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			accepted += result.Accepted
			foreign += result.Foreign
		}
	}
	if accepted != 2 || foreign != 2 || unreadable != 2 {
		t.Errorf("%d accepted, %d of other accounts, %d unreadable; want 2 of each", accepted, foreign, unreadable)
	}
	var n uint64
	var business string
	var at time.Time
	if err := db.QueryRow(t.Context(), "SELECT count(), any(business_id), any(ingested_at) FROM events").Scan(&n, &business, &at); err != nil {
		t.Fatal(err)
	}
	if n != 1 || business != "acme" || !at.Equal(received) {
		t.Errorf("%d events of %q, ingested at %v", n, business, at)
	}
	gone := entries[0]
	gone.Endpoint = "gone"
	if _, err := mended.Replay(t.Context(), gone, nil, db); err == nil || !strings.Contains(err.Error(), "/webhooks/whatsapp/gone: not configured") {
		t.Error(err)
	}
	// What cannot be kept is not refused for good.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if w := do(s, signed("/webhooks/whatsapp", "nonsense")); w.Code != 503 {
		t.Errorf("without the quarantine's folder: %d", w.Code)
	}
}

// What breaks a decoder down breaks nothing else, is kept, and is not in the log.
func TestDecoderThatBreaksDown(t *testing.T) {
	kept, err := quarantine.Open(t.TempDir(), bytes.Repeat([]byte{7}, 32), quarantine.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := newServer(t, &memory{}, func(o *ingest.ServerOptions) {
		o.Quarantine, o.Sources = kept, map[string]ingest.Source{"whatsapp": fragile{}}
		o.Lines = fragileLines{}
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	for range 2 {
		if w := do(s, signed("/webhooks/whatsapp", status("1", "wamid.1", "12125550142"))); w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if entries, err := kept.List(); err != nil || len(entries) != 1 || !strings.Contains(entries[0].Reason, "broke down") {
		t.Errorf("%+v, %v", entries, err)
	}
	func() {
		defer func() {
			if failure := recover(); failure != http.ErrAbortHandler {
				t.Errorf("panic %v", failure)
			}
		}()
		do(s, request("POST", "/v1/events", line("1", ""), "Authorization", "Bearer "+bearer))
	}()
	if s.InFlight() != 0 {
		t.Errorf("%d bytes are left in memory", s.InFlight())
	}
	if found := searcher()(log.Bytes()); found != "" || !strings.Contains(log.String(), "attack_test.go") {
		t.Errorf("the log holds %q:\n%s", found, &log)
	}
}

// fragile panics, with what it was given.
type fragile struct{ whatsapp.Source }

func (fragile) Decode(body []byte, _ ingest.Intake) (ingest.Decoded, error) { panic(string(body)) }

type fragileLines struct{}

func (fragileLines) Decode(line []byte, _ string, _ time.Time, _ *ingest.Draft) error {
	panic(string(line))
}

// lenient is a decoder of a later version, which reads what today's does not.
type lenient struct{ whatsapp.Source }

func (l lenient) Decode(body []byte, from ingest.Intake) (ingest.Decoded, error) {
	return l.Source.Decode(bytes.TrimSuffix(body, []byte(" and more")), from)
}
