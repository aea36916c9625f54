package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is an SMTP server with STARTTLS that takes mail from one user.
type mailServer struct {
	mu       sync.Mutex
	messages [][]byte
	to       []string
	port     int
	ca       string // file of the certificate that clients have to trust
}

const (
	mailUser     = "reports"
	mailPassword = "the mail password"
)

type mailSession struct {
	*mailServer
	known bool
	to    []string
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != mailUser || password != mailPassword {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}
func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, Message: "no such person: " + to}
	}
	s.to = append(s.to, to)
	return nil
}
func (s *mailSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages, s.mailServer.to = append(s.messages, body), append(s.mailServer.to, s.to...)
	return err
}
func (s *mailSession) Reset()        { s.to = nil }
func (s *mailSession) Logout() error { return nil }

func startMailServer(t *testing.T) *mailServer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{ca: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(m.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.port = listener.Addr().(*net.TCPAddr).Port
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{mailServer: m}, nil }))
	server.Domain = "localhost"
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-ended); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return m
}

// archivedEdition writes an edition of a few rows into a data folder.
func archivedEdition(t *testing.T, dir string) string {
	t.Helper()
	const name = "2026-03-01_2026-05-30"
	data := filepath.Join(dir, "reports", name, "data")
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, err := io.WriteString(zip, `{"channel":"sms","event_type":"send","arrived":30,"unique_events":28,"duplicates":2,"late":0,"first_event_at":"2026-03-01T00:10:00.000Z","last_event_at":"2026-05-29T00:10:00.000Z"}`+"\n")
	err = errors.Join(err, zip.Close(), os.MkdirAll(data, 0o755),
		os.WriteFile(filepath.Join(data, "edition.json"), []byte(`{"business":"Quiet Books","from":"2026-03-01T00:00:00Z","to":"2026-05-30T00:00:00Z","cutoff":"2026-05-29T23:58:12Z"}`), 0o644),
		os.WriteFile(filepath.Join(data, "before.json"), []byte(`[]`), 0o644),
		os.WriteFile(filepath.Join(data, "arrivals.jsonl.gz"), zipped.Bytes(), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// A summary goes to those who are named, in words and as HTML without styles of a sheet, with the pages. What goes
// wrong is said with its remedy, and neither password nor address is.
func TestMail(t *testing.T) {
	server := startMailServer(t)
	dir := t.TempDir()
	edition := archivedEdition(t, dir)
	passwordFile := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(passwordFile, []byte(mailPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	report := func(entry string) (stderr string, code int) {
		t.Helper()
		config := filepath.Join(t.TempDir(), "drumbeat.yaml")
		if err := os.WriteFile(config, []byte("mail:\n  - "+strings.ReplaceAll(strings.TrimSpace(entry), "\n", "\n    ")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := command(t, "", "--dir", dir, "report", "--edition", edition, "--mail", "--config", config)
		cmd.Env = append(cmd.Env, "SMTP_PASSWORD="+mailPassword, "WRONG_PASSWORD=a wrong password", "SSL_CERT_FILE="+server.ca)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		var exit interface{ ExitCode() int }
		if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return errs.String(), cmd.ProcessState.ExitCode()
	}
	entry := func(password, more string) string {
		return fmt.Sprintf("host: localhost\nport: %d\nuser: %s\npassword: %s\nfrom: Drumbeat <reports@example.com>\n%s", server.port, mailUser, password, more)
	}
	for _, password := range []string{"env:SMTP_PASSWORD", "file:" + passwordFile} {
		if stderr, code := report(entry(password, "to: [director@example.com, analyst@example.com]")); code != 0 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
	}
	if got := strings.Join(server.to, " "); got != strings.TrimSpace(strings.Repeat("director@example.com analyst@example.com ", 2)) {
		t.Errorf("mail went to %s", got)
	}
	parts := readMail(t, server.messages[0])
	for part, want := range map[string]string{
		"subject": "Quiet Books, 1 March to 29 May 2026: ", "text/plain": "The pages rest on 28 facts", "text/html": "<b>Can the data be trusted?</b>",
		"summary.html": "<!doctype html>", "quality.html": "<svg ",
	} {
		if !strings.Contains(parts[part], want) {
			t.Errorf("%s of the mail lacks %q:\n%.600s", part, want, parts[part])
		}
	}
	if html := parts["text/html"]; strings.Contains(html, "<svg") || strings.Contains(html, "<style") || strings.Contains(html, "<script") || strings.Contains(html, "src=") {
		t.Error("the letter holds what mail clients do not show")
	}

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().(*net.TCPAddr).Port
	closed.Close()
	const to = "to: [director@example.com]"
	for _, wrong := range []struct {
		entry, says string
		code        int
	}{
		{entry("env:WRONG_PASSWORD", to), "check host, port, tls, user and password of mail[0]", 1},
		{entry("env:NOT_SET", to), "mail[0].password: the environment variable NOT_SET is not set", 2},
		{entry("file:/nowhere/password", to), "mail[0].password: open /nowhere/password", 2},
		{entry("env:SMTP_PASSWORD", "to: [nobody@example.com]"), "the server refused it with code 550; check from and to of mail[0]", 1},
		{entry("env:SMTP_PASSWORD", "to: [nowhere]"), "mail[0].to[0] is no address", 2},
		{entry("env:SMTP_PASSWORD", "to: []"), "mail[0].to is missing", 2},
		{entry("env:SMTP_PASSWORD", to+"\ntls: none"), "would travel readable", 2},
		{entry("env:SMTP_PASSWORD", to+"\ntls: ssl"), "write starttls, implicit or none", 2},
		{entry("env:SMTP_PASSWORD", to+"\nbusiness: acme"), "nobody gets the reports of business \"Quiet Books\"", 1},
		{fmt.Sprintf("host: localhost\nport: %d\nfrom: a@example.com\n%s", nobody, to), "check host, port", 1},
	} {
		stderr, code := report(wrong.entry)
		if code != wrong.code || !strings.Contains(stderr, wrong.says) {
			t.Errorf("exit %d, want %d with %q: %s", code, wrong.code, wrong.says, stderr)
		}
		if strings.Contains(stderr, mailPassword) || strings.Contains(stderr, "a wrong password") || strings.Contains(stderr, "nobody@") {
			t.Errorf("an error tells secrets: %s", stderr)
		}
	}
	if n := len(server.messages); n != 2 {
		t.Errorf("%d mails were sent, want 2", n)
	}
}

// readMail gives the parts of a message by type, attachments by name.
func readMail(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{"subject": subject}
	var walk func(contentType string, body io.Reader)
	walk = func(contentType string, body io.Reader) {
		kind, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(kind, "multipart/") {
			text, err := io.ReadAll(body)
			if err != nil {
				t.Fatal(err)
			}
			if params["name"] != "" {
				kind = params["name"]
			}
			parts[kind] = string(text)
			return
		}
		for r := multipart.NewReader(body, params["boundary"]); ; {
			part, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var decoded io.Reader = part
			switch part.Header.Get("Content-Transfer-Encoding") {
			case "base64":
				decoded = base64.NewDecoder(base64.StdEncoding, part)
			case "quoted-printable":
				decoded = quotedprintable.NewReader(part)
			}
			walk(part.Header.Get("Content-Type"), decoded)
		}
	}
	walk(message.Header.Get("Content-Type"), message.Body)
	return parts
}
