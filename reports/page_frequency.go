package reports

import "slices"

// frequencyPage answers how often a business may message: what more messages go with, in engagement
// and in leaving, when they are sent, and what that says of a frequency to keep. Its figures are in
// frequency_*.go.
var frequencyPage = Page{
	Name: "frequency", Title: "Frequency",
	Asks: []string{
		"frequency_recommendation", "frequency_recommendation dimension=channel", "frequency_recommendation dimension=market",
		"frequency_what_if", "frequency_what_if dimension=channel", "frequency_what_if dimension=market",
		"frequency_distribution", "contact_class_shares", "frequency_dose", "frequency_dose dimension=channel", "frequency_dose dimension=market",
		"frequency_engagement", "frequency_segments dimension=category", "messages_behind",
		"frequency_curves", "frequency_curves dimension=channel", "frequency_curves dimension=market", "frequency_curves dimension=category",
		"frequency_opt_out", "leavers_behind", "frequency_curves outcome=opt_out unit=person_day",
		"opt_out_by_message dimension=", "opt_out_by_time", "days_stayed",
		"frequency_hour", "frequency_hour dimension=channel", "frequency_hour dimension=market", "frequency_hour dimension=category",
		"frequency_gap", "frequency_gap dimension=channel", "frequency_gap dimension=market", "frequency_gap dimension=category",
		"frequency_position", "frequency_withheld", "frequency_arms",
	},
	Build: buildFrequency,
}

func buildFrequency(d *Data) Content {
	engagement := Rows[engagementRow](d, "frequency_engagement")
	whole := map[string]curve{}
	for _, o := range outcomes {
		if c := engagementCurve(engagement, o.Name, all, all); len(c.Cells) > 0 {
			whole[o.Name] = c
		}
	}
	optOut := optOutCurve(Rows[optOutRow](d, "frequency_opt_out"), all)
	o, headline := headlineOutcome(whole)
	said := answerOf(whole, optOut, withinRow(Rows[curveRow](d, "frequency_curves"), o, "slope"))

	recommended, recommendation := recommendationFigure(d)
	curves, within := curveFigures(d, whole)
	leaving := optOutFigure(d)
	distribution, sent := distributionFigure(d)
	c := Content{Finding: said.Title, Lede: said.Sentence, Caveat: said.Caveat, Answers: []Answer{recommendation, leavingAnswer(optOut, said)}}
	if len(headline.Cells) > 0 {
		c.Answers = append(c.Answers, within)
	}
	c.Answers = append(c.Answers, sent)
	c.Answers = slices.DeleteFunc(c.Answers, func(a Answer) bool { return a.Sentence == "" })
	c.Sections = []Section{
		{ID: "how-often", Title: "How often to message", Figures: []Figure{recommended, whatIfFigure(d), classesFigure(d)}},
		{ID: "engagement", Title: "Engagement by number of messages",
			Intro:   "A message’s exposure is how many proactive messages the contact got in the 7 × 24 hours up to and including it. Answers to a contact do not count.",
			Figures: append([]Figure{engagementFigure(d, engagement, whole), marketsFigure(engagement, o)}, append(curves, marginalFigure(d))...)},
		{ID: "leaving", Title: "Leaving by number of messages",
			Intro:   "Counted per day that a contact could still opt out, by the messages of the 7 days before that day. People who leave stop receiving, so counting within the same week would make frequent messaging look safe.",
			Figures: []Figure{leaving, optOutCurvesFigure(d), byMessageFigure(d), byTimeFigure(d), daysStayedFigure(d)}},
		{ID: "sent", Title: "What contacts are sent", Figures: []Figure{distribution, daysByDoseFigure(d)}},
		{ID: "when", Title: "When messages are sent", Figures: []Figure{hourFigure(d, o), gapFigure(d, o), positionFigure(d, o)}},
		{ID: "others", Title: "Tests and limits", Figures: []Figure{armsFigure(d), withheldFigure(d)}},
	}
	return c
}

// columns of a rate by something: its name, contacts, n, outcomes, rate, interval, why.
func rateColumns(by Column, n, outcomes Column, kind Kind) []Column {
	return slices.Concat([]Column{by, {"contacts", "Contacts", Count, false}, n, outcomes, {"rate", "Rate", kind, true}}, lowerUpper(kind), []Column{whyColumn})
}

const clustered = "95% intervals, clustered by contact"

// sizeFor is how panels stand: one takes the width.
func sizeFor(panels int) Size {
	if panels == 1 {
		return Wide
	}
	return Medium
}
