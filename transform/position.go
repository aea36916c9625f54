package transform

import (
	"context"

	"drumbeat/transform/stats"
)

// fillPosition adds to the rates what a position differs by from the first of weeks with the same total. The same
// contacts are at both, so the difference has an interval of its own.
func fillPosition(ctx context.Context, r *run, m model, staging string, w Window) error {
	type group struct{ business, dimension, segment, pooled, outcome, total any }
	var of group
	var first sums
	return r.stage(ctx, m, staging, w, rateColumns+", difference, difference_lower, difference_upper", func(row modelRow) []any {
		s := row.sums()
		var difference, lower, upper *float64
		here := group{row.get("business_id"), row.get("dimension"), row.get("segment"), row.get("pooled"), row.get("outcome"), row.get("week_total")}
		switch {
		case row.get("position") == uint8(1): // rows of a group come in order of position
			of, first = here, s
		case of == here && !first.suppressed() && !s.suppressed():
			cross := stats.Cross{NN: row.count("cross_nn"), YY: row.count("cross_yy"), NY: row.count("cross_ny"), YN: row.count("cross_yn")}
			if d, _, ok := stats.RatioDifference(s.clustered(), first.clustered(), cross); ok {
				difference, lower, upper = &d.Value, &d.Lower, &d.Upper
			}
		}
		return append(s.rates(), difference, lower, upper)
	})
}
