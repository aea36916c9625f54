package transform

import (
	"fmt"
)

// mostPlacebo is how large the placebo's slope may surely be, as a share of the largest within-person slope that the data allow.
// With many contacts any tiny reaction of the sender excludes 0; one that could not have made the slope is no reason to throw it away.
const mostPlacebo = .2

// verdict says whether the within-person comparison may be read as more than a sender's reactions.
func verdict(outcome string, rows []curveRow) (what, why string) {
	find := func(identification, measure string) *effect {
		for _, r := range rows {
			if r.identification == identification && r.measure == measure && r.value != nil {
				return r.value
			}
		}
		return nil
	}
	if outcome == "opt_out" {
		if find("standardised", "rate") == nil {
			return "cannot tell", "no dose could be standardised for prior engagement"
		}
		return "association", ""
	}
	slope, placebo := find("within", "slope"), find("within", "placebo_slope")
	switch {
	case slope == nil:
		return "cannot tell", "too few contacts can be compared with themselves"
	case placebo == nil:
		return "cannot tell", "there is no placebo: too few contacts whose next week is known"
	}
	sure, most := max(*placebo.lower, -*placebo.upper, 0), max(-*slope.lower, *slope.upper) // the limits nearest to 0 and farthest from it
	if sure > mostPlacebo*most {
		return "cannot tell", fmt.Sprintf("the dose of the week after goes with the outcome too: %.3g for each message, surely %.3g, and the slope of the week before is %.3g, at most %.3g; the sender may react to the contacts",
			placebo.estimate, sure, slope.estimate, most)
	}
	return "association", ""
}
