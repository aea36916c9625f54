package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"drumbeat/queries"
)

type queryCommand struct {
	Name   string            `arg:"" optional:"" help:"Name of a question; without it the questions are listed."`
	SQL    string            `help:"Any SELECT instead of a named question." name:"sql" xor:"question"`
	Param  map[string]string `help:"A parameter of the question: --param market=PH." short:"p" placeholder:"NAME=VALUE"`
	Format string            `help:"table, csv, json (one object a line), parquet or arrow (a stream)." default:"table" enum:"table,csv,json,parquet,arrow" short:"f"`
	Show   bool              `help:"Print the question's definition and SQL instead of asking it."`
}

func (c *queryCommand) Run(ctx context.Context, p *program) error {
	switch {
	case c.Name != "" && c.SQL != "":
		return usageError{errors.New("give a question's name or --sql, not both")}
	case c.Show && c.Name == "":
		return usageError{errors.New("--show needs a question's name; `drumbeat query` lists them")}
	case c.Show:
		q, err := queries.Find(c.Name)
		if err != nil {
			return usageError{err}
		}
		_, err = fmt.Fprint(p.stdout, q.SQL)
		return err
	case c.Name == "" && c.SQL == "":
		return c.list(p)
	}
	if c.Name != "" {
		if _, err := queries.Find(c.Name); err != nil {
			return usageError{err}
		}
	}
	db, err := p.openWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	ask := queries.NewRunner(db)
	if c.SQL != "" {
		err = ask.RunSQL(ctx, c.SQL, c.Param, queries.Format(c.Format), p.stdout)
	} else {
		err = ask.Run(ctx, c.Name, c.Param, queries.Format(c.Format), p.stdout)
	}
	if errors.Is(err, queries.ErrParam) || errors.Is(err, queries.ErrBusiness) || errors.Is(err, queries.ErrWindow) {
		return usageError{err}
	}
	return err
}

func (c *queryCommand) list(p *program) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, q := range queries.Catalogue() {
		params := make(map[string]bool)
		for _, param := range q.Params {
			params[param.Name] = true
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", q.Name, q.Question, strings.Join(slices.Sorted(maps.Keys(params)), " "))
	}
	return w.Flush()
}
