package reports

import (
	"cmp"
	"fmt"
	"maps"
	"math"
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

type responseRow struct {
	inSegment
	Author     string   `json:"author"`
	Clock      string   `json:"clock"`
	Measure    string   `json:"measure"`
	AtSeconds  uint32   `json:"at_s"`
	AtShare    float64  `json:"at_share"`
	Contacts   uint64   `json:"contacts"`
	Cases      uint64   `json:"cases"`
	Answered   uint64   `json:"answered"`
	Calendar   uint64   `json:"calendar_cases"`
	Observed   float64  `json:"observed_s"`
	Suppressed uint8    `json:"suppressed"`
	Estimate   *float64 `json:"estimate"`
	Lower      *float64 `json:"lower"`
	Upper      *float64 `json:"upper"`
	Why        string   `json:"why"`
}

type serviceRow struct {
	inSegment
	Opened     uint64 `json:"opened"`
	Windows    uint64 `json:"windows"`
	Unanswered uint64 `json:"unanswered"`
	Rate
}

type beganRow struct {
	inSegment
	Week       Time   `json:"week"`
	Contacts   uint64 `json:"contacts"`
	Cases      uint64 `json:"cases"`
	ByContact  uint64 `json:"by_contact"`
	ByBusiness uint64 `json:"by_business"`
}

type statedFrequencyRow struct {
	Survey string `json:"survey_id"`
	inSegment
	From        Time     `json:"window_from"`
	To          Time     `json:"window_to"`
	Question    string   `json:"question_id"`
	Position    uint16   `json:"option_position"`
	Label       string   `json:"label"`
	StatedOf    string   `json:"stated_population"`
	ObservedOf  string   `json:"observed_population"`
	Base        *uint64  `json:"base_n"`
	Stated      *float64 `json:"stated"`
	StatedLower *float64 `json:"stated_lower"`
	StatedUpper *float64 `json:"stated_upper"`
	Contacts    uint64   `json:"contacts"`
	ObservedN   uint64   `json:"observed_n"`
	Observed    *float64 `json:"observed"`
	Lower       *float64 `json:"observed_lower"`
	Upper       *float64 `json:"observed_upper"`
	Why         string   `json:"why"`
}

type observedFrequencyRow struct {
	inSegment
	AsOf       Time     `json:"as_of"`
	Category   string   `json:"category"`
	Base       uint64   `json:"base"`
	Contacts   uint64   `json:"contacts"`
	Suppressed uint8    `json:"suppressed"`
	Share      *float64 `json:"share"`
	Lower      *float64 `json:"lower"`
	Upper      *float64 `json:"upper"`
	AtLeast    *float64 `json:"at_least_share"`

	AtLeastLower *float64 `json:"at_least_lower"`
	AtLeastUpper *float64 `json:"at_least_upper"`
}

type joinedRow struct {
	Survey           string  `json:"survey_id"`
	Stated           string  `json:"stated"`
	StatedPosition   uint16  `json:"stated_position"`
	Observed         string  `json:"observed"`
	ObservedPosition uint16  `json:"observed_position"`
	Respondents      *uint64 `json:"respondents"`
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

// The authors of a first response, in the order of lines.
var responders = []struct{ key, name, colour, symbol string }{{"any", "anybody", Engage, "circle"}, {"human", "a human", ink, "diamond"}, {"bot", "a bot", Plain, "triangle"}}

// estimate leaves out what is only said of a row that is shown, such as that it has no calendar.
func (r responseRow) estimate() estimate {
	e := estimate{Value: r.Estimate, Lower: r.Lower, Upper: r.Upper}
	switch {
	case finite(r.Estimate):
	case r.Contacts < fewContacts:
		e.Why = "n<30"
	case r.Answered < fewEvents:
		e.Why = "<5"
	default:
		e.Why = "none so long"
	}
	return e
}

// counts are contacts, cases and answered cases, as far as they may be shown.
func (r responseRow) counts() []any {
	switch {
	case r.Contacts < fewContacts:
		return []any{nil, nil, nil}
	case r.Answered < fewEvents:
		return []any{r.Contacts, r.Cases, nil}
	}
	return []any{r.Contacts, r.Cases, r.Answered}
}

// within is the row of a share answered within so many seconds.
func within(rows []responseRow, author, clock string, seconds uint32) (responseRow, bool) {
	i := slices.IndexFunc(rows, func(r responseRow) bool {
		return r.Author == author && r.Clock == clock && r.Measure == "within" && r.AtSeconds == seconds
	})
	if i < 0 {
		return responseRow{}, false
	}
	return rows[i], true
}

func quantile(rows []responseRow, author, clock string, share float64) (responseRow, bool) {
	i := slices.IndexFunc(rows, func(r responseRow) bool {
		return r.Author == author && r.Clock == clock && r.Measure == "quantile" && math.Abs(r.AtShare-share) < 1e-9
	})
	if i < 0 {
		return responseRow{}, false
	}
	return rows[i], true
}

// shortTime writes seconds on an axis: 15m, 24h.
func shortTime(seconds uint32) string {
	if seconds < 3600 {
		return fmt.Sprintf("%dm", seconds/60)
	}
	return fmt.Sprintf("%dh", seconds/3600)
}

// duration writes seconds in a sentence.
func duration(seconds float64) string {
	number := func(v float64, unit string) string {
		text := fmt.Sprintf("%.0f", v)
		if v < 10 && unit != "second" {
			text = strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
		}
		if text == "1" {
			return text + " " + unit
		}
		return text + " " + unit + "s"
	}
	switch {
	case seconds < 60:
		return number(seconds, "second")
	case seconds < 3600:
		return number(seconds/60, "minute")
	case seconds < 48*3600:
		return number(seconds/3600, "hour")
	}
	return number(seconds/86400, "day")
}

var answeredWithin = []struct {
	seconds uint32
	words   string
}{{300, "5 minutes"}, {3600, "an hour"}, {86400, "a day"}}

// waitingWords say what share of cases was answered in 5 minutes, an hour and a day; "" where that is not shown.
func waitingWords(rows []responseRow, author, clock string) string {
	var parts []string
	for _, w := range answeredWithin {
		if r, ok := within(rows, author, clock, w.seconds); ok && finite(r.Estimate) {
			share := Percent.write(*r.Estimate)
			if len(parts) == 0 {
				share += " of cases are answered"
			}
			parts = append(parts, share+" within "+w.words)
		}
	}
	return strings.Join(parts, ", ")
}

func waitingAnswer(rows []responseRow) (Answer, bool) {
	r, ok := quantile(rows, "any", "wall", 0.5)
	if !ok || !finite(r.Estimate) || !finite(r.Lower) || !finite(r.Upper) {
		return Answer{}, false
	}
	lower, upper := duration(*r.Lower), duration(*r.Upper)
	if number, unit, _ := strings.Cut(lower, " "); strings.HasSuffix(upper, " "+unit) {
		lower = number
	}
	return Answer{Question: "How long do people wait for an answer?", Value: duration(*r.Estimate), Of: "until half of all cases are answered, by anybody", Interval: "95% interval " + lower + " to " + upper}, true
}

// waitingFigure draws what share of cases is answered by when: the curve of Kaplan and Meier, which counts who still waits.
func waitingFigure(rows []responseRow, clock string) Figure {
	f := Figure{ID: "answered-" + clock, Topic: "Cases answered by when", Unit: "% of cases answered within the time, by who answers first", Interval: "95% intervals, clustered by contact", Level: Counted, Ask: "first_response author= clock=", Metric: "first_response",
		Columns: slices.Concat([]Column{{"author", "Answered by", Text, false}, {"within", "Within", Text, false}, {"contacts", "Contacts", Count, false}, {"cases", "Cases", Count, false}, {"answered", "Ever answered", Count, false}, {"estimate", "Share answered", Percent, true}},
			lowerUpper(Percent), []Column{whyColumn}),
		Notes: []string{"Kaplan–Meier: a case that nobody has answered waits for as long as it could be seen to, 7 days at most. By a human or a bot: had the case not been closed before."}}
	under := "Time since the first message of the case: m minutes, h hours"
	if clock == "business" {
		f.Topic, f.Unit, under = "Cases answered by when, in business time", "% of cases answered within so much time that the business is open, by who answers first", "Open time since the first message of the case: m minutes, h hours"
		f.Notes[0] += " 24 open hours are about three working days."
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(r responseRow) bool { return r.Clock != clock || r.Measure != "within" })
	if i := slices.IndexFunc(rows, func(r responseRow) bool { return r.Dimension == all && r.Author == "any" }); i >= 0 && clock == "business" {
		switch r := rows[i]; {
		case r.Calendar == 0:
			return Figure{} // without calendars it would be the same curve
		case r.Calendar < r.Cases:
			f.Notes = append(f.Notes, fmt.Sprintf("%s of %s cases are of a market with a calendar; for the others all time counts.", count(r.Calendar), count(r.Cases)))
		}
	}
	for _, s := range bySlice(rows, func(r responseRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Cases }) {
		v := View{Slice: s.Slice}
		chart := Dots{Label: f.Topic, Under: under, Kind: Percent, Size: Wide, Top: 1}
		var axis []uint32
		for _, r := range s.Rows {
			if drawn := r.AtSeconds != 1800 && r.AtSeconds != 7200; drawn && !slices.Contains(axis, r.AtSeconds) { // a phone has no room for more; the table has them
				axis = append(axis, r.AtSeconds)
			}
		}
		slices.Sort(axis)
		for _, at := range axis {
			chart.Axis = append(chart.Axis, shortTime(at))
		}
		for _, by := range responders {
			line := Line{Name: by.name, Colour: by.colour, Symbol: by.symbol}
			for _, r := range s.Rows {
				if r.Author != by.key {
					continue
				}
				if at := slices.Index(axis, r.AtSeconds); at >= 0 {
					d := r.estimate().dot(len(v.Rows))
					d.At, d.Why = at, ""
					line.Dots = append(line.Dots, d)
				}
				v.Rows = append(v.Rows, slices.Concat([]any{by.name, duration(float64(r.AtSeconds))}, r.counts(), r.estimate().values()))
				if by.key == "any" {
					v.N = count(r.Cases) + " cases of " + count(r.Contacts) + " contacts"
					if r.Contacts < fewContacts {
						v.N = "fewer than 30 contacts"
					}
				}
			}
			if len(line.Dots) > 0 {
				chart.Lines = append(chart.Lines, line)
			}
		}
		if words := waitingWords(s.Rows, "any", clock); words != "" {
			v.Finding = words
			if clock == "business" {
				v.Finding = "In business time, " + words
			}
		} else {
			v.Finding = "Too few cases to say how many are answered by when"
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

// quantilesFigure has the times by which half and nine tenths are answered.
func quantilesFigure(rows []responseRow) Figure {
	f := Figure{ID: "waits", Topic: "How long until half are answered, and nine in ten", Unit: "Hours until 50% and 90% of cases are answered, who still waits counted in", Interval: "95% intervals, from the limits of the curve", Level: Counted, Ask: "first_response author= clock=", Metric: "first_response",
		Columns: []Column{{"author", "Answered by", Text, false}, {"clock", "Clock", Text, false}, {"cases", "Cases", Count, false}, {"answered", "Ever answered", Count, false},
			{"half", "Half, hours", Number, true}, {"half_lower", "95% from", Number, false}, {"half_upper", "to", Number, false}, {"ninety", "Nine in ten, hours", Number, true}, {"ninety_lower", "95% from", Number, false}, {"ninety_upper", "to", Number, false}, whyColumn}}
	hours := func(v *float64) any {
		if !finite(v) {
			return nil
		}
		return *v / 3600
	}
	v := View{}
	for _, clock := range []string{"wall", "business"} {
		for _, by := range responders {
			half, ok := quantile(rows, by.key, clock, 0.5)
			ninety, also := quantile(rows, by.key, clock, 0.9)
			if !ok || !also || clock == "business" && half.Calendar == 0 {
				continue
			}
			why := half.estimate().Why
			if half.Suppressed == 0 {
				why = "not within " + duration(half.Observed)
			}
			counts := half.counts()
			v.Rows = append(v.Rows, []any{by.name, map[string]string{"wall": "wall clock", "business": "business time"}[clock], counts[1], counts[2],
				hours(half.Estimate), hours(half.Lower), hours(half.Upper), hours(ninety.Estimate), hours(ninety.Lower), hours(ninety.Upper), why})
			if by.key != "any" || clock != "wall" {
				continue
			}
			v.N = count(half.Cases) + " cases of " + count(half.Contacts) + " contacts"
			switch {
			case !finite(half.Estimate):
				v.Finding = "Fewer than half of the cases are answered within " + duration(half.Observed)
			case !finite(ninety.Estimate):
				v.Finding = "Half of the cases are answered within " + duration(*half.Estimate) + ", but nine in ten not within " + duration(half.Observed)
			default:
				v.Finding = "Half of the cases are answered within " + duration(*half.Estimate) + ", nine in ten within " + duration(*ninety.Estimate)
			}
			if half.Suppressed != 0 {
				v.N, v.Finding = "too few cases", "Too few cases to say how long people wait"
			}
		}
	}
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}

// responseColumns are those of a share answered within an hour, by something.
func responseColumns(by ...Column) []Column {
	return slices.Concat(by, []Column{{"contacts", "Contacts", Count, false}, {"cases", "Cases", Count, false}, {"answered", "Ever answered", Count, false}, {"estimate", "Within an hour", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})
}

// placeName is a channel or market in words.
func placeName(dimension, segment string) string {
	switch {
	case dimension == all:
		return all
	case segment == "":
		return "not known"
	case dimension == "channel":
		return channelName(segment)
	}
	return segment
}

const inHour = "% of cases answered within an hour by anybody, wall clock"

// placesFigure ranks channels and markets by the share answered within an hour.
func placesFigure(rows []responseRow) Figure {
	f := Figure{ID: "answered-by-place", Topic: "Answered within an hour, by channel and market", Unit: inHour, Interval: byContact, Level: Counted, Ask: "first_response dimension=market author= clock=", Metric: "first_response",
		Columns: responseColumns(Column{"dimension", "By", Text, false}, Column{"segment", "Segment", Text, false})}
	v := View{}
	for _, dimension := range []string{"channel", "market"} {
		var own []responseRow
		for _, r := range rows {
			if r.Dimension == dimension && r.Author == "any" && r.Clock == "wall" && r.Measure == "within" && r.AtSeconds == 3600 {
				own = append(own, r)
			}
		}
		slices.SortStableFunc(own, func(a, b responseRow) int { return a.estimate().compare(b.estimate()) })
		chart := Ranked{Title: "By " + dimension, Label: f.Topic, Kind: Percent, Colour: Engage, Size: Medium, Top: 1}
		shown := 0
		var cells []estimate
		for i, r := range own {
			name, e := placeName(dimension, r.Segment), r.estimate()
			if e.clear() {
				shown, cells = shown+1, append(cells, e)
			}
			if i < 10 {
				chart.Names, chart.Dots = append(chart.Names, name), append(chart.Dots, e.dot(len(v.Rows)))
			}
			v.Rows = append(v.Rows, slices.Concat([]any{dimension, name}, r.counts(), e.values()))
		}
		if shown > 1 {
			v.Charts = append(v.Charts, chart.Chart())
			if best, worst := own[0], own[shown-1]; dimension == "market" && *cells[0].Lower > *cells[shown-1].Upper {
				v.Finding = fmt.Sprintf("Waits differ by market: in %s %s of cases are answered within an hour, in %s %s", placeName(dimension, worst.Segment), Percent.write(*worst.Estimate), placeName(dimension, best.Segment), Percent.write(*best.Estimate))
			}
		}
	}
	if r, ok := within(rows, "any", "wall", 3600); ok {
		v.N = count(r.Cases) + " cases"
	}
	if len(v.Charts) > 0 {
		f.Views = []View{v}
	}
	return f
}

// hoursFigure shows at which hour of the day people wait longest.
func hoursFigure(rows []responseRow) Figure {
	f := Figure{ID: "answered-by-hour", Topic: "Answered within an hour, by the hour of the first message", Unit: inHour, Interval: byContact, Zone: "hours in local time of the contact", Level: Counted, Ask: "first_response dimension=hour", Metric: "first_response",
		Columns: responseColumns(Column{"hour", "Hour", Text, false})}
	v := View{}
	chart := Dots{Label: f.Topic, Under: "Hour of the day at which the case began", Kind: Percent, Size: Wide, Top: 1}
	line := Line{Colour: Engage}
	var low, high *responseRow
	var cases uint64
	for _, r := range rows {
		if r.Author != "any" || r.Clock != "wall" || r.Measure != "within" || r.AtSeconds != 3600 {
			continue
		}
		e := r.estimate()
		if e.clear() {
			if low == nil || *r.Upper < *low.Upper {
				low = &r
			}
			if high == nil || *r.Lower > *high.Lower {
				high = &r
			}
		}
		d := e.dot(len(v.Rows))
		if d.Why != "" && len(f.Notes) == 0 {
			f.Notes = []string{"Hours without a mark have too few cases; the table says why."}
		}
		d.At, d.Why = len(chart.Axis), ""
		chart.Axis = append(chart.Axis, strings.TrimPrefix(r.Segment, "0"))
		line.Dots = append(line.Dots, d)
		cases += r.Cases
		v.Rows = append(v.Rows, slices.Concat([]any{r.Segment + ":00"}, r.counts(), e.values()))
	}
	if low == nil {
		return f
	}
	v.N = count(cases) + " cases"
	v.Finding = "No hour of the day has clearly longer waits than another"
	if *high.Lower > *low.Upper {
		v.Finding = fmt.Sprintf("Waits differ by the hour: of cases begun from %s:00 on, %s are answered within an hour, from %s:00 on %s", low.Segment, Percent.write(*low.Estimate), high.Segment, Percent.write(*high.Estimate))
	}
	chart.Lines = []Line{line}
	v.Charts = []Chart{chart.Chart()}
	f.Views = []View{v}
	return f
}

// weeksFigure follows the share answered within an hour over the whole weeks of the window.
func weeksFigure(e Edition, rows []responseRow) Figure {
	f := Figure{ID: "answered-by-week", Topic: "Answered within an hour, by week", Unit: inHour, Interval: byContact, Level: Counted, Ask: "first_response dimension=week", Metric: "first_response",
		Columns: responseColumns(Column{"week", "Week of", Text, false})}
	v := View{}
	chart := Dots{Label: f.Topic, Under: "Monday on which the week of the first message began", Kind: Percent, Size: Wide, Top: 1}
	line := Line{Colour: Engage}
	var cells []cell
	var cases uint64
	for _, r := range rows {
		monday, ok := wholeWeek(e, r.Segment)
		if !ok || r.Author != "any" || r.Clock != "wall" || r.Measure != "within" || r.AtSeconds != 3600 {
			continue
		}
		est := r.estimate()
		if est.clear() {
			cells = append(cells, cell{Rate: *est.Value, Lower: *est.Lower, Upper: *est.Upper, Shown: true})
		}
		d := est.dot(len(v.Rows))
		d.At = len(chart.Axis)
		chart.Axis = append(chart.Axis, monday.Format("2 Jan"))
		line.Dots = append(line.Dots, d)
		cases += r.Cases
		v.Rows = append(v.Rows, slices.Concat([]any{r.Segment}, r.counts(), est.values()))
	}
	if len(cells) < 2 {
		return f
	}
	v.N = count(cases) + " cases"
	first, last := Percent.write(cells[0].Rate), Percent.write(cells[len(cells)-1].Rate)
	switch changeOf(cells).direction {
	case rises:
		v.Finding = "Answers come sooner than in the first week: " + last + " within an hour against " + first
	case falls:
		v.Finding = "Answers come later than in the first week: " + last + " within an hour against " + first
	default:
		v.Finding = "Waits have not clearly changed since the first week"
	}
	if len(chart.Axis) > 6 {
		chart.Every = 2
	}
	chart.Lines = []Line{line}
	v.Charts = []Chart{chart.Chart()}
	f.Views = []View{v}
	return f
}

// serviceFigure shows which windows that people opened ran out unanswered.
func serviceFigure(rows []serviceRow) Figure {
	f := Figure{ID: "service-windows", Topic: "Windows that ran out unanswered", Unit: "% of the 24-hour windows that people opened and that are over", Interval: byContact, Level: Counted, Ask: "service_windows", Metric: "service_windows",
		Columns: slices.Concat([]Column{{"dimension", "By", Text, false}}, shareColumns("segment", "Segment", "windows", "Windows", "unanswered", "Unanswered", Percent))}
	v := View{}
	for _, dimension := range []string{"all", "channel", "market"} {
		own := slices.DeleteFunc(slices.Clone(rows), func(r serviceRow) bool { return r.Dimension != dimension })
		slices.SortStableFunc(own, func(a, b serviceRow) int { return a.Rate.compare(b.Rate) })
		chart := Ranked{Title: "By " + dimension, Label: f.Topic + ", by " + dimension, Kind: Percent, Colour: Leave, Size: Medium}
		for _, r := range own {
			c := newCell(0, 0, r.Windows, r.Unanswered, r.Rate)
			if dimension == "all" {
				v.N = count(r.Windows) + " windows"
				v.Finding = percentOf(r.Rate, "of the windows that people opened ran out without an answer")
			}
			name := placeName(dimension, r.Segment)
			if len(chart.Names) < 10 {
				chart.Names, chart.Dots = append(chart.Names, name), append(chart.Dots, c.dot(0, len(v.Rows)))
			}
			v.Rows = append(v.Rows, append([]any{dimension, name}, c.values()...))
		}
		if dimension != "all" && len(own) > 0 {
			v.Charts = append(v.Charts, chart.Chart())
		}
	}
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}

// repeatFigure shows how many come back soon after their case ended.
func repeatFigure(rows []painRow) Figure {
	f := Figure{ID: "repeat", Topic: "People who come back", Unit: "% of contacts who began another case within 72 hours after the end of one", Interval: "95% intervals of contacts", Level: Counted, Ask: "pain_points dimension= pain=repeat_contact", Metric: "pain_points",
		Columns: slices.Concat([]Column{{"dimension", "By", Text, false}, {"segment", "Segment", Text, false}, {"contacts", "Contacts", Count, false}, {"hit", "Came back", Count, false}, {"reach", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn}),
		Notes:   []string{"Of cases that ended 72 hours before the data do. Whether it is about the same thing nobody knows: texts are not stored."}}
	v := View{}
	for _, dimension := range []string{all, "channel", "market"} {
		chart := Ranked{Title: "By " + dimension, Label: f.Topic + ", by " + dimension, Kind: Percent, Colour: Plain, Size: Medium}
		own := slices.DeleteFunc(slices.Clone(rows), func(r painRow) bool { return r.Dimension != dimension })
		slices.SortStableFunc(own, func(a, b painRow) int { return a.estimate().compare(b.estimate()) })
		for _, r := range own {
			c, name := r.cell(), placeName(dimension, r.Segment)
			if dimension == all {
				v.N = count(r.Contacts) + " contacts"
				v.Finding = percentOf(Rate{r.Contacts, r.Suppressed, r.Reach, r.Lower, r.Upper}, "of contacts came back within 72 hours at least once")
			}
			if len(chart.Names) < 10 {
				chart.Names, chart.Dots = append(chart.Names, name), append(chart.Dots, c.dot(0, len(v.Rows)))
			}
			values := c.values()
			v.Rows = append(v.Rows, slices.Concat([]any{dimension, name, values[0]}, values[2:]))
		}
		if dimension != all && len(chart.Names) > 0 {
			v.Charts = append(v.Charts, chart.Chart())
		}
	}
	if len(v.Charts) > 0 {
		f.Views = []View{v}
	}
	return f
}

// beganFigure counts cases by who began them.
func beganFigure(rows []beganRow) Figure {
	f := Figure{ID: "who-begins", Topic: "Cases by who began them", Unit: "Cases begun in the week", Level: Counted, Ask: "conversations_by_week", Metric: "conversations",
		Columns: []Column{{"week", "Week of", Text, false}, {"contacts", "Contacts", Count, false}, {"by_contact", "Begun by a contact", Count, true}, {"by_business", "Answering one of ours", Count, true}, whyColumn},
		Notes:   []string{"A case answers one of ours if its first message quotes it, or comes within 24 hours after it. The window may cut the first week and the last."}}
	for _, s := range bySlice(rows, func(r beganRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Cases }) {
		v := View{Slice: s.Slice}
		chart := Bars{Label: f.Topic, Under: "Monday of the week", Kind: Count, Size: Wide}
		parts := []Part{{Name: "begun by a contact", Colour: Engage}, {Name: "answering one of ours", Colour: Plain}}
		var byContact, cases uint64
		hidden := false
		for i, r := range s.Rows {
			chart.Axis = append(chart.Axis, r.Week.Format("2 Jan"))
			values := []any{r.Contacts, r.ByContact, r.ByBusiness, ""}
			var bars [2]*float64
			if few := func(n uint64) bool { return n > 0 && n < fewEvents }; r.Contacts < fewContacts {
				values, hidden = []any{nil, nil, nil, "n<30"}, true
			} else if few(r.ByContact) || few(r.ByBusiness) {
				values, hidden = []any{r.Contacts, nil, nil, "<5"}, true
			} else {
				a, b := float64(r.ByContact), float64(r.ByBusiness)
				bars = [2]*float64{&a, &b}
			}
			byContact, cases = byContact+r.ByContact, cases+r.Cases
			for k := range parts {
				parts[k].Values, parts[k].Rows = append(parts[k].Values, bars[k]), append(parts[k].Rows, i)
			}
			v.Rows = append(v.Rows, append([]any{r.Week.Format("2006-01-02")}, values...))
		}
		chart.Parts = parts
		if v.N = count(cases) + " cases"; hidden {
			v.N = "weeks of few contacts are not shown"
			v.Finding = "Cases by who began them" + map[bool]string{true: "", false: ": " + s.Slice.words()}[s.Slice == Slice{}]
		} else {
			v.Finding = fmt.Sprintf("People began %s of %s cases of their own accord; the others answered a message of ours", count(byContact), count(cases))
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	if len(f.Views) > 0 && !slices.ContainsFunc(f.Views[0].Rows, func(row []any) bool { return row[2] != nil }) {
		f.Views = nil
	}
	return f
}

// frequencySidesFigure sets how often people say they write beside how often contacts do.
func frequencySidesFigure(said, atLeast asked, rows []statedFrequencyRow, observed []observedFrequencyRow) Figure {
	f := Figure{ID: "scale", Topic: "How often people message the business", Unit: "% of respondents who say so, and % of contacts who did in 28 days", Interval: "95% intervals, of the survey’s design and of contacts", Level: Stated, Ask: "stated_frequency", Metric: "stated_frequency",
		Columns: []Column{{"label", "How often", Text, false}, {"base_n", "Respondents", Count, false}, {"stated", "Say so", Percent, true}, {"stated_lower", "95% from", Percent, false}, {"stated_upper", "to", Percent, false},
			{"contacts", "Contacts", Count, false}, {"observed_n", "Of these", Count, false}, {"observed", "Did", Percent, true}, {"observed_lower", "95% from", Percent, false}, {"observed_upper", "to", Percent, false}, whyColumn}}
	if len(said.rows) == 0 {
		return f
	}
	rows = slices.DeleteFunc(rows, func(r statedFrequencyRow) bool {
		return r.Survey != said.survey.ID || r.Question != said.rows[0].Question
	})
	both := slices.ContainsFunc(rows, func(r statedFrequencyRow) bool { return finite(r.Observed) })
	for _, s := range bySlice(rows, func(r statedFrequencyRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Contacts }) {
		v := View{Slice: s.Slice}
		var ends []estimate
		for _, r := range s.Rows {
			ends = append(ends, r.said(), r.seen())
		}
		stated := Ranked{Title: "People say", Note: "% of respondents", Label: "How often people say they message", Kind: Percent, Colour: Plain, Size: Medium, Top: niceEnd(ends)}
		seen := Ranked{Title: "The log shows", Note: "% of contacts, by days on which they wrote", Label: "How often contacts wrote", Kind: Percent, Colour: Engage, Size: Medium, Top: niceEnd(ends)}
		for _, r := range s.Rows {
			row := len(v.Rows)
			stated.Names, stated.Dots = append(stated.Names, r.Label), append(stated.Dots, r.said().dot(row))
			seen.Names, seen.Dots = append(seen.Names, r.Label), append(seen.Dots, r.seen().dot(row))
			contacts, n := any(r.Contacts), any(r.ObservedN)
			if !r.seen().shown() {
				if n = nil; r.Contacts < fewContacts {
					contacts = nil
				}
			}
			v.Rows = append(v.Rows, slices.Concat([]any{r.Label, counted(r.Base)}, r.said().values()[:3], []any{contacts, n}, r.seen().values()[:3], []any{cmp.Or(r.Why, r.seen().Why)}))
			v.N = sized(r.Base)
			if both && r.Contacts >= fewContacts {
				v.N += " and " + count(r.Contacts) + " contacts"
			}
		}
		v.Charts = []Chart{stated.Chart()}
		if both {
			v.Charts = append(v.Charts, seen.Chart())
		}
		if s.Slice == (Slice{}) {
			v.Finding = weeklyWords(said, atLeast, observed)
		}
		f.Views = append(f.Views, v)
	}
	if len(f.Views) == 0 {
		return f
	}
	r := rows[0]
	f.When, f.Notes = said.survey.when(), said.notes()
	if both {
		f.When += "; log of " + days(r.From.Time, r.To.Time)
		f.Notes = append([]string{"Two populations. Say so: " + r.StatedOf + ". Did: " + r.ObservedOf + ", who wrote of their own accord on that many days."}, f.Notes...)
	}
	return f
}

// weeklyWords say how many message weekly or more often, from the categories and not from rounded shares; "" where
// that is not known.
func weeklyWords(said, atLeast asked, observed []observedFrequencyRow) (words string) {
	for _, r := range said.rows {
		for _, l := range atLeast.rows {
			if l.Survey == r.Survey && l.Question == r.Question && l.Option == r.Option && strings.EqualFold(r.Label, "weekly") && l.estimate().shown() {
				words = l.estimate().words() + " say they message weekly or more often"
			}
		}
	}
	for _, r := range observed {
		if r.Dimension == all && r.Category == "weekly" && finite(r.AtLeast) && words != "" {
			words += "; the log shows " + estimate{r.AtLeast, r.AtLeastLower, r.AtLeastUpper, ""}.words() + " of contacts"
		}
	}
	return words
}

func (r statedFrequencyRow) said() estimate {
	return estimate{r.Stated, r.StatedLower, r.StatedUpper, r.Why}
}

func (r statedFrequencyRow) seen() estimate {
	if !finite(r.Observed) {
		return estimate{Why: newCell(0, 0, r.Contacts, r.ObservedN, Rate{Contacts: r.Contacts, Suppressed: 1}).why()}
	}
	return estimate{r.Observed, r.Lower, r.Upper, ""}
}

// frequencyObservedFigure is the log alone, where nobody was asked.
func frequencyObservedFigure(rows []observedFrequencyRow) Figure {
	f := Figure{ID: "scale-observed", Topic: "How often contacts write", Unit: "% of contacts who wrote of their own accord so often in 28 days", Interval: "95% intervals of contacts", Zone: "28 days up to the end of the data", Level: Counted, Ask: "conversation_frequency", Metric: "conversation_frequency",
		Columns: slices.Concat([]Column{{"category", "How often", Text, false}, {"base", "Contacts", Count, false}, {"contacts", "Of these", Count, false}, {"share", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	for _, s := range bySlice(rows, func(r observedFrequencyRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Base }) {
		v := View{Slice: s.Slice}
		chart := Ranked{Label: f.Topic, Kind: Percent, Colour: Engage}
		for _, r := range s.Rows {
			c := newCell(0, 0, r.Base, r.Contacts, Rate{r.Base, r.Suppressed, r.Share, r.Lower, r.Upper})
			chart.Names, chart.Dots = append(chart.Names, r.Category), append(chart.Dots, c.dot(0, len(v.Rows)))
			values := c.values()
			v.Rows = append(v.Rows, slices.Concat([]any{r.Category}, values[1:]))
			v.N = count(r.Base) + " contacts"
			if r.Base < fewContacts {
				v.N = "fewer than 30 contacts"
			}
			if r.Category == "weekly" && finite(r.AtLeast) {
				v.Finding = Percent.write(*r.AtLeast) + " of contacts write weekly or more often"
			}
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

// joinedFigure sets what each person says against what the log shows of them: a table, for so few cells are read as numbers.
func joinedFigure(said asked, rows []joinedRow, agreement []agreementRow) Figure {
	f := Figure{ID: "joined", Topic: "What people say, by what they did", Unit: "Respondents who let us join their answers with the log; down: what they say, across: what the log shows", Level: Counted, Ask: "stated_joined subject=frequency", Metric: "stated_joined",
		Columns: []Column{{"stated", "Says", Text, false}}, Notes: []string{"<10: fewer than 10, or what would give them away."}}
	rows = slices.DeleteFunc(rows, func(r joinedRow) bool { return r.Survey != said.survey.ID })
	if !slices.ContainsFunc(rows, func(r joinedRow) bool { return r.Respondents != nil }) {
		return f
	}
	across, down := map[uint16]string{}, map[uint16]string{}
	for _, r := range rows {
		across[r.ObservedPosition], down[r.StatedPosition] = r.Observed, r.Stated
	}
	observed, stated := slices.Sorted(maps.Keys(across)), slices.Sorted(maps.Keys(down))
	for _, o := range observed {
		f.Columns = append(f.Columns, Column{fmt.Sprintf("observed_%d", o), across[o], Count, true})
	}
	f.Columns = append(f.Columns, whyColumn)
	v := View{}
	for _, s := range stated {
		row := []any{down[s]}
		for _, o := range observed {
			cell := any(uint64(0))
			for _, r := range rows {
				if r.StatedPosition == s && r.ObservedPosition == o {
					cell = counted(r.Respondents)
				}
			}
			row = append(row, cell)
		}
		v.Rows = append(v.Rows, append(row, "<10"))
	}
	share := func(statistic string) *float64 {
		for _, a := range agreement {
			if a.Dimension == "joined" && a.Statistic == statistic {
				v.N = count(a.N) + " respondents who agreed to be joined"
				return a.Value
			}
		}
		return nil
	}
	exact, over, under := share("exact"), share("over_reported"), share("under_reported")
	if finite(exact) && finite(over) && finite(under) {
		v.Finding = fmt.Sprintf("%s say what the log shows, %s say they write more often, %s less often", Percent.write(*exact), Percent.write(*over), Percent.write(*under))
	}
	f.When, f.Views = said.survey.when(), []View{v}
	return f
}

// agreementFigure is how far stated and observed frequency agree, in one number.
func agreementFigure(said asked, rows []agreementRow) Figure {
	f := Figure{ID: "kappa", Topic: "How far people and log agree", Unit: "Weighted kappa: 0 is no better than chance, 1 is full agreement", Interval: "95% intervals (Fleiss, Cohen and Everitt 1969)", Level: Counted, Ask: "stated_agreement", Metric: "stated_agreement",
		Columns: slices.Concat([]Column{{"statistic", "Kappa", Text, false}, {"n", "Respondents", Count, false}, {"value", "Value", Number, true}}, lowerUpper(Number), []Column{whyColumn})}
	v := View{}
	for _, s := range []struct{ statistic, words string }{{"kappa_linear", "each category off counts once"}, {"kappa_quadratic", "farther off counts by its square"}, {"kappa", "unweighted: exact or not"}} {
		for _, r := range rows {
			if r.Dimension != "joined" || r.Statistic != s.statistic {
				continue
			}
			e := r.estimate()
			v.Rows = append(v.Rows, append([]any{s.words, r.N}, e.values()...))
			v.N = count(r.N) + " respondents who agreed to be joined"
			if e.clear() && s.statistic == "kappa_linear" {
				v.Finding = fmt.Sprintf("What people say of how often they write agrees with the log at a weighted kappa of %s (%s to %s)", Number.write(*e.Value), Number.write(*e.Lower), Number.write(*e.Upper))
			}
		}
	}
	if len(v.Rows) > 0 {
		f.When, f.Views = said.survey.when(), []View{v}
	}
	return f
}

// usesFigure shows what people message about, in the order of the questionnaire: from discovering to buying again.
func usesFigure(id, topic string, whole asked, markets []estimateRow) Figure {
	f := Figure{ID: id + "-shares", Topic: topic, Interval: bySurvey, Level: Stated, Ask: "survey_uses", Metric: "survey_estimates",
		Columns: slices.Concat([]Column{{"label", "Use", Text, false}, {"base_n", "Respondents", Count, false}, {"n", "Chose it", Count, false}, {"value", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	if len(whole.rows) == 0 {
		return f
	}
	f.Unit, f.When, f.Notes = "% of "+whole.base()+", weighted; in the order of a purchase", whole.survey.when(), append(whole.notes(), "Several answers were possible: shares do not add up to 100%.")
	for _, s := range bySlice(slices.Concat(whole.rows, markets), func(r estimateRow) (string, string, uint64) {
		if r.Base == nil {
			return r.Dimension, r.Segment, 0
		}
		return r.Dimension, r.Segment, *r.Base
	}) {
		v := View{Slice: s.Slice}
		chart := Ranked{Label: topic, Kind: Percent, Colour: Engage, Size: Tall}
		for _, r := range s.Rows {
			chart.Names, chart.Dots = append(chart.Names, r.Label), append(chart.Dots, r.estimate().dot(len(v.Rows)))
			n := counted(r.N)
			if !r.estimate().shown() {
				n = nil
			}
			v.Rows = append(v.Rows, append([]any{r.Label, counted(r.Base), n}, r.estimate().values()...))
			v.N = sized(r.Base)
		}
		order := byShare(s.Rows)
		if first := order[0].estimate(); first.clear() {
			v.Finding = sentenceName(order[0].Label) + " is named most: by " + Percent.write(*first.Value)
			if len(order) > 1 {
				if second := order[1].estimate(); second.clear() && *first.Lower <= *second.Upper {
					v.Finding = sentenceName(order[0].Label) + " and " + sentenceName(order[1].Label) + " are named most: by " + Percent.write(*first.Value) + " and " + Percent.write(*second.Value)
				}
			}
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}
