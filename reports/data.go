package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"drumbeat/queries"

	"golang.org/x/sync/errgroup"
)

// Source answers the questions of the catalogue; *queries.Runner is one, an archived edition another.
type Source interface {
	// Run writes the answer of a named query to w, as one JSON object a line. Parameters are text;
	// missing ones take the query's defaults.
	Run(ctx context.Context, query string, params map[string]string, format queries.Format, w io.Writer) error
	// RunSQL does so for a statement of the user's own.
	RunSQL(ctx context.Context, sql string, params map[string]string, format queries.Format, w io.Writer) error
}

// Data are the rows of one edition, by question.
type Data struct {
	Edition
	answers map[string][]byte // question -> its rows, one JSON object a line
	own     []ownPage         // pages of the user's own that have an answer
	err     error             // the first that reading rows met
}

// Rows returns the answer of a question of Page.Asks, whose columns the `json` tags of T name.
// Times are of type Time.
func Rows[T any](d *Data, ask string) []T {
	text, asked := d.answers[ask]
	if !asked {
		d.fail(fmt.Errorf("the page reads %q, which its Asks do not name", ask))
		return nil
	}
	var rows []T
	for decode := json.NewDecoder(bytes.NewReader(text)); ; {
		var row T
		err := decode.Decode(&row)
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			d.fail(fmt.Errorf("read the rows of %s: %w", ask, err))
			return nil
		}
		rows = append(rows, row)
	}
}

func (d *Data) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Time is an instant or a day as the queries write them.
type Time struct{ time.Time }

// UnmarshalJSON reads 2026-03-01 and 2026-03-01T08:00:00.000Z.
func (t *Time) UnmarshalJSON(text []byte) (err error) {
	value := strings.Trim(string(text), `"`)
	layout := time.RFC3339Nano
	if len(value) == len(time.DateOnly) {
		layout = time.DateOnly
	}
	t.Time, err = time.Parse(layout, value)
	return err
}

// parseAsk splits a question of Page.Asks into the query's name and its parameters.
func parseAsk(ask string) (query string, params map[string]string) {
	params = map[string]string{}
	for i, word := range strings.Fields(ask) {
		if i == 0 {
			query = word
		} else if name, value, ok := strings.Cut(word, "="); ok {
			params[name] = value
		}
	}
	return query, params
}

// params adds the edition's business and window where the query takes them.
func (e Edition) params(q queries.Query, params map[string]string) map[string]string {
	given := map[string]string{"business": e.Business, "from": e.From.Format(time.DateOnly), "to": e.To.Format(time.DateOnly)}
	for _, p := range q.Params {
		if value, ok := given[p.Name]; ok {
			params[p.Name] = value
		}
	}
	return params
}

// load asks every question of the pages once, two at a time.
func load(ctx context.Context, src Source, e Edition, pages []Page) (*Data, error) {
	d := &Data{Edition: e, answers: map[string][]byte{}}
	answers := map[string]*bytes.Buffer{}
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(2)
	for _, p := range pages {
		for _, ask := range p.Asks {
			if answers[ask] != nil {
				continue
			}
			var out bytes.Buffer
			answers[ask] = &out
			asking.Go(func() error {
				name, params := parseAsk(ask)
				q, err := queries.Find(name)
				if err != nil {
					return fmt.Errorf("page %s: %w", p.Name, err)
				}
				return src.Run(ctx, name, e.params(q, params), queries.JSON, &out)
			})
		}
	}
	if err := asking.Wait(); err != nil {
		return nil, err
	}
	for ask, out := range answers {
		d.answers[ask] = out.Bytes()
	}
	return d, nil
}
