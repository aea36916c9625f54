package transform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// mostPlacebo is how large the placebo's slope may surely be, as a share of the largest within-person slope that the data allow.
// With many contacts any tiny reaction of the sender excludes 0; one that could not have made the slope is no reason to throw it away.
const mostPlacebo = .2

// reactionOutcomes are the outcomes by which a sender's reaction is looked for on behalf of all: whoever reacts to anything reacts to some of these. Clicks and
// replies come late: on their days tell what was sent yesterday, which goes with next week's dose even if nobody reacts.
var reactionOutcomes = []string{"any", "open"}

// curveSet are the rows of one segment, by unit and outcome.
type curveSet map[[2]string][]curveRow

func (c curveSet) find(unit, outcome, identification, measure string) *effect {
	for _, r := range c[[2]string{unit, outcome}] {
		if r.identification == identification && r.measure == measure && r.value != nil {
			return r.value
		}
	}
	return nil
}

// verdict says whether the within-person comparison of an outcome may be read as more than a sender's reactions. A sender who reacts does so whatever
// the unit, and an open that brings more messages confounds what becomes of clicks too, so the placebos of both units speak for all.
func (c curveSet) verdict(unit, outcome string) (what, why string) {
	if outcome == "opt_out" {
		if c.find(unit, outcome, "standardised", "rate") == nil {
			return "cannot tell", "no dose could be standardised for prior engagement"
		}
		return "association", ""
	}
	if c.find(unit, outcome, "within", "slope") == nil {
		return "cannot tell", "too few contacts can be compared with themselves"
	}
	if c.find(unit, outcome, "within", "placebo_slope") == nil {
		return "cannot tell", "there is no placebo: too few contacts whose next week is known"
	}
	placebos := [][2]string{{unit, outcome}}
	for _, o := range reactionOutcomes {
		for _, u := range unitNames {
			if !slices.Contains(placebos, [2]string{u, o}) {
				placebos = append(placebos, [2]string{u, o})
			}
		}
	}
	var caught []string
	for _, p := range placebos {
		if said := c.reaction(p[0], p[1]); said != "" {
			caught = append(caught, said)
		}
	}
	if len(caught) == 0 {
		return "association", ""
	}
	return "cannot tell", "the dose of the week after goes with engagement too, so the sender may react to the contacts: " + strings.Join(caught, "; ")
}

// reaction says what the placebo of a unit and outcome has caught, if it has. It is held against the larger slope of the two units: the two look at the same
// messages, and where one of them has no slope to speak of, a reaction that could not have made the other's is no objection.
func (c curveSet) reaction(unit, outcome string) string {
	placebo := c.find(unit, outcome, "within", "placebo_slope")
	if placebo == nil {
		return ""
	}
	most := 0.
	for _, u := range unitNames {
		if slope := c.find(u, outcome, "within", "slope"); slope != nil {
			most = max(most, -*slope.lower, *slope.upper) // the limit farthest from 0
		}
	}
	sure := max(*placebo.lower, -*placebo.upper, 0) // the one nearest to 0
	if sure <= mostPlacebo*most {
		return ""
	}
	return fmt.Sprintf("the placebo of %s, %s, is %.3g for each message, surely %.3g, where the slope of the week before is at most %.3g",
		cmp.Or(map[string]string{"message": "messages", "person_day": "person-days"}[unit], unit),
		cmp.Or(map[string]string{"any": "open, click or reply", "open": "opens", "click": "clicks", "reply": "replies"}[outcome], outcome), placebo.estimate, sure, most)
}
