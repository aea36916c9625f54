package queries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Errors that callers branch on.
var (
	ErrParam    = errors.New("wrong parameter")       // unknown, missing or unreadable
	ErrBusiness = errors.New("choose a business")     // several, and none named
	ErrNoData   = errors.New("there is no data yet")  // no business, or no computed window
	ErrWindow   = errors.New("no such window")        // not computed
	ErrFormat   = errors.New("unknown output format") // not one of Formats
)

// Warehouse is what the queries need of one: both methods as the read-only analyst.
type Warehouse interface {
	AnalystSelect(ctx context.Context, dest any, sql string, args ...any) error
	QueryFormat(ctx context.Context, format, sql string, args ...any) (io.ReadCloser, error)
}

// Runner asks the questions of the catalogue, and any other, of one warehouse.
type Runner struct{ db Warehouse }

// NewRunner returns a Runner on db, which stays the caller's.
func NewRunner(db Warehouse) *Runner { return &Runner{db: db} }

// Run writes the answer of the named query to w. Values are text, as a command line has them
// ("2026-03-01", "PH"); what is missing takes the header's default. It returns ErrUnknownQuery,
// ErrParam, ErrBusiness, ErrNoData, ErrWindow or ErrFormat where the question was wrong.
func (r *Runner) Run(ctx context.Context, name string, params map[string]string, format Format, w io.Writer) error {
	q, err := Find(name)
	if err != nil {
		return err
	}
	args, err := r.args(ctx, q, params)
	if err != nil {
		return fmt.Errorf("query %s: %w", name, err)
	}
	if err := r.write(ctx, q.SQL, args, format, w); err != nil {
		return fmt.Errorf("query %s: %w", name, err)
	}
	return nil
}

// RunSQL writes the answer of any statement that the analyst may run. Its {name:Type} parameters
// must all have values. A trailing semicolon is ignored.
func (r *Runner) RunSQL(ctx context.Context, sql string, params map[string]string, format Format, w io.Writer) error {
	sql = strings.TrimRight(sql, "; \t\r\n")
	if sql == "" {
		return fmt.Errorf("%w: the statement is empty", ErrParam)
	}
	args, err := r.args(ctx, Query{Params: placeholders(sql)}, params)
	if err != nil {
		return err
	}
	return r.write(ctx, sql, args, format, w)
}

// Select scans the answer of the named query into dest, a pointer to a slice of structs whose `ch`
// tags name columns. Parameters and errors are as in Run.
func (r *Runner) Select(ctx context.Context, dest any, name string, params map[string]string) error {
	q, err := Find(name)
	if err != nil {
		return err
	}
	args, err := r.args(ctx, q, params)
	if err != nil {
		return fmt.Errorf("query %s: %w", name, err)
	}
	if err := r.db.AnalystSelect(ctx, dest, q.SQL, args...); err != nil {
		return fmt.Errorf("query %s: %w", name, err)
	}
	return nil
}

func (r *Runner) write(ctx context.Context, sql string, args []any, format Format, w io.Writer) error {
	wire, ok := wireFormats[format]
	if !ok {
		return fmt.Errorf("%w %q: choose one of %s", ErrFormat, format, strings.Join(Formats(), ", "))
	}
	rows, err := r.db.QueryFormat(clickhouse.Context(ctx, clickhouse.WithSettings(wireSettings)), wire, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if format == Table {
		return writeTable(rows, w)
	}
	if _, err := io.Copy(w, rows); err != nil {
		return fmt.Errorf("copy the result: %w", err)
	}
	return nil
}

// args turns text into the server's parameters, with the defaults filled in.
func (r *Runner) args(ctx context.Context, q Query, params map[string]string) ([]any, error) {
	for name := range params {
		if !slices.ContainsFunc(q.Params, func(p Param) bool { return p.Name == name }) {
			return nil, fmt.Errorf("%w: there is no parameter %q%s", ErrParam, name, theParams(q))
		}
	}
	values := map[string]string{}
	for _, p := range q.Params {
		text, given := params[p.Name]
		if !given && p.Required {
			return nil, fmt.Errorf("%w: %s (%s) needs a value", ErrParam, p.Name, p.Type)
		}
		// An empty value of a default that asks the warehouse means the default: nobody names a business "".
		if !given || text == "" && isQuestion(p.Default) {
			text = p.Default
		}
		if !isQuestion(text) {
			var err error
			if text, err = serverValue(p, text); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrParam, err)
			}
		}
		values[p.Name] = text
	}
	if err := r.resolve(ctx, values); err != nil {
		return nil, err
	}
	var args []any
	for _, p := range q.Params {
		args = append(args, clickhouse.Named(p.Name, values[p.Name]))
	}
	return args, nil
}

func isQuestion(value string) bool { return value == OnlyBusiness || value == LatestWindow }

func theParams(q Query) string {
	if len(q.Params) == 0 {
		return "; there are none"
	}
	var names []string
	for _, p := range q.Params {
		names = append(names, p.Name)
	}
	return "; there are " + strings.Join(names, ", ")
}

type window struct {
	Business        string    `ch:"business_id"`
	From            time.Time `ch:"window_from"`
	To              time.Time `ch:"window_to"`
	Cutoff          time.Time `ch:"cutoff"`
	EngagementCells uint64    `ch:"engagement_cells"`
	OptOutCells     uint64    `ch:"opt_out_cells"`
}

// resolve answers the defaults that ask the warehouse, in place.
func (r *Runner) resolve(ctx context.Context, values map[string]string) error {
	if values["business"] == OnlyBusiness {
		business, err := r.onlyBusiness(ctx)
		if err != nil {
			return err
		}
		values["business"] = business
	}
	if values["from"] != LatestWindow && values["to"] != LatestWindow {
		return nil
	}
	var windows []window
	if err := r.Select(ctx, &windows, "windows", map[string]string{"business": values["business"]}); err != nil {
		return fmt.Errorf("look up the windows: %w", err)
	}
	if len(windows) == 0 {
		return fmt.Errorf("%w: no window of business %q has results; run the job `frequency` (the first 7 days of data give none, nor do the newest)", ErrNoData, values["business"])
	}
	// The query lists the window that ends last first, and of several the longest.
	for _, w := range windows {
		from, to := w.From.Format(time.DateOnly), w.To.Format(time.DateOnly)
		if (values["from"] == LatestWindow || values["from"] == from) && (values["to"] == LatestWindow || values["to"] == to) {
			values["from"], values["to"] = from, to
			return nil
		}
	}
	var there []string
	for _, w := range windows {
		there = append(there, w.From.Format(time.DateOnly)+" to "+w.To.Format(time.DateOnly))
	}
	const few = 10
	if len(there) > few {
		there = append(there[:few], fmt.Sprintf("and %d more (see the query `windows`)", len(windows)-few))
	}
	return fmt.Errorf("%w as asked for: business %q has %s", ErrWindow, values["business"], strings.Join(there, ", "))
}

func (r *Runner) onlyBusiness(ctx context.Context) (string, error) {
	var rows []struct {
		Business string `ch:"business_id"`
	}
	if err := r.Select(ctx, &rows, "businesses", nil); err != nil {
		return "", fmt.Errorf("look up the businesses: %w", err)
	}
	switch len(rows) {
	case 0:
		return "", fmt.Errorf("%w: send or import events first", ErrNoData)
	case 1:
		return rows[0].Business, nil
	}
	var names []string
	for _, row := range rows {
		names = append(names, fmt.Sprintf("%q", row.Business))
	}
	return "", fmt.Errorf("%w: there are %s", ErrBusiness, strings.Join(names, ", "))
}
