package reports

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"drumbeat/queries"
)

//go:embed assets
var assets embed.FS

// ErrLibrary says that Options.Echarts is missing or cannot stand inside a page.
var ErrLibrary = errors.New("the chart library cannot be used")

// Options say what to render, and where to.
type Options struct {
	Dir         string    // folder of the pages; made if missing
	Business    string    // default: the only one
	From, To    time.Time // window [From, To) in UTC days; default: of those that end last, the longest
	Echarts     []byte    // echarts.common.min.js, version 6: every page holds a copy
	Definitions string    // Markdown: the metrics' definitions, printed on the page
}

// Pages are the files that Render wrote.
type Pages struct {
	Report string // the window asked for
	Index  string // the list of editions; "" if there is only one
	Answer string // what the page says first, in plain text
}

// An edition is kept for each of the newest windows.
const maxEditions = 12

// Render writes Dir/frequency.html for the window asked for. Where the business has several
// windows, each of the newest gets a page of its own, and Dir/index.html lists them. A page appears
// whole or not at all, and the same rows give the same bytes. It returns ErrLibrary, or the errors
// ErrBusiness, ErrNoData and ErrWindow of package queries.
func Render(ctx context.Context, src Source, o Options) (Pages, error) {
	if err := checkLibrary(o.Echarts); err != nil {
		return Pages{}, err
	}
	definitions, err := markdown(o.Definitions)
	if err != nil {
		return Pages{}, err
	}
	business, err := chooseBusiness(ctx, src, o.Business)
	if err != nil {
		return Pages{}, err
	}
	var windows []windowRow
	if err := src.Select(ctx, &windows, "windows", map[string]string{"business": business}); err != nil {
		return Pages{}, fmt.Errorf("render reports: %w", err)
	}
	chosen, err := chooseWindow(windows, business, o.From, o.To)
	if err != nil {
		return Pages{}, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Pages{}, fmt.Errorf("make the folder of the reports: %w", err)
	}

	several := len(windows) > 1
	one := func(w windowRow, file string) (page, error) {
		d, err := load(ctx, src, business, w)
		if err != nil {
			return page{}, fmt.Errorf("render the report of %s: %w", days(w.From, w.To), err)
		}
		p, err := newPage(d)
		if err != nil {
			return page{}, fmt.Errorf("render the report of %s: %w", days(w.From, w.To), err)
		}
		p.Index, p.Definitions, p.Library = several, definitions, template.JS(o.Echarts)
		html, err := execute("frequency.html.tmpl", func(style template.CSS, script template.JS) any {
			p.Style, p.Script = style, script
			p.Policy = policy(p.Library, p.Script)
			return p
		})
		if err != nil {
			return page{}, err
		}
		return p, writeFile(filepath.Join(o.Dir, file), html)
	}

	p, err := one(chosen, "frequency.html")
	if err != nil {
		return Pages{}, err
	}
	pages := Pages{Report: filepath.Join(o.Dir, "frequency.html"), Answer: p.Answer.text()}
	if !several {
		return pages, nil
	}
	type edition struct{ File, Window, Title string }
	var editions []edition
	for _, w := range windows[:min(len(windows), maxEditions)] {
		file := "frequency-" + w.From.Format(time.DateOnly) + "-" + w.To.Format(time.DateOnly) + ".html"
		p, err := one(w, file)
		if err != nil {
			return Pages{}, err
		}
		editions = append(editions, edition{file, p.Window, p.Answer.Title})
	}
	html, err := execute("index.html.tmpl", func(style template.CSS, _ template.JS) any {
		return struct {
			Policy, Business string
			Style            template.CSS
			Editions         []edition
		}{policy(), business, style, editions}
	})
	if err != nil {
		return Pages{}, err
	}
	pages.Index = filepath.Join(o.Dir, "index.html")
	return pages, writeFile(pages.Index, html)
}

func chooseBusiness(ctx context.Context, src Source, asked string) (string, error) {
	if asked != "" {
		return asked, nil
	}
	var rows []businessRow
	if err := src.Select(ctx, &rows, "businesses", nil); err != nil {
		return "", fmt.Errorf("render reports: %w", err)
	}
	switch len(rows) {
	case 0:
		return "", fmt.Errorf("render reports: %w; send or import events first", queries.ErrNoData)
	case 1:
		return rows[0].Business, nil
	}
	var names []string
	for _, r := range rows {
		names = append(names, fmt.Sprintf("%q", r.Business))
	}
	return "", fmt.Errorf("render reports: %w: there are %s", queries.ErrBusiness, strings.Join(names, ", "))
}

// chooseWindow takes the first that fits: the query lists what ends last first, then the longest.
func chooseWindow(windows []windowRow, business string, from, to time.Time) (windowRow, error) {
	for _, w := range windows {
		if (from.IsZero() || w.From.Equal(from)) && (to.IsZero() || w.To.Equal(to)) {
			return w, nil
		}
	}
	if len(windows) == 0 {
		return windowRow{}, fmt.Errorf("render reports: %w: no window of business %q has been computed; run the job `frequency` first", queries.ErrNoData, business)
	}
	return windowRow{}, fmt.Errorf("render reports: %w of business %q as asked for; the query `windows` lists the %d there are", queries.ErrWindow, business, len(windows))
}

func load(ctx context.Context, src Source, business string, w windowRow) (data, error) {
	d := data{business: business, window: w}
	params := windowParams(business, w)
	var messages []messagesRow
	var freshness []freshnessRow
	for _, q := range []struct {
		dest   any
		name   string
		params map[string]string
	}{
		{&d.engagement, "frequency_engagement", params},
		{&d.optOut, "frequency_opt_out", params},
		{&messages, "window_messages", params},
		{&d.arrivals, "arrivals", params},
		{&freshness, "freshness", map[string]string{"business": business}},
	} {
		if err := src.Select(ctx, q.dest, q.name, q.params); err != nil {
			return data{}, err
		}
	}
	if len(messages) > 0 {
		d.messages = messages[0]
	}
	if len(freshness) > 0 {
		d.freshness = freshness[0]
	}
	return d, nil
}

// execute prints a page. Comments and line ends of the assets are the repository's, so the bytes
// are the same on every machine.
func execute(name string, view func(style template.CSS, script template.JS) any) ([]byte, error) {
	text := map[string]string{}
	for _, file := range []string{name, "page.css", "charts.js"} {
		b, err := assets.ReadFile("assets/" + file)
		if err != nil {
			return nil, fmt.Errorf("read the embedded %s: %w", file, err)
		}
		text[file] = string(b)
	}
	t, err := template.New(name).Funcs(template.FuncMap{"keep": keepHyphens}).Parse(text[name])
	if err != nil {
		return nil, fmt.Errorf("parse the page %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, view(template.CSS(text["page.css"]), template.JS(text["charts.js"]))); err != nil {
		return nil, fmt.Errorf("print the page %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// keepHyphens lets no line of a title end within a word.
func keepHyphens(s string) string {
	const wordJoiner = "\u2060"
	return strings.ReplaceAll(s, "-", wordJoiner+"-"+wordJoiner)
}

// policy allows the page its own scripts, by hash, and nothing from anywhere. ECharts sets styles
// on what it draws, which no hash can name.
func policy(scripts ...template.JS) string {
	script := "'none'"
	if len(scripts) > 0 {
		var hashes []string
		for _, s := range scripts {
			sum := sha256.Sum256([]byte(s))
			hashes = append(hashes, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
		script = strings.Join(hashes, " ")
	}
	return "default-src 'none'; script-src " + script + "; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
}

// What would end the script element early, or change how the rest of it is read.
var breaksScript = regexp.MustCompile(`(?i)</script|<script|<!--`)

func checkLibrary(js []byte) error {
	switch {
	case len(bytes.TrimSpace(js)) == 0:
		return fmt.Errorf("%w: it is missing; run `npm ci`, or point DRUMBEAT_LIB at the folder with echarts.common.min.js", ErrLibrary)
	case breaksScript.Match(js):
		return fmt.Errorf("%w: it holds %q, which cannot stand inside a page; use echarts.common.min.js as npm brings it", ErrLibrary, breaksScript.Find(js))
	case bytes.ContainsRune(js, '\r'):
		// HTML turns CR into LF, and the hash in the policy would not fit any more.
		return fmt.Errorf("%w: it holds carriage returns, which a page would change; use echarts.common.min.js as npm brings it", ErrLibrary)
	}
	return nil
}

// writeFile puts the bytes in place at once: a reader sees the old page or the new one.
func writeFile(path string, content []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-*.html")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
