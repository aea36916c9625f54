package reports

import (
	"fmt"
	"slices"
	"strings"
)

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

type serviceRow struct {
	inSegment
	Opened     uint64 `json:"opened"`
	Windows    uint64 `json:"windows"`
	Unanswered uint64 `json:"unanswered"`
	Rate
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

type beganRow struct {
	inSegment
	Week       Time   `json:"week"`
	Contacts   uint64 `json:"contacts"`
	Cases      uint64 `json:"cases"`
	ByContact  uint64 `json:"by_contact"`
	ByBusiness uint64 `json:"by_business"`
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
