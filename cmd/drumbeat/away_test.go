package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/spool"
	"drumbeat/simulate"
	"drumbeat/warehouse"
)

// forward brings what reaches a reserved address to another one, until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			pipe := func(a, b net.Conn) { io.Copy(a, b); a.Close(); b.Close() }
			go pipe(in, out)
			go pipe(out, in)
		}
	}()
}

// reserved is an address where nobody listens yet.
func reserved(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func writeKey(t *testing.T, dir string) []byte {
	t.Helper()
	key := bytes.Repeat([]byte{7}, 32)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyPath(dir), key, 0o600); err != nil {
		t.Fatal(err)
	}
	return key
}

// Platforms send whether the warehouse is there or not.
func TestServeBeforeItsWarehouse(t *testing.T) {
	db, err := warehouse.Open(t.Context(), warehouse.Options{Dir: filepath.Join(t.TempDir(), "server"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	native, http, err := db.Engine().Addresses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nativeAway, httpAway := reserved(t), reserved(t)
	_, port, err := net.SplitHostPort(httpAway)
	if err != nil {
		t.Fatal(err)
	}
	who := db.Engine().Writer()
	dsn := (&url.URL{Scheme: "clickhouse", User: url.UserPassword(who.User, who.Password), Host: nativeAway, Path: "drumbeat", RawQuery: "http_port=" + port}).String()

	dir := filepath.Join(t.TempDir(), "data")
	said, err := withConfig(t, dir, "--dsn", dsn, "serve").CombinedOutput()
	if err == nil || !strings.Contains(string(said), "no pseudonym key") || strings.Contains(string(said), who.Password) {
		t.Errorf("without a key: %v\n%s", err, said)
	}
	if _, err := os.Stat(keyPath(dir)); err == nil {
		t.Error("a key was made although the warehouse may hold events made with another")
	}

	writeKey(t, dir)
	s := serve(t, dir, "--dsn", dsn)
	if status, answer := s.do(t, "POST", "/webhooks/whatsapp/acme", oneStatus, "X-Hub-Signature-256", simulate.Sign([]byte(oneStatus), appSecret)); status != 200 {
		t.Errorf("a webhook while the warehouse is away: %d %s", status, answer)
	}
	if status, answer := s.do(t, "GET", "/readyz", ""); status != 200 {
		t.Errorf("readyz while the warehouse is away: %d %s", status, answer)
	}
	forward(t, nativeAway, native)
	forward(t, httpAway, http)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var n uint64
		err := db.QueryRow(t.Context(), "SELECT count() FROM events").Scan(&n)
		if err == nil && n == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events are in the warehouse, %v\n%s", n, err, s.log)
		}
	}
	if log := s.stop(t); strings.Contains(log, who.Password) {
		t.Errorf("the log holds the warehouse's password:\n%s", log)
	}

	// What no waiting mends is said at once.
	wrong := strings.Replace(dsn, url.QueryEscape(who.Password), "guess", 1)
	if said, err := withConfig(t, dir, "--dsn", wrong, "serve").CombinedOutput(); err == nil || !strings.Contains(string(said), "refuses user") {
		t.Errorf("wrong password: %v\n%s", err, said)
	}
}

func TestNotReadyWhenTheSpoolIsFull(t *testing.T) {
	kept, _, err := spool.Open(t.TempDir(), spool.Options{MaxBytes: 8 << 20, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	server, err := ingest.NewServer(ingest.ServerOptions{Spool: kept})
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{Server: server, spool: kept, dir: t.TempDir()}
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		c.ready(w, httptest.NewRequest("GET", "/readyz", nil))
		return w.Code, w.Body.String()
	}
	if status, said := ask(); status != 200 {
		t.Errorf("empty: %d %s", status, said)
	}
	if err := kept.Append(t.Context(), make([]byte, 5<<20)); err != nil {
		t.Fatal(err)
	}
	if status, said := ask(); status != 503 || !strings.Contains(said, "spool is full") {
		t.Errorf("no room for one more webhook: %d %s", status, said)
	}
	if free, err := freeBytes(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("%d bytes free, %v", free, err)
	}
}
