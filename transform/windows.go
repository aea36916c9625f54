package transform

import "context"

// fillServiceWindows adds the share unanswered and the mean number of replies, each with its interval.
func fillServiceWindows(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.stage(ctx, m, staging, w, rateColumns+", replies_per_window, replies_lower, replies_upper", func(row modelRow) []any {
		replies := sums{row.count("contacts"), row.count("windows"), row.count("replies"), row.count("sum_nn"), row.count("replies_yy"), row.count("replies_ny")}
		var value, lower, upper *float64
		if mean, ok := replies.clustered().Mean(); ok && !replies.suppressed() {
			value, lower, upper = &mean.Value, &mean.Lower, &mean.Upper
		}
		return append(row.sums().rates(), value, lower, upper)
	})
}
