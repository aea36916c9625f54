package transform

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every model says what it is, in this order, before its SQL.
var (
	headerKeys = []string{"grain:", "reads:", "params:", "returns:", "units:"}
	beginning  = regexp.MustCompile(`(?m)^(WITH|SELECT)$`)
)

func TestModelsHaveHeaders(t *testing.T) {
	for _, name := range modelNames(t) {
		sql, err := asOneText(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(sql, "-- "+name+": ") {
			t.Errorf("%s: begin with `-- %s: what it is`", name, name)
		}
		rest := sql[:beginning.FindStringIndex(sql)[0]]
		for _, key := range headerKeys {
			_, after, found := strings.Cut(rest, "\n-- "+key)
			if !found {
				t.Errorf("%s: the header has no %s in its place", name, key)
				break
			}
			rest = after
		}
	}
}

func TestEveryModelBelongsToAJob(t *testing.T) {
	var used []string
	for _, steps := range jobs {
		for _, m := range steps {
			used = append(used, m.relation)
		}
	}
	slices.Sort(used)
	if names := modelNames(t); !slices.Equal(slices.Compact(used), names) {
		t.Errorf("models %v, jobs use %v", names, used)
	}
}

// docs/metrics.md has one entry for each model, under its name, and no other.
func TestModelsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for _, m := range regexp.MustCompile("(?m)^### `([a-z_]+)`$").FindAllStringSubmatch(string(doc), -1) {
		entries = append(entries, m[1])
	}
	slices.Sort(entries)
	if names := modelNames(t); !slices.Equal(entries, names) {
		t.Errorf("docs/metrics.md has entries %v, the models are %v", entries, names)
	}
}

func modelNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := fs.Glob(models, "models/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(f, "models/"), ".sql"))
	}
	slices.Sort(names)
	return names
}
