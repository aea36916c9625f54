package reports

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drumbeat/reports/browsertest"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"

	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "folder for screenshots of the pages, to look at")

// library finds the chart library as `make deps` builds it.
func library(t testing.TB) []byte {
	t.Helper()
	js, err := os.ReadFile("../node_modules/.drumbeat/charts.min.js")
	if err != nil {
		t.Fatalf("read the chart library (run `make deps`): %v", err)
	}
	return js
}

// evaluate runs a script in the page once its figures are live.
func evaluate[T any](t *testing.T, p *browsertest.Page, js string) T {
	t.Helper()
	v, err := chromedp.Run(p.Context, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%v in %.80s", err, js)
	}
	return v
}

const whenReady = `new Promise(done => { const look = () => document.documentElement.dataset.ready ? done(1) : setTimeout(look, 20); look(); })`

// drawAll scrolls to every chart, and waits until the live one has taken the still's place.
const drawAll = `(async () => {
	for (const c of document.querySelectorAll(".chart")) {
		for (let frames = 0; c.querySelector(":scope > svg") && frames < 300; frames++) {
			c.scrollIntoView({ behavior: "instant", block: "center" });
			await new Promise(requestAnimationFrame);
		}
	}
	scrollTo(0, 0);
	return 1;
})()`

func emulate(scheme string, scripts bool) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		if err == nil && !scripts {
			_, err = cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		}
		return err
	})
}

// Every page of an edition, as readers see it: nothing asked of a network, nothing said on the
// console, nothing wider than the window, every chart drawn, and nothing that axe finds.
func TestPagesInBrowser(t *testing.T) {
	axe, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("read the accessibility checker (run `make deps`): %v", err)
	}
	rendered := renderSpring(t, library(t))
	pages, err := filepath.Glob(filepath.Join(filepath.Dir(rendered.Report), "*.html"))
	if err != nil || len(pages) != 7 {
		t.Fatalf("the edition has the pages %v (%v)", pages, err)
	}
	for _, file := range append(pages, rendered.Index) {
		name := strings.TrimSuffix(filepath.Base(file), ".html")
		for _, view := range []struct {
			name   string
			width  int64
			scheme string
			tables int // that are open when axe looks: those of a page are of one kind
			rules  string
		}{
			{"light", 1280, "light", 1000, `{runOnly: guidelines}`},
			{"dark", 1280, "dark", 1, `{runOnly: {type: "rule", values: ["color-contrast"]}}`},
			{"phone", 390, "light", 1, `{runOnly: guidelines, rules: {"color-contrast": {enabled: false}}}`},
		} {
			t.Run(name+"/"+view.name, func(t *testing.T) {
				p := browsertest.Open(t, "file://"+file, emulate(view.scheme, true), chromedp.EmulateViewport(view.width, 900))
				if name != "index" {
					evaluate[int](t, p, whenReady)
				}
				evaluate[int](t, p, drawAll)
				if bad := evaluate[[]string](t, p, `[...document.querySelectorAll(".chart")].filter(c => { const s = c.querySelector(":scope > div > svg"); return !s || s.clientWidth !== c.clientWidth || s.querySelectorAll("path").length < 3; }).map(c => c.id)`); len(bad) > 0 {
					t.Errorf("the charts %v are not drawn, or do not fill their place", bad)
				}
				if evaluate[bool](t, p, `!!document.querySelector(".chart") && !performance.getEntriesByName("chart").length`) {
					t.Error("the page does not say when its first chart was there")
				}
				if over := evaluate[int](t, p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
					t.Errorf("the page is %d px wider than the window", over)
				}
				evaluate[int](t, p, fmt.Sprintf(`[...document.querySelectorAll("[data-do=table]")].slice(0, %d).forEach(b => b.click()), document.querySelectorAll("details").forEach(d => d.open = true), 1`, view.tables))
				found := evaluate[[]string](t, p, string(axe)+`;const guidelines = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
					axe.run(document, `+view.rules+`)
					.then(r => r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120) + " " + n.failureSummary).join(" | ")))`)
				for _, violation := range found {
					t.Errorf("axe: %s", violation)
				}
				if got := append(p.Requests(), p.Errors()...); len(got) > 0 {
					t.Errorf("the browser says %q", got)
				}
				if *shots != "" {
					evaluate[int](t, p, `document.querySelectorAll("[data-do=table]").forEach(b => b.click()), document.querySelectorAll("details").forEach(d => d.open = false), 1`)
					shoot(t, p.Context, filepath.Join(*shots, name+"-"+view.name))
				}
			})
		}
	}
}

// Without scripts every chart and table is there, and nothing that would need one.
func TestPageWithoutScripts(t *testing.T) {
	rendered := renderSpring(t, library(t))
	for _, page := range []string{"frequency", "pains", "conversations", "promises", "delivery", "quality"} {
		p := browsertest.Open(t, "file://"+filepath.Join(filepath.Dir(rendered.Report), page+".html"), emulate("light", false), chromedp.EmulateViewport(1280, 900))
		count := func(selector string) int {
			t.Helper()
			n, err := chromedp.Run(p.Context, chromedp.Evaluate[int](`[...document.querySelectorAll("`+selector+`")].filter(e => e.getBoundingClientRect().height > 0).length`))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		charts, drawn, tables, figures := count(".chart"), count(".chart > svg"), count("figure table"), count("figure[data-figure]")
		if charts < 2 || drawn != charts || tables != figures {
			t.Errorf("%s: of %d charts %d are seen, of %d figures %d tables", page, charts, drawn, figures, tables)
		}
		if n := count("figure button, form.filters select"); n > 0 {
			t.Errorf("%s: %d buttons are seen that do nothing", page, n)
		}
	}
}

// On paper every chart is drawn and every table printed.
func TestPageOnPaper(t *testing.T) {
	rendered := renderSpring(t, library(t))
	for _, page := range []string{"frequency", "pains", "conversations", "promises", "delivery", "quality"} {
		p := browsertest.Open(t, "file://"+filepath.Join(filepath.Dir(rendered.Report), page+".html"))
		evaluate[int](t, p, whenReady)
		got := evaluate[string](t, p, `(() => {
			window.dispatchEvent(new Event("beforeprint"));
			const charts = [...document.querySelectorAll(".chart")];
			const drawn = charts.filter(c => c.querySelectorAll("svg path").length > 2);
			const sheet = [...document.styleSheets[0].cssRules].filter(r => r.media && r.media.mediaText === "print").map(r => r.cssText).join("");
			window.dispatchEvent(new Event("afterprint"));
			return charts.length - drawn.length + " " + /\.proof\.closed \{ display: block/.test(sheet);
		})()`)
		if got != "0 true" {
			t.Errorf("%s: charts that are not drawn, and whether tables are printed: %s", page, got)
		}
	}
}

// A filter shows the slice's own rows in all its figures, and says so where there are none; CSV has
// the rows as they are; rows behind a mark open and close by keyboard.
func TestFilterAndCSV(t *testing.T) {
	rendered := renderSpring(t, library(t))
	p := browsertest.Open(t, "file://"+filepath.Join(filepath.Dir(rendered.Report), "frequency.html"))
	evaluate[int](t, p, whenReady)
	evaluate[int](t, p, `document.querySelector("#opt-outs").scrollIntoView(), new Promise(r => setTimeout(r, 100, 1))`)
	evaluate[int](t, p, `(() => { const s = document.querySelector("select[name=market]"); s.value = "PH"; s.dispatchEvent(new Event("change", {bubbles: true})); return 1; })()`)
	text := evaluate[string](t, p, `(async () => {
		let blob; URL.createObjectURL = b => (blob = b, "#"); HTMLAnchorElement.prototype.click = () => {};
		document.querySelector("#opt-outs [data-do=csv]").click();
		return await blob.text();
	})()`)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"dose", "contacts", "person_days", "opt_outs", "rate", "lower", "upper", "why"}}
	for _, line := range strings.Split(strings.TrimSpace(spring()["frequency_opt_out"]), "\n") {
		var r map[string]any
		decode := json.NewDecoder(strings.NewReader(line))
		decode.UseNumber()
		if err := decode.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r["market"] != "PH" {
			continue
		}
		text := func(key string) string {
			if n, ok := r[key].(json.Number); ok {
				return n.String()
			}
			return ""
		}
		from, _ := r["dose_from"].(json.Number).Int64()
		to, _ := r["dose_to"].(json.Number).Int64()
		line := []string{bin(uint16(from), uint16(to)), text("contacts"), text("person_days"), text("opt_outs"), text("rate"), text("lower"), text("upper"), ""}
		if text("suppressed") == "1" { // what is too small to show is not in the file either
			line[3], line[7] = "", "<5"
		}
		if contacts, _ := r["contacts"].(json.Number).Int64(); contacts < fewContacts {
			line = []string{line[0], "", "", "", "", "", "", "n<30"}
		}
		want = append(want, line)
	}
	if len(rows) != len(want) {
		t.Fatalf("the CSV has %d lines, want %d:\n%s", len(rows), len(want), text)
	}
	for i := range want {
		if strings.Join(rows[i], "|") != strings.Join(want[i], "|") {
			t.Errorf("line %d of the CSV is %v, want %v", i, rows[i], want[i])
		}
	}
	absent := evaluate[string](t, p, `document.querySelector("#by-time .absent").textContent + document.querySelector("#by-time").classList.contains("without")`)
	if absent != "Not computed for market PH.true" {
		t.Errorf("a figure without the slice says %q", absent)
	}
	back := evaluate[string](t, p, `document.querySelector("[data-do=reset]").click(), document.querySelector("#opt-outs h3").textContent + document.querySelectorAll("figure.without").length`)
	if !strings.HasPrefix(back, "Opt") || !strings.HasSuffix(back, "0") {
		t.Errorf("after `Everything` the figure says %q", back)
	}
	behind := evaluate[string](t, p, `document.querySelector("#opt-outs [data-do=behind]").click(), document.querySelector("dialog").open + " " + document.querySelectorAll("dialog tbody tr").length`)
	if !strings.HasPrefix(behind, "true ") || behind == "true 0" {
		t.Errorf("the rows behind a mark: %s, want an open dialog with some", behind)
	}
	if got := append(p.Requests(), p.Errors()...); len(got) > 0 {
		t.Errorf("the browser says %q", got)
	}
}

// Names that want to be markup stay names once a browser has read them and ECharts has drawn them,
// and a cell that wants to be a formula stays text.
func TestHostileNamesInBrowser(t *testing.T) {
	o := Options{Dir: t.TempDir(), Echarts: library(t), Definitions: hostileDefinitions}
	rendered, err := Render(t.Context(), hostile(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"summary", "frequency", "pains", "conversations", "promises", "delivery", "quality"} {
		p := browsertest.Open(t, "file://"+filepath.Join(filepath.Dir(rendered.Report), page+".html"))
		evaluate[int](t, p, whenReady)
		evaluate[int](t, p, drawAll)
		n := evaluate[int](t, p, `
			document.querySelectorAll(".chart svg").forEach(svg => {
				const at = svg.getBoundingClientRect();
				svg.dispatchEvent(new MouseEvent("mousemove", {bubbles: true, clientX: at.x + at.width / 2, clientY: at.y + at.height / 2}));
			});
			document.querySelectorAll("img, [onerror], [onmouseover], a[href^=javascript], a[href^=http]").length`)
		if n > 0 {
			t.Errorf("%s: %d elements came from names", page, n)
		}
		if got := append(p.Errors(), p.Requests()...); len(got) > 0 {
			t.Errorf("%s: the browser says %q", page, got)
		}
		if page == "quality" {
			text := evaluate[string](t, p, `(async () => {
				let blob; URL.createObjectURL = b => (blob = b, "#"); HTMLAnchorElement.prototype.click = () => {};
				document.querySelector("#arrived [data-do=csv]").click();
				return await blob.text();
			})()`)
			if !strings.Contains(text, "\n'=1+1,") {
				t.Errorf("a formula is not escaped:\n%s", text)
			}
		}
	}
}

func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(name+".png", png, 0o644), os.WriteFile(name+".pdf", pdf, 0o644)); err != nil {
		t.Fatal(err)
	}
}
