package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"drumbeat/queries"
)

var update = flag.Bool("update", false, "write the golden files anew")

// stub stands for the chart library, so that a golden page can be read.
var stub = []byte("/* chart library */")

func render(t *testing.T, src Source, o Options) (Pages, string) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Echarts == nil {
		o.Echarts = stub
	}
	pages, err := Render(t.Context(), src, o)
	if err != nil {
		t.Fatal(err)
	}
	html, err := os.ReadFile(pages.Report)
	if err != nil {
		t.Fatal(err)
	}
	return pages, string(html)
}

func TestGolden(t *testing.T) {
	nothing := rows{
		"businesses": []businessRow{{"Quiet Books"}}, "windows": []windowRow{{"Quiet Books", windowFrom, windowTo, cutoff, 0, 1}},
		"frequency_engagement": []engagementRow(nil), "frequency_opt_out": []optOutRow(nil), "window_messages": []messagesRow{{}},
		"arrivals": []arrivalRow(nil), "freshness": []freshnessRow(nil),
	}
	for name, src := range map[string]rows{"spring": spring(), "nothing": nothing} {
		t.Run(name, func(t *testing.T) {
			_, got := render(t, src, Options{Definitions: definitions})
			golden := filepath.Join("testdata", name+".html")
			// The queries are printed whole; their own tests hold them.
			got = regexp.MustCompile(`(?s)<pre tabindex="0"><code>.*?</code></pre>`).ReplaceAllString(got, "<pre>SQL</pre>")
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
}

func TestSameRowsSameBytes(t *testing.T) {
	first, one := render(t, spring(), Options{Definitions: definitions})
	again, two := render(t, spring(), Options{Definitions: definitions, Dir: filepath.Dir(first.Report)})
	if one != two || first != again {
		t.Error("the same rows gave two pages")
	}
	shuffled := spring()
	e := shuffled["frequency_engagement"].([]engagementRow)
	for i := range e {
		j := (i * 7919) % len(e)
		e[i], e[j] = e[j], e[i]
	}
	if _, three := render(t, shuffled, Options{Definitions: definitions}); three != one {
		t.Error("the order of rows changed the page")
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(first.Report), "*"))
	if hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(first.Report), ".*")); err != nil || len(left) != 1 || len(hidden) != 0 {
		t.Errorf("the folder holds %v and %v, want the page alone", left, hidden)
	}
}

const (
	img    = `<img src=x onerror=alert(1)>`
	script = `</script><script>alert(2)</script>`

	hostileDefinitions = "# x" + script + "\n\n" + img + "\n\n[a](javascript:alert(5)) ![b](https://example.com/x.png) <https://example.com>\n\n[c][d]\n\n[d]: https://example.com/d\n"
)

// hostile is a world whose names want to be markup.
func hostile() rows {
	const quote, comment, js = `"' onmouseover=alert(3) x="`, `<!--`, "${alert(4)}\u2028{{.}}"
	src := spring()
	src["businesses"] = []businessRow{{img + script}}
	e := src["frequency_engagement"].([]engagementRow)
	for i, name := range []string{img, script, quote, comment, js} {
		market := []string{"AU", "ID", "KR", "PH", "TH"}[i]
		for k := range e {
			if e[k].Market == market {
				e[k].Market = name
			}
		}
	}
	e = append(e, engagementRows(script, all, "reply", 9000, []float64{.1, .2})...)
	src["frequency_engagement"] = e
	src["arrivals"] = []arrivalRow{{img, script + quote, 1, 1, 0, 0, cutoff, cutoff}}
	return src
}

// What came from outside is text wherever it stands: in HTML, in attributes, in the charts' JSON.
func TestOutsideStringsAreText(t *testing.T) {
	_, html := render(t, hostile(), Options{Definitions: hostileDefinitions})
	for _, bad := range []string{"<img", "<script>alert", "</script><script>alert", "<!--", " onmouseover=alert(3) x=\"\"", "href=\"javascript", "src=\"http", "href=\"http"} {
		if strings.Contains(html, bad) {
			i := strings.Index(html, bad)
			t.Errorf("the page holds %q: ...%s...", bad, html[max(0, i-80):min(len(html), i+120)])
		}
	}
	if n := strings.Count(html, "<script>"); n != 2 {
		t.Errorf("%d scripts run, want the library and ours", n)
	}
	if !strings.Contains(html, "&lt;img src=x onerror=alert(1)&gt;") {
		t.Error("the names are not shown at all")
	}
}

// The policy names exactly the bytes of the two scripts, and opens nothing else.
func TestPolicy(t *testing.T) {
	_, html := render(t, spring(), Options{Echarts: library(t)})
	m := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(html)
	if m == nil {
		t.Fatal("the page has no policy")
	}
	got := strings.ReplaceAll(m[1], "&#39;", "'")
	want := "default-src 'none'; script-src"
	for _, s := range regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(html, -1) {
		sum := sha256.Sum256([]byte(s[1]))
		want += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	want += "; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
	if strings.ReplaceAll(got, "&#43;", "+") != want {
		t.Errorf("policy = %s\nwant     %s", got, want)
	}
	if len(html) > 1_000_000 {
		t.Errorf("the page has %d bytes, want under 1 MB", len(html))
	}
}

func TestSuppressedCellsAreNeverNumbers(t *testing.T) {
	src := spring()
	src["frequency_engagement"] = []engagementRow{
		{Channel: all, Market: all, Outcome: "reply", From: 1, To: 1, Contacts: 4001, Messages: 4242, Outcomes: 400, Rate: ptr(.094), Lower: ptr(.08), Upper: ptr(.11), Cutoff: cutoff},
		{Channel: all, Market: all, Outcome: "reply", From: 2, To: 2, Contacts: 29, Messages: 3131, Outcomes: 27, Suppressed: 1, Cutoff: cutoff},
		{Channel: all, Market: all, Outcome: "reply", From: 3, To: 3, Contacts: 77, Messages: 5151, Outcomes: 4, Suppressed: 1, Cutoff: cutoff},
		{Channel: all, Market: all, Outcome: "reply", From: 4, To: 4, Contacts: 78, Messages: 5252, Outcomes: 40, Rate: ptr(math.NaN()), Lower: ptr(0), Upper: ptr(math.Inf(1)), Cutoff: cutoff},
	}
	_, html := render(t, src, Options{})
	for _, bad := range []string{"3,131", "3131", "3.1k", ">27<", ">29<", "NaN", "Inf", ">0.0%<"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page shows %q", bad)
		}
	}
	for _, want := range []string{
		`<th scope="row">2</th><td>&lt;30</td><td></td><td></td><td class="none">n&lt;30</td>`,
		`<th scope="row">3</th><td>77</td><td>5,151</td><td>&lt;5</td><td class="none">&lt;5</td>`,
		`<th scope="row">4</th><td>78</td><td>5,252</td><td>40</td><td class="none">—</td>`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestEditions(t *testing.T) {
	src := spring()
	april, may := date("2026-04-01"), date("2026-05-01")
	src["windows"] = []windowRow{
		{"Northwind Coffee", windowFrom, windowTo, cutoff, 200, 80},
		{"Northwind Coffee", april, may, cutoff, 200, 80},
	}
	pages, _ := render(t, src, Options{From: april})
	index, err := os.ReadFile(pages.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<a href="frequency-2026-03-01-2026-05-30.html">1 March to 29 May 2026</a>`, `<a href="frequency-2026-04-01-2026-05-01.html">1 to 30 April 2026</a>`, "script-src &#39;none&#39;"} {
		if !strings.Contains(string(index), want) {
			t.Errorf("the index lacks %s:\n%s", want, index)
		}
	}
	report, err := os.ReadFile(pages.Report)
	if err != nil {
		t.Fatal(err)
	}
	edition, err := os.ReadFile(filepath.Join(filepath.Dir(pages.Report), "frequency-2026-04-01-2026-05-01.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(report, edition) || !bytes.Contains(report, []byte(`href="index.html"`)) {
		t.Error("the report is not the edition of the window asked for")
	}
}

func TestNewerEventsAreSaid(t *testing.T) {
	src := spring()
	if _, html := render(t, src, Options{}); strings.Contains(html, "Newer events") {
		t.Error("figures that are up to date are called old")
	}
	f := src["freshness"].([]freshnessRow)
	f[0].Cutoff = cutoff.AddDate(0, 0, 2)
	if _, html := render(t, src, Options{}); !strings.Contains(html, "Newer events have arrived since these figures were computed: up to 31 May 2026, 23:58 UTC.") {
		t.Error("old figures are not called old")
	}
}

func TestRenderFailures(t *testing.T) {
	f := func(name string, src rows, o Options, want error, hint string) {
		t.Helper()
		o.Dir = filepath.Join(t.TempDir(), "reports")
		if o.Echarts == nil {
			o.Echarts = stub
		}
		_, err := Render(t.Context(), src, o)
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: error %v, want %v with %q", name, err, want, hint)
		}
		if files, _ := filepath.Glob(filepath.Join(o.Dir, "*")); len(files) > 0 {
			t.Errorf("%s: left %v", name, files)
		}
	}
	with := func(query string, to any) rows {
		src := spring()
		src[query] = to
		return src
	}
	f("no library", spring(), Options{Echarts: []byte(" ")}, ErrLibrary, "npm ci")
	f("a library that ends its element", spring(), Options{Echarts: []byte(`x="</SCRIPT>"`)}, ErrLibrary, "cannot stand inside a page")
	f("a library that HTML would change", spring(), Options{Echarts: []byte("a\r\nb")}, ErrLibrary, "carriage returns")
	f("no business", with("businesses", []businessRow(nil)), Options{}, queries.ErrNoData, "send or import")
	f("two businesses", with("businesses", []businessRow{{"a"}, {"b"}}), Options{}, queries.ErrBusiness, `"a", "b"`)
	f("no window", with("windows", []windowRow(nil)), Options{}, queries.ErrNoData, "frequency")
	f("another window", spring(), Options{From: date("2020-01-01")}, queries.ErrWindow, "windows")
	f("a source that fails", rows{"businesses": spring()["businesses"], "windows": spring()["windows"]}, Options{}, nil, "1 March to 29 May 2026")
}
