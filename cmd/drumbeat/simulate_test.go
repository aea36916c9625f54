package main

import (
	"path/filepath"
	"strings"
	"testing"

	"drumbeat/simulate"
	"drumbeat/transform"
)

func TestSimulateArms(t *testing.T) {
	lines := mustDrumbeat(t, "simulate", "--contacts", "60", "--days", "12", "--clicks", "--arms", "two=2,usual=0")
	for _, part := range []string{`"arm":"two"`, `"arm":"usual"`, `"event_type":"click"`} {
		if !strings.Contains(lines, part) {
			t.Errorf("no event with %s", part)
		}
	}
	for _, args := range [][]string{{"--arms", "two"}, {"--arms", "two=22"}, {"--arms", "=1"}, {"--mismatch"}, {"--mismatch", "--arms", "a=1"}, {"--fatigue", "-1"}} {
		if _, stderr, code := drumbeat(t, "", append([]string{"simulate"}, args...)...); code != 2 || !strings.Contains(stderr, args[0]) {
			t.Errorf("%v: exit %d, want 2; %s", args, code, stderr)
		}
	}
}

func TestSimulateSupport(t *testing.T) {
	calendars := filepath.Join(t.TempDir(), "calendars.yaml")
	with := mustDrumbeat(t, "simulate", "--contacts", "60", "--days", "12", "--calendars", calendars)
	without := mustDrumbeat(t, "simulate", "--contacts", "60", "--days", "12", "--no-support")
	for _, part := range []string{`"author":"human"`, `"author":"bot"`, `"message_tag":"auto_acknowledgement"`} {
		if !strings.Contains(with, part) || strings.Contains(without, part) {
			t.Errorf("%s is told with support: %v, without: %v", part, strings.Contains(with, part), strings.Contains(without, part))
		}
	}
	read, err := transform.ReadCalendars(calendars)
	if err != nil {
		t.Fatal(err)
	}
	if want := simulate.Calendars(); len(read) != len(want) {
		t.Errorf("%d calendars are read, want %d", len(read), len(want))
	}
}
