package reports

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// painReachFigure ranks pains by how many contacts they hit.
func painReachFigure(dimensions ...[]painRow) Figure {
	f := Figure{ID: "reach", Topic: "Pains by how many contacts they hit", Unit: "% of the contacts whom it could hit; in brackets the rank interval", Interval: "95% intervals of contacts", Level: Counted, Ask: "pain_points", Metric: "pain_points",
		Columns: slices.Concat([]Column{{"pain", "Pain", Text, false}, {"rank", "Rank", Text, false}, {"contacts", "Contacts", Count, false}, {"hit", "Hit", Count, false}, {"units", "Cases or messages", Count, false}, {"unit_hits", "Hits", Count, false}, {"reach", "Share", Percent, true}},
			lowerUpper(Percent), []Column{{"setting", "Where the line is", Text, false}, whyColumn})}
	for _, s := range bySlice(slices.Concat(dimensions...), func(r painRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Contacts }) {
		v := View{Slice: s.Slice}
		own := slices.Clone(s.Rows)
		slices.SortStableFunc(own, func(a, b painRow) int {
			return cmp.Or(a.estimate().compare(b.estimate()), cmp.Compare(a.Pain, b.Pain))
		})
		chart := Ranked{Label: f.Topic, Kind: Percent, Colour: Plain, Size: Tall}
		var most uint64
		var first []string
		for _, r := range own {
			name, c := painName(r.Pain), r.cell()
			most = max(most, r.Contacts)
			if r.Best != nil && *r.Best == 1 {
				first = append(first, name)
			}
			values := c.values() // contacts, cases or messages, hit, ...
			row := slices.Concat([]any{name, nil, values[0], values[2], values[1], nil}, values[3:6], []any{r.Setting, c.why()})
			if c.Shown {
				row[1], row[5] = r.rank(), r.UnitHits
			}
			if rank, ok := row[1].(string); ok {
				name += " (" + rank + ")"
			}
			chart.Names = append(chart.Names, name)
			chart.Dots = append(chart.Dots, c.dot(0, len(v.Rows)))
			v.Rows = append(v.Rows, row)
		}
		v.N = "up to " + count(most) + " contacts"
		switch len(first) {
		case 0:
			v.Finding = "Too few contacts to rank what happened to them"
		case 1:
			v.Finding = listed(first) + " happened to more contacts than any other pain"
		default:
			v.Finding = listed(first) + " cannot be told apart at the top"
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

// painExcessFigure shows whether contacts leave more often after a pain than others like them.
func painExcessFigure(rows []painRow) Figure {
	f := Figure{ID: "excess", Topic: "Leaving after a pain", Unit: "Opt-outs in the 7 days after a week with the pain, per 1,000 contact-weeks, less those of like contacts whom it did not hit", Interval: "95% intervals, by leaving out groups of contacts", Level: Standardised,
		Ask: "pain_points", Metric: "pain_points",
		Columns: slices.Concat([]Column{{"pain", "Pain", Text, false}, {"hit_weeks", "Contact-weeks hit", Count, false}, {"other_weeks", "Others", Count, false}, {"overlap", "Have their like", Percent, false}, {"excess", "Excess per 1,000", PermilleChange, true}},
			lowerUpper(PermilleChange), []Column{whyColumn}),
		Notes: []string{"Like contacts: of the same market, prior engagement and number of messages in the week. Not asked of pains that an opt-out is part of, or comes before."}}
	v := View{}
	chart := Ranked{Label: f.Topic, Kind: PermilleChange, Colour: Leave, Signed: true, Size: Wide}
	own := slices.Clone(rows)
	slices.SortStableFunc(own, func(a, b painRow) int {
		return cmp.Or(Rate{Rate: a.Excess}.compare(Rate{Rate: b.Excess}), cmp.Compare(a.Pain, b.Pain))
	})
	var more []string
	var weeksOf uint64
	shown := false
	for _, r := range own {
		e := estimate{r.Excess, r.ExcessLower, r.ExcessUpper, r.Why}
		if i := strings.Index(e.Why, "no excess"); i >= 0 {
			e.Why = e.Why[i:]
		}
		if leavesMore([]painRow{r}) {
			more = append(more, painName(r.Pain))
		}
		shown = shown || e.shown()
		chart.Names = append(chart.Names, painName(r.Pain))
		chart.Dots = append(chart.Dots, e.dot(len(v.Rows)))
		weeks := []any{r.HitWeeks, r.OtherWeeks, number(r.Overlap)}
		if !e.shown() && (r.HitWeeks < fewContacts || r.OtherWeeks < fewContacts) {
			weeks = []any{nil, nil, nil}
		}
		weeksOf = max(weeksOf, r.HitWeeks+r.OtherWeeks)
		v.Rows = append(v.Rows, slices.Concat([]any{painName(r.Pain)}, weeks, e.values()))
	}
	if !shown {
		return f
	}
	v.N = "up to " + count(weeksOf) + " contact-weeks"
	v.Finding = "After no pain do contacts leave clearly more often than others like them"
	if len(more) > 0 {
		v.Finding = "Contacts leave more often than others like them after " + listed(more)
	}
	v.Charts = []Chart{chart.Chart()}
	f.Views = []View{v}
	return f
}

// leavesMore is whether contacts clearly leave more often after any pain.
func leavesMore(rows []painRow) bool {
	return slices.ContainsFunc(rows, func(r painRow) bool {
		return finite(r.Excess) && finite(r.ExcessLower) && finite(r.ExcessUpper) && *r.ExcessLower > 0
	})
}

// painMarketsFigure has a small chart a pain, of the largest markets.
func painMarketsFigure(rows, whole []painRow) Figure {
	f := Figure{ID: "reach-by-market", Topic: "Contacts hit, by market", Unit: "% of the contacts whom it could hit, by market; all on one scale", Interval: "95% intervals of contacts", Level: Counted, Ask: "pain_points dimension=market", Metric: "pain_points",
		Columns: slices.Concat([]Column{{"pain", "Pain", Text, false}, {"market", "Market", Text, false}, {"contacts", "Contacts", Count, false}, {"hit", "Hit", Count, false}, {"reach", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	size := map[string]uint64{}
	for _, r := range rows {
		if r.Segment != "" {
			size[r.Segment] = max(size[r.Segment], r.Contacts)
		}
	}
	var segments []string
	for _, s := range names(rows, func(r painRow) string { return r.Segment })[1:] {
		if size[s] >= fewContacts {
			segments = append(segments, s)
		}
	}
	if len(segments) < 2 {
		return f
	}
	slices.SortStableFunc(segments, func(a, b string) int { return cmp.Compare(size[b], size[a]) })
	segments = segments[:min(len(segments), 8)]
	slices.Sort(segments)
	v, apart := painPanels(whole, rows, segments, segments, "by market", true)
	v.Finding = "No market lies clearly above another in any pain"
	if len(apart) > 0 {
		v.Finding = "Markets differ in " + listed(apart)
	}
	f.Notes = []string{"The largest markets, eight at most; the query has them all. ×: not shown; the table says why.", "Differ: the lowest and the highest market have intervals that lie apart."}
	if len(v.Charts) > 0 {
		f.Views = []View{v}
	}
	return f
}

// painWeeksFigure follows each pain over the whole weeks of the window.
func painWeeksFigure(e Edition, rows, whole []painRow) Figure {
	f := Figure{ID: "reach-by-week", Topic: "Contacts hit, by week", Unit: "% of the contacts whom it could hit in the week, by the Monday that it began; all on one scale", Interval: "95% intervals of contacts", Level: Counted, Ask: "pain_points dimension=week", Metric: "pain_points",
		Columns: slices.Concat([]Column{{"pain", "Pain", Text, false}, {"week", "Week of", Text, false}, {"contacts", "Contacts", Count, false}, {"hit", "Hit", Count, false}, {"reach", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	var segments, axis []string
	for _, s := range names(rows, func(r painRow) string { return r.Segment })[1:] {
		if monday, ok := wholeWeek(e, s); ok {
			segments, axis = append(segments, s), append(axis, monday.Format("2 Jan"))
		}
	}
	if len(segments) < 3 {
		return f
	}
	v, _ := painPanels(whole, rows, segments, axis, "by week", false)
	var more, fewer []string
	for _, r := range whole {
		var cells []cell
		for _, s := range segments {
			for _, week := range rows {
				if c := week.cell(); week.Segment == s && week.Pain == r.Pain && c.Shown {
					cells = append(cells, c)
				}
			}
		}
		switch changeOf(cells).direction {
		case rises:
			more = append(more, painName(r.Pain))
		case falls:
			fewer = append(fewer, painName(r.Pain))
		}
	}
	v.Finding = "No pain hits clearly more or fewer contacts in the last week than in the first"
	switch {
	case len(more) > 0 && len(fewer) > 0:
		v.Finding = listed(more) + " hit more contacts in the last week than in the first, " + listed(fewer) + " fewer"
	case len(more) > 0:
		v.Finding = listed(more) + " hit more contacts in the last week than in the first"
	case len(fewer) > 0:
		v.Finding = listed(fewer) + " hit fewer contacts in the last week than in the first"
	}
	if len(v.Charts) > 0 {
		f.Views = []View{v}
	}
	return f
}

// wholeWeek reads a Monday, and says whether its week lies in the window.
func wholeWeek(e Edition, segment string) (time.Time, bool) {
	monday, err := time.Parse(time.DateOnly, segment)
	return monday, err == nil && !monday.Before(e.From) && !monday.AddDate(0, 0, 7).After(e.To)
}

// painPanels draws a chart a pain over segments, the pains in order of their reach, and names those in which the highest
// segment lies apart from the lowest.
func painPanels(whole, rows []painRow, segments, axis []string, by string, loose bool) (v View, apart []string) {
	order := slices.Clone(whole)
	slices.SortStableFunc(order, func(a, b painRow) int {
		return cmp.Or(a.estimate().compare(b.estimate()), cmp.Compare(a.Pain, b.Pain))
	})
	var ends []estimate
	for _, r := range rows {
		if slices.Contains(segments, r.Segment) {
			ends = append(ends, r.estimate())
		}
	}
	var contacts uint64
	for _, pain := range order {
		chart := Dots{Title: painName(pain.Pain), Label: painName(pain.Pain) + ": share of contacts hit, " + by, Kind: Percent, Size: Small, Top: niceEnd(ends)}
		switch {
		case loose:
			chart.Every = 1
		case len(segments) > 4:
			chart.Every = len(segments) / 2
		}
		line, dots := Line{Colour: Plain, Loose: loose}, 0
		var low, high *cell
		for i, segment := range segments {
			chart.Axis = append(chart.Axis, axis[i])
			k := slices.IndexFunc(rows, func(r painRow) bool { return r.Segment == segment && r.Pain == pain.Pain })
			if k < 0 {
				continue
			}
			c := rows[k].cell()
			d := c.dot(i, len(v.Rows))
			if d.Why != "" {
				d.Why = "×"
			}
			if c.Shown {
				dots++
				if low == nil || c.Upper < low.Upper {
					low = &c
				}
				if high == nil || c.Lower > high.Lower {
					high = &c
				}
			}
			line.Dots = append(line.Dots, d)
			values := c.values()
			v.Rows = append(v.Rows, slices.Concat([]any{painName(pain.Pain), axis[i], values[0]}, values[2:]))
		}
		contacts = max(contacts, pain.Contacts)
		if low != nil && high.Lower > low.Upper {
			apart = append(apart, painName(pain.Pain))
		}
		if dots == 0 {
			continue
		}
		chart.Lines = []Line{line}
		drawn := chart.Chart()
		if loose {
			drawn = withoutLabels(drawn)
		}
		v.Charts = append(v.Charts, drawn)
	}
	v.N = "up to " + count(contacts) + " contacts"
	return v, apart
}
