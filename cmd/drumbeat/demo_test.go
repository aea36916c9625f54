package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest/canonical"
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

// killDemos kills demos at several moments: no process may stay.
func killDemos(t *testing.T, out string) {
	t.Helper()
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
}

// Wherever the demo is killed, the next run works; so does the one after.
func TestDemo(t *testing.T) {
	out := t.TempDir()
	killDemos(t, out)
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
	if text, err = os.ReadFile(filepath.Join(out, "truth-consents.json")); err != nil {
		t.Fatal(err)
	}
	var consents simulate.ConsentTruth
	if err := json.Unmarshal(text, &consents); err != nil {
		t.Fatal(err)
	}
	own := truth.Support.OwnLines // what the sender tells of answers is a copy of what the platform tells
	lines, copies := truth.Reference.Lines+consents.Lines+own, truth.Reference.Copies+consents.Copies+own
	told := 0
	for _, match := range regexp.MustCompile(`with (\d+) facts: (\d+) accepted, 0 rejected, 0 of no interest`).FindAllStringSubmatch(first, -1) {
		if match[1] != match[2] {
			t.Errorf("the demo says %q", match[0])
		}
		n, err := strconv.Atoi(match[1])
		if err != nil {
			t.Fatal(err)
		}
		told += n
	}
	if told != lines {
		t.Errorf("%d facts were told, want %d", told, lines)
	}
	for _, want := range []string{
		fmt.Sprintf("%d unique + %d duplicate = %d accepted", lines-copies, copies, lines),
		"9 posts with a wrong signature or token: all refused",
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

	checkConsents(t, out)

	// Every page opens by itself.
	pages, err := filepath.Glob(filepath.Join(out, "reports", "*", "*.html"))
	if err != nil || len(pages) < 5 {
		t.Fatalf("the pages are %v (%v), want five or more", pages, err)
	}
	for _, path := range pages {
		if info, err := os.Stat(path); err != nil || info.Size() > 1_000_000 {
			t.Errorf("%s is larger than 1 MB, or not there (%v)", filepath.Base(path), err)
		}
		page := browsertest.Open(t, "file://"+path)
		if requests := page.Requests(); len(requests) > 0 {
			t.Errorf("%s asks for %v", filepath.Base(path), requests)
		}
		if errs := page.Errors(); len(errs) > 0 {
			t.Errorf("the console of %s: %v", filepath.Base(path), errs)
		}
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
	// Who waited long, as the log shows, complains of it more often than people do.
	if got := mustDrumbeat(t, "--dir", data, "query", "--format", "csv", "--sql", `
SELECT a.lower > e.upper AS more
FROM stated_agreement AS a
INNER JOIN survey_estimates AS e ON e.survey_id = a.survey_id AND e.pain = a.subject
WHERE a.dimension = 'joined' AND a.subject = 'slow_reply' AND a.statistic = 'named_if_hit' AND e.dimension = 'all' AND e.statistic = 'share'`); got != "\"more\"\n1\n" {
		t.Errorf("of slow answers the demo says %q", got)
	}
	if got := mustDrumbeat(t, "--dir", data, "doctor"); strings.Contains(got, "WRONG") {
		t.Errorf("doctor finds:\n%s", got)
	}
	waitForNone(t, out)
}

// consentCounts says in rows of name and n what simulate.ConsentReference counts.
const consentCounts = `
SELECT concat('spells begun ', begun) AS name, toInt64(count()) AS n FROM consents GROUP BY name
UNION ALL SELECT concat('spells ended ', ended) AS name, count() FROM consents GROUP BY name
UNION ALL SELECT 'renewals', sum(renewals) FROM consents HAVING count() > 0
UNION ALL SELECT concat('periods ', promised_frequency, ' ', state) AS name, count() FROM promise_periods GROUP BY name
UNION ALL SELECT concat('messages ', state) AS name, count() FROM send_windows GROUP BY name
UNION ALL SELECT concat('breaches ', breach) AS name, count() FROM breaches GROUP BY name
UNION ALL SELECT concat('breaches after ', way) AS name, count() FROM breaches WHERE way != '' GROUP BY name
UNION ALL SELECT multiIf(charged = 0, concat('uncharged ', why), has_price = 1, concat('charged per ', unit), 'charged without price') AS name, count() FROM message_costs GROUP BY name
UNION ALL SELECT concat('spend ', currency), toInt64(sum(amount) * 1000000000) FROM message_costs WHERE has_price = 1 GROUP BY currency
UNION ALL SELECT 'service windows open', sum(still_open) FROM service_windows WHERE dimension = 'all' HAVING count() > 0
UNION ALL SELECT 'service windows unanswered', sum(unanswered) FROM service_windows WHERE dimension = 'all' HAVING count() > 0
UNION ALL SELECT 'service windows answered', sum(windows) - sum(unanswered) FROM service_windows WHERE dimension = 'all' HAVING count() > 0`

// checkConsents holds what the warehouse says of consents, promises, windows and cost against a second implementation of
// the definitions, over both worlds: they are one business.
func checkConsents(t *testing.T, out string) {
	t.Helper()
	flags := worldFlags{Seed: 1, Contacts: 600, Days: 40, Support: true}
	world := flags.world()
	ref := simulate.MeasureConsent(func(yield func(canonical.Line) bool) {
		for _, lines := range []iter.Seq[canonical.Line]{world.Lines(), flags.consents(world).Lines()} {
			for line := range lines {
				if !yield(line) {
					return
				}
			}
		}
	}, simulate.ConsentRates())
	ref.Periods = slices.DeleteFunc(ref.Periods, func(p simulate.Period) bool { return p.From.Before(world.Options.Start) })
	want := map[string]int{}
	for _, c := range ref.Counts() {
		switch c.Name {
		case "messages refused for the window", "requests", "requests answered":
		default:
			want[c.Name] = c.Count
		}
	}
	for _, m := range ref.Sends {
		if m.HasPrice {
			want["spend "+m.Currency] += int(m.Amount)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(mustDrumbeat(t, "--dir", filepath.Join(out, "data"), "query", "--format", "csv", "--sql", consentCounts))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, row := range rows[1:] {
		if got[row[0]], err = strconv.Atoi(row[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s: %d, want %d", name, got[name], want[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("nobody expects %v", got)
	}
}
