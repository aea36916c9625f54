package reports

import "slices"

// frequencyPage answers how often a business may message: what more messages go with.
var frequencyPage = Page{
	Name: "frequency", Title: "Frequency",
	Asks:  []string{"frequency_engagement", "frequency_opt_out"},
	Build: buildFrequency,
}

type engagementRow struct {
	Channel  string `json:"channel"`
	Market   string `json:"market"`
	Outcome  string `json:"outcome"`
	From     uint16 `json:"exposure_from"`
	To       uint16 `json:"exposure_to"`
	Messages uint64 `json:"messages"`
	Outcomes uint64 `json:"outcomes"`
	Rate
}

type optOutRow struct {
	Market     string `json:"market"`
	From       uint16 `json:"dose_from"`
	To         uint16 `json:"dose_to"`
	PersonDays uint64 `json:"person_days"`
	OptOuts    uint64 `json:"opt_outs"`
	Rate
}

func engagementCurve(rows []engagementRow, outcome, channel, market string) curve {
	c := curve{Slice: all}
	for _, r := range rows {
		if r.Outcome == outcome && r.Channel == channel && r.Market == market {
			c.Cells = append(c.Cells, newCell(r.From, r.To, r.Messages, r.Outcomes, r.Rate))
		}
	}
	slices.SortFunc(c.Cells, func(a, b cell) int { return int(a.From) - int(b.From) })
	return c
}

func optOutCurve(rows []optOutRow, market string) curve {
	c := curve{Slice: all}
	for _, r := range rows {
		if r.Market == market {
			c.Cells = append(c.Cells, newCell(r.From, r.To, r.PersonDays, r.OptOuts, r.Rate))
		}
	}
	slices.SortFunc(c.Cells, func(a, b cell) int { return int(a.From) - int(b.From) })
	return c
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
	a := answerOf(whole, optOut)
	c := Content{Finding: a.Title, Lede: a.Sentence, Caveat: a.Caveat}
	o, _ := headlineOutcome(whole)
	f := Figure{ID: "replies", Topic: o.Title + " by messages in 7 days", Unit: "% of messages " + o.Past + " within " + o.Within, Interval: "95% intervals, clustered by contact", Level: Crude, Ask: "frequency_engagement", Metric: "frequency_engagement",
		Columns: slices.Concat([]Column{{"exposure", "Messages in 7 days", Text, false}, {"contacts", "Contacts", Count, false}, {"messages", "Messages", Count, false}, {"outcomes", o.Title, Count, false}, {"rate", "Rate", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	for _, channel := range names(engagement, func(r engagementRow) string { return r.Channel }) {
		for _, market := range names(engagement, func(r engagementRow) string { return r.Market }) {
			cv := engagementCurve(engagement, o.Name, channel, market)
			if len(cv.Cells) == 0 {
				continue
			}
			f.Views = append(f.Views, curveView(cv, Slice{Channel: channel, Market: market}, Dots{Label: f.Topic, Kind: Percent, Size: Wide, Under: "Messages in 7 days; below each, n"}, Engage, "messages"))
		}
	}
	c.Sections = []Section{{ID: "engagement", Title: "Engagement", Figures: []Figure{f}}}
	return c
}

// curveView is a curve as a figure's view: one chart, and a row a bin.
func curveView(c curve, slice Slice, look Dots, colour, unit string) View {
	v := View{Slice: slice, N: count(c.n()) + " " + unit}
	line := Line{Colour: colour}
	for i, cell := range c.Cells {
		name := bin(cell.From, cell.To)
		look.Axis, look.N = append(look.Axis, name), append(look.N, cell.under())
		line.Dots = append(line.Dots, cell.dot(i, i))
		v.Rows = append(v.Rows, append([]any{name}, cell.values()...))
	}
	look.Lines = []Line{line}
	v.Charts = []Chart{look.Chart()}
	return v
}

// names returns what rows have, "all" first.
func names[R any](rows []R, name func(R) string) []string {
	list := []string{all}
	for _, r := range rows {
		if n := name(r); !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	slices.Sort(list[1:])
	return list
}
