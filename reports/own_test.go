package reports

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"drumbeat/queries"
	"drumbeat/warehouse/warehousetest"
)

// The example of docs/reports.md becomes a page, also from the archive alone. Files that cannot become one are named
// with their line, and take no other page away.
func TestOwnPages(t *testing.T) {
	db := warehousetest.New(t)
	for _, sql := range []string{
		`INSERT INTO frequency_opt_out (business_id, window_from, window_to, cutoff, market, dose_from, dose_to, contacts, person_days, opt_outs, suppressed, rate, lower, upper)
		VALUES ('Quiet Books', '2026-03-01', '2026-05-30', '2026-05-29 23:58:12', 'all', 0, 0, 400, 9000, 9, 0, 0.001, 0.0005, 0.002)`,
		`INSERT INTO frequency_engagement (business_id, window_from, window_to, cutoff, channel, market, outcome, exposure_from, exposure_to, contacts, messages, outcomes, suppressed, rate, lower, upper) VALUES
		('Quiet Books', '2026-03-01', '2026-05-30', '2026-05-29 23:58:12', 'all', 'PH', 'reply', 1, 1, 300, 900, 90, 0, 0.1, 0.08, 0.12),
		('Quiet Books', '2026-03-01', '2026-05-30', '2026-05-29 23:58:12', 'all', 'AU', 'reply', 1, 1, 200, 500, 80, 0, 0.16, 0.13, 0.19),
		('Quiet Books', '2026-03-01', '2026-05-30', '2026-05-29 23:58:12', 'all', 'NZ', 'reply', 1, 1, 12, 30, 3, 1, NULL, NULL, NULL)`,
	} {
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	example := regexp.MustCompile("(?s)```sql\n(.*?)```").FindStringSubmatch(read(t, "../docs/reports.md"))
	if example == nil {
		t.Fatal("docs/reports.md has no example")
	}
	const head = "-- title: T\n-- chart: bars\n-- x: a\n-- y: b count\n"
	own := t.TempDir()
	if err := os.Mkdir(filepath.Join(own, "pages"), 0o755); err != nil {
		t.Fatal(err)
	}
	wrong := map[string]struct{ sql, says string }{
		"head":    {"-- title: T\n-- chart: pie\n-- x: a\n-- y: b count\nSELECT 1 AS a, 1 AS b", `pages/head.sql:2: there is no chart "pie"`},
		"kind":    {"-- title: T\n-- chart: bars\n-- x: a\n-- y: b\nSELECT 1 AS a, 1 AS b", "pages/kind.sql:4: after the column, say what its values are"},
		"key":     {"-- title: T\n-- colour: red\nSELECT 1", `pages/key.sql:2: there is no "colour"`},
		"missing": {"SELECT 1 AS a", "pages/missing.sql:1: the head lacks `-- title: ...`"},
		"column":  {head + "SELECT 1 AS a, 1 AS c", `pages/column.sql:4: the result has no column "b"; it has a, c`},
		"text":    {head + "SELECT 1 AS a, 'x' AS b", "pages/text.sql:4: the column b: holds text"},
		"many":    {head + "SELECT number AS a, number AS b FROM numbers(1001)", "pages/many.sql: it has more than 1000 rows"},
		"broken":  {head + "SELECT a FROM no_such_table", "pages/broken.sql: "},
		"write":   {head + "DROP TABLE messages", "pages/write.sql: "},
		"summary": {head + "SELECT 1 AS a, 1 AS b", "pages/summary.sql: there is a page of this name"},
		"Big":     {head + "SELECT 1 AS a, 1 AS b", "pages/Big.sql: name the file with small letters"},
	}
	files := map[string]string{"replies-by-market": example[1], "lines": "-- title: Lines\n-- chart: dots\n-- x: day\n-- y: v number\n-- series: s\nSELECT toDate('2026-03-01') + number % 3 AS day, number - 2.5 AS v, if(number < 3, 'one', '<img src=x>') AS s FROM numbers(6);\n",
		"counts": head + "SELECT concat('n', toString(number)) AS a, number AS b, toString(b) AS note FROM numbers(3)\n", "none": head + "SELECT 1 AS a, 1 AS b WHERE 0"}
	for name, w := range wrong {
		files[name] = w.sql
	}
	for name, sql := range files {
		if err := os.WriteFile(filepath.Join(own, "pages", name+".sql"), []byte(sql), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Dir: t.TempDir(), Own: own, Echarts: library(t)}
	rendered, err := Render(t.Context(), queries.NewRunner(db), o)
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(rendered.Failed, ErrOwnPage) {
		t.Fatalf("bad files are no error: %v", rendered.Failed)
	}
	dir := filepath.Dir(rendered.Report)
	for name, w := range wrong {
		if !strings.Contains(rendered.Failed.Error(), w.says) {
			t.Errorf("the error does not say %q", w.says)
		}
		if _, err := os.Stat(filepath.Join(dir, name+".html")); err == nil && name != "summary" {
			t.Errorf("there is a page of %s", name)
		}
	}
	if t.Failed() {
		t.Log(rendered.Failed)
	}
	page := read(t, filepath.Join(dir, "replies-by-market.html"))
	for _, want := range []string{
		`<h1>Replies by market</h1>`, "Where do people answer least?", "1,430 messages", "<svg ", ">10.0%<", ">16.0%<", ">too few<",
		"business_id = &#39;Quiet Books&#39;", `<a href="frequency.html">`, "As its own SQL says", `data-do="csv"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if page := read(t, filepath.Join(dir, "lines.html")); strings.Contains(page, "<img") || !strings.Contains(page, "−2.5") && !strings.Contains(page, "−2.50") {
		t.Error("the page of lines has markup of its rows, or not its values")
	}
	if _, err := os.Stat(filepath.Join(dir, "none.html")); err == nil {
		t.Error("there is a page without rows")
	}
	if page := read(t, filepath.Join(dir, "frequency.html")); !strings.Contains(page, `<a href="counts.html">`) {
		t.Error("the other pages do not lead to it")
	}

	first := folder(t, dir)
	if err := os.RemoveAll(filepath.Join(own, "pages")); err != nil {
		t.Fatal(err)
	}
	if again, err := RenderAgain(o, rendered.Edition); err != nil || again.Failed != nil {
		t.Fatal(err, again.Failed)
	}
	for name, text := range folder(t, dir) {
		if first[name] != text {
			t.Errorf("from the archive, %s is another", name)
		}
	}
}
