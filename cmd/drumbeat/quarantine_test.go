package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest/quarantine"
	"drumbeat/simulate"
)

func TestQuarantine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	key := writeKey(t, dir)
	s := serve(t, dir)
	defer s.stop(t)
	const broken = oneStatus + "}"
	if status, answer := s.do(t, "POST", "/webhooks/whatsapp/acme", broken, "X-Hub-Signature-256", simulate.Sign([]byte(broken), appSecret)); status != 400 {
		t.Fatalf("%d %s", status, answer)
	}
	list := func() (ids []string, text string) {
		t.Helper()
		text = mustDrumbeat(t, "--dir", dir, "quarantine", "list")
		for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
			ids = append(ids, strings.Fields(line)[0])
		}
		return ids, text
	}
	ids, text := list()
	if len(ids) != 1 || !strings.Contains(text, "acme") || !strings.Contains(text, "JSON") {
		t.Fatalf("list:\n%s", text)
	}
	shown := mustDrumbeat(t, "--dir", dir, "quarantine", "show", ids[0])
	for _, personal := range []string{"639175550142", "wamid"} {
		if strings.Contains(text+shown, personal) {
			t.Errorf("list or show print %q", personal)
		}
	}
	if body := mustDrumbeat(t, "--dir", dir, "quarantine", "show", "--body", ids[0]); body != broken {
		t.Errorf("show --body prints %q", body)
	}
	if doctor := mustDrumbeat(t, "--dir", dir, "doctor"); !strings.Contains(doctor, "1 bodies of webhooks") {
		t.Errorf("doctor:\n%s", doctor)
	}

	// A body that this version reads, as if an older one had not.
	kept, err := quarantine.Open(quarantinePath(dir), key, quarantine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Keep(quarantine.Entry{Source: "whatsapp", Endpoint: "acme", Received: time.Now().UTC()}, []byte(oneStatus)); err != nil {
		t.Fatal(err)
	}
	said, err := withConfig(t, dir, "quarantine", "replay", "--all").CombinedOutput()
	if err == nil || !strings.Contains(string(said), ": stays: body not readable") || !strings.Contains(string(said), "1 events accepted") || !strings.Contains(string(said), "1 of 2 bodies stay") {
		t.Errorf("replay: %v\n%s", err, said)
	}
	if ids, text := list(); len(ids) != 1 {
		t.Errorf("after the replay:\n%s", text)
	}
	eventually(t, dir, "SELECT count() AS n FROM events WHERE business_id = 'acme'", "1")
}
