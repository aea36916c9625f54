package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"drumbeat/ingest"
	"drumbeat/queries"
	"drumbeat/reports"
	"drumbeat/simulate"
	"drumbeat/transform"
)

// outcomeOf posts webhooks to a collector of its own, computes, and returns the fingerprints of
// what was computed, and the pages.
func outcomeOf(t *testing.T, key []byte, posts []simulate.Post) (fingerprints map[string]uint64, html map[string]string, arrived uint64) {
	t.Helper()
	p := &program{stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
	p.Dir = filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyPath(p.Dir), key, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := p.openWarehouse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := p.startCollector(t.Context(), db, ingest.ServerOptions{Endpoints: []ingest.Endpoint{{
		Source: "whatsapp", BusinessID: "acme", Secrets: []string{demoSecret}, VerifyToken: "x",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c)
	for _, post := range posts {
		status, err := postBody(t.Context(), http.DefaultClient, server.URL+"/webhooks/whatsapp", post.Body, "X-Hub-Signature-256", simulate.Sign(post.Body, demoSecret))
		if err != nil || status != http.StatusOK {
			t.Fatal(status, err)
		}
	}
	server.Close()
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow(context.Background(), "SELECT sum(copies) FROM events").Scan(&arrived); err != nil {
		t.Fatal(err)
	}
	results, err := transform.RunAll(t.Context(), db, transform.DefaultValues())
	if err != nil {
		t.Fatal(err)
	}
	fingerprints = map[string]uint64{}
	for _, result := range results {
		for _, step := range result.Steps {
			fingerprints[step.Relation] = step.Fingerprint
		}
	}
	pages, err := renderReports(t.Context(), queries.NewRunner(db), reports.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(pages.Report), "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	html = map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		html[filepath.Base(file)] = string(text)
	}
	return fingerprints, html, arrived
}

// Platforms deliver again and in any order: it changes no number but the counts of what arrived.
func TestRedeliveryChangesNothing(t *testing.T) {
	key := make([]byte, 32)
	posts := slices.Collect(simulate.New(simulate.Options{Seed: 3, Contacts: 200, Days: 30}).WhatsApp())
	fingerprints, pages, arrived := outcomeOf(t, key, posts)

	twice := slices.Concat(posts, posts)
	random := rand.New(rand.NewPCG(1, 1))
	random.Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
	fingerprints2, pages2, arrived2 := outcomeOf(t, key, twice)

	if arrived2 != 2*arrived {
		t.Errorf("%d events arrived, want twice %d", arrived2, arrived)
	}
	for relation, want := range fingerprints {
		// A world of one channel without arms leaves some relations empty, but not those that the page shows.
		if fingerprints2[relation] != want || want == 0 && slices.Contains([]string{"messages", "person_days", "frequency_engagement", "frequency_opt_out"}, relation) {
			t.Errorf("%s: fingerprint %x, want %x", relation, fingerprints2[relation], want)
		}
	}
	if len(pages) < 4 || len(pages) != len(pages2) {
		t.Fatalf("there are %d and %d pages, want four or more, and the same", len(pages), len(pages2))
	}
	for name, html := range pages {
		if name != "quality.html" && html != pages2[name] { // that one counts what arrived
			t.Errorf("%s differs", name)
		}
	}
}
