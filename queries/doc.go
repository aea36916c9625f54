// Package queries holds the questions that analysts ask, one .sql file each. The same files feed
// the reports, the command line and whoever reads them, so a number has one source.
//
// A file starts with a header that says what it answers, in which grain, from which relations,
// with which parameters, and in which units:
//
//	-- name: the question in one line?
//	-- grain:   one row per ...
//	-- reads:   relations, and how duplicates are resolved
//	-- params:  name Type = default        one a line; no "=" makes it required
//	-- returns: column Type, column Type
//	-- units:   what the numbers are, what NULL means
//
// Every query runs as the warehouse's read-only analyst:
//
//	r := queries.NewRunner(db)
//	err := r.Run(ctx, "frequency_opt_out", map[string]string{"market": "PH"}, queries.Table, os.Stdout)
package queries
