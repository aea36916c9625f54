package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// promisesPage says whether people opt in, what was promised to them, and whether it was kept.
var promisesPage = Page{
	Name: "promises", Title: "Promises",
	Asks: []string{"promise_kept", "breach_rates", "opt_in_funnel", "consent_survival dimension=promised_frequency cause=any",
		"promise_engagement", "broken_promises limit=25"},
	Build: buildPromises,
}

// inSegment is how every row by segment begins.
type inSegment struct {
	Dimension string `json:"dimension"`
	Segment   string `json:"segment"`
}

type keptRow struct {
	inSegment
	State   string `json:"state"`
	Periods uint64 `json:"periods"`
	InState uint64 `json:"in_state"`
	Rate
}

type breachRow struct {
	inSegment
	Breach   string `json:"breach"`
	Way      string `json:"way"`
	Messages uint64 `json:"messages"`
	Broken   uint64 `json:"broken"`
	Rate
}

type funnelRow struct {
	inSegment
	OptedIn  uint64 `json:"opted_in"`
	Resumed  uint64 `json:"resumed"`
	Renewed  uint64 `json:"renewed"`
	Stopped  uint64 `json:"stopped"`
	Blocked  uint64 `json:"blocked"`
	Expired  uint64 `json:"expired"`
	Running  uint64 `json:"running"`
	Asked    uint64 `json:"asked"`
	Answered uint64 `json:"answered"`
	Rate
}

type consentRow struct {
	inSegment
	Day       uint16   `json:"spell_day"`
	AtRisk    uint64   `json:"at_risk"`
	Incidence *float64 `json:"incidence"`
	Lower     *float64 `json:"incidence_lower"`
	Upper     *float64 `json:"incidence_upper"`
}

type promiseRow struct {
	Identification string `json:"identification"`
	Outcome        string `json:"outcome"`
	Promise        string `json:"promised_frequency"`
	PersonDays     uint64 `json:"person_days"`
	Outcomes       uint64 `json:"outcomes"`
	Rate
}

type brokenRow struct {
	Contact string `json:"contact_id"`
	Channel string `json:"channel"`
	Topic   string `json:"topic"`
	Promise string `json:"promised_frequency"`
	Zone    string `json:"zone"`
	From    Time   `json:"period_from"`
	Count   uint64 `json:"messages"`
	Last    Time   `json:"last_sent_at"`
}

// promiseOrder is that of the frequencies, most often first.
var promiseOrder = []string{"daily", "weekly", "monthly"}

func buildPromises(d *Data) Content {
	kept := Rows[keptRow](d, "promise_kept")
	breaches := Rows[breachRow](d, "breach_rates")
	c := Content{Finding: "No promise of a frequency is on record", Caveat: "A promise counts from the opt-in that named it to the day on which it ended. Periods that consent covers in part are in no share."}
	topics := figureKept(kept)
	if whole, ok := keptIn(kept, all, "", "exceeded"); ok {
		c.Finding, c.Lede = promiseWords(kept, whole)
		c.Answers = append(c.Answers, whole.answer("Do we keep what we promised?", percentOf(whole.Rate, "of promised periods had more messages than promised")+".", "of promised periods with more messages than promised", topics.ID))
	}
	afterNo := figureBreaches(breaches)
	if r, ok := breachOf(breaches, "after_opt_out"); ok && len(afterNo.Views) > 0 {
		sentence := percentOf(r.Rate, "of marketing messages went to people who had opted out")
		if r.Broken == 0 {
			sentence = "No marketing message went to anybody who had opted out of it"
		}
		c.Answers = append(c.Answers, keptRow{Periods: r.Messages, InState: r.Broken, Rate: r.Rate}.answer("Do we message people who said no?", sentence+".", "of marketing messages after an opt-out", afterNo.ID))
	}
	c.Sections = []Section{
		{ID: "promises", Title: "What was promised", Intro: "An opt-in names a topic and a frequency: daily, weekly or monthly. One message in each such period keeps the promise.",
			Figures: []Figure{topics, figureStates(kept), figureBroken(Rows[brokenRow](d, "broken_promises limit=25"))}},
		{ID: "breaches", Title: "Messages that no consent allowed", Figures: []Figure{afterNo}},
		{ID: "opt-ins", Title: "Opt-ins", Figures: []Figure{figureFunnel(Rows[funnelRow](d, "opt_in_funnel")),
			figureConsent(Rows[consentRow](d, "consent_survival dimension=promised_frequency cause=any"))}},
		{ID: "by-promise", Title: "What a promise goes with", Intro: "People choose what they are promised, so who was promised little differs from who was promised much.",
			Figures: []Figure{figurePromise(Rows[promiseRow](d, "promise_engagement"), "any", "engagement"), figurePromise(Rows[promiseRow](d, "promise_engagement"), "opt_out", "opt-out")}},
	}
	return c
}

// answer is the row in the summary; its value is left out where it is suppressed.
func (r keptRow) answer(question, sentence, of, figure string) Answer {
	a := Answer{Question: question, Sentence: sentence, Figure: figure}
	if c := newCell(0, 0, r.Periods, r.InState, r.Rate); c.Shown {
		a.Value, a.Of, a.Interval = percent.one(c.Rate), of, "95% interval "+percent.betweenWords(c.Lower, c.Upper)
	}
	return a
}

// percentOf writes a rate in a sentence, or that it is too small to show.
func percentOf(r Rate, words string) string {
	if c := newCell(0, 0, 0, 0, r); c.Shown {
		return percent.one(c.Rate) + " " + words
	}
	return "Too few " + strings.TrimPrefix(words, "of ") + " to show a rate"
}

func keptIn(rows []keptRow, dimension, segment, state string) (keptRow, bool) {
	i := slices.IndexFunc(rows, func(r keptRow) bool {
		return r.Dimension == dimension && (r.Segment == segment || dimension == all) && r.State == state
	})
	if i < 0 {
		return keptRow{}, false
	}
	return rows[i], true
}

func breachOf(rows []breachRow, breach string) (breachRow, bool) {
	i := slices.IndexFunc(rows, func(r breachRow) bool {
		return r.Dimension == "all" && r.Breach == breach && r.Way == "any"
	})
	if i < 0 {
		return breachRow{}, false
	}
	return rows[i], true
}

// promiseWords name the topic that breaks its promise most where its interval lies above all others.
func promiseWords(rows []keptRow, whole keptRow) (finding string, lede []string) {
	finding = percentOf(whole.Rate, "of promised periods had more messages than promised")
	names, cells := topicCells(rows)
	for i, c := range cells {
		worst := c.Shown && len(cells) > 1
		for k, other := range cells {
			worst = worst && (k == i || other.Shown && c.Lower > other.Upper)
		}
		if worst {
			finding = fmt.Sprintf("%s breaks its promise most often: in %s of its periods", names[i], percent.one(c.Rate))
		}
	}
	var parts []string
	for _, s := range []struct{ state, words string }{{"kept", "were kept, with one message"}, {"exceeded", "had more than one message"}, {"unused", "had none"}} {
		if r, ok := keptIn(rows, all, "", s.state); ok {
			if c := newCell(0, 0, r.Periods, r.InState, r.Rate); c.Shown {
				parts = append(parts, fmt.Sprintf("%s (%s) %s", percent.one(c.Rate), percent.betweenWords(c.Lower, c.Upper), s.words))
			}
		}
	}
	if len(parts) > 0 {
		lede = []string{"Of " + count(whole.Periods) + " promised periods " + strings.Join(parts, "; ") + "."}
	}
	return finding, lede
}

// topicCells are the shares of exceeded periods by topic, the greatest first.
func topicCells(rows []keptRow) (names []string, cells []cell) {
	var own []keptRow
	for _, r := range rows {
		if r.Dimension == "topic" && r.State == "exceeded" {
			own = append(own, r)
		}
	}
	slices.SortStableFunc(own, func(a, b keptRow) int { return a.Rate.compare(b.Rate) })
	for _, r := range own {
		names, cells = append(names, r.Segment), append(cells, newCell(0, 0, r.Periods, r.InState, r.Rate))
	}
	return names, cells
}

// compare puts the greater rate first and what is not shown last.
func (r Rate) compare(o Rate) int {
	switch {
	case !finite(r.Rate) && !finite(o.Rate):
		return 0
	case !finite(r.Rate):
		return 1
	case !finite(o.Rate):
		return -1
	case *r.Rate > *o.Rate:
		return -1
	case *r.Rate < *o.Rate:
		return 1
	}
	return 0
}

// shareColumns are a name, and a cell's values.
func shareColumns(key, title, n, nTitle, events, eventsTitle string, k Kind) []Column {
	return slices.Concat([]Column{{key, title, Text, false}, {"contacts", "Contacts", Count, false}, {n, nTitle, Count, false}, {events, eventsTitle, Count, false}, {"rate", "Share", k, true}},
		lowerUpper(k), []Column{whyColumn})
}

const byContact = "95% intervals, clustered by contact"

// figureKept ranks topics by the share of their periods that had more messages than promised.
func figureKept(rows []keptRow) Figure {
	f := Figure{ID: "exceeded-by-topic", Topic: "Periods with more messages than promised, by topic", Unit: "% of promised periods with more than one message", Interval: byContact, Level: Counted,
		Ask: "promise_kept", Metric: "promise_kept", Zone: "periods in the zone of the opt-in",
		Columns: shareColumns("topic", "Topic", "periods", "Promised periods", "in_state", "Exceeded", Percent)}
	names, cells := topicCells(rows)
	v := View{}
	chart := Ranked{Label: f.Topic, Kind: Percent, Colour: Leave, Names: names}
	var n uint64
	for i, c := range cells {
		n += c.N
		chart.Dots = append(chart.Dots, c.dot(i, i))
		v.Rows = append(v.Rows, append([]any{names[i]}, c.values()...))
	}
	if len(cells) == 0 {
		return f
	}
	v.N = count(n) + " promised periods"
	v.Finding, _ = promiseWords(rows, keptRow{})
	if whole, ok := keptIn(rows, all, "", "exceeded"); ok {
		v.Finding, _ = promiseWords(rows, whole)
	}
	v.Charts = []Chart{chart.Chart()}
	f.Views = []View{v}
	return f
}

// figureStates shows, by promised frequency, how its periods went.
func figureStates(rows []keptRow) Figure {
	f := Figure{ID: "periods", Topic: "How promised periods went", Unit: "% of promised periods", Interval: byContact, Level: Counted, Ask: "promise_kept", Metric: "promise_kept", Zone: "periods in the zone of the opt-in",
		Columns: slices.Concat([]Column{{"promised_frequency", "Promised", Text, false}}, shareColumns("state", "State", "periods", "Promised periods", "in_state", "In the state", Percent))}
	v := View{}
	var promises []string
	for _, p := range promiseOrder {
		if _, ok := keptIn(rows, "promised_frequency", p, "kept"); ok {
			promises = append(promises, p)
		}
	}
	if len(promises) == 0 {
		return f
	}
	for _, s := range []struct{ state, title, colour string }{{"kept", "Kept: one message", Engage}, {"exceeded", "Exceeded: more than one", Leave}, {"unused", "Unused: none", Plain}} {
		chart := Ranked{Title: s.title, Label: "Share of promised periods, " + s.title, Kind: Percent, Colour: s.colour, Names: promises, Top: 1, Size: Medium}
		for i, p := range promises {
			r, _ := keptIn(rows, "promised_frequency", p, s.state)
			c := newCell(0, 0, r.Periods, r.InState, r.Rate)
			chart.Dots = append(chart.Dots, c.dot(i, len(v.Rows)))
			v.Rows = append(v.Rows, append([]any{p, s.state}, c.values()...))
		}
		v.Charts = append(v.Charts, chart.Chart())
	}
	if whole, ok := keptIn(rows, all, "", "kept"); ok {
		v.N = count(whole.Periods) + " promised periods"
		v.Finding = percentOf(whole.Rate, "of promised periods had the one message that was promised")
	}
	f.Views = []View{v}
	return f
}

// figureBroken lists the newest broken promises.
func figureBroken(rows []brokenRow) Figure {
	f := Figure{ID: "broken", Topic: "The newest broken promises", Unit: "Promised periods with more than one message; contacts are pseudonyms", Level: Counted, Zone: "days in the zone of the opt-in", Ask: "broken_promises limit=25", Metric: "promise_periods",
		Columns: []Column{{"period_from", "Period from", Text, false}, {"topic", "Topic", Text, false}, {"promised_frequency", "Promised", Text, false}, {"channel", "Channel", Text, false},
			{"messages", "Messages", Count, true}, {"last_sent_at", "Last sent", Text, false}, {"zone", "Zone", Text, false}, {"contact_id", "Contact", Text, false}}}
	v := View{N: count(uint64(len(rows))) + " cases, the newest first", Finding: "Who was messaged more often than promised last"}
	for _, r := range rows {
		v.Rows = append(v.Rows, []any{day(r.From.Time), r.Topic, r.Promise, r.Channel, r.Count, minute(r.Last.Time), r.Zone, r.Contact})
	}
	f.Views = []View{v}
	return f
}

var breachNames = []struct{ breach, name string }{
	{"after_opt_out", "After an opt-out"}, {"after_expiry", "After the consent had expired"}, {"without_opt_in", "Without a known opt-in"},
}

// figureBreaches shows the share of marketing messages that no consent allowed, by what was wrong, and by topic.
func figureBreaches(rows []breachRow) Figure {
	f := Figure{ID: "breach-shares", Topic: "Marketing messages that no consent allowed", Unit: "% of marketing messages", Interval: byContact, Level: Counted, Ask: "breach_rates", Metric: "breach_rates",
		Notes:   []string{"Without a known opt-in are only contacts who were first heard of a week after the data begin or later: the others may have opted in before.", "The cases are in the query breaches. Any message after an opt-out is one too many; how many there may be is not a question of statistics."},
		Columns: slices.Concat([]Column{{"topic", "Topic", Text, false}}, shareColumns("breach", "Breach", "messages", "Marketing messages", "broken", "Breaches", Percent))}
	v := View{}
	for _, topic := range append([]string{all}, names(rows, func(r breachRow) string {
		if r.Dimension != "topic" {
			return all
		}
		return r.Segment
	})[1:]...) {
		dimension := "topic"
		if topic == all {
			dimension = "all"
		}
		chart := Ranked{Label: f.Topic, Kind: Percent, Colour: Leave}
		for _, b := range breachNames {
			i := slices.IndexFunc(rows, func(r breachRow) bool {
				return r.Dimension == dimension && (r.Segment == topic || dimension == all) && r.Breach == b.breach && (r.Way == "any" || r.Way == "")
			})
			if i < 0 {
				continue
			}
			c := newCell(0, 0, rows[i].Messages, rows[i].Broken, rows[i].Rate)
			chart.Names = append(chart.Names, b.name)
			chart.Dots = append(chart.Dots, c.dot(0, len(v.Rows)))
			v.Rows = append(v.Rows, append([]any{topic, b.name}, c.values()...))
			if topic == all {
				v.N = count(rows[i].Messages) + " marketing messages"
			}
		}
		if topic == all && len(chart.Names) > 0 {
			v.Charts = []Chart{chart.Chart()}
		}
	}
	if r, ok := breachOf(rows, "after_opt_out"); ok {
		v.Finding = fmt.Sprintf("%s of %s marketing messages went out after an opt-out", count(r.Broken), count(r.Messages))
		if r.Broken > 0 && r.Broken < fewEvents {
			v.Finding = fmt.Sprintf("Fewer than %d of %s marketing messages went out after an opt-out", fewEvents, count(r.Messages))
		}
	}
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}

// figureFunnel shows how many opted in, renewed, and left, by topic.
func figureFunnel(rows []funnelRow) Figure {
	f := Figure{ID: "funnel", Topic: "Consents asked for, given and ended", Unit: "Consents in the window; a topic's requests answered within 7 days, in %", Interval: byContact, Level: Counted, Ask: "opt_in_funnel", Metric: "opt_in_funnel",
		Columns: slices.Concat([]Column{{"topic", "Topic", Text, false}, {"asked", "Asked", Count, false}, {"answered", "Answered", Count, false}, {"rate", "Share", Percent, true}}, lowerUpper(Percent),
			[]Column{{"opted_in", "Opted in", Count, false}, {"resumed", "Resumed", Count, false}, {"renewed", "Renewed", Count, false}, {"stopped", "Stopped", Count, false}, {"blocked", "Blocked", Count, false}, {"expired", "Expired", Count, false}, {"running", "Still on", Count, false}, whyColumn})}
	v := View{}
	for _, r := range rows {
		if r.Dimension != "all" && r.Dimension != "topic" {
			continue
		}
		c := newCell(0, 0, r.Asked, r.Answered, r.Rate)
		values := c.values()
		why := values[6]
		if r.Asked == 0 {
			why = "not told"
		}
		name := r.Segment
		if r.Dimension == all {
			name = all
		}
		v.Rows = append(v.Rows, []any{name, r.Asked, values[2], values[3], values[4], values[5], r.OptedIn, r.Resumed, r.Renewed, r.Stopped, r.Blocked, r.Expired, r.Running, why})
		if r.Dimension != "all" {
			continue
		}
		row := len(v.Rows) - 1
		chart := Bars{Label: f.Topic, Kind: Count, Size: Wide, Across: true, Parts: []Part{{Colour: Plain}}}
		for _, step := range []struct {
			name string
			n    uint64
		}{{"asked", r.Asked}, {"opted in", r.OptedIn}, {"resumed", r.Resumed}, {"renewed", r.Renewed}, {"stopped", r.Stopped}, {"blocked", r.Blocked}, {"expired unrenewed", r.Expired}, {"still on", r.Running}} {
			n := float64(step.n)
			chart.Axis = append(chart.Axis, step.name)
			chart.Parts[0].Values, chart.Parts[0].Rows = append(chart.Parts[0].Values, &n), append(chart.Parts[0].Rows, row)
		}
		v.N = count(r.OptedIn) + " opt-ins"
		v.Finding = fmt.Sprintf("%s consents began in the window, %s were stopped and %s ran out unrenewed", count(r.OptedIn), count(r.Stopped), count(r.Expired))
		v.Charts = []Chart{chart.Chart()}
	}
	if len(v.Charts) > 0 {
		f.Views = []View{v}
	}
	return f
}

// figureConsent shows how long consents last, a small chart a promised frequency.
func figureConsent(rows []consentRow) Figure {
	const ask = "consent_survival dimension=promised_frequency cause=any"
	f := Figure{ID: "consent-lasts", Topic: "How long consents last", Unit: "% of consents that have ended, by days since the opt-in", Interval: "95% intervals of the curve (Aalen-Johansen)", Level: Counted, Ask: ask, Metric: "consent_survival",
		Columns: slices.Concat([]Column{{"promised_frequency", "Promised", Text, false}, {"spell_day", "Day", Count, false}, {"at_risk", "At risk", Count, false}, {"incidence", "Ended", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	v := View{}
	var atStart uint64
	var top float64
	for _, r := range rows {
		if finite(r.Upper) {
			top = max(top, *r.Upper)
		}
	}
	for _, p := range append(slices.Clone(promiseOrder), "") {
		line, axis := Line{Colour: Leave}, []string{}
		for _, r := range rows {
			if r.Segment != p {
				continue
			}
			why := ""
			if !finite(r.Incidence) {
				why = "n<30"
			}
			if len(axis) == 0 {
				atStart += r.AtRisk
			}
			line.Dots = append(line.Dots, Dot{At: len(axis), Row: len(v.Rows), Value: r.Incidence, Lower: r.Lower, Upper: r.Upper, Why: why})
			axis = append(axis, fmt.Sprint(r.Day))
			name := p
			if name == "" {
				name = "none named"
			}
			v.Rows = append(v.Rows, []any{name, uint64(r.Day), r.AtRisk, number(r.Incidence), number(r.Lower), number(r.Upper), why})
		}
		if slices.ContainsFunc(line.Dots, func(d Dot) bool { return finite(d.Value) }) {
			name := p
			if name == "" {
				name = "no frequency named"
			}
			v.Charts = append(v.Charts, Dots{Title: strings.ToUpper(name[:1]) + name[1:], Label: "Share of consents ended, promised " + name, Under: "Days since the opt-in", Kind: Percent, Size: Medium, Axis: axis, Lines: []Line{line}, Top: math.Ceil(10*top) / 10}.Chart())
		}
	}
	if len(v.Charts) > 0 {
		v.N = count(atStart) + " consents at risk on the first day"
		f.Views = []View{v}
	}
	return f
}

// figurePromise shows what people do who were promised each frequency: as counted, and at equal prior engagement.
func figurePromise(rows []promiseRow, outcome, word string) Figure {
	f := Figure{ID: "promise-" + strings.ReplaceAll(word, " ", "-"), Topic: "Days with an " + word + ", by promised frequency", Unit: "% of person-days with an " + word, Interval: "95% intervals, by leaving out groups of contacts", Level: Standardised,
		Ask: "promise_engagement", Metric: "promise_engagement",
		Columns: slices.Concat([]Column{{"identification", "Compared", Text, false}}, shareColumns("promised_frequency", "Promised", "person_days", "Person-days", "outcomes", "With it", Percent))}
	v := View{}
	var n uint64
	for _, how := range []struct{ key, title string }{{"crude", "As counted"}, {"standardised", "At equal prior engagement and market"}} {
		chart := Ranked{Title: how.title, Label: f.Topic + ", " + how.title, Kind: Percent, Colour: Engage, Size: Medium}
		if outcome == "opt_out" {
			chart.Colour = Leave
		}
		for _, p := range promiseOrder {
			i := slices.IndexFunc(rows, func(r promiseRow) bool {
				return r.Identification == how.key && r.Outcome == outcome && r.Promise == p
			})
			if i < 0 {
				continue
			}
			c := newCell(0, 0, rows[i].PersonDays, rows[i].Outcomes, rows[i].Rate)
			if how.key == "crude" {
				n += rows[i].PersonDays
			}
			chart.Names = append(chart.Names, p)
			chart.Dots = append(chart.Dots, c.dot(0, len(v.Rows)))
			v.Rows = append(v.Rows, append([]any{how.title, p}, c.values()...))
		}
		switch {
		case slices.ContainsFunc(chart.Dots, func(d Dot) bool { return finite(d.Value) }):
			v.Charts = append(v.Charts, chart.Chart())
		case how.key == "standardised":
			f.Level = Crude
			f.Notes = []string{"Too few contacts with the same prior engagement and market were promised different frequencies to compare them at equal ones."}
		}
	}
	if len(v.Charts) > 0 {
		v.N = count(n) + " person-days with a promise"
		f.Views = []View{v}
	}
	return f
}
