package reports

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"drumbeat/queries"
)

// A page of the user's own is a file of SQL in the folder pages/ beside the data. Comments at its head
// say what is drawn; docs/reports.md has an example. It runs as the read-only analyst, and is archived with its
// rows. One that cannot be made is an error with its line, and takes no other page away.

// ErrOwnPage says that a page of the user's own was not made. The other pages were.
var ErrOwnPage = errors.New("a page of your own was not made")

// ownPage is the head of a file.
type ownPage struct {
	name, sql string
	fields    map[string]string
	lines     map[string]int // where each field stands
	y         Kind
}

const (
	mostOwnRows  = 1000
	mostOwnMarks = 120
	mostPanels   = 6
)

var (
	ownName     = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	ownField    = regexp.MustCompile(`^--\s*([A-Za-z_]+):\s*(.*?)\s*$`)
	ownKeys     = []string{"title", "asks", "unit", "chart", "x", "y", "lower", "upper", "n", "series"}
	ownCharts   = []string{"dots", "ranked", "bars", "table"}
	ownKinds    = []Kind{Count, Percent, Points, Permille, Number, Change, Money}
	ownFileName = func(name string) string { return "pages/" + name + ".sql" }
)

// ask is the question of the page, as editions name it.
func (p ownPage) ask() string { return "page " + p.name }

func (p ownPage) fail(field, format string, args ...any) error {
	place := ownFileName(p.name)
	if line := p.lines[field]; line > 0 {
		place = fmt.Sprintf("%s:%d", place, line)
	}
	return fmt.Errorf("%w: %s: %s", ErrOwnPage, place, fmt.Sprintf(format, args...))
}

// parseOwn reads the head of a page.
func parseOwn(name, sql string) (ownPage, error) {
	p := ownPage{name: name, sql: strings.TrimRight(sql, "; \t\r\n"), fields: map[string]string{}, lines: map[string]int{}}
	if !ownName.MatchString(name) {
		return p, p.fail("", "name the file with small letters, digits and hyphens, such as replies-by-store.sql")
	}
	if name == "index" || name == summaryPage.Name || slices.ContainsFunc(pages, func(page Page) bool { return page.Name == name }) {
		return p, p.fail("", "there is a page of this name already: give the file another one")
	}
	number := 0
	for line := range strings.Lines(sql) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if !strings.HasPrefix(line, "--") {
			break
		}
		m := ownField.FindStringSubmatch(line)
		if m == nil {
			continue // a comment
		}
		key := m[1]
		_, twice := p.lines[key]
		p.lines[key] = number
		switch {
		case !slices.Contains(ownKeys, key):
			return p, p.fail(key, "there is no %q: the head of a page has %s", key, strings.Join(ownKeys, ", "))
		case twice:
			return p, p.fail(key, "%s stands here a second time", key)
		case m[2] == "":
			return p, p.fail(key, "%s is empty", key)
		}
		p.fields[key] = m[2]
	}
	for _, key := range []string{"title", "chart", "x", "y"} {
		if p.fields[key] == "" {
			p.lines[""] = 1
			return p, p.fail("", "the head lacks `-- %s: ...`; it has to stand before the statement", key)
		}
	}
	if !slices.Contains(ownCharts, p.fields["chart"]) {
		return p, p.fail("chart", "there is no chart %q: choose one of %s", p.fields["chart"], strings.Join(ownCharts, ", "))
	}
	column, kind, _ := strings.Cut(p.fields["y"], " ")
	p.fields["y"], p.y = column, Kind(strings.TrimSpace(kind))
	if !slices.Contains(ownKinds, p.y) {
		return p, p.fail("y", "after the column, say what its values are, as in `-- y: rate percent`: one of %s", words(ownKinds))
	}
	if (p.fields["lower"] == "") != (p.fields["upper"] == "") {
		return p, p.fail("lower", "an interval has both: lower and upper")
	}
	return p, nil
}

func words(kinds []Kind) string {
	var list []string
	for _, k := range kinds {
		list = append(list, string(k))
	}
	return strings.Join(list, ", ")
}

// readOwn reads the files of a folder, by name. Those that cannot be read are in the error.
func readOwn(dir string) (list []ownPage, err error) {
	files, failed := filepath.Glob(filepath.Join(dir, "*.sql"))
	if failed != nil {
		return nil, fmt.Errorf("list the pages of your own: %w", failed)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".sql")
		text, failed := os.ReadFile(file)
		if errors.Is(failed, fs.ErrNotExist) {
			continue
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%w: %w", ErrOwnPage, failed))
			continue
		}
		p, failed := parseOwn(name, string(text))
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		list = append(list, p)
	}
	return list, err
}

// loadOwn asks the questions of the user's own pages. A page whose question fails is left out, and in the error.
func (d *Data) loadOwn(ctx context.Context, src Source, list []ownPage) (err error) {
	for _, p := range list {
		q := queries.Statement(p.name, p.fields["title"], p.sql)
		params := d.params(q, map[string]string{})
		var out bytes.Buffer
		failed := src.RunSQL(ctx, p.sql, params, queries.JSON, &out)
		if failed == nil {
			_, failed = p.rows(out.Bytes())
		} else {
			failed = p.fail("", "%v", failed)
		}
		if failed != nil {
			if ctx.Err() != nil {
				return failed
			}
			err = errors.Join(err, failed)
			continue
		}
		d.answers[p.ask()] = out.Bytes()
		d.own = append(d.own, p)
	}
	return err
}

// page is the page that shows the rows.
func (p ownPage) page() Page {
	return Page{Name: p.name, Title: p.fields["title"], Build: func(d *Data) Content {
		rows, err := p.rows(d.answers[p.ask()])
		if err != nil {
			d.fail(err)
			return Content{}
		}
		if len(rows.values) == 0 {
			return Content{}
		}
		return Content{Finding: p.fields["title"], Caveat: "A page of your own: its figures are what its SQL says.",
			Sections: []Section{{ID: "own", Title: cmp.Or(p.fields["asks"], "Figure"), Figures: []Figure{p.figure(rows)}}}}
	}}
}

// ownRows are the rows of a page, as the table has them.
type ownRows struct {
	keys    []string
	columns []Column
	values  [][]any
}

func (r ownRows) at(key string) int { return slices.Index(r.keys, key) }

// rows reads JSON objects whose keys keep their order, and holds the head against them.
func (p ownPage) rows(text []byte) (r ownRows, err error) {
	var raw [][]any
	for decode := json.NewDecoder(bytes.NewReader(text)); ; {
		decode.UseNumber()
		if _, err := decode.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return r, p.fail("", "read its rows: %v", err)
		}
		var row []any
		for decode.More() {
			key, err := decode.Token()
			if err != nil {
				return r, p.fail("", "read its rows: %v", err)
			}
			var value any
			if err := decode.Decode(&value); err != nil {
				return r, p.fail("", "read its rows: %v", err)
			}
			if len(raw) == 0 {
				r.keys = append(r.keys, key.(string))
			}
			row = append(row, value)
		}
		if _, err := decode.Token(); err != nil {
			return r, p.fail("", "read its rows: %v", err)
		}
		if raw = append(raw, row); len(raw) > mostOwnRows {
			return r, p.fail("", "it has more than %d rows: group them, or add a LIMIT", mostOwnRows)
		}
	}
	if len(raw) == 0 {
		return r, nil
	}
	for _, key := range []string{"x", "y", "lower", "upper", "n", "series"} {
		if name := p.fields[key]; name != "" && r.at(name) < 0 {
			return r, p.fail(key, "the result has no column %q; it has %s", name, strings.Join(r.keys, ", "))
		}
	}
	for i, key := range r.keys {
		r.columns = append(r.columns, p.column(key, i, raw))
	}
	for _, row := range raw {
		var values []any
		for i, v := range row {
			value, err := ownValue(v, r.columns[i].Kind)
			if err != nil {
				field := "y"
				for f, column := range p.fields {
					if column == r.keys[i] && f != "title" {
						field = f
					}
				}
				return r, p.fail(field, "the column %s: %v", r.keys[i], err)
			}
			if value == "" && (r.keys[i] == p.fields["x"] || r.keys[i] == p.fields["series"]) {
				value = "–" // a mark without a name
			}
			values = append(values, value)
		}
		r.values = append(r.values, values)
	}
	return r, nil
}

// column says how a column is written: as the head says, else by its values.
func (p ownPage) column(key string, i int, raw [][]any) Column {
	title := strings.ReplaceAll(key, "_", " ")
	if first, size := utf8.DecodeRuneInString(title); size > 0 {
		title = string(unicode.ToUpper(first)) + title[size:]
	}
	switch key {
	case p.fields["x"], p.fields["series"]:
		return Column{key, title, Text, false}
	case p.fields["y"]:
		return Column{key, title, p.y, true}
	case p.fields["lower"]:
		return Column{"lower", "95% from", p.y, false}
	case p.fields["upper"]:
		return Column{"upper", "to", p.y, false}
	case p.fields["n"]:
		return Column{key, title, Count, false}
	case whyColumn.Key:
		return whyColumn
	}
	kind := Count
	for _, row := range raw {
		switch v := row[i].(type) {
		case nil:
		case json.Number:
			if strings.ContainsAny(v.String(), ".eE-") && kind == Count {
				kind = Number
			}
		default:
			return Column{key, title, Text, false}
		}
	}
	return Column{key, title, kind, false}
}

// ownValue is a value as a table has it.
func ownValue(v any, kind Kind) (any, error) {
	switch v := v.(type) {
	case nil:
		if kind == Text {
			return "", nil
		}
		return nil, nil
	case json.Number:
		if kind == Text {
			return v.String(), nil
		}
		if n, err := strconv.ParseUint(v.String(), 10, 64); kind == Count && err == nil {
			return n, nil
		}
		value, err := v.Float64()
		if err != nil || !finite(&value) {
			return nil, fmt.Errorf("%s is no finite number", v)
		}
		if kind == Count {
			return nil, fmt.Errorf("%s is no count; call it a number", v)
		}
		return value, nil
	case string:
		if kind == Text {
			return v, nil
		}
		return nil, errors.New("holds text where numbers are wanted")
	case bool:
		if kind == Text {
			return fmt.Sprint(v), nil
		}
	}
	if kind != Text {
		return nil, errors.New("holds lists where numbers are wanted")
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// figure draws the rows: a panel for each series.
func (p ownPage) figure(r ownRows) Figure {
	f := Figure{ID: "rows", Topic: p.fields["title"], Unit: p.fields["unit"], Level: OwnSQL, Ask: p.ask(), Columns: r.columns}
	if p.fields["lower"] != "" {
		f.Interval = "intervals as its SQL makes them"
	}
	view := View{Finding: p.fields["title"], Rows: r.values, N: count(uint64(len(r.values))) + " rows"}
	if i := r.at(p.fields["n"]); i >= 0 {
		var n uint64
		for _, row := range r.values {
			if v, ok := row[i].(uint64); ok {
				n += v
			}
		}
		view.N = count(n) + " " + strings.ToLower(r.columns[i].Title)
	}
	view.Charts = p.charts(r)
	f.Views = []View{view}
	return f
}

func (p ownPage) charts(r ownRows) (list []Chart) {
	x, y, lower, upper, series, why := r.at(p.fields["x"]), r.at(p.fields["y"]), r.at(p.fields["lower"]), r.at(p.fields["upper"]), r.at(p.fields["series"]), r.at(whyColumn.Key)
	value := func(row []any, i int) *float64 {
		if i < 0 {
			return nil
		}
		switch v := row[i].(type) {
		case uint64:
			f := float64(v)
			return &f
		case float64:
			return &v
		}
		return nil
	}
	var names, axis []string // of the series, and of x, as they come
	signed := false
	var highest []cell
	for _, row := range r.values {
		name := ""
		if series >= 0 {
			name = row[series].(string)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if !slices.Contains(axis, row[x].(string)) {
			axis = append(axis, row[x].(string))
		}
		for _, i := range []int{y, lower} {
			v := value(row, i)
			signed = signed || v != nil && *v < 0
		}
		for _, i := range []int{y, upper} {
			if v := value(row, i); v != nil {
				highest = append(highest, cell{Upper: *v, Shown: true})
			}
		}
	}
	if p.fields["chart"] == "table" || len(axis) > mostOwnMarks {
		return nil
	}
	dots := func(name string) (of []Dot, at []string) {
		for i, row := range r.values {
			if series >= 0 && row[series] != name {
				continue
			}
			d := Dot{At: slices.Index(axis, row[x].(string)), Row: i, Value: value(row, y), Lower: value(row, lower), Upper: value(row, upper)}
			if d.Value == nil {
				d.Why = "none"
				if why >= 0 && row[why] != "" {
					d.Why = row[why].(string)
				}
			}
			of, at = append(of, d), append(at, row[x].(string))
		}
		return of, at
	}
	size := Medium
	if len(names) == 1 {
		size = Wide
	}
	label := p.fields["title"]
	top := 0.0 // panels share their scale
	if len(names) > 1 && !signed {
		top = niceTop([]curve{{Cells: highest}})
	}
	for _, name := range names[:min(len(names), mostPanels)] {
		of, at := dots(name)
		panel := label
		if name != "" {
			panel += ", " + name
		}
		switch p.fields["chart"] {
		case "dots":
			list = append(list, Dots{Title: name, Label: panel, Kind: p.y, Size: size, Axis: axis, Top: top, Signed: signed, Lines: []Line{{Colour: Engage, Dots: of}}}.Chart())
		case "ranked":
			list = append(list, Ranked{Title: name, Label: panel, Kind: p.y, Colour: Engage, Size: size, Names: at, Dots: of, Top: top, Signed: signed}.Chart())
		case "bars":
			part := Part{Colour: Plain}
			for _, d := range of {
				part.Values, part.Rows = append(part.Values, d.Value), append(part.Rows, d.Row)
			}
			list = append(list, Bars{Title: name, Label: panel, Kind: p.y, Size: size, Axis: at, Parts: []Part{part}}.Chart())
		}
	}
	return list
}
