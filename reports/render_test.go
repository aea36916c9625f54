package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"compress/gzip"

	"drumbeat/queries"
)

var update = flag.Bool("update", false, "write the golden files anew")

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// small is an edition of a few rows, whose pages can be read.
func small() answers {
	bin := func(from, to, n, y, contacts int, rate string) string {
		return strings.NewReplacer("F", itoa(from), "T", itoa(to), "N", itoa(n), "Y", itoa(y), "C", itoa(contacts)).Replace(
			`{"market":"all","dose_from":F,"dose_to":T,"contacts":C,"person_days":N,"opt_outs":Y,`) + rate + "}\n"
	}
	return answers{
		"businesses": `{"business_id":"Quiet Books"}`,
		"windows":    `{"business_id":"Quiet Books","window_from":"2026-03-01","window_to":"2026-05-30","cutoff":"2026-05-29T23:58:12.000Z"}`,
		"frequency_opt_out": bin(0, 0, 9000, 9, 400, `"suppressed":0,"rate":0.001,"lower":0.0005,"upper":0.002`) +
			bin(1, 1, 8000, 10, 390, `"suppressed":0,"rate":0.00125,"lower":0.0006,"upper":0.0023`) +
			bin(2, 2, 3131, 27, 29, `"suppressed":1,"rate":null,"lower":null,"upper":null`) +
			bin(3, 3, 5151, 4, 77, `"suppressed":1,"rate":null,"lower":null,"upper":null`) +
			bin(4, 65535, 4000, 40, 90, `"suppressed":0,"rate":0.01,"lower":0.007,"upper":0.0141`),
		"arrivals": `{"channel":"sms","event_type":"send","arrived":30,"unique_events":28,"duplicates":2,"late":0,"first_event_at":"2026-03-01T00:10:00.000Z","last_event_at":"2026-05-29T00:10:00.000Z"}`,
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestGolden(t *testing.T) {
	rendered, err := Render(t.Context(), small(), Options{Dir: t.TempDir(), Echarts: library(t), Definitions: "### `frequency_opt_out`\n\nOpt-outs per day.\n"})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"summary", "frequency"} {
		t.Run(page, func(t *testing.T) {
			got := read(t, filepath.Join(filepath.Dir(rendered.Report), page+".html"))
			for _, long := range []struct{ of, in string }{ // held by tests of their own
				{`(?s)(<style>).*?(</style>)`, "STYLE"}, {`(?s)(<script[^>]*>).*?(</script>)`, "SCRIPT"}, {`(?s)(<code>-- ).*?(</code></pre>)`, "SQL"}, {`(Policy" content=").*?(">)`, "POLICY"},
			} {
				got = regexp.MustCompile(long.of).ReplaceAllString(got, "${1}"+long.in+"${2}")
			}
			golden := filepath.Join("testdata", page+".html")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v: write it with -update and look at it", err)
			}
			if got != string(want) {
				i := 0
				for i < len(got) && i < len(want) && got[i] == want[i] {
					i++
				}
				t.Errorf("the page differs from %s at byte %d:\n got ...%.200s\nwant ...%.200s", golden, i, got[i:], want[min(i, len(want)):])
			}
		})
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(rendered.Report), "quality.html")); err != nil {
		t.Errorf("a page with rows is missing: %v", err)
	}
}

// What is too small to show is in no table, chart or data of the page.
func TestSuppressedCellsAreNeverNumbers(t *testing.T) {
	rendered, err := Render(t.Context(), small(), Options{Dir: t.TempDir(), Echarts: library(t)})
	if err != nil {
		t.Fatal(err)
	}
	html := read(t, filepath.Join(filepath.Dir(rendered.Report), "frequency.html"))
	for _, text := range []string{html, unpacked(t, html, "data")} {
		for _, bad := range []string{"3,131", "3131", "3.1k", ">27<", ">29<", ",27,", "NaN", "Inf"} {
			if strings.Contains(text, bad) {
				t.Errorf("the page holds %q", bad)
			}
		}
	}
	for _, want := range []string{">n&lt;30<", ">&lt;5<"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// unpacked is what a page holds compressed.
func unpacked(t *testing.T, html, id string) string {
	t.Helper()
	m := regexp.MustCompile(`id="` + id + `">([^<]*)<`).FindStringSubmatch(html)
	if m == nil {
		t.Fatalf("the page has no %s", id)
	}
	packed, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(dir, path)
			files[name] = read(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// An edition is the same to the byte when its rows come again, and when it is rendered from its
// archive; other rows of the same window make another, which knows what the first said.
func TestEditions(t *testing.T) {
	o := Options{Dir: t.TempDir(), Echarts: library(t)}
	rendered, err := Render(t.Context(), small(), o)
	if err != nil {
		t.Fatal(err)
	}
	first := folder(t, o.Dir)
	if again, err := Render(t.Context(), small(), o); err != nil || !reflect.DeepEqual(again, rendered) {
		t.Fatalf("the same rows gave %v (%v), want %v", again, err, rendered)
	}
	for name, text := range folder(t, o.Dir) {
		if first[name] != text {
			t.Errorf("the same rows changed %s", name)
		}
	}
	for _, page := range []string{"summary.html", "frequency.html", "quality.html"} {
		if err := os.Remove(filepath.Join(o.Dir, rendered.Edition, page)); err != nil {
			t.Fatal(err)
		}
	}

	restated := small()
	restated["frequency_opt_out"] = strings.ReplaceAll(restated["frequency_opt_out"], "0.01,", "0.02,")
	restated["frequency_opt_out"] = strings.ReplaceAll(restated["frequency_opt_out"], "0.0141", "0.0241")
	second, err := Render(t.Context(), restated, o)
	if err != nil {
		t.Fatal(err)
	}
	if want := rendered.Edition + ".2"; second.Edition != want {
		t.Errorf("restated rows are the edition %s, want %s", second.Edition, want)
	}
	if html := read(t, second.Report); !strings.Contains(html, "was 10.00 (95% interval 7.00\u00a0to\u00a014.10) in the last edition (1 March to 29 May 2026)") {
		t.Error("the summary does not say what the edition before said")
	}

	if _, err := RenderAgain(o, rendered.Edition); err != nil {
		t.Fatal(err)
	}
	now := folder(t, o.Dir)
	for name, text := range first {
		if name != "index.html" && now[name] != text {
			t.Errorf("from its archive, %s is another", name)
		}
	}
	index := now["index.html"]
	newest, oldest := strings.Index(index, second.Edition+"/summary.html"), strings.Index(index, rendered.Edition+"/summary.html")
	if newest < 0 || oldest < 0 || newest > oldest {
		t.Errorf("the index lists the editions at %d and %d", newest, oldest)
	}
	if _, err := RenderAgain(o, "../x"); !errors.Is(err, ErrEdition) {
		t.Errorf("a name that is no folder: %v", err)
	}
	if _, err := RenderAgain(o, "2020-01-01_2020-02-01"); !errors.Is(err, ErrEdition) || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("an edition that is not there: %v", err)
	}
}

// What came from outside is text wherever it stands: in HTML, in attributes, in drawings, in data.
func TestOutsideStringsAreText(t *testing.T) {
	rendered, err := Render(t.Context(), hostile(), Options{Dir: t.TempDir(), Echarts: library(t), Definitions: hostileDefinitions})
	if err != nil {
		t.Fatal(err)
	}
	for name, html := range folder(t, filepath.Dir(filepath.Dir(rendered.Report))) {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		for _, bad := range []string{"<img", "<script>alert", "<!--", " onmouseover=alert(3) x=\"\"", "href=\"javascript", "src=\"http", "href=\"http"} {
			if i := strings.Index(html, bad); i >= 0 {
				t.Errorf("%s holds %q: ...%s...", name, bad, html[max(0, i-80):min(len(html), i+120)])
			}
		}
		if n := strings.Count(html, "<script>"); n > 1 {
			t.Errorf("%s: %d scripts run, want ours", name, n)
		}
		if !strings.Contains(html, "&lt;img src=x onerror=alert(1)&gt;") {
			t.Errorf("%s does not show the names at all", name)
		}
	}
}

// The policy names exactly our script and the library, and opens nothing else; every page stays small.
func TestPolicyAndSize(t *testing.T) {
	js := library(t)
	rendered := renderSpring(t, js)
	html := read(t, filepath.Join(filepath.Dir(rendered.Report), "frequency.html"))
	m := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(html)
	if m == nil {
		t.Fatal("the page has no policy")
	}
	got := strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(m[1])
	want := "default-src 'none'; script-src"
	ours := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(html)
	for _, s := range []string{ours[1], string(js)} {
		sum := sha256.Sum256([]byte(s))
		want += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	want += "; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
	if got != want {
		t.Errorf("policy = %s\nwant     %s", got, want)
	}
	if unpacked(t, html, "library") != string(js) {
		t.Error("the library in the page is another")
	}
	for name, page := range folder(t, filepath.Dir(rendered.Report)) {
		if strings.HasSuffix(name, ".html") && len(page) > 1_000_000 {
			t.Errorf("%s has %d bytes, want under 1 MB", name, len(page))
		}
	}
}

func TestNewerEventsAreSaid(t *testing.T) {
	src := small()
	src["freshness"] = `{"events":28,"cutoff":"2026-05-31T23:58:12.000Z","last_ingested_at":"2026-06-01T00:00:00.000Z","future_events":0,"computed_to":null}`
	rendered, err := Render(t.Context(), src, Options{Dir: t.TempDir(), Echarts: library(t)})
	if err != nil {
		t.Fatal(err)
	}
	if html := read(t, rendered.Report); !strings.Contains(html, "Newer events have arrived since these figures were computed: up to 31 May 2026, 23:58 UTC.") {
		t.Error("old figures are not called old")
	}
}

func TestRenderFailures(t *testing.T) {
	f := func(name string, src answers, o Options, want error, hint string) {
		t.Helper()
		o.Dir = filepath.Join(t.TempDir(), "reports")
		if o.Echarts == nil {
			o.Echarts = library(t)
		}
		_, err := Render(t.Context(), src, o)
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: error %v, want %v with %q", name, err, want, hint)
		}
		if files, _ := filepath.Glob(filepath.Join(o.Dir, "*")); len(files) > 0 && want != nil {
			t.Errorf("%s: left %v", name, files)
		}
	}
	with := func(query, to string) answers {
		src := small()
		src[query] = to
		return src
	}
	f("no library", small(), Options{Echarts: []byte(" ")}, ErrLibrary, "make deps")
	f("a library that ends its element", small(), Options{Echarts: []byte(`x="</SCRIPT>"`)}, ErrLibrary, "cannot stand inside a page")
	f("a library that HTML would change", small(), Options{Echarts: []byte("a\r\nb")}, ErrLibrary, "carriage returns")
	f("no business", with("businesses", ""), Options{}, queries.ErrNoData, "send or import")
	f("two businesses", with("businesses", `{"business_id":"a"}{"business_id":"b"}`), Options{}, queries.ErrBusiness, `"a", "b"`)
	f("no window", with("windows", ""), Options{}, queries.ErrNoData, "frequency")
	f("another window", small(), Options{From: date("2020-01-01")}, queries.ErrWindow, "windows")
	f("rows that cannot be read", with("frequency_opt_out", `{"dose_from":"x"}`), Options{}, nil, "frequency_opt_out")
}

// Whatever is missing, the pages are made: where every estimate is suppressed, where each question has
// one row, and where one question has none.
func TestLittleData(t *testing.T) {
	js := library(t)
	estimate := regexp.MustCompile(`"((?:[a-z0-9_]+_)?(?:rate|lower|upper|mean|median|p90|share|trend|estimate|marginal|utility|change|observed|capped|hazard|survival|incidence|difference|days|chance_best|p_value))":-?[0-9.e-]+`)
	worlds := map[string]answers{"suppressed": spring(), "one row": spring(), "nothing": {}}
	for ask, text := range spring() {
		if ask == "businesses" || ask == "windows" {
			worlds["nothing"][ask] = text
			continue
		}
		if ask != "messages_by_day" && ask != "coverage_by_market" {
			text := strings.ReplaceAll(estimate.ReplaceAllString(text, `"$1":null`), `"suppressed":0`, `"suppressed":1`)
			for _, counted := range []string{"person_days", "from_day", "spell_day", "horizon_days", "stratum_days"} {
				text = strings.ReplaceAll(text, `"`+counted+`":null`, `"`+counted+`":40`)
			}
			worlds["suppressed"][ask] = text
		}
		first, _, _ := strings.Cut(text, "\n")
		worlds["one row"][ask] = first
		without := spring()
		without[ask] = ""
		worlds["without "+ask] = without
	}
	for name, rows := range worlds {
		e := Edition{Business: "Northwind Coffee", From: date("2025-09-01"), To: date("2025-11-30"), Cutoff: date("2025-11-29")}
		d, err := load(t.Context(), rows, e, pages)
		if err != nil {
			t.Fatal(err)
		}
		list, _, err := build(d, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "nothing" && len(list) != 1 {
			t.Errorf("without rows there are %d pages, want the summary alone", len(list))
		}
		if strings.HasPrefix(name, "without") {
			continue // drawn in the others
		}
		if _, err := print(Options{Echarts: js}, d, list); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
