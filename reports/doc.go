// Package reports writes the answers for people: one self-contained HTML file a report, with its
// charts, numbers, definitions, freshness and SQL inside. A page asks nothing of a network, runs
// only the scripts whose hashes its policy names, and escapes every string that came from outside.
//
// Numbers come from the catalogue of package queries through a Source; this package divides nothing
// and holds no SQL. The same rows give the same bytes: there is no clock and no random id in a page.
//
//	err := reports.Render(ctx, queries.NewRunner(db), reports.Options{Dir: "reports-out", Echarts: js})
package reports
