package reports

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"drumbeat/reports/browsertest"
)

// The example of docs/reports.md colours the charts and names the pages, the list of editions and the mail; what
// cannot be used is named.
func TestTheme(t *testing.T) {
	docs := read(t, "../docs/reports.md")
	example := func(language string) string {
		m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(docs)
		if m == nil {
			t.Fatalf("docs/reports.md has no example in %s", language)
		}
		return m[1]
	}
	themed := func(files map[string]string) (Rendered, error) {
		own := t.TempDir()
		for name, text := range files {
			if err := errors.Join(os.MkdirAll(filepath.Join(own, "theme"), 0o755), os.WriteFile(filepath.Join(own, "theme", name), []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		return Render(t.Context(), small(), Options{Dir: filepath.Join(t.TempDir(), "reports"), Own: own, Echarts: library(t)})
	}
	rendered, err := themed(map[string]string{"theme.css": example("css"), "brand.html.tmpl": example("html"), "words.tmpl": `{{define "footer"}}Only for {{.Business}} <i>& friends</i>{{end}}`})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"summary": read(t, rendered.Report), "index": read(t, rendered.Index), "mail": rendered.Letter.HTML} {
		if !strings.Contains(text, "Quiet Books, insights") {
			t.Errorf("the %s has not the name of the theme", name)
		}
	}
	page := filepath.Join(filepath.Dir(rendered.Report), "frequency.html")
	if text := read(t, page); !strings.Contains(text, "<footer>Only for Quiet Books <i>& friends</i></footer>") {
		t.Error("the page has not the footer of the theme")
	}
	p := browsertest.Open(t, "file://"+page, emulate("light", true))
	evaluate[int](t, p, whenReady)
	if got := evaluate[string](t, p, `getComputedStyle(document.querySelector("nav a")).color + getComputedStyle(document.querySelector("header circle")).fill`); strings.Count(got, "rgb(0, 105, 92)") < 1 {
		t.Errorf("the colours on the page are %s, want the theme's", got)
	}
	if got := append(p.Requests(), p.Errors()...); len(got) > 0 {
		t.Errorf("the browser says %q", got)
	}

	whole, err := themed(map[string]string{"index.html.tmpl": `<title>{{.Business}}</title>{{range .Editions}}{{.File}}{{end}}`})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, whole.Index), "<title>Quiet Books</title>2026-03-01_2026-05-30/summary.html"; got != want {
		t.Errorf("the list of editions is %s, want %s", got, want)
	}
	if text := read(t, whole.Report); !strings.Contains(text, "<b>Quiet Books</b>") {
		t.Error("a template for the list changed the pages")
	}

	for _, wrong := range []struct{ name, text, says string }{
		{"theme.css", "body {} </style><script>", `theme/theme.css holds "</style"`},
		{"theme.css", "@import 'x.css';", `theme/theme.css holds "@import"`},
		{"theme.css", "body { background: url( 'https://example.com/x.png') }", "asks nothing of a network"},
		{"brand.tmpl", "\n{{define \"brand\"}}{{.Business}", "brand.tmpl:2"},
		{"brand.tmpl", "{{define \"brand\"}}{{.Owner}}{{end}}", "brand.tmpl:1"},
	} {
		_, err := themed(map[string]string{wrong.name: wrong.text})
		if !errors.Is(err, ErrTheme) || !strings.Contains(err.Error(), wrong.says) {
			t.Errorf("%s %q: %v, want %s", wrong.name, wrong.text, err, wrong.says)
		}
	}
}
