package reports

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"drumbeat/queries"
)

// answers is a Source of hand-made rows, one JSON object a line, by question as Page.Asks writes it.
// Questions that it does not name have no rows. What a warehouse answers is tried on a real one.
type answers map[string]string

func (a answers) Run(_ context.Context, query string, params map[string]string, _ queries.Format, w io.Writer) error {
	ask := query
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "business" && name != "from" && name != "to" {
			ask += " " + name + "=" + params[name]
		}
	}
	_, err := fmt.Fprintln(w, a[ask])
	return err
}

// content builds one page of rows.
func content(t *testing.T, p Page, rows answers) Content {
	t.Helper()
	e := Edition{Business: "Northwind Coffee", From: date("2026-03-01"), To: date("2026-05-30"), Cutoff: date("2026-05-29").Add(24*time.Hour - time.Minute)}
	d, err := load(t.Context(), rows, e, []Page{p})
	if err != nil {
		t.Fatal(err)
	}
	c := p.Build(d).shown()
	if d.err != nil {
		t.Fatal(d.err)
	}
	return c
}

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}
