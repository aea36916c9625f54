package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"drumbeat/reports/browsertest"
	"drumbeat/simulate"
)

// smallDemo is a world that takes seconds.
func smallDemo(out string) []string {
	return []string{"demo", "--out", out, "--contacts", "600", "--days", "40"}
}

func TestDemoDoesNotReplaceRealData(t *testing.T) {
	out := t.TempDir() // where `drumbeat serve` keeps its data in data/
	key := filepath.Join(out, "data", "pseudonym.key")
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := drumbeat(t, "", smallDemo(out)...)
	if code != 2 || !strings.Contains(stderr, "another folder with --out") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if left, err := os.ReadDir(filepath.Dir(key)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the key alone", left, err)
	}
}

func TestDemo(t *testing.T) {
	out := t.TempDir()
	first := mustDrumbeat(t, smallDemo(out)...)
	t.Log(first)
	waitForNone(t, out)

	// What was sent, accepted, unique, duplicate and rejected adds up, to what the truth says.
	text, err := os.ReadFile(filepath.Join(out, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth simulate.Truth
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	lines, copies := truth.Reference.Lines, truth.Reference.Copies
	for _, want := range []string{
		fmt.Sprintf("with %d facts: %d accepted, 0 rejected, 0 of no interest", lines, lines),
		fmt.Sprintf("%d unique + %d duplicate = %d accepted", lines-copies, copies, lines),
		"3 posts with a wrong signature: all refused",
		"How often may we message?",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the demo does not say %q", want)
		}
	}

	// A second run replaces the first and says the same.
	second := mustDrumbeat(t, smallDemo(out)...)
	times := regexp.MustCompile(` *\d+\.\d s`)
	if times.ReplaceAllString(first, "") != times.ReplaceAllString(second, "") {
		t.Errorf("the second run says something else:\n%s", second)
	}

	// The page opens by itself.
	pages, err := filepath.Glob(filepath.Join(out, "reports", "*", "frequency.html"))
	if err != nil || len(pages) != 1 {
		t.Fatalf("the demo wrote the reports %v (%v), want one edition", pages, err)
	}
	page := browsertest.Open(t, "file://"+pages[0])
	charts, err := chromedp.Run(page.Context, chromedp.Evaluate[int](`document.querySelectorAll("svg").length`))
	if err != nil {
		t.Fatal(err)
	}
	if charts == 0 {
		t.Error("the report shows no chart")
	}
	if requests := page.Requests(); len(requests) > 0 {
		t.Errorf("the report asks for %v", requests)
	}
	if errs := page.Errors(); len(errs) > 0 {
		t.Errorf("the report's console: %v", errs)
	}

	// Anyone may ask in SQL, and nobody may write.
	data := filepath.Join(out, "data")
	if got := mustDrumbeat(t, "--dir", data, "query", "--format", "csv", "--sql", "SELECT count() AS events FROM events"); got != fmt.Sprintf("\"events\"\n%d\n", lines-copies) {
		t.Errorf("query says %q", got)
	}
	if _, stderr, code := drumbeat(t, "", "--dir", data, "query", "--sql", "DROP TABLE event_log"); code != 1 || !strings.Contains(stderr, "DROP") {
		t.Errorf("the analyst's DROP: exit %d, %s", code, stderr)
	}
	if got := mustDrumbeat(t, "--dir", data, "query", "frequency_opt_out", "--format", "json"); strings.Count(got, "\n") < 3 {
		t.Errorf("frequency_opt_out says %q", got)
	}
	if got := mustDrumbeat(t, "--dir", data, "doctor"); strings.Contains(got, "WRONG") {
		t.Errorf("doctor finds:\n%s", got)
	}
	waitForNone(t, out)
}

// Wherever the demo is killed, no process stays and the next run works.
func TestDemoKilled(t *testing.T) {
	out := t.TempDir()
	for _, after := range []time.Duration{50 * time.Millisecond, 400 * time.Millisecond, 900 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond} {
		cmd := command(t, "", smallDemo(out)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after) // where it is by then differs from machine to machine; any place is a fair one
		if after > 500*time.Millisecond && len(processesOf(t, out)) < 2 {
			t.Error("the engine is not seen, so the check for its end proves nothing")
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		waitForNone(t, out)
	}
	mustDrumbeat(t, smallDemo(out)...)
	waitForNone(t, out)
}
