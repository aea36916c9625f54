package reports

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"drumbeat/queries"

	"golang.org/x/tools/txtar"
)

// answers is a Source of rows made before, one JSON object a line, by question as Page.Asks writes it.
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

func (a answers) RunSQL(context.Context, string, map[string]string, queries.Format, io.Writer) error {
	return errors.New("rows made before answer no statement")
}

// spring are the rows of a small demo (testdata/demo.txtar.gz), as `make rows` writes them.
func spring() answers {
	file, err := os.Open("testdata/demo.txtar.gz")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		panic(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		panic(err)
	}
	rows := answers{}
	for _, f := range txtar.Parse(text).Files {
		rows[f.Name] = string(f.Data)
	}
	return rows
}

// renderSpring writes the edition of spring to a folder of the test.
func renderSpring(t *testing.T, library []byte) Rendered {
	t.Helper()
	definitions, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := Render(t.Context(), spring(), Options{Dir: t.TempDir(), Echarts: library, Definitions: string(definitions)})
	if err != nil {
		t.Fatal(err)
	}
	return rendered
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

const (
	img    = `<img src=x onerror=alert(1)>`
	script = `</script><script>alert(2)</script>`

	hostileDefinitions = "## Words\n\n" + script + "\n\n" + img + "\n\n[a](javascript:alert(5)) ![b](https://example.com/x.png) <https://example.com>\n"
)

// hostile is a world whose names want to be markup, or a formula.
func hostile() answers {
	const quote = `\"' onmouseover=alert(3) x=\"`
	rows := spring()
	for ask, text := range rows {
		for from, to := range map[string]string{"PH": img, "AU": script, "whatsapp": quote + "<!--", "marketing": "${alert(4)}\\u2028{{.}}",
			"It sent too many messages": img, "To order or book": script, "Weekly": quote, "Synthetic survey": img, "18-24": script, "respondents who message the business": img} {
			text = strings.ReplaceAll(text, `"`+from+`"`, `"`+to+`"`)
		}
		rows[ask] = text
	}
	rows["businesses"] = `{"business_id":"` + img + script + `"}`
	rows["arrivals"] += `{"channel":"=1+1","event_type":"` + quote + `","arrived":1,"unique_events":1,"duplicates":0,"late":0,"first_event_at":"2025-09-01T00:10:00.000Z","last_event_at":"2025-09-01T00:10:00.000Z"}` + "\n"
	return rows
}
