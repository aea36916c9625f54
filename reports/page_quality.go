package reports

import (
	"fmt"
	"slices"
)

// qualityPage says what arrived, and so how far the other pages can be trusted. Counts of what
// arrived change when a source delivers again; the figures of the other pages do not.
var qualityPage = Page{
	Name: "quality", Title: "Data quality",
	Asks:  []string{"arrivals", "messages_by_day", "coverage_by_market", "window_messages", "freshness", "restatements"},
	Build: buildQuality,
}

func buildQuality(d *Data) Content {
	arrived, answer := arrivedFigure(d)
	days := byDayFigure(d)
	c := Content{Answers: []Answer{answer}, Sections: []Section{
		{ID: "arrivals", Title: "What arrived",
			Intro:   "Events of the window, as they came. A duplicate is another copy of the same fact: it counts once on every other page, so those figures stay the same when a source delivers again, and these change. Late is what arrived after something that happened more than 24 hours later.",
			Figures: []Figure{arrived, days}},
		{ID: "coverage", Title: "What it covers", Figures: []Figure{coverageFigure(d), leftOutFigure(d)}},
		{ID: "runs", Title: "When it was computed", Figures: []Figure{freshnessFigure(d), restatementsFigure(d)}},
	}}
	if arrived.empty() {
		return Content{}
	}
	c.Finding = arrived.Views[0].Finding
	c.Lede = []string{answer.Sentence}
	if !days.empty() {
		c.Lede = append(c.Lede, days.Views[0].Finding+".")
	}
	c.Caveat = "What was rejected never reached the warehouse: the command drumbeat quarantine list and the counters under /metrics have it, by source and reason."
	return c
}

type arrivalRow struct {
	Channel    string `json:"channel"`
	EventType  string `json:"event_type"`
	Arrived    uint64 `json:"arrived"`
	Unique     uint64 `json:"unique_events"`
	Duplicates uint64 `json:"duplicates"`
	Late       uint64 `json:"late"`
	First      Time   `json:"first_event_at"`
	Last       Time   `json:"last_event_at"`
}

func arrivedFigure(d *Data) (Figure, Answer) {
	f := Figure{ID: "arrived", Topic: "Events by channel and type", Unit: "Events of the window, each copy counted", Level: Counted, Ask: "arrivals",
		Columns: []Column{{"channel", "Channel", Text, false}, {"event_type", "Event", Text, false}, {"arrived", "Arrived", Count, true}, {"unique_events", "Unique", Count, false},
			{"duplicates", "Duplicates", Count, false}, {"late", "Late", Count, false}, {"first_event_at", "First happened", Text, false}, {"last_event_at", "Last happened", Text, false}}}
	rows := Rows[arrivalRow](d, "arrivals")
	v := func(slice Slice, rows []arrivalRow) View {
		var arrived, unique, late uint64
		chart := Bars{Label: "Events that arrived, by channel and type", Kind: Count, Size: Tall, Across: true}
		parts := []Part{{Name: "unique", Colour: Plain}, {Name: "duplicates", Colour: Leave}}
		view := View{Slice: slice}
		for i, r := range rows {
			arrived, unique, late = arrived+r.Arrived, unique+r.Unique, late+r.Late
			chart.Axis = append(chart.Axis, r.Channel+" "+r.EventType)
			for k, n := range []uint64{r.Unique, r.Duplicates} {
				value := float64(n)
				parts[k].Values, parts[k].Rows = append(parts[k].Values, &value), append(parts[k].Rows, i)
			}
			view.Rows = append(view.Rows, []any{r.Channel, r.EventType, r.Arrived, r.Unique, r.Duplicates, r.Late, minute(r.First.Time), minute(r.Last.Time)})
		}
		chart.Parts = parts
		view.N = count(arrived) + " events"
		view.Finding = fmt.Sprintf("%s events arrived, %s of them copies of facts already known", count(arrived), count(arrived-unique))
		if late > 0 {
			view.Finding += ", " + count(late) + " late"
		}
		view.Charts = []Chart{chart.Chart()}
		return view
	}
	if len(rows) == 0 {
		return f, Answer{}
	}
	f.Views = []View{v(Slice{}, rows)}
	channels := names(rows, func(r arrivalRow) string { return r.Channel })[1:]
	for _, channel := range channels[:min(len(channels), mostSegments)] {
		f.Views = append(f.Views, v(Slice{Channel: channel}, slices.DeleteFunc(slices.Clone(rows), func(r arrivalRow) bool { return r.Channel != channel })))
	}
	unique := sumOf(rows, func(r arrivalRow) uint64 { return r.Unique })
	a := Answer{Question: "Can the data be trusted?", Figure: f.ID, Value: count(unique), Of: "facts behind these pages",
		Sentence: fmt.Sprintf("The pages rest on %s facts. Copies of a fact count once, late ones count where they belong.", count(unique))}
	return f, a
}

type byDayRow struct {
	Day       Time   `json:"day"`
	Proactive uint64 `json:"proactive"`
	Responses uint64 `json:"responses"`
}

func byDayFigure(d *Data) Figure {
	f := Figure{ID: "by-day", Topic: "Messages by day", Unit: "Messages sent on the UTC day", Level: Counted, Ask: "messages_by_day",
		Columns: []Column{{"day", "Day", Text, false}, {"proactive", "Proactive", Count, true}, {"responses", "Responses", Count, false}}}
	chart := Bars{Label: "Messages by day", Kind: Count, Size: Wide}
	parts := []Part{{Name: "proactive", Colour: Plain}, {Name: "responses", Colour: Engage}}
	v, gaps, messages := View{}, 0, uint64(0)
	for i, r := range Rows[byDayRow](d, "messages_by_day") {
		chart.Axis = append(chart.Axis, r.Day.Format("2 Jan"))
		for k, n := range []uint64{r.Proactive, r.Responses} {
			value := float64(n)
			parts[k].Values, parts[k].Rows = append(parts[k].Values, &value), append(parts[k].Rows, i)
		}
		if messages += r.Proactive + r.Responses; r.Proactive+r.Responses == 0 {
			gaps++
		}
		v.Rows = append(v.Rows, []any{r.Day.Format("2006-01-02"), r.Proactive, r.Responses})
	}
	chart.Parts = parts
	v.N, v.Charts = count(messages)+" messages", []Chart{chart.Chart()}
	v.Finding = "Every day of the window has messages"
	if gaps > 0 {
		v.Finding = fmt.Sprintf("%d of %d days of the window have no message", gaps, len(v.Rows))
	}
	if messages > 0 {
		f.Views = []View{v}
	}
	return f
}

type coverageRow struct {
	Channel   string `json:"channel"`
	Market    string `json:"market"`
	Contacts  uint64 `json:"contacts"`
	Messages  uint64 `json:"messages"`
	Proactive uint64 `json:"proactive"`
	Failed    uint64 `json:"failed"`
	Delivered uint64 `json:"delivered"`
	Opened    uint64 `json:"opened"`
	Clicked   uint64 `json:"clicked"`
	Answered  uint64 `json:"answered"`
	Days      uint64 `json:"days"`
}

// coverageFigure is a table: what nobody reported on a channel is a column of zeros, and is said.
func coverageFigure(d *Data) Figure {
	f := Figure{ID: "coverage-table", Topic: "Messages by channel and market", Unit: "Messages sent in the window, and what was reported of them; “–” is never reported there, which is not a rate of 0", Level: Counted, Ask: "coverage_by_market", Metric: "messages",
		Columns: []Column{{"channel", "Channel", Text, false}, {"market", "Market", Text, false}, {"contacts", "Contacts", Count, false}, {"messages", "Messages", Count, true}, {"proactive", "Proactive", Count, false}, {"failed", "Failed", Count, false},
			{"delivered", "Delivered", Count, false}, {"opened", "Opened", Count, false}, {"clicked", "Clicked", Count, false}, {"answered", "Answered", Count, false}, {"days", "Days", Count, false}}}
	rows := Rows[coverageRow](d, "coverage_by_market")
	v := View{N: count(sumOf(rows, func(r coverageRow) uint64 { return r.Messages })) + " messages"}
	reported := func(channel string, n func(coverageRow) uint64) func(coverageRow) any {
		total := uint64(0)
		for _, r := range rows {
			if r.Channel == channel {
				total += n(r)
			}
		}
		return func(r coverageRow) any {
			if total == 0 {
				return "–"
			}
			return n(r)
		}
	}
	markets := map[string]bool{}
	for _, r := range rows {
		market := r.Market
		if market == "" {
			market = "not known"
		}
		markets[market] = true
		line := []any{r.Channel, market, r.Contacts, r.Messages, r.Proactive, r.Failed}
		for _, n := range []func(coverageRow) uint64{
			func(r coverageRow) uint64 { return r.Delivered }, func(r coverageRow) uint64 { return r.Opened },
			func(r coverageRow) uint64 { return r.Clicked }, func(r coverageRow) uint64 { return r.Answered },
		} {
			line = append(line, reported(r.Channel, n)(r))
		}
		v.Rows = append(v.Rows, append(line, r.Days))
	}
	channels := len(names(rows, func(r coverageRow) string { return r.Channel })) - 1
	v.Finding = fmt.Sprintf("The window covers %s in %s", plural(channels, "channel"), plural(len(markets), "market"))
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}

func plural(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return inWords(n) + " " + what + "s"
}

type windowMessagesRow struct {
	Contacts        uint64 `json:"contacts"`
	Messages        uint64 `json:"messages"`
	Proactive       uint64 `json:"proactive"`
	Responses       uint64 `json:"responses"`
	Failed          uint64 `json:"failed"`
	ExposureUnknown uint64 `json:"exposure_unknown"`
}

func leftOutFigure(d *Data) Figure {
	f := Figure{ID: "left-out", Topic: "Messages that are in no curve", Unit: "Messages of the window, by why they are left out", Level: Counted, Ask: "window_messages", Metric: "frequency_engagement",
		Columns: []Column{{"why_left_out", "Left out because", Text, false}, {"messages", "Messages", Count, true}}}
	for _, r := range Rows[windowMessagesRow](d, "window_messages") {
		if r.Messages == 0 {
			continue
		}
		f.Views = []View{{N: count(r.Messages) + " messages to " + count(r.Contacts) + " contacts", Rows: [][]any{
			{"a response to a contact, not proactive", r.Responses},
			{"known to have failed", r.Failed},
			{"sent in the first 7 days of an account’s data, so its exposure is unknown", r.ExposureUnknown},
		}, Finding: count(r.Proactive-r.Failed-r.ExposureUnknown) + " of " + count(r.Messages) + " messages can enter the curves"}}
	}
	return f
}

type freshnessRow struct {
	Events       uint64 `json:"events"`
	Cutoff       Time   `json:"cutoff"`
	LastIngested Time   `json:"last_ingested_at"`
	Future       uint64 `json:"future_events"`
	ComputedTo   *Time  `json:"computed_to"`
}

func freshnessFigure(d *Data) Figure {
	f := Figure{ID: "freshness", Topic: "Freshness", Unit: "Of everything in the warehouse, not of the window alone; times are UTC", Level: Counted, Ask: "freshness", Metric: "coverage",
		Columns: []Column{{"events", "Facts loaded", Count, true}, {"cutoff", "Latest event", Text, false}, {"last_ingested_at", "Last arrival", Text, false}, {"future_events", "Ahead of our clock", Count, false}, {"computed_to", "Computed up to", Text, false}}}
	for _, r := range Rows[freshnessRow](d, "freshness") {
		computed := "never"
		if r.ComputedTo != nil {
			computed = minute(r.ComputedTo.Time)
		}
		f.Views = []View{{N: count(r.Events) + " facts", Finding: "The latest event is of " + minute(r.Cutoff.Time),
			Rows: [][]any{{r.Events, minute(r.Cutoff.Time), minute(r.LastIngested.Time), r.Future, computed}}}}
	}
	return f
}

// stale says that newer events have arrived than the figures know; "" if not.
func stale(d *Data) string {
	for _, r := range Rows[freshnessRow](d, "freshness") {
		if r.Cutoff.After(d.Cutoff) {
			return "Newer events have arrived since these figures were computed: up to " + minute(r.Cutoff.Time) + ". Run the job again to include them."
		}
	}
	return ""
}

type restatementRow struct {
	Finished Time   `json:"finished_at"`
	Relation string `json:"relation"`
	From     Time   `json:"window_from"`
	To       Time   `json:"window_to"`
	Why      string `json:"why"`
	Days     uint64 `json:"days"`
	First    *Time  `json:"first_day"`
	Last     *Time  `json:"last_day"`
	Rows     uint64 `json:"rows"`
	Before   uint64 `json:"rows_before"`
}

func restatementsFigure(d *Data) Figure {
	f := Figure{ID: "restatements", Topic: "Restatements", Unit: "Runs that wrote other rows than the run before, of all businesses", Level: Counted, Ask: "restatements",
		Columns: []Column{{"finished_at", "Finished, UTC", Text, false}, {"relation", "Relation", Text, false}, {"window", "Window", Text, false}, {"because", "Because of", Text, false}, {"days", "Sent days written", Count, true}, {"first_day", "From day", Text, false}, {"last_day", "To day", Text, false}, {"rows", "Rows", Count, false}, {"rows_before", "Rows before", Count, false}}}
	v := View{}
	date := func(t *Time) any {
		if t == nil {
			return nil
		}
		return t.Format("2006-01-02")
	}
	for _, r := range Rows[restatementRow](d, "restatements") {
		v.Rows = append(v.Rows, []any{r.Finished.Format("2006-01-02 15:04"), r.Relation, days(r.From.Time, r.To.Time), r.Why, r.Days, date(r.First), date(r.Last), r.Rows, r.Before})
	}
	v.N = fmt.Sprintf("%d runs", len(v.Rows))
	v.Finding = fmt.Sprintf("%d runs restated figures", len(v.Rows))
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}
