package ingest

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// A connection too many waits until another one ends, and is served then.
func TestFloodOfConnectionsWaits(t *testing.T) {
	listener, err := listen("127.0.0.1:0", 2)
	if err != nil {
		t.Fatal(err)
	}
	server := NewHTTPServer("", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener) })
	defer serving.Wait()
	defer server.Close()
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	answered := func(conn net.Conn, within time.Duration) error {
		conn.SetReadDeadline(time.Now().Add(within))
		_, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return err
	}
	for _, conn := range conns[:2] {
		if err := answered(conn, 30*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := answered(conns[2], 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one too many is answered: %v", err)
	}
	conns[0].Close()
	if err := answered(conns[2], 30*time.Second); err != nil {
		t.Errorf("it is not served when another one has ended: %v", err)
	}
}
