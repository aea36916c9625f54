package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"drumbeat/queries"
)

// Options say what to render, and where to.
type Options struct {
	Dir         string    // folder of the editions; made if missing
	Business    string    // default: the only one
	From, To    time.Time // window [From, To) in UTC days; default: of those that end last, the longest
	Echarts     []byte    // charts.min.js: every page with charts holds a copy
	Own         string    // folder with what the user adds: pages/*.sql, theme/; "" for none
	Definitions string    // Markdown: the metrics' definitions; a page prints those of its figures

	look theme // of Own
}

// Rendered says what Render wrote.
type Rendered struct {
	Report   string // the summary of the edition
	Index    string // the list of editions
	Edition  string // name of the edition: its folder
	Business string
	Answer   string   // what the summary says first, in plain text
	Pages    []string // all of the edition, the summary first
	Letter   Letter
	Failed   error // pages of the user's own that could not be made: ErrOwnPage, with file and line
}

// Letter is the summary for people who read it in their mail: tables and numbers, for mail clients
// show neither SVG nor styles of a sheet. The pages go with it.
type Letter struct{ Subject, HTML, Text string }

// Render asks the pages' questions of src, archives the rows as an edition in a folder of Dir, and
// writes its pages there: a file each, the summary first. Dir/index.html lists the editions. An
// edition with the same rows is written again to the same bytes; other rows of the same window make
// another edition, so that what somebody was sent stays. It returns ErrLibrary, or the errors
// ErrBusiness, ErrNoData and ErrWindow of package queries.
func Render(ctx context.Context, src Source, o Options) (Rendered, error) {
	if err := o.check(); err != nil {
		return Rendered{}, err
	}
	e, err := chooseEdition(ctx, src, o)
	if err != nil {
		return Rendered{}, err
	}
	d, err := load(ctx, src, e, pages)
	if err != nil {
		return Rendered{}, fmt.Errorf("render the report of %s: %w", days(e.From, e.To), err)
	}
	var failed error
	if o.Own != "" {
		var own []ownPage
		own, failed = readOwn(filepath.Join(o.Own, "pages"))
		failed = errors.Join(failed, d.loadOwn(ctx, src, own))
	}
	name, before, err := archive(o.Dir, d)
	if err != nil {
		return Rendered{}, err
	}
	r, err := write(o, name, d, before)
	r.Failed = failed
	return r, err
}

// RenderAgain writes the pages of an archived edition from its rows, without a warehouse.
func RenderAgain(o Options, name string) (Rendered, error) {
	if err := o.check(); err != nil {
		return Rendered{}, err
	}
	d, before, err := readEdition(o.Dir, name)
	if err != nil {
		return Rendered{}, err
	}
	var failed error
	d.own, failed = readOwn(filepath.Join(o.Dir, name, "data"))
	r, err := write(o, name, d, before)
	r.Failed = failed
	return r, err
}

// check looks at what every page needs, before anything is asked or written.
func (o *Options) check() (err error) {
	if o.Own != "" {
		if o.look, err = readTheme(filepath.Join(o.Own, "theme")); err != nil {
			return err
		}
	}
	return checkLibrary(o.Echarts)
}

// write builds the pages of an edition and puts them in its folder.
func write(o Options, name string, d *Data, before []Said) (Rendered, error) {
	built, said, err := build(d, before)
	if err != nil {
		return Rendered{}, fmt.Errorf("render the report of %s: %w", days(d.From, d.To), err)
	}
	files, err := print(o, d, built)
	if err != nil {
		return Rendered{}, fmt.Errorf("render the report of %s: %w", days(d.From, d.To), err)
	}
	letter, err := newLetter(o.look, d, built[0])
	if err != nil {
		return Rendered{}, err
	}
	dir := filepath.Join(o.Dir, name)
	var paths []string
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := writeFile(path, f.html); err != nil {
			return Rendered{}, err
		}
		paths = append(paths, path)
	}
	if err := writeSaid(dir, said); err != nil {
		return Rendered{}, err
	}
	index, err := writeIndex(o.Dir, o.look)
	if err != nil {
		return Rendered{}, err
	}
	return Rendered{Report: paths[0], Index: index, Edition: name, Business: d.Business, Answer: built[0].content.text(), Pages: paths, Letter: letter}, nil
}

// newLetter makes the letter of the summary.
func newLetter(look theme, d *Data, summary built) (Letter, error) {
	l := Letter{
		Subject: fmt.Sprintf("%s, %s: %s", d.Business, days(d.From, d.To), summary.content.Finding),
		Text:    fmt.Sprintf("%s, %s, data up to %s\n\n%s\n", d.Business, days(d.From, d.To), minute(d.Cutoff), strings.ReplaceAll(summary.content.text(), "\n", "\n\n")),
	}
	html, err := look.execute("mail.html.tmpl", pageView{
		Title: l.Subject, Business: d.Business, Window: days(d.From, d.To), Cutoff: minute(d.Cutoff), Finding: summary.content.Finding,
		Lede: summary.content.Lede, Caveat: summary.content.Caveat, Stale: stale(d), Answers: summary.answers,
	})
	l.HTML = string(html)
	return l, err
}

// built is a page with its content.
type built struct {
	Page
	content Content
	answers []answerView // of the summary
}

// build makes the content of every page that has figures, the summary first.
func build(d *Data, before []Said) ([]built, []Said, error) {
	list := []built{{Page: summaryPage}}
	all := slices.Clone(pages)
	for _, own := range d.own {
		all = append(all, own.page())
	}
	for _, p := range all {
		c := p.Build(d).shown()
		if d.err != nil {
			return nil, nil, fmt.Errorf("page %s: %w", p.Name, d.err)
		}
		if !c.empty() {
			list = append(list, built{Page: p, content: c})
		}
	}
	var said []Said
	list[0].content, list[0].answers, said = summarise(d, list[1:], before)
	return list, said, nil
}

type file struct {
	name string
	html []byte
}

// print makes the HTML of the pages.
func print(o Options, d *Data, list []built) ([]file, error) {
	script := template.JS(asset("page.js"))
	library, err := pack(o.Echarts)
	if err != nil {
		return nil, err
	}
	views := make([]pageView, len(list))
	for i, b := range list {
		v := pageView{
			Style: o.look.style(), Script: script, Business: d.Business, Window: days(d.From, d.To), Cutoff: minute(d.Cutoff),
			Title: b.Title, Finding: b.content.Finding, Lede: b.content.Lede, Caveat: b.content.Caveat, Index: "../index.html",
			Stale: stale(d), Answers: b.answers, Filters: filters(b.content),
		}
		for _, other := range list {
			v.Pages = append(v.Pages, link{File: other.Name + ".html", Title: other.Title, Here: other.Name == b.Name})
		}
		var data []payload
		charts := 0
		if id := b.content.twice(); id != "" {
			return nil, fmt.Errorf("page %s: two sections or figures have the id %q", b.Name, id)
		}
		for _, s := range b.content.Sections {
			section := sectionView{ID: s.ID, Title: s.Title, Intro: s.Intro}
			for _, f := range s.Figures {
				fv, err := f.view(d.Edition)
				if err != nil {
					return nil, fmt.Errorf("page %s: %w", b.Name, err)
				}
				charts += len(fv.Charts)
				data = append(data, fv.payload)
				section.Figures = append(section.Figures, fv)
			}
			v.Sections = append(v.Sections, section)
		}
		if charts > 0 {
			v.Library = library
			v.Policy = policy(v.Script, template.JS(o.Echarts))
		} else {
			v.Policy = policy(v.Script)
		}
		if len(data) > 0 {
			text, err := json.Marshal(data)
			if err != nil {
				return nil, fmt.Errorf("page %s: %w", b.Name, err)
			}
			if v.Data, err = pack(text); err != nil {
				return nil, err
			}
		}
		if v.Definitions, err = definitionsOf(o.Definitions, b.content); err != nil {
			return nil, err
		}
		if v.Queries, err = queryViews(b.content, d); err != nil {
			return nil, fmt.Errorf("page %s: %w", b.Name, err)
		}
		views[i] = v
	}
	var files []file
	for i, v := range views {
		html, err := o.look.execute("page.html.tmpl", v)
		if err != nil {
			return nil, err
		}
		files = append(files, file{list[i].Name + ".html", html})
	}
	return files, nil
}

// text is the page for a terminal: a paragraph or an answer a line.
func (c Content) text() string {
	paragraphs := append([]string{c.Finding + "."}, c.Lede...)
	for _, a := range c.Answers {
		paragraphs = append(paragraphs, a.Question+" "+a.Sentence)
	}
	if c.Caveat != "" {
		paragraphs = append(paragraphs, c.Caveat)
	}
	return strings.Join(paragraphs, "\n")
}

// ask reads the answer of one query that belongs to no edition.
func ask[T any](ctx context.Context, src Source, query string, params map[string]string) ([]T, error) {
	var out bytes.Buffer
	if err := src.Run(ctx, query, params, queries.JSON, &out); err != nil {
		return nil, fmt.Errorf("render reports: %w", err)
	}
	var rows []T
	for decode := json.NewDecoder(&out); ; {
		var row T
		err := decode.Decode(&row)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("render reports: read the rows of %s: %w", query, err)
		}
		rows = append(rows, row)
	}
}

// chooseEdition takes the business and window asked for, or the only and the newest.
func chooseEdition(ctx context.Context, src Source, o Options) (Edition, error) {
	e := Edition{Business: o.Business}
	if e.Business == "" {
		businesses, err := ask[struct {
			Business string `json:"business_id"`
		}](ctx, src, "businesses", nil)
		if err != nil {
			return e, err
		}
		switch len(businesses) {
		case 0:
			return e, fmt.Errorf("render reports: %w; send or import events first", queries.ErrNoData)
		case 1:
			e.Business = businesses[0].Business
		default:
			var names []string
			for _, b := range businesses {
				names = append(names, fmt.Sprintf("%q", b.Business))
			}
			return e, fmt.Errorf("render reports: %w: there are %s", queries.ErrBusiness, strings.Join(names, ", "))
		}
	}
	windows, err := ask[struct {
		From   Time `json:"window_from"`
		To     Time `json:"window_to"`
		Cutoff Time `json:"cutoff"`
	}](ctx, src, "windows", map[string]string{"business": e.Business})
	if err != nil {
		return e, err
	}
	// The query lists what ends last first, then the longest.
	for _, w := range windows {
		if (o.From.IsZero() || w.From.Equal(o.From)) && (o.To.IsZero() || w.To.Equal(o.To)) {
			e.From, e.To, e.Cutoff = w.From.Time, w.To.Time, w.Cutoff.Time
			return e, nil
		}
	}
	if len(windows) == 0 {
		return e, fmt.Errorf("render reports: %w: no window of business %q has results; run the job `frequency` (the first 7 days of data give none, nor do the newest)", queries.ErrNoData, e.Business)
	}
	return e, fmt.Errorf("render reports: %w of business %q as asked for; the query `windows` lists the %d there are", queries.ErrWindow, e.Business, len(windows))
}

// writeFile puts the bytes in place at once: a reader sees the old file or the new one.
func writeFile(path string, content []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
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
