package main

import (
	"strings"
	"testing"
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
