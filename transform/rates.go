package transform

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// rateColumns are what follows from sums.
const rateColumns = "suppressed, rate, std_error, lower, upper, design_effect"

// fillRates computes a model whose last columns are contacts, units, outcomes, sum_nn, sum_yy and sum_ny, under
// whatever names, and stages all its columns and the rates that follow.
func fillRates(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.stage(ctx, m, staging, w, rateColumns, func(row modelRow) []any { return row.sums().rates() })
}

// modelRow is a row of a model, whatever its columns.
type modelRow struct {
	names  []string
	values []any
}

func (c modelRow) get(name string) any {
	if i := slices.Index(c.names, name); i >= 0 {
		return c.values[i]
	}
	return nil
}

// count and counts return 0 and nil for what is no UInt64 or no array of them.
func (c modelRow) count(name string) uint64 {
	n, _ := c.get(name).(uint64)
	return n
}

func (c modelRow) counts(name string) []uint64 {
	n, _ := c.get(name).([]uint64)
	return n
}

// sums returns the last six.
func (c modelRow) sums() sums {
	at := func(fromEnd int) uint64 { return c.count(c.names[len(c.names)-fromEnd]) }
	return sums{Contacts: at(6), Units: at(5), Outcomes: at(4), NN: at(3), YY: at(2), NY: at(1)}
}

// stage computes a model and stages its columns, the window, and the derived columns, whose values derive returns.
func (r *run) stage(ctx context.Context, m model, staging string, w Window, derived string, derive func(modelRow) []any) error {
	names, rows, err := r.compute(ctx, m, w)
	if err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging+" (window_from, window_to, "+strings.Join(names, ", ")+", "+derived+")")
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	defer batch.Close()
	for _, values := range rows {
		row := slices.Concat([]any{w.From, w.To}, values, derive(modelRow{names, values}))
		if err := batch.Append(row...); err != nil {
			return fmt.Errorf("stage a cell: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}

// compute returns the columns and rows of a model, sorted as it sorts them. A model that takes a range of contacts sums over them: it is
// computed pass by pass, which bounds its memory, and what is counted is added up.
func (r *run) compute(ctx context.Context, m model, w Window) (names []string, rows [][]any, err error) {
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return nil, nil, err
	}
	params := w.params()
	if strings.Contains(sql, "{{offset}}") {
		var zones []any
		if sql, zones, err = r.local(ctx, sql, w); err != nil {
			return nil, nil, err
		}
		params = append(params, zones...)
	}
	if !inPasses(sql) {
		return r.read(ctx, sql, params)
	}
	passes, err := r.passes(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	var added counted
	for _, contacts := range passes {
		if names, rows, err = r.read(ctx, sql, append(slices.Clone(params), contacts...)); err != nil || len(passes) == 1 {
			return names, rows, err
		}
		added.add(rows)
	}
	return names, added.sorted(), nil
}

// read returns the columns and rows of a query.
func (r *run) read(ctx context.Context, sql string, params []any) (names []string, found [][]any, err error) {
	rows, err := r.db.Query(ctx, sql, params...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	names = rows.Columns()
	types := rows.ColumnTypes()
	for rows.Next() {
		values := make([]any, len(names))
		for i, t := range types {
			values[i] = reflect.New(t.ScanType()).Interface()
		}
		if err := rows.Scan(values...); err != nil {
			return nil, nil, fmt.Errorf("read a cell: %w", err)
		}
		for i, value := range values {
			values[i] = reflect.ValueOf(value).Elem().Interface()
		}
		found = append(found, values)
	}
	return names, found, rows.Err()
}

// counted are rows of several passes, by all that is not counted. Counts and sums are UInt64, alone or in an array; nothing else is.
type counted map[string][]any

func (c *counted) add(rows [][]any) {
	if *c == nil {
		*c = counted{}
	}
	for _, row := range rows {
		var key strings.Builder
		for _, value := range row {
			switch value.(type) {
			case uint64, []uint64:
			default:
				fmt.Fprintf(&key, "%v\x00", value)
			}
		}
		sum, known := (*c)[key.String()]
		if !known {
			(*c)[key.String()] = row
			continue
		}
		for i, value := range row {
			switch value := value.(type) {
			case uint64:
				sum[i] = sum[i].(uint64) + value
			case []uint64:
				for j, n := range value {
					sum[i].([]uint64)[j] += n
				}
			}
		}
	}
}

// sorted returns the rows by their columns, from the first on, as the models sort them.
func (c counted) sorted() [][]any {
	return slices.SortedFunc(maps.Values(c), func(a, b []any) int {
		for i := range a {
			order := 0
			switch x := a[i].(type) {
			case string:
				order = cmp.Compare(x, b[i].(string))
			case uint8:
				order = cmp.Compare(x, b[i].(uint8))
			case uint16:
				order = cmp.Compare(x, b[i].(uint16))
			case uint32:
				order = cmp.Compare(x, b[i].(uint32))
			case time.Time:
				order = x.Compare(b[i].(time.Time))
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
}

// inPasses says whether a model takes a range of contacts.
func inPasses(sql string) bool { return strings.Contains(sql, "{first_contact:UUID}") }

// unitsPerPass bounds the memory of a query: messages and person-days.
var unitsPerPass uint64 = 2_000_000

// passes returns the ranges of contacts that a window is cut into.
func (r *run) passes(ctx context.Context, w Window) ([][]any, error) {
	var days, sends uint64
	err := r.db.QueryRow(ctx, "SELECT (SELECT count() FROM person_days WHERE "+riskDays.where+"), (SELECT count() FROM messages WHERE "+sentDays.where+")", w.params()...).Scan(&days, &sends)
	if err != nil {
		return nil, fmt.Errorf("count the days at risk and the sends: %w", err)
	}
	return contactRanges((days+sends)/unitsPerPass + 1), nil
}
