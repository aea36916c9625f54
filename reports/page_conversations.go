package reports

import (
	"cmp"
	"slices"
	"strings"
)

// conversationsPage says how often people write and about what, how long they wait, and what comes of it.
var conversationsPage = Page{
	Name: "conversations", Title: "Conversations",
	Asks: []string{"first_response author= clock=", "first_response dimension=channel author= clock=", "first_response dimension=market author= clock=",
		"first_response dimension=hour", "first_response dimension=week", "service_windows", "pain_points dimension= pain=repeat_contact", "conversations_by_week",
		"surveys", "survey_frequency", "stated_frequency", "stated_frequency dimension=market", "conversation_frequency", "conversation_frequency dimension=market",
		"stated_agreement", "stated_joined subject=frequency", "survey_uses", "survey_uses dimension=market", "published_figures"},
	Build: buildConversations,
}

func buildConversations(d *Data) Content {
	whole := Rows[responseRow](d, "first_response author= clock=")
	waits := slices.Concat(whole, Rows[responseRow](d, "first_response dimension=channel author= clock="), Rows[responseRow](d, "first_response dimension=market author= clock="))
	surveys := Rows[surveyRow](d, "surveys")
	uses := newest(surveys, Rows[estimateRow](d, "survey_uses"), "uses", "")
	business := newest(surveys, Rows[estimateRow](d, "survey_uses"), "business_uses", "")
	said := newest(surveys, Rows[estimateRow](d, "survey_frequency"), "frequency", "share")
	moreUses := Rows[estimateRow](d, "survey_uses dimension=market")
	agreement := slices.DeleteFunc(Rows[agreementRow](d, "stated_agreement"), func(r agreementRow) bool { return r.Survey != said.survey.ID || r.Subject != "frequency" })

	wall, quantiles := waitingFigure(waits, "wall"), quantilesFigure(whole)
	began := beganFigure(Rows[beganRow](d, "conversations_by_week"))
	contacts := Rows[observedFrequencyRow](d, "conversation_frequency")
	atLeast := newest(surveys, Rows[estimateRow](d, "survey_frequency"), "frequency", "at_least")
	sides := frequencySidesFigure(said, atLeast, slices.Concat(Rows[statedFrequencyRow](d, "stated_frequency"), Rows[statedFrequencyRow](d, "stated_frequency dimension=market")), contacts)
	observed := frequencyObservedFigure(slices.Concat(contacts, Rows[observedFrequencyRow](d, "conversation_frequency dimension=market")))
	if !sides.empty() {
		observed = Figure{} // the same figures stand beside what people say
	}
	c := Content{Finding: "How people and the business talk",
		Caveat: "Who is still waiting is counted as waiting: a median of the answered alone would flatter. A goodbye cannot be told from a question, so some cases that look unanswered need no answer."}
	c.Caveat = strings.TrimSpace(c.Caveat + " " + syntheticCaveat(cmp.Or(said.survey, uses.survey)))
	for _, f := range []Figure{wall, sides, observed} {
		if !f.empty() {
			c.Finding = f.Views[0].finding(f)
			break
		}
	}
	for _, f := range []Figure{quantiles, began, sides, observed} {
		if !f.empty() && f.Views[0].finding(f) != c.Finding {
			c.Lede = append(c.Lede, f.Views[0].finding(f)+".")
		}
	}
	if a, ok := waitingAnswer(whole); ok && !quantiles.empty() {
		a.Figure, a.Sentence = quantiles.ID, c.Finding+"."
		c.Answers = []Answer{a}
	}
	c.Sections = []Section{
		{ID: "waiting", Title: "How long people wait", Intro: "A case begins when somebody writes, and is answered by the first message that is part of the talk. Automatic acknowledgements do not count.",
			Figures: []Figure{wall, waitingFigure(waits, "business"), quantiles, placesFigure(waits), hoursFigure(Rows[responseRow](d, "first_response dimension=hour")), weeksFigure(d.Edition, Rows[responseRow](d, "first_response dimension=week"))}},
		{ID: "missed", Title: "What is missed, and who comes back", Figures: []Figure{serviceFigure(Rows[serviceRow](d, "service_windows")), repeatFigure(Rows[painRow](d, "pain_points dimension= pain=repeat_contact"))}},
		{ID: "begun", Title: "Who begins", Figures: []Figure{began}},
		{ID: "how-often", Title: "How often people message", Figures: []Figure{sides, observed, joinedFigure(said, Rows[joinedRow](d, "stated_joined subject=frequency"), agreement), agreementFigure(said, agreement)}},
		{ID: "uses", Title: "What people message about", Figures: []Figure{usesFigure("uses", "What people message about", uses, uses.same(slices.Clone(moreUses))), usesFigure("business-uses", "What businesses use messaging for", business, business.same(slices.Clone(moreUses)))}},
	}
	if slices.ContainsFunc(c.Sections, func(s Section) bool {
		return slices.ContainsFunc(s.Figures, func(f Figure) bool { return !f.empty() })
	}) {
		c.Sections = append(c.Sections, Section{ID: "context", Title: "What others have published", Intro: "Figures of other surveys, of other people, for scale. Nothing here is mixed into the figures above.",
			Figures: []Figure{contextFigure(Rows[publishedRow](d, "published_figures"), "adopted", "weekly", "frequency", "trend", "more_than_before", "intent", "preference", "matters", "business_uses_ask", "business_uses_order", "business_uses_support",
				"want_to_text", "expected_resolution", "actual_resolution", "message_not_call", "expect_more", "shop_where_message")}})
	}
	return c
}
