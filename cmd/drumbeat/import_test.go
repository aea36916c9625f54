package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"drumbeat/simulate"
)

// From files to a report, as somebody does who has a sender's log and no webhooks.
func TestSimulateImportRunReport(t *testing.T) {
	dir := t.TempDir()
	data, events, truthFile := filepath.Join(dir, "data"), filepath.Join(dir, "events.ndjson"), filepath.Join(dir, "truth.json")
	mustDrumbeat(t, "simulate", "--contacts", "100", "--days", "20", "--out", events, "--truth", truthFile)
	text, err := os.ReadFile(truthFile)
	if err != nil {
		t.Fatal(err)
	}
	var truth simulate.Truth
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	lines, copies := truth.Reference.Lines, truth.Reference.Copies

	if got, want := mustDrumbeat(t, "--dir", data, "import", "--business", "acme", events), fmt.Sprintf("%s: %d lines, %d accepted, 0 rejected\n", events, lines, lines); got != want {
		t.Errorf("import says %q, want %q", got, want)
	}
	count := func() string {
		return mustDrumbeat(t, "--dir", data, "query", "--format", "json", "--sql", "SELECT count() AS n FROM events")
	}
	unique := fmt.Sprintf("{\"n\":%d}\n", lines-copies)
	if got := count(); got != unique {
		t.Errorf("after the import: %s, want %s", got, unique)
	}

	// A broken line is named, and loses no other; importing again counts nothing twice.
	file, err := os.OpenFile(events, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("{\"event_type\":\"send\",\"adress\":\"+639175550142\"}\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := drumbeat(t, "", "--dir", data, "import", "--business", "acme", events)
	if code != 1 || !strings.Contains(stderr, fmt.Sprintf("%s:%d: ", events, lines+1)) || !strings.Contains(stderr, "adress") || strings.Contains(stderr, "639175550142") {
		t.Errorf("a broken line: exit %d\n%s", code, stderr)
	}
	if want := fmt.Sprintf("%d lines, %d accepted, 1 rejected", lines+1, lines); !strings.Contains(stdout, want) {
		t.Errorf("import says %q, want %q", stdout, want)
	}
	if got := count(); got != unique {
		t.Errorf("after the second import: %s, want %s", got, unique)
	}

	// The same data, the same results.
	took := regexp.MustCompile(`\d+\.\d+ s`)
	first := took.ReplaceAllString(mustDrumbeat(t, "--dir", data, "run", "frequency"), "")
	second := took.ReplaceAllString(mustDrumbeat(t, "--dir", data, "run", "frequency"), "")
	if first != second || !strings.Contains(first, "frequency_opt_out") {
		t.Errorf("two runs:\n%s%s", first, second)
	}
	page := strings.TrimSpace(mustDrumbeat(t, "--dir", data, "report"))
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "acme") {
		t.Errorf("report %q: %v", page, err)
	}
}

// Every printed webhook carries the signature that a collector accepts.
func TestSimulatedWebhooksAreSigned(t *testing.T) {
	out := mustDrumbeat(t, "simulate", "--contacts", "20", "--days", "10", "--format", "whatsapp", "--secret", "s3cret")
	n := 0
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); n++ {
		var post signedPost
		if err := json.Unmarshal(lines.Bytes(), &post); err != nil {
			t.Fatal(err)
		}
		if simulate.Sign(post.Body, "s3cret") != post.Signature {
			t.Fatalf("post %d is signed wrongly", n+1)
		}
	}
	if n == 0 {
		t.Error("no posts")
	}
}
