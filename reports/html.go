package reports

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"drumbeat/queries"
)

//go:embed assets
var assets embed.FS

// ErrLibrary says that Options.Echarts is missing or cannot stand inside a page.
var ErrLibrary = errors.New("the chart library cannot be used")

// The view that the template prints. Every string in it is plain text but for the named types.
type (
	pageView struct {
		Policy                        string
		Style                         template.CSS
		Business, Window, Cutoff      string
		Title, Finding, Caveat, Stale string
		Index                         string
		Lede                          []string
		Pages                         []link
		Answers                       []answerView
		Filters                       []filter
		Sections                      []sectionView
		Definitions                   []definition
		Queries                       []queryView
		Data, Library                 template.HTML // packed
		Script                        template.JS
	}
	link struct {
		File, Title string
		Here        bool
	}
	answerView struct {
		Answer
		Change, Link string
	}
	filter struct {
		Key, Name string
		Values    []string
	}
	sectionView struct {
		ID, Title, Intro string
		Figures          []figureView
	}
	figureView struct {
		ID, Topic, Finding, Unit, N, Interval string
		Level, Window, Zone, Cutoff, When     string
		Ask, Metric                           string
		Notes                                 []string
		Size                                  Size
		Charts                                []chartView
		Folds                                 bool // the table is folded away at first
		Heads                                 []headView
		Rows                                  []rowView
		Behind                                bool
		payload                               payload
	}
	chartView struct {
		Chart
		ID  string
		SVG template.HTML
	}
	headView struct {
		Title string
		Text  bool
	}
	rowView struct {
		Row    int
		Name   string
		Behind bool
		Cells  []cellView
	}
	cellView   struct{ Text, Class string }
	definition struct {
		Name, Title string
		Text        template.HTML
	}
	queryView struct{ Ask, Question, SQL string }
)

// payload is a figure as the page's script reads it.
type payload struct {
	ID      string         `json:"id"`
	Columns []payloadCol   `json:"columns"`
	Views   []payloadView  `json:"views"`
	Behind  *payloadBehind `json:"behind,omitempty"`
}
type payloadCol struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	Kind  Kind   `json:"kind"`
	Main  bool   `json:"main,omitempty"`
}
type payloadView struct {
	Slice   [3]string `json:"slice"`
	Finding string    `json:"finding"`
	N       string    `json:"n"`
	Charts  []any     `json:"charts"` // options of the first view, what differs from them of the others
	Rows    [][]any   `json:"rows"`
}
type payloadBehind struct {
	Title   string          `json:"title"`
	Columns []payloadCol    `json:"columns"`
	Rows    map[int][][]any `json:"rows"`
}

func payloadColumns(columns []Column) (list []payloadCol) {
	for _, c := range columns {
		list = append(list, payloadCol(c))
	}
	return list
}

// view turns a figure into what the template prints.
func (f Figure) view(e Edition) (figureView, error) {
	folds := len(f.Views[0].Charts) > 0
	f = f.withoutBare()
	first := f.Views[0]
	v := figureView{
		Folds: folds, ID: f.ID, Topic: f.Topic, Finding: first.finding(f), Unit: f.Unit, N: first.N, Interval: f.Interval, Level: f.Level.words(),
		Window: days(e.From, e.To), Zone: f.Zone, Cutoff: minute(e.Cutoff), When: f.When, Ask: askID(f.Ask), Metric: f.Metric, Notes: f.Notes, Behind: f.Behind != nil,
	}
	if v.Zone == "" {
		v.Zone = "UTC days"
	}
	p := payload{ID: f.ID, Columns: payloadColumns(f.Columns)}
	for _, c := range first.Charts {
		v.Size = cmp.Or(c.Size, Medium) // of the last
	}
	for i, c := range first.Charts {
		c.Size = cmp.Or(c.Size, Medium)
		id := fmt.Sprintf("%s-%d", f.ID, i+1)
		width, height := drawn(c.Size, v.Size, len(first.Charts))
		svg, err := still(c, id, width, height)
		if err != nil {
			return v, err
		}
		v.Charts = append(v.Charts, chartView{Chart: c, ID: id, SVG: svg})
	}
	for i, view := range f.Views {
		if len(view.Charts) != len(first.Charts) {
			return v, fmt.Errorf("figure %s: the view of %v has %d charts, the first %d", f.ID, view.Slice, len(view.Charts), len(first.Charts))
		}
		pv := payloadView{Slice: view.Slice.key(), Finding: view.finding(f), N: view.N, Rows: view.Rows}
		for k, c := range view.Charts {
			if i == 0 {
				pv.Charts = append(pv.Charts, c.Options)
			} else {
				pv.Charts = append(pv.Charts, map[string]any{"label": c.Label, "options": differs(plain(first.Charts[k].Options), plain(c.Options))})
			}
		}
		p.Views = append(p.Views, pv)
	}
	if f.Behind != nil {
		p.Behind = &payloadBehind{f.Behind.Title, payloadColumns(f.Behind.Columns), f.Behind.Rows}
	}
	v.Heads, v.Rows = table(f, first)
	v.payload = p
	return v, nil
}

// pack compresses what only the page's script reads: the data of the figures and the chart library.
// They are most of a page, and a third of it this way.
func pack(text []byte) (template.HTML, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = zip.Write(text)
		err = errors.Join(err, zip.Close())
	}
	if err != nil {
		return "", fmt.Errorf("pack the page's data: %w", err)
	}
	return template.HTML(base64.StdEncoding.EncodeToString(out.Bytes())), nil
}

// longText is from how many letters on a cell may break into lines.
const longText = 24

// table prints the rows of a view. The column "why" stands in place of the main value.
func table(f Figure, view View) (heads []headView, rows []rowView) {
	why := slices.IndexFunc(f.Columns, func(c Column) bool { return c.Key == whyColumn.Key })
	for i, c := range f.Columns {
		if i != why {
			heads = append(heads, headView{c.Title, c.Kind == Text})
		}
	}
	for i, row := range view.Rows {
		line := rowView{Row: i, Behind: f.Behind != nil && len(f.Behind.Rows[i]) > 0}
		for k, c := range f.Columns {
			if k == why {
				continue
			}
			cell := cellView{Text: c.Kind.text(row[k])}
			if c.Kind == Text {
				cell.Class = "text"
				if len(cell.Text) > longText {
					cell.Class = "text long"
				}
			}
			if row[k] == nil {
				cell.Class = "none"
				if c.Main {
					cell.Text = "not shown"
					if why >= 0 && row[why] != "" {
						cell.Text = row[why].(string)
					}
				}
			}
			line.Cells = append(line.Cells, cell)
		}
		line.Name = line.Cells[0].Text
		rows = append(rows, line)
	}
	return heads, rows
}

// plain is a value as JSON has it, so that two can be compared.
func plain(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("write a chart: %v", err))
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		panic(fmt.Sprintf("read a chart: %v", err))
	}
	return out
}

// differs returns what has to be set on the options a to have b: ECharts merges maps by key and
// lists of components by place. Data are replaced whole.
func differs(a, b any) any {
	switch b := b.(type) {
	case map[string]any:
		a, ok := a.(map[string]any)
		if !ok {
			return b
		}
		out := map[string]any{}
		for key, value := range b {
			if reflect.DeepEqual(a[key], value) {
				continue
			}
			if key == "data" {
				out[key] = value
			} else {
				out[key] = differs(a[key], value)
			}
		}
		return out
	case []any:
		a, ok := a.([]any)
		if !ok || len(a) != len(b) {
			return b
		}
		out := make([]any, len(b))
		for i := range b {
			if _, component := b[i].(map[string]any); !component {
				return b
			}
			out[i] = differs(a[i], b[i])
		}
		return out
	}
	return b
}

// filters lists the slices that any figure has.
func filters(c Content) (list []filter) {
	values := [3][]string{}
	for _, s := range c.Sections {
		for _, f := range s.Figures {
			for _, v := range f.Views {
				for i, name := range v.Slice.key() {
					if !slices.Contains(values[i], name) {
						values[i] = append(values[i], name)
					}
				}
			}
		}
	}
	for i, name := range []string{"Channel", "Market", "Category"} {
		slices.SortFunc(values[i], func(a, b string) int {
			if (a == all) != (b == all) {
				if a == all {
					return -1
				}
				return 1
			}
			return strings.Compare(a, b)
		})
		if len(values[i]) > 1 {
			list = append(list, filter{strings.ToLower(name), name, values[i]})
		}
	}
	return list
}

// askID is a question as an address on the page.
func askID(ask string) string {
	return regexp.MustCompile(`[^A-Za-z0-9_]+`).ReplaceAllString(ask, "-")
}

// queryViews lists the questions of a page's figures, each once, with its parameters filled in.
func queryViews(c Content, d *Data) (list []queryView, err error) {
	seen := map[string]bool{}
	add := func(ask string) error {
		if ask == "" || seen[ask] {
			return nil
		}
		seen[ask] = true
		name, params := parseAsk(ask)
		var q queries.Query
		var err error
		if i := slices.IndexFunc(d.own, func(p ownPage) bool { return p.ask() == ask }); i >= 0 {
			q, params = queries.Statement(name, d.own[i].fields["title"], d.own[i].sql), map[string]string{}
		} else if q, err = queries.Find(name); err != nil {
			return err
		}
		sql, err := q.Bound(d.params(q, params))
		list = append(list, queryView{askID(ask), q.Question, sql})
		return err
	}
	for _, s := range c.Sections {
		for _, f := range s.Figures {
			err = errors.Join(err, add(f.Ask))
			if f.Behind != nil {
				err = errors.Join(err, add(f.Behind.Ask))
			}
		}
	}
	return list, err
}

func asset(name string) string {
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(fmt.Sprintf("read the embedded %s: %v", name, err)) // a fault of the build
	}
	return string(text)
}

// keepHyphens lets no line of a title end within a word.
func keepHyphens(s string) string {
	const wordJoiner = "\u2060"
	return strings.ReplaceAll(s, "-", wordJoiner+"-"+wordJoiner)
}

// policy allows the page its own scripts, by hash, and nothing from anywhere. ECharts sets styles
// on what it draws and on its tooltips, which no hash can name.
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
		return fmt.Errorf("%w: it is missing; run `make deps`, or point DRUMBEAT_LIB at the folder with charts.min.js", ErrLibrary)
	case breaksScript.Match(js):
		return fmt.Errorf("%w: it holds %q, which cannot stand inside a page; use charts.min.js as `make deps` builds it", ErrLibrary, breaksScript.Find(js))
	case bytes.ContainsRune(js, '\r'):
		// HTML turns CR into LF, and the hash in the policy would not fit any more.
		return fmt.Errorf("%w: it holds carriage returns, which a page would change; use charts.min.js as `make deps` builds it", ErrLibrary)
	}
	return nil
}
