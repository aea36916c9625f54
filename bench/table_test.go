package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func results() []row {
	fast := row{Name: "post", Value: 21_437, Unit: "events/s", Beside: "bare handler", Goal: 0.5, Note: "48 senders"}
	small := row{Name: "disk", Value: 15.26, Unit: "bytes/event", AtMost: true}
	small.Goal = 16
	heavy := small
	heavy.Beside, heavy.Goal = "naive table", 0.5
	return []row{
		compared(fast, figure{value: 60_000}),
		compared(fast, figure{value: 30_000}),
		compared(fast, figure{err: errors.New("not installed")}),
		alone(small),
		compared(heavy, figure{value: 20}),
		compared(heavy, figure{value: 40}),
	}
}

func TestTableSaysWhatWasMeasuredAndWhatWasMissed(t *testing.T) {
	var out strings.Builder
	if err := writeTable(&out, results()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"what  measured          beside               ratio    goal            met  note",
		"post  21,400 events/s   bare handler 60,000  0.357 x  >= 0.5 x        no   48 senders",
		"post  21,400 events/s   bare handler 30,000  0.715 x  >= 0.5 x        yes  48 senders",
		"post  21,400 events/s   bare handler         -        >= 0.5 x        no   48 senders; not compared: not installed",
		"disk  15.3 bytes/event  -                    -        <= 16 bytes/event  yes",
	}
	got := strings.Split(out.String(), "\n")
	for i, line := range want {
		if strings.Join(strings.Fields(got[i]), " ") != strings.Join(strings.Fields(line), " ") {
			t.Errorf("line %d is\n%q, want\n%q", i, got[i], line)
		}
	}
	for i, met := range []string{"no", "yes"} {
		if !strings.Contains(got[5+i], met) {
			t.Errorf("the ratio of line %q should say %q", got[5+i], met)
		}
	}
}

func TestJSONKeepsMissingPeersApartFromBadOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	if err := writeJSON(path, results()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 6 {
		t.Fatalf("%d rows, want 6", len(rows))
	}
	for i, want := range []map[string]any{
		{"met": false, "ratio": 21_437.0 / 60_000, "beside_value": 60_000.0},
		{"met": true, "ratio": 21_437.0 / 30_000},
		{"met": false, "ratio": nil, "beside_value": nil, "note": "48 senders; not compared: not installed"},
		{"met": true, "ratio": nil, "beside": "", "at_most": true, "goal": 16.0},
		{"met": false, "ratio": 0.763, "unit": "bytes/event"},
		{"met": true, "name": "disk", "value": 15.26},
	} {
		for key, value := range want {
			if got, present := rows[i][key]; !present || got != value {
				t.Errorf("row %d: %s is %v (present: %t), want %v", i, key, got, present, value)
			}
		}
	}
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 0.0012345: "0.00123", 0.5: "0.5", 1: "1", 15.26: "15.3", 999.6: "1,000", 1_234_567: "1,230,000", -12_345: "-12,300",
	} {
		if got := number(x); got != want {
			t.Errorf("number(%v) is %q, want %q", x, got, want)
		}
	}
}
