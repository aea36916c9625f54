package transform

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Parts of models that more than one of them begins with, so that a number has one definition.
//
//go:embed models/shared/*.sql
var sharedParts embed.FS

var (
	sharedLine = regexp.MustCompile(`(?m)^-- shared: ([a-z_]+)\n`)
	// stagedLine is in the header of a part that a run computes once, into a table sorted so: many models read it, and
	// to plan it again for each of them costs more than to read it.
	stagedLine = regexp.MustCompile(`(?m)^-- staged by: (.+)\n`)
)

// parts are the tables of staged parts of one run, by part and window.
type parts struct {
	mutex  sync.Mutex
	tables map[string]string
}

// query returns the SQL of a model as this run computes it: staged parts are tables, the others stand in the place of
// the lines that name them.
func (r *run) query(ctx context.Context, relation string, w Window) (string, error) {
	sql, err := models.ReadFile("models/" + relation + ".sql")
	if err != nil {
		return "", err
	}
	r.parts.mutex.Lock()
	defer r.parts.mutex.Unlock()
	return r.withStaged(ctx, string(sql), w)
}

// statements returns the statements of a model that has several, each as query does.
func (r *run) statements(ctx context.Context, relation string, w Window) ([]string, error) {
	sql, err := r.query(ctx, relation, w)
	return strings.Split(sql, "-- statement\n"), err
}

func (r *run) withStaged(ctx context.Context, sql string, w Window) (string, error) {
	return withShared(sql, func(name string) (string, error) {
		part, err := sharedPart(name)
		if err != nil || !stagedLine.MatchString(part) {
			return part, err
		}
		table, err := r.stagePart(ctx, name, part, w)
		if err != nil {
			return "", fmt.Errorf("stage %s: %w", name, err)
		}
		return name + " AS (SELECT * FROM " + table + "),\n", nil
	})
}

// asOneText returns the SQL of a model to read, not to run: staged parts too stand in the place of the lines that name them.
func asOneText(relation string) (string, error) {
	sql, err := models.ReadFile("models/" + relation + ".sql")
	if err != nil {
		return "", err
	}
	return withShared(string(sql), sharedPart)
}

func sharedPart(name string) (string, error) {
	part, err := sharedParts.ReadFile("models/shared/" + name + ".sql")
	return string(part), err
}

func withShared(sql string, part func(name string) (string, error)) (_ string, err error) {
	text := sharedLine.ReplaceAllStringFunc(sql, func(line string) string {
		found, partErr := part(sharedLine.FindStringSubmatch(line)[1])
		err = errors.Join(err, partErr)
		return found
	})
	return text, err
}

// stagePart returns the table that holds a part for a window, and fills it for the first that asks. The parts that it names are staged before.
func (r *run) stagePart(ctx context.Context, name, part string, w Window) (string, error) {
	key := name + " " + w.String()
	if table, ok := r.parts.tables[key]; ok {
		return table, nil
	}
	sorted := stagedLine.FindStringSubmatch(part)[1]
	part, err := r.withStaged(ctx, part, w)
	if err != nil {
		return "", err
	}
	sql := "WITH\n" + strings.TrimSuffix(strings.TrimSpace(part), ",") + "\nSELECT * FROM " + name
	table, err := r.stageTable(ctx, name, sorted, sql, w.params()...)
	if r.parts.tables == nil {
		r.parts.tables = map[string]string{}
	}
	r.parts.tables[key] = table
	return table, err
}

// stageTable makes a table of the columns of a query, sorted as said, and fills it. The caller drops it, after an error too.
func (r *run) stageTable(ctx context.Context, name, sorted, sql string, params ...any) (table string, err error) {
	table = stagingPrefix + name + "_" + randomName()
	return table, r.fillTable(ctx, table, sorted, sql, params...)
}

// A staged table lives for minutes: to merge its parts would cost more than it saves.
const unmerged = "max_bytes_to_merge_at_max_space_in_pool = 1"

func (r *run) fillTable(ctx context.Context, table, sorted, sql string, params ...any) error {
	if err := r.settled(ctx, "CREATE TABLE "+table+" ENGINE = MergeTree ORDER BY ("+sorted+") SETTINGS "+unmerged+" EMPTY AS\n"+sql, params...); err != nil {
		return fmt.Errorf("create the staging table: %w", err)
	}
	if err := r.db.Exec(ctx, "INSERT INTO "+table+"\n"+sql, params...); err != nil {
		return fmt.Errorf("fill the staging table: %w", err)
	}
	return nil
}

// dropParts drops the tables of staged parts.
func (r *run) dropParts(ctx context.Context) (err error) {
	for _, table := range r.parts.tables {
		err = errors.Join(err, r.drop(ctx, table))
	}
	return err
}

// settled does what must be known to have happened, whatever becomes of ctx: a statement that is given up may still happen.
func (r *run) settled(ctx context.Context, statement string, params ...any) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return r.db.Exec(last, statement, params...)
}

// drop drops a staging table, also when ctx has ended.
func (r *run) drop(ctx context.Context, table string) error {
	if err := r.settled(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+table); err != nil {
		return fmt.Errorf("drop the staging table: %w", err)
	}
	return nil
}
