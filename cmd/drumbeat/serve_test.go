package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"drumbeat/simulate"
)

const serveConfig = `
listen: 127.0.0.1:0
zone: Asia/Manila
schedule: "15 4 * * *"
events:
  - business: acme
    token: env:ACME_TOKEN
webhooks:
  - source: whatsapp
    name: acme
    business: acme
    app_secrets: [env:APP_SECRET, "the secret before"]
    verify_token: env:VERIFY_TOKEN
`

const (
	acmeToken   = "a token of sixteen letters"
	appSecret   = "the app's secret"
	verifyToken = "the verify token"
)

// served is a running `drumbeat serve`.
type served struct {
	*exec.Cmd
	url, dir string
	log      *bytes.Buffer
	logged   chan struct{} // closed when stderr has ended
}

// withConfig is a command with serveConfig and its secrets. args come after --dir and its value.
func withConfig(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	config := filepath.Join(t.TempDir(), "drumbeat.yaml")
	if err := os.WriteFile(config, []byte(serveConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, "", slices.Concat([]string{"--dir", dir}, args, []string{"--config", config})...)
	cmd.Env = append(cmd.Env, "ACME_TOKEN="+acmeToken, "APP_SECRET="+appSecret, "VERIFY_TOKEN="+verifyToken)
	return cmd
}

// serve starts `drumbeat serve` on a folder and waits until it listens.
func serve(t *testing.T, dir string, flags ...string) *served {
	t.Helper()
	cmd := withConfig(t, dir, append(flags, "serve")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &served{Cmd: cmd, dir: dir, log: new(bytes.Buffer), logged: make(chan struct{})}
	address := make(chan string, 1)
	go func() {
		defer close(s.logged)
		listening := regexp.MustCompile(`msg=listening address=(\S+)`)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(s.log, lines.Text())
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
		close(address)
	}()
	listens, ok := <-address
	if !ok {
		t.Fatalf("serve ended: %v\n%s", cmd.Wait(), s.log)
	}
	s.url = "http://" + listens
	return s
}

// stop ends it as an operator does, and returns what it logged.
func (s *served) stop(t *testing.T) string {
	t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.logged
	if err := s.Wait(); err != nil {
		t.Errorf("serve: %v\n%s", err, s.log)
	}
	return s.log.String()
}

// do sends a request and returns status and body.
func (s *served) do(t *testing.T, method, path, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// eventually repeats a query until it says want: loading takes a moment.
func eventually(t *testing.T, dir, sql, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		got := strings.TrimSpace(strings.TrimPrefix(mustDrumbeat(t, "--dir", dir, "query", "--format", "csv", "--sql", sql), "\"n\"\n"))
		if got == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s says %s, want %s", sql, got, want)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

const oneStatus = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100","phone_number_id":"200"},` +
	`"statuses":[{"id":"wamid.A","status":"sent","timestamp":"1772414100","recipient_id":"639175550142"}]}}]}]}`

func TestServe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, dir)
	f := func(what string, wantStatus int, wantBody string, status int, body string) {
		t.Helper()
		if status != wantStatus || !strings.Contains(body, wantBody) {
			t.Errorf("%s: %d %q, want %d with %q", what, status, body, wantStatus, wantBody)
		}
	}
	post := func(path, body string, headers ...string) (int, string) {
		return s.do(t, http.MethodPost, path, body, headers...)
	}
	const signature = "X-Hub-Signature-256"

	// Who may post.
	status, body := s.do(t, http.MethodGet, "/webhooks/whatsapp/acme?hub.mode=subscribe&hub.verify_token="+strings.ReplaceAll(verifyToken, " ", "%20")+"&hub.challenge=1158201444", "")
	if status != 200 || body != "1158201444" {
		t.Errorf("handshake: %d %q", status, body)
	}
	status, body = s.do(t, http.MethodGet, "/webhooks/whatsapp/acme?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1", "")
	f("handshake with a wrong token", 403, "", status, body)
	status, body = post("/webhooks/whatsapp/acme", oneStatus, signature, simulate.Sign([]byte(oneStatus), "guess"))
	f("wrong signature", 401, "", status, body)
	status, body = post("/webhooks/whatsapp/acme", oneStatus)
	f("no signature", 401, "", status, body)
	status, body = post("/webhooks/whatsapp/other", oneStatus, signature, simulate.Sign([]byte(oneStatus), appSecret))
	f("unknown endpoint", 404, "", status, body)
	status, body = post("/v1/events", "{}", "Authorization", "Bearer guess")
	f("wrong token", 401, "", status, body)

	// What is wrong is said; what is good is kept.
	broken := oneStatus[:len(oneStatus)-2]
	status, body = post("/webhooks/whatsapp/acme", broken, signature, simulate.Sign([]byte(broken), appSecret))
	f("broken body", 400, "JSON", status, body)
	huge := `{"object":"` + strings.Repeat("x", 5<<20) + `"}`
	status, body = post("/webhooks/whatsapp/acme", huge, signature, simulate.Sign([]byte(huge), appSecret))
	f("body over the limit", 413, "", status, body)
	for _, secret := range []string{appSecret, "the secret before"} {
		status, body = post("/webhooks/whatsapp/acme", oneStatus, signature, simulate.Sign([]byte(oneStatus), secret))
		f("signed webhook", 200, "", status, body)
	}
	lines := `{"event_type":"send","event_time":"2026-03-02T01:15:00Z","account_id":"200","channel":"whatsapp","address":"+639175550142","message_id":"m-1"}
{"event_type":"sendd","event_time":"2026-03-02T01:15:00Z","account_id":"200","channel":"whatsapp","address":"+639175550142","message_id":"m-2"}
{"event_type":"open","event_time":"2026-03-02T01:16:00Z","account_id":"200","channel":"whatsapp","address":"+639175550142","message_id":"m-1"}
`
	status, body = post("/v1/events", lines, "Authorization", "Bearer "+acmeToken)
	f("events, one of three broken", 200, `"accepted":2,"rejected":1,"errors":[{"line":2,`, status, body)
	status, body = post("/v1/events", "[{]", "Authorization", "Bearer "+acmeToken)
	f("broken array", 400, "JSON", status, body)

	// A second process asks the engine of the first.
	eventually(t, dir, "SELECT count() AS n FROM events", "3")
	eventually(t, dir, "SELECT sum(copies) AS n FROM events", "4")

	// The reports are not for everyone.
	status, body = s.do(t, http.MethodGet, "/reports/", "")
	f("reports without a password", 401, "reports.password", status, body)
	if err := os.MkdirAll(filepath.Join(dir, "reports"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "reports", "frequency.html"), []byte("<title>the report</title>"), 0o644); err != nil {
		t.Fatal(err)
	}
	password, err := os.ReadFile(filepath.Join(dir, "reports.password"))
	if err != nil {
		t.Fatal(err)
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("anyone:"+strings.TrimSpace(string(password))))
	status, body = s.do(t, http.MethodGet, "/reports/frequency.html", "", "Authorization", basic)
	f("report with the password", 200, "the report", status, body)

	// Nor are the figures.
	status, body = s.do(t, http.MethodGet, "/metrics", "")
	f("metrics without a password", 401, "reports.password", status, body)
	status, body = s.do(t, http.MethodGet, "/metrics", "", "Authorization", basic)
	for _, line := range []string{
		`drumbeat_events_accepted_total{source="whatsapp"} 2`, `drumbeat_events_loaded_total 4`, `drumbeat_webhooks_unsigned_total{endpoint="acme",source="whatsapp"} 2`,
		"drumbeat_quarantine_bodies 1", "drumbeat_engine_crashes_total 0", "drumbeat_warehouse_connected 1", "go_goroutines", "process_resident_memory_bytes",
	} {
		f("metrics with the password", 200, "\n"+line, status, body)
	}
	status, body = s.do(t, http.MethodGet, "/healthz", "")
	f("healthz", 200, "ok", status, body)
	status, body = s.do(t, http.MethodGet, "/readyz", "")
	f("readyz", 200, "ready", status, body)

	log := s.stop(t)
	waitForNone(t, dir)
	for _, secret := range []string{acmeToken, appSecret, verifyToken, "639175550142", "wamid.A", strings.TrimSpace(string(password))} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	for _, name := range []string{"pseudonym.key", "reports.password"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, mode %v, want 0600", name, err, info.Mode())
		}
	}
}

// What serve acknowledged is there after kill -9 of it and its engine, once.
func TestServeKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for round := 1; round <= 3; round++ {
		s := serve(t, dir)
		for i := range 20 {
			body := strings.ReplaceAll(oneStatus, "wamid.A", fmt.Sprintf("wamid.%d.%d", round, i))
			if status, answer := s.do(t, http.MethodPost, "/webhooks/whatsapp/acme", body, "X-Hub-Signature-256", simulate.Sign([]byte(body), appSecret)); status != 200 {
				t.Fatalf("%d %s", status, answer)
			}
		}
		for _, pid := range processesOf(t, dir) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
				t.Fatal(err)
			}
		}
		<-s.logged
		_ = s.Wait()
		waitForNone(t, dir)
	}
	s := serve(t, dir)
	eventually(t, dir, "SELECT toString(count()) || ' ' || toString(sum(copies)) AS n FROM events", `"60 60"`)
	s.stop(t)
}

// A sender that never ends its request must not make a good stop look like a failure.
func TestStopCutsOffSlowSenders(t *testing.T) {
	begun := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		io.Copy(io.Discard, r.Body)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	<-begun
	if err := stopServer(server, 50*time.Millisecond, slog.New(slog.NewTextHandler(t.Output(), nil))); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := <-serving; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serve: %v", err)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
}
