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
