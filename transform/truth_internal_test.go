package transform

import (
	"slices"
	"testing"
)

// OnlyFor makes, for the length of a test, a job of those models of the job frequency that the test reads.
func OnlyFor(t testing.TB, name string, relations ...string) {
	t.Helper()
	for _, m := range jobs["frequency"] {
		if slices.Contains(relations, m.relation) {
			jobs[name] = append(jobs[name], m)
		}
	}
	if len(jobs[name]) != len(relations) {
		t.Fatalf("the job frequency has %d of the models %v", len(jobs[name]), relations)
	}
	t.Cleanup(func() { delete(jobs, name) })
}

// Core is a job of the models that tests of the runner look at: every run of all models takes seconds, however little
// there is to compute.
const Core = "core"

func init() {
	for _, m := range jobs["frequency"] {
		switch m.relation {
		case "coverage", "messages", "person_days", "frequency_engagement", "frequency_opt_out":
			jobs[Core] = append(jobs[Core], m)
		}
	}
}
