package reports

import (
	"fmt"
	"math"
	"slices"
)

// outcome holds the words of one kind of engagement.
type outcome struct {
	Name   string // as in the warehouse
	Title  string // of a chart
	Rate   string // "reply rate"
	Plural string // "replies"
	Past   string // "answered"
	Did    string // "were answered"
	Within string // attribution window
}

// Replies first: opens can be hidden by the contact, or made by machines.
var outcomes = []outcome{
	{"reply", "Replies", "reply rate", "replies", "answered", "were answered", "24 hours"},
	{"open", "Opens", "open rate", "opens", "opened", "were opened", "7 days"},
	{"click", "Clicks", "click rate", "clicks", "clicked", "were clicked", "7 days"},
}

type direction int

const (
	unknown direction = iota // nothing to compare
	unclear                  // none lies apart from the lowest bin
	rises                    // from the lowest bin to the highest
	falls
	peaks // the ends overlap, and a bin between them lies above the lowest
	dips
)

// wider is by how much an interval of 95 % grows if it is to hold beside k of them (Bonferroni).
func wider(k int) float64 {
	z := func(alpha float64) float64 { return math.Erfinv(1 - alpha) }
	return z(.05/float64(max(k, 1))) / z(.05)
}

// apart says whether a lies above b by more than chance makes of k such comparisons: the intervals do not overlap, and neither does the difference reach 0
// with limits that grow with k (Zou and Donner 2008, from the limits of the two).
func apart(a, b cell, k int) bool {
	return a.Lower > b.Upper && a.Rate-b.Rate > wider(k)*math.Hypot(a.Rate-a.Lower, b.Upper-b.Rate)
}

// change is what the intervals of a curve allow to say: bins differ only where they lie apart.
type change struct {
	direction direction
	from      *cell // of rises and falls: the first bin from which every one lies apart; nil if that is the highest alone
	between   *cell // the bin that lies farthest out, if it is apart from the ends
}

// changeOf compares the lowest shown bin with the others, and the highest above all.
func changeOf(cells []cell) change {
	if len(cells) < 2 {
		return change{}
	}
	low, high := cells[0], cells[len(cells)-1]
	above := func(a, b cell) bool { return apart(a, b, len(cells)-1) }
	below := func(a, b cell) bool { return apart(b, a, len(cells)-1) }
	// The farthest bin of those that lie apart from every one given.
	farthest := func(apart func(a, b cell) bool, than ...cell) (found *cell) {
		for i := range cells {
			c := &cells[i]
			if slices.ContainsFunc(than, func(t cell) bool { return !apart(*c, t) }) {
				continue
			}
			if found == nil || math.Abs(c.Rate-low.Rate) > math.Abs(found.Rate-low.Rate) {
				found = c
			}
		}
		return found
	}
	along := func(d direction, apart func(a, b cell) bool) change {
		first := len(cells) - 1
		for first > 1 && apart(cells[first-1], low) {
			first--
		}
		c := change{direction: d, between: farthest(apart, low, high)}
		if first < len(cells)-1 {
			c.from = &cells[first]
		}
		return c
	}
	switch {
	case above(high, low):
		return along(rises, above)
	case below(high, low):
		return along(falls, below)
	}
	up, down := farthest(above, low), farthest(below, low)
	switch {
	case up != nil && down == nil:
		return change{direction: peaks, between: up}
	case down != nil && up == nil:
		return change{direction: dips, between: down}
	}
	return change{direction: unclear}
}

// answer is what the page says first.
type answer struct {
	Title    string
	Sentence []string
	Caveat   string
}

const caveat = "This is an association in the messages that were sent, not the effect of sending more: people who engage more may also be messaged more."

// answerOf builds the answer from the curves of all channels and markets together, and the headline outcome's slope within contacts, nil
// if there is none. Where the two disagree, the title is of the same contacts: a crude curve may show no more than who gets many messages.
func answerOf(engagement map[string]curve, optOut curve, slope *curveRow) answer {
	o, e := headlineOutcome(engagement)
	engaged := changeOf(e.shown())

	doses := withoutNone(optOut.shown())
	left := changeOf(doses)

	if e.n() == 0 && optOut.n() == 0 {
		return answer{
			Title:    "There are no messages old enough to judge yet",
			Sentence: []string{"A message counts once its attribution window has passed: 24 hours for replies, 7 days for opens and clicks."},
		}
	}
	a := answer{Caveat: caveat}
	said := engagementSentence(o, e, engaged)
	if within := withinDirection(slope); within == unknown || within == engaged.direction || engaged.direction == unknown {
		a.Title = title(o.Rate, o.Plural, engaged.direction, left.direction)
	} else {
		a.Title = title(o.Rate+" of the same contacts", o.Plural, within, left.direction)
		words, _, interval := withinWords(o, slope)
		said += fmt.Sprintf(" But who gets more messages differs. %s (%s).", words, interval)
	}
	a.Sentence = append(a.Sentence, said, optOutSentence(optOut, doses, left))
	if engaged.direction == unknown && left.direction == unknown {
		a.Caveat = ""
	}
	return a
}

// headlineOutcome prefers replies, then opens, then clicks: the first that can be compared, else the
// first that can be shown, else the first that has rows.
func headlineOutcome(engagement map[string]curve) (outcome, curve) {
	for _, enough := range []func(curve) bool{
		func(c curve) bool { return len(c.shown()) > 1 },
		func(c curve) bool { return len(c.shown()) > 0 },
		func(c curve) bool { return c.n() > 0 },
	} {
		for _, o := range outcomes {
			if c, ok := engagement[o.Name]; ok && enough(c) {
				return o, c
			}
		}
	}
	return outcomes[0], curve{}
}

// title joins two halves: what goes with more messages, and what stands for itself.
func title(rateName, plural string, engagement, optOut direction) string {
	rate := map[direction]string{rises: "a higher " + rateName, falls: "a lower " + rateName}[engagement]
	leave := map[direction]string{rises: "more opt-outs", falls: "fewer opt-outs"}[optOut]
	rateAlone := map[direction]string{
		unknown: "there is too little data on " + plural, unclear: "the " + rateName + " shows no clear change",
		peaks: "the " + rateName + " peaks in between", dips: "the " + rateName + " is lowest in between",
	}[engagement]
	leaveAlone := map[direction]string{
		unknown: "there is too little data on opt-outs", unclear: "opt-outs show no clear change",
		peaks: "opt-outs peak in between", dips: "opt-outs are lowest in between",
	}[optOut]
	const more = "More messages go with "
	switch {
	case rate != "" && leave != "" && engagement == optOut: // what is good comes with what is bad
		return more + rate + ", but also with " + leave
	case rate != "" && leave != "":
		return more + rate + " and " + leave
	case rate != "":
		return more + rate + "; " + leaveAlone
	case leave != "":
		return more + leave + "; " + rateAlone
	case engagement == unknown && optOut == unknown:
		return "There is too little data to say yet"
	case engagement == unclear && optOut == unclear:
		return "No clear change in the " + rateName + " or in opt-outs with more messages"
	}
	return "From few messages to many, " + rateAlone + "; " + leaveAlone
}

func engagementSentence(o outcome, c curve, found change) string {
	cells := c.shown()
	switch {
	case c.n() == 0:
		return "No message is old enough yet to say how many " + o.Did + "."
	case len(cells) == 0:
		return fmt.Sprintf("Every group of messages is too small to show a %s (under %d contacts or %d %s).", o.Rate, fewContacts, fewEvents, o.Plural)
	case len(cells) == 1:
		return fmt.Sprintf("Only messages sent at %s in 7 days are many enough to show: %s of them %s (95%% interval %s), so there is nothing to compare.",
			binWords(cells[0].From, cells[0].To), percent.one(cells[0].Rate), o.Did, percent.betweenWords(cells[0].Lower, cells[0].Upper))
	}
	low, high := cells[0], cells[len(cells)-1]
	s := fmt.Sprintf("At %s in 7 days, %s of messages %s (95%% interval %s); at %s, %s (%s).",
		messages(low), percent.one(low.Rate), o.Did, percent.betweenWords(low.Lower, low.Upper),
		binWords(high.From, high.To), percent.one(high.Rate), percent.betweenWords(high.Lower, high.Upper))
	return s + verdict(found, low, "the rate", percent)
}

func optOutSentence(all curve, cells []cell, found change) string {
	switch {
	case all.n() == 0:
		return "No whole day at risk is over yet, so nothing can be said about opt-outs."
	case len(cells) == 0:
		return fmt.Sprintf("Every group of days after a week with messages is too small to show opt-outs (under %d contacts or %d opt-outs).", fewContacts, fewEvents)
	case len(cells) == 1:
		return fmt.Sprintf("Opt-outs can be shown only after a week with %s: %s per 1,000 person-days (95%% interval %s), so there is nothing to compare.",
			messages(cells[0]), perThousand.one(cells[0].Rate), perThousand.betweenWords(cells[0].Lower, cells[0].Upper))
	}
	low, high := cells[0], cells[len(cells)-1]
	s := fmt.Sprintf("After a week with %s there were %s opt-outs per 1,000 person-days (%s); after a week with %s, %s (%s).",
		messages(low), perThousand.one(low.Rate), perThousand.betweenWords(low.Lower, low.Upper),
		binWords(high.From, high.To), perThousand.one(high.Rate), perThousand.betweenWords(high.Lower, high.Upper))
	return s + verdict(found, low, "the opt-out rate", perThousand)
}

// verdict says in words what the intervals allow to say.
func verdict(found change, low cell, what string, unit scale) string {
	at := func(c *cell) string {
		return fmt.Sprintf("%s at %s (%s)", unit.one(c.Rate), binWords(c.From, c.To), unit.betweenWords(c.Lower, c.Upper))
	}
	switch found.direction {
	case unclear:
		return " With these intervals this is no clear change."
	case peaks:
		return fmt.Sprintf(" Between these, %s is clearly higher than at %s: %s.", what, binWords(low.From, low.To), at(found.between))
	case dips:
		return fmt.Sprintf(" Between these, %s is clearly lower than at %s: %s.", what, binWords(low.From, low.To), at(found.between))
	}
	s := ""
	if found.from != nil {
		s = fmt.Sprintf(" From %s a week on, %s is clearly %s than at %s.",
			messages(*found.from), what, map[direction]string{rises: "higher", falls: "lower"}[found.direction], binWords(low.From, low.To))
	}
	if found.between != nil {
		s += fmt.Sprintf(" It is %s still in between: %s.", map[direction]string{rises: "higher", falls: "lower"}[found.direction], at(found.between))
	}
	return s
}

func messages(c cell) string {
	if c.From == 1 && c.To == 1 {
		return "1 message"
	}
	if c.To == 0 {
		return "no message"
	}
	return binWords(c.From, c.To) + " messages"
}
