package reports

import (
	"fmt"
	"strings"
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
	unclear                  // the intervals overlap
	rises
	falls
)

// change compares the lowest and the highest bin that are shown, and says rises or falls only if
// their intervals are apart. from is the first bin from which every one lies apart in that
// direction, nil if that is the highest one alone.
func change(cells []cell) (d direction, from *cell) {
	if len(cells) < 2 {
		return unknown, nil
	}
	low, high := cells[0], cells[len(cells)-1]
	var apart func(c cell) bool
	switch {
	case high.Lower > low.Upper:
		d, apart = rises, func(c cell) bool { return c.Lower > low.Upper }
	case high.Upper < low.Lower:
		d, apart = falls, func(c cell) bool { return c.Upper < low.Lower }
	default:
		return unclear, nil
	}
	for i := len(cells) - 1; i > 0 && apart(cells[i]); i-- {
		from = &cells[i]
	}
	if from == &cells[len(cells)-1] {
		from = nil
	}
	return d, from
}

// answer is what the page says first.
type answer struct {
	Title    string
	Sentence []string
	Caveat   string
}

// text is the answer for a terminal: a paragraph a line.
func (a answer) text() string {
	paragraphs := append([]string{a.Title + "."}, a.Sentence...)
	if a.Caveat != "" {
		paragraphs = append(paragraphs, a.Caveat)
	}
	return strings.Join(paragraphs, "\n")
}

const caveat = "This is an association in the messages that were sent, not the effect of sending more: people who engage more may also be messaged more."

// answerOf builds the answer from the curves of all channels and markets together.
func answerOf(engagement map[string]curve, optOut curve) answer {
	o, e := headlineOutcome(engagement)
	ed, eFrom := change(e.shown())

	// The question is how often, so the comparison starts at one message, not at none, where it can.
	doses := optOut.shown()
	if len(doses) > 2 && doses[0].To == 0 {
		doses = doses[1:]
	}
	qd, qFrom := change(doses)

	if e.n() == 0 && optOut.n() == 0 {
		return answer{
			Title:    "There are no messages old enough to judge yet",
			Sentence: []string{"A message counts once its attribution window has passed: 24 hours for replies, 7 days for opens, clicks and opt-outs."},
		}
	}
	a := answer{Title: title(o, ed, qd), Caveat: caveat}
	a.Sentence = append(a.Sentence, engagementSentence(o, e, ed, eFrom), optOutSentence(optOut, doses, qd, qFrom))
	if ed == unknown && qd == unknown {
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

func title(o outcome, engagement, optOut direction) string {
	switch {
	case engagement == unknown && optOut == unknown:
		return "There is too little data to say yet"
	case engagement == unknown:
		return [...]string{
			unclear: "No clear change in opt-outs with more messages; too little data on " + o.Plural,
			rises:   "More messages go with more opt-outs; there is too little data on " + o.Plural,
			falls:   "More messages go with fewer opt-outs; there is too little data on " + o.Plural,
		}[optOut]
	case optOut == unknown:
		return [...]string{
			unclear: "No clear change in the " + o.Rate + " with more messages; too little data on opt-outs",
			rises:   "More messages go with a higher " + o.Rate + "; there is too little data on opt-outs",
			falls:   "More messages go with a lower " + o.Rate + "; there is too little data on opt-outs",
		}[engagement]
	case engagement == unclear && optOut == unclear:
		return "No clear change in " + o.Plural + " or opt-outs with more messages"
	case engagement == unclear:
		return "More messages go with " + [...]string{rises: "more", falls: "fewer"}[optOut] + " opt-outs; the " + o.Rate + " shows no clear change"
	}
	reply := [...]string{rises: "a higher ", falls: "a lower "}[engagement] + o.Rate
	switch {
	case optOut == unclear:
		return "More messages go with " + reply + "; opt-outs show no clear change"
	case engagement == falls && optOut == rises:
		return "More messages go with " + reply + " and more opt-outs"
	case engagement == rises && optOut == falls:
		return "More messages go with " + reply + " and fewer opt-outs"
	case optOut == rises:
		return "More messages go with " + reply + ", but also with more opt-outs"
	}
	return "More messages go with " + reply + ", but also with fewer opt-outs"
}

func engagementSentence(o outcome, c curve, d direction, from *cell) string {
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
	return s + verdict(d, from, low, "the rate")
}

func optOutSentence(all curve, cells []cell, d direction, from *cell) string {
	switch {
	case all.n() == 0:
		return "No day is old enough yet to say how many people opt out."
	case len(cells) == 0:
		return fmt.Sprintf("Every group of days is too small to show opt-outs (under %d contacts or %d opt-outs).", fewContacts, fewEvents)
	case len(cells) == 1:
		return fmt.Sprintf("Opt-outs can be shown only after a week with %s: %s per 1,000 person-days (95%% interval %s), so there is nothing to compare.",
			messages(cells[0]), perThousand.one(cells[0].Rate), perThousand.betweenWords(cells[0].Lower, cells[0].Upper))
	}
	low, high := cells[0], cells[len(cells)-1]
	s := fmt.Sprintf("After a week with %s there were %s opt-outs per 1,000 person-days (%s); after a week with %s, %s (%s).",
		messages(low), perThousand.one(low.Rate), perThousand.betweenWords(low.Lower, low.Upper),
		binWords(high.From, high.To), perThousand.one(high.Rate), perThousand.betweenWords(high.Lower, high.Upper))
	return s + verdict(d, from, low, "the opt-out rate")
}

// verdict says in words what the intervals allow to say.
func verdict(d direction, from *cell, low cell, what string) string {
	switch {
	case d == unclear:
		return " The two intervals overlap, so this is no clear change."
	case from != nil:
		return fmt.Sprintf(" From %s a week on, %s is clearly %s than at %s.",
			messages(*from), what, map[direction]string{rises: "higher", falls: "lower"}[d], binWords(low.From, low.To))
	}
	return ""
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
