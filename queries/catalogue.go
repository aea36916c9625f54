package queries

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed *.sql
var files embed.FS

// ErrUnknownQuery says that the catalogue has no query of that name.
var ErrUnknownQuery = errors.New("unknown query")

// Query is one question of the catalogue, as its file states it.
type Query struct {
	Name     string   // file name without .sql
	Question string   // one line
	Grain    string   // one row per ...
	Reads    string   // relations, and how duplicates are resolved
	Params   []Param  // in the order of the header
	Returns  []Column // in the order of the result
	Units    string   // what the numbers are
	SQL      string   // the whole file, header included
}

// Param is one parameter of a query: {Name:Type} in its SQL.
type Param struct {
	Name     string
	Type     string // ClickHouse type
	Default  string // as text; one of the words below asks the warehouse
	Required bool   // no default
}

// Defaults that depend on what the warehouse holds.
const (
	OnlyBusiness = "<only business>" // the business, where there is one
	LatestWindow = "<latest window>" // the window that ends last; of several, the longest
)

// Column is one column of a result.
type Column struct {
	Name string
	Type string // ClickHouse type
}

// Catalogue returns every query, ordered by name.
func Catalogue() []Query { return slices.Clone(catalogue()) }

// Find returns the query of that name, or ErrUnknownQuery with the names there are.
func Find(name string) (Query, error) {
	var names []string
	for _, q := range catalogue() {
		if q.Name == name {
			return q, nil
		}
		names = append(names, q.Name)
	}
	return Query{}, fmt.Errorf("%w %q: choose one of %s", ErrUnknownQuery, name, strings.Join(names, ", "))
}

// Statement is a question of somebody's own: any statement that the analyst may run. Its parameters are those it names.
func Statement(name, question, sql string) Query {
	return Query{Name: name, Question: question, SQL: sql, Params: placeholders(sql)}
}

// A broken file is a fault of the build: the tests parse every one.
var catalogue = sync.OnceValue(func() []Query {
	names, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("read the embedded queries: %v", err))
	}
	var all []Query
	for _, file := range names {
		text, err := files.ReadFile(file.Name())
		if err != nil {
			panic(fmt.Sprintf("read the embedded query %s: %v", file.Name(), err))
		}
		q, err := parse(strings.TrimSuffix(path.Base(file.Name()), ".sql"), string(text))
		if err != nil {
			panic(err.Error())
		}
		all = append(all, q)
	}
	return all
})

var (
	headerLine = regexp.MustCompile(`^-- ([a-z_]+):\s*(.*)$`)
	// {name:Type} of ClickHouse. A type holds no brace, so the first one ends it.
	placeholder = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*):([^{}]+)\}`)
	paramLine   = regexp.MustCompile(`^([a-z_][a-z0-9_]*) ([A-Z][^=]*?)\s*(?:(=)\s*(.*))?$`)
)

// parse reads the header of one file and holds it against the body.
func parse(name, text string) (Query, error) {
	q := Query{Name: name, SQL: text}
	fail := func(format string, args ...any) (Query, error) {
		return Query{}, fmt.Errorf("queries/%s.sql: %s", name, fmt.Sprintf(format, args...))
	}

	fields := map[string][]string{}
	order := []string{}
	body := []string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case len(body) > 0 || !strings.HasPrefix(line, "--"):
			body = append(body, line)
		case headerLine.MatchString(line) && !strings.HasPrefix(line, "--  "):
			m := headerLine.FindStringSubmatch(line)
			if _, twice := fields[m[1]]; twice {
				return fail("the header has %q twice", m[1])
			}
			order = append(order, m[1])
			fields[m[1]] = []string{m[2]}
		case len(order) == 0:
			return fail("the header must start with `-- %s: the question?`", name)
		default:
			key := order[len(order)-1]
			fields[key] = append(fields[key], strings.TrimSpace(strings.TrimPrefix(line, "--")))
		}
	}

	want := []string{name, "grain", "reads", "params", "returns", "units"}
	if !slices.Equal(order, want) {
		return fail("the header has the lines %v, and must have %v", order, want)
	}
	for _, key := range want {
		if strings.TrimSpace(strings.Join(fields[key], "")) == "" {
			return fail("the header's line %q is empty", key)
		}
	}
	if strings.TrimSpace(strings.Join(body, "")) == "" {
		return fail("there is no statement after the header")
	}
	q.Question = strings.Join(fields[name], " ")
	q.Grain = strings.Join(fields["grain"], " ")
	q.Reads = strings.Join(fields["reads"], " ")
	q.Units = strings.Join(fields["units"], " ")

	if !slices.Equal(fields["params"], []string{"none"}) {
		for _, line := range fields["params"] {
			m := paramLine.FindStringSubmatch(line)
			if m == nil {
				return fail("cannot read the parameter %q: write `name Type = default`", line)
			}
			q.Params = append(q.Params, Param{Name: m[1], Type: strings.TrimSpace(m[2]), Required: m[3] == "", Default: strings.TrimSpace(m[4])})
		}
	}
	for _, column := range splitTopLevel(strings.Join(fields["returns"], " ")) {
		name, typ, ok := strings.Cut(strings.TrimSpace(column), " ")
		if !ok {
			return fail("cannot read the column %q: write `name Type`", column)
		}
		q.Returns = append(q.Returns, Column{Name: name, Type: typ})
	}

	used := map[string]bool{}
	for _, p := range placeholders(strings.Join(body, "\n")) {
		i := slices.IndexFunc(q.Params, func(d Param) bool { return d.Name == p.Name })
		if i < 0 {
			return fail("the body uses {%s:%s}, which the header does not declare", p.Name, p.Type)
		}
		if q.Params[i].Type != p.Type {
			return fail("the body uses {%s:%s}, and the header declares %s", p.Name, p.Type, q.Params[i].Type)
		}
		used[p.Name] = true
	}
	for _, p := range q.Params {
		if !used[p.Name] {
			return fail("the header declares %q, which the body does not use", p.Name)
		}
	}
	return q, nil
}

// placeholders returns the parameters that a statement names, each once per type, in order.
func placeholders(sql string) []Param {
	var found []Param
	for _, m := range placeholder.FindAllStringSubmatch(sql, -1) {
		p := Param{Name: m[1], Type: strings.TrimSpace(m[2]), Required: true}
		if !slices.Contains(found, p) {
			found = append(found, p)
		}
	}
	return found
}

// splitTopLevel splits at the commas outside brackets and quotes: types hold commas too.
func splitTopLevel(list string) []string {
	var parts []string
	depth, start, quoted := 0, 0, false
	for i, r := range list {
		switch {
		case r == '\'':
			quoted = !quoted
		case quoted:
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			parts = append(parts, list[start:i])
			start = i + 1
		}
	}
	return append(parts, list[start:])
}
