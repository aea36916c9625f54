package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

type distributionRow struct {
	Dimension string   `json:"dimension"`
	Segment   string   `json:"segment"`
	Measure   string   `json:"measure"`
	Period    string   `json:"period"`
	From      Time     `json:"period_from"`
	Contacts  uint64   `json:"contacts"`
	Units     uint64   `json:"units"`
	Mean      *float64 `json:"mean"`
	Lower     *float64 `json:"mean_lower"`
	Upper     *float64 `json:"mean_upper"`
	Median    *uint64  `json:"median"`
	P90       *uint64  `json:"p90"`
	None      *float64 `json:"none_share"`
	NoneLower *float64 `json:"none_lower"`
	NoneUpper *float64 `json:"none_upper"`

	MedianLower *uint64 `json:"median_lower"`
	MedianUpper *uint64 `json:"median_upper"`
	P90Lower    *uint64 `json:"p90_lower"`
	P90Upper    *uint64 `json:"p90_upper"`

	Trend      *float64 `json:"trend"`
	TrendLower *float64 `json:"trend_lower"`
	TrendUpper *float64 `json:"trend_upper"`
}

// distributionFigure shows the mean of each week; its title has the whole window's distribution.
func distributionFigure(d *Data) (Figure, Answer) {
	rows := slices.DeleteFunc(Rows[distributionRow](d, "frequency_distribution"), func(r distributionRow) bool { return r.Measure != "week" })
	f := Figure{ID: "distribution", Topic: "Messages a week", Unit: "Mean proactive messages per contact at risk the whole week, by ISO week", Interval: clustered, Level: Counted, Ask: "frequency_distribution", Metric: "frequency_distribution",
		Columns: slices.Concat([]Column{{"period_from", "Week from", Text, false}, {"contacts", "Contacts", Count, false}, {"mean", "Mean", Number, true}},
			[]Column{{"mean_lower", "95% from", Number, false}, {"mean_upper", "to", Number, false}, {"median", "Median", Count, false}, {"median_lower", "95% from", Count, false}, {"median_upper", "to", Count, false},
				{"p90", "Nine in ten at most", Count, false}, {"p90_lower", "95% from", Count, false}, {"p90_upper", "to", Count, false},
				{"none_share", "Without any", Percent, false}, {"none_lower", "95% from", Percent, false}, {"none_upper", "to", Percent, false}, whyColumn})}
	a := Answer{Question: "How many messages are people sent?", Figure: f.ID}
	optional := func(v *uint64) any {
		if v == nil {
			return nil
		}
		return *v
	}
	for _, g := range bySlice(rows, func(r distributionRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Units }) {
		v := View{Slice: g.Slice}
		chart := Dots{Label: "Mean messages per contact and week", Kind: Number, Size: Wide, Under: "Week from, UTC"}
		line := Line{Colour: Plain}
		slices.SortStableFunc(g.Rows, func(a, b distributionRow) int { return a.From.Compare(b.From.Time) })
		for _, r := range g.Rows {
			dot := Dot{At: len(chart.Axis), Row: len(v.Rows), Value: r.Mean, Lower: r.Lower, Upper: r.Upper}
			if r.Period == "window" {
				v.N = count(r.Units) + " contact-weeks of " + count(r.Contacts) + " contacts"
				if g.Slice == (Slice{}) && dot.shown() {
					v.Finding, a = distributionWords(r, a)
				}
				continue
			}
			why := ""
			if !dot.shown() {
				dot, why = Dot{At: dot.At, Row: dot.Row, Why: "n<30"}, "n<30"
			}
			name := r.From.Format("2 Jan")
			chart.Axis = append(chart.Axis, name)
			line.Dots = append(line.Dots, dot)
			contacts := any(r.Contacts)
			if r.Contacts < fewContacts {
				contacts = nil
			}
			v.Rows = append(v.Rows, []any{r.From.Format("2006-01-02"), contacts, number(dot.Value), number(dot.Lower), number(dot.Upper), optional(r.Median), optional(r.MedianLower), optional(r.MedianUpper),
				optional(r.P90), optional(r.P90Lower), optional(r.P90Upper), number(r.None), number(r.NoneLower), number(r.NoneUpper), why})
		}
		chart.Lines = []Line{line}
		v.Charts = []Chart{chart.Chart()}
		if len(v.Rows) > 0 {
			f.Views = append(f.Views, v)
		}
	}
	return f, a
}

func distributionWords(r distributionRow, a Answer) (string, Answer) {
	words := fmt.Sprintf("Contacts are sent %s messages a week on average", Number.write(*r.Mean))
	if r.Median != nil && r.P90 != nil {
		words += fmt.Sprintf("; half get %d or fewer, nine in ten %d or fewer", *r.Median, *r.P90)
	}
	a.Sentence = words + "."
	switch {
	case !finite(r.Trend) || !finite(r.TrendLower) || !finite(r.TrendUpper):
	case *r.TrendLower > 0:
		a.Sentence += " It is becoming more: " + Change.write(*r.Trend) + " each week (" + Change.between(*r.TrendLower, *r.TrendUpper) + ")."
	case *r.TrendUpper < 0:
		a.Sentence += " It is becoming less: " + Change.write(*r.Trend) + " each week (" + Change.between(*r.TrendLower, *r.TrendUpper) + ")."
	default:
		a.Sentence += " It shows no clear trend."
	}
	a.Value, a.Of = Number.write(*r.Mean), "proactive messages per contact and week"
	a.Interval = "95% interval " + Number.write(*r.Lower) + " to " + Number.write(*r.Upper)
	return words, a
}

// daysByDoseFigure counts the days at risk by the messages of the week before.
func daysByDoseFigure(d *Data) Figure {
	rows := slices.DeleteFunc(askDimensions[doseRow](d, "frequency_dose"), func(r doseRow) bool { return r.Outcome != "opt_out" })
	f := Figure{ID: "days-by-dose", Topic: "Days at risk by messages in the week before", Unit: "Person-days on which a contact could still opt out", Level: Counted, Ask: "frequency_dose", Metric: "person_days",
		Columns: []Column{{"dose", "Messages in the week before", Text, false}, {"contacts", "Contacts", Count, false}, {"person_days", "Person-days", Count, true}, whyColumn}}
	for _, g := range bySlice(rows, func(r doseRow) (string, string, uint64) { return r.Dimension, r.Segment, r.PersonDays }) {
		v := View{Slice: g.Slice, N: count(sumOf(g.Rows, func(r doseRow) uint64 { return r.PersonDays })) + " person-days"}
		chart := Bars{Label: "Person-days by messages in the week before", Kind: Count, Size: Wide, Under: "Messages in the 7 days before"}
		part := Part{Name: "person-days", Colour: Plain}
		for i, r := range g.Rows {
			chart.Axis = append(chart.Axis, bin(r.From, r.To))
			n, contacts, days, why := float64(r.PersonDays), any(r.Contacts), any(r.PersonDays), ""
			value := &n
			if r.Contacts < fewContacts {
				value, contacts, days, why = nil, nil, nil, "n<30"
			}
			part.Values, part.Rows = append(part.Values, value), append(part.Rows, i)
			v.Rows = append(v.Rows, []any{bin(r.From, r.To), contacts, days, why})
		}
		chart.Parts = []Part{part}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	if len(f.Views) > 0 {
		most := slices.MaxFunc(rows[:len(f.Views[0].Rows)], func(a, b doseRow) int { return cmp.Compare(a.PersonDays, b.PersonDays) })
		f.Views[0].Finding = "Most often, the week before had " + messages(cell{From: most.From, To: most.To})
	}
	return f
}

type hourRow struct {
	Dimension string `json:"dimension"`
	Segment   string `json:"segment"`
	Pooled    uint32 `json:"pooled"`
	Outcome   string `json:"outcome"`
	Weekday   int    `json:"weekday"`
	Hour      int    `json:"hour"`
	Messages  uint64 `json:"messages"`
	Outcomes  uint64 `json:"outcomes"`
	Rate
}

var weekdays = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

func hourFigure(d *Data, o outcome) Figure {
	rows := slices.DeleteFunc(askWithCategories[hourRow](d, "frequency_hour"), func(r hourRow) bool { return r.Outcome != o.Name || r.Pooled > 0 })
	f := Figure{ID: "hours", Topic: o.Title + " by local weekday and hour", Unit: "% of messages " + o.Past + " within " + o.Within + ", by the contact’s local time of sending", Interval: clustered, Zone: "local time of contact or market", Level: Crude, Ask: "frequency_hour", Metric: "frequency_hour",
		Notes:   []string{"Of 168 intervals of 95% about 8 miss their rate by chance: the highest cell is no best hour. Who is sent at night is chosen."},
		Columns: append([]Column{{"weekday", "Weekday", Text, false}}, rateColumns(Column{"hour", "Hour", Text, false}, Column{"messages", "Messages", Count, false}, Column{"outcomes", o.Title, Count, false}, Percent)...)}
	hours := make([]string, 24)
	for h := range hours {
		hours[h] = fmt.Sprint(h)
	}
	for _, g := range bySlice(rows, func(r hourRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Messages }) {
		v := View{Slice: g.Slice, N: count(sumOf(g.Rows, func(r hourRow) uint64 { return r.Messages })) + " messages"}
		heat := Heat{Label: o.Title + " by local weekday and hour", Under: "Local hour of sending; an empty cell is too small to show, or had no messages", Kind: Percent, X: hours, Y: weekdays}
		for i, r := range g.Rows {
			c := newCell(0, 0, r.Messages, r.Outcomes, r.Rate)
			h := HeatCell{X: r.Hour, Y: r.Weekday - 1, Row: i}
			if c.Shown {
				h.Value = &c.Rate
			}
			heat.Cells = append(heat.Cells, h)
			v.Rows = append(v.Rows, append([]any{weekdays[r.Weekday-1], fmt.Sprintf("%02d:00", r.Hour)}, c.values()...))
		}
		v.Charts = []Chart{heat.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

type gapRow struct {
	Dimension string `json:"dimension"`
	Segment   string `json:"segment"`
	Pooled    uint32 `json:"pooled"`
	Outcome   string `json:"outcome"`
	From      uint16 `json:"exposure_from"`
	To        uint16 `json:"exposure_to"`
	Gap       string `json:"gap"`
	GapFrom   uint16 `json:"gap_from"`
	Messages  uint64 `json:"messages"`
	Outcomes  uint64 `json:"outcomes"`
	Rate
}

func gapFigure(d *Data, o outcome) Figure {
	rows := slices.DeleteFunc(askWithCategories[gapRow](d, "frequency_gap"), func(r gapRow) bool {
		return r.Outcome != o.Name || r.Pooled > 0 || r.From != 0 || r.To != noUpperEnd
	})
	f := Figure{ID: "gap", Topic: o.Title + " by hours since the message before", Unit: "% of messages " + o.Past + " within " + o.Within + ", by hours since the contact’s previous proactive message", Interval: clustered, Level: Crude, Ask: "frequency_gap", Metric: "frequency_gap",
		Notes:   []string{"A long gap means few messages too: the query compares gaps at equal exposure. “first” had no earlier message that is known."},
		Columns: rateColumns(Column{"gap", "Hours since", Text, false}, Column{"messages", "Messages", Count, false}, Column{"outcomes", o.Title, Count, false}, Percent)}
	for _, g := range bySlice(rows, func(r gapRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Messages }) {
		slices.SortFunc(g.Rows, func(a, b gapRow) int { return cmp.Compare(a.GapFrom, b.GapFrom) })
		v := View{Slice: g.Slice, N: count(sumOf(g.Rows, func(r gapRow) uint64 { return r.Messages })) + " messages"}
		chart := Dots{Label: o.Title + " by hours since the message before", Kind: Percent, Size: Wide, Under: "Hours since the previous message; below each, n"}
		line := Line{Colour: Engage}
		for i, r := range g.Rows {
			c := newCell(0, 0, r.Messages, r.Outcomes, r.Rate)
			chart.Axis, chart.N = append(chart.Axis, gapName(r.Gap)), append(chart.N, c.under())
			line.Dots = append(line.Dots, c.dot(i, i))
			v.Rows = append(v.Rows, append([]any{gapName(r.Gap)}, c.values()...))
		}
		chart.Lines = []Line{line}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

func gapName(gap string) string {
	if len(gap) > 1 && gap[len(gap)-1] == '+' {
		return gap
	}
	for i, r := range gap {
		if r == '-' {
			return gap[:i] + "–" + gap[i+1:]
		}
	}
	return gap
}

type positionRow struct {
	Dimension  string   `json:"dimension"`
	Segment    string   `json:"segment"`
	Outcome    string   `json:"outcome"`
	Total      uint64   `json:"week_total"`
	Position   uint64   `json:"position"`
	Messages   uint64   `json:"messages"`
	Outcomes   uint64   `json:"outcomes"`
	Difference *float64 `json:"difference"`
	Low        *float64 `json:"difference_lower"`
	High       *float64 `json:"difference_upper"`
	Rate
}

// positionFigure has a small chart a number of messages in the week: only these compare like with like.
func positionFigure(d *Data, o outcome) Figure {
	rows := slices.DeleteFunc(Rows[positionRow](d, "frequency_position"), func(r positionRow) bool {
		return r.Outcome != o.Name || r.Total > 7
	})
	f := Figure{ID: "position", Topic: o.Title + " from the first message of a week to the last", Unit: "% of messages " + o.Past + " within " + o.Within + ", among weeks with the same number of messages", Interval: clustered, Zone: "local ISO weeks", Level: Crude, Ask: "frequency_position", Metric: "frequency_position",
		Notes: []string{"Compare within one panel, never between panels. Sending one message less would have made another week, so this is no forecast."},
		Columns: slices.Concat([]Column{{"week_total", "Messages in the week", Count, false}, {"position", "Position", Count, false}, {"contacts", "Contacts", Count, false}, {"messages", "Messages", Count, false}, {"outcomes", o.Title, Count, false}, {"rate", "Rate", Percent, true}},
			lowerUpper(Percent), []Column{{"difference", "From the first", Points, false}, {"difference_lower", "95% from", Points, false}, {"difference_upper", "to", Points, false}, whyColumn})}
	slices.SortFunc(rows, func(a, b positionRow) int {
		return cmp.Or(cmp.Compare(a.Total, b.Total), cmp.Compare(a.Position, b.Position))
	})
	v := View{N: count(sumOf(rows, func(r positionRow) uint64 { return r.Messages })) + " messages"}
	var curves []curve
	for _, r := range rows {
		if len(curves) == 0 || curves[len(curves)-1].Slice != fmt.Sprint(r.Total) {
			curves = append(curves, curve{Slice: fmt.Sprint(r.Total)})
		}
		last := &curves[len(curves)-1]
		last.Cells = append(last.Cells, newCell(uint16(r.Position), uint16(r.Position), r.Messages, r.Outcomes, r.Rate))
	}
	top := niceTop(curves)
	for _, c := range curves {
		chart := Dots{Title: c.Slice + " a week", Note: shortCount(c.n()) + " messages", Label: c.Slice + " messages a week: rate by position", Kind: Percent, Size: Small, Top: top}
		line := Line{Colour: Engage}
		for i, cell := range c.Cells {
			chart.Axis = append(chart.Axis, bin(cell.From, cell.To))
			line.Dots = append(line.Dots, cell.dot(i, len(v.Rows)))
			r := rows[len(v.Rows)]
			values := cell.values()
			v.Rows = append(v.Rows, append(append([]any{r.Total, r.Position}, values[:6]...), number(r.Difference), number(r.Low), number(r.High), values[6]))
		}
		chart.Lines = []Line{line}
		v.Charts = append(v.Charts, chart.Chart())
	}
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}

type withheldRow struct {
	Dimension string `json:"dimension"`
	Segment   string `json:"segment"`
	Code      string `json:"error_code"`
	From      uint16 `json:"prior_from"`
	To        uint16 `json:"prior_to"`
	Attempts  uint64 `json:"attempts"`
	Withheld  uint64 `json:"withheld"`
	Rate
}

func withheldFigure(d *Data) Figure {
	rows := slices.DeleteFunc(Rows[withheldRow](d, "frequency_withheld"), func(r withheldRow) bool { return r.Code != "" || r.From == 0 && r.To == noUpperEnd })
	f := Figure{ID: "withheld", Topic: "Messages that WhatsApp withheld", Unit: "% of proactive messages not delivered for WhatsApp’s own reasons, by messages to the contact in the 7 days before", Interval: clustered, Level: Crude, Ask: "frequency_withheld", Metric: "frequency_withheld",
		Columns: rateColumns(Column{"prior", "Messages before", Text, false}, Column{"attempts", "Attempts", Count, false}, Column{"withheld", "Withheld", Count, false}, Percent)}
	for _, g := range bySlice(rows, func(r withheldRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Attempts }) {
		var c curve
		for _, r := range g.Rows {
			c.Cells = append(c.Cells, newCell(r.From, r.To, r.Attempts, r.Withheld, r.Rate))
		}
		slices.SortFunc(c.Cells, byBin)
		v := curveView(c, g.Slice, Dots{Label: "Share of messages withheld, by messages before", Kind: Percent, Size: Wide, Under: "Messages to the contact in the 7 days before; below each, n"}, Leave, "attempts")
		if g.Slice == (Slice{}) {
			if found := changeOf(c.shown()); found.direction == rises {
				v.Finding = "WhatsApp withholds more from contacts who get more"
				if found.from != nil {
					v.Finding += ": clearly from " + binWords(found.from.From, found.from.To) + " on"
				}
			}
		}
		f.Views = append(f.Views, v)
	}
	return f
}

type armRow struct {
	Outcome        string   `json:"outcome"`
	Arm            string   `json:"arm"`
	PersonDays     uint64   `json:"person_days"`
	Outcomes       uint64   `json:"outcomes"`
	Against        string   `json:"against"`
	Difference     *float64 `json:"difference"`
	DifferenceLow  *float64 `json:"difference_lower"`
	DifferenceHigh *float64 `json:"difference_upper"`
	Adjusted       *float64 `json:"p_adjusted"`
	Identification string   `json:"identification"`
	Why            string   `json:"why"`
	P              *float64 `json:"sample_ratio_p"`
	Mixed          uint64   `json:"mixed_contacts"`
	Rate
}

// armsFigure is the only one that may speak of an effect: of arms as assigned.
func armsFigure(d *Data) Figure {
	rows := Rows[armRow](d, "frequency_arms")
	f := Figure{ID: "arms", Topic: "Arms of the randomised test", Unit: "Contact-days with the outcome per 1,000, as assigned, whether the contact has left or not", Interval: clustered, Level: Randomised, Ask: "frequency_arms", Metric: "frequency_arms",
		Columns: append(append([]Column{{"outcome", "Outcome", Text, false}}, rateColumns(Column{"arm", "Arm", Text, false}, Column{"person_days", "Contact-days", Count, false}, Column{"outcomes", "Days with it", Count, false}, Permille)...),
			Column{"against", "Compared with", Text, false}, Column{"difference", "Difference", PermilleChange, false}, Column{"difference_lower", "95% from", PermilleChange, false}, Column{"difference_upper", "to", PermilleChange, false},
			Column{"p_adjusted", "p, adjusted", Text, false})}
	v := View{}
	var differ, compared []string
	for _, o := range []struct{ name, title, colour string }{{"any", "Open, click or reply", Engage}, {"opt_out", "Opt-out", Leave}} {
		chart := Dots{Title: o.title, Note: "contact-days with it per 1,000", Label: o.title + " by arm", Kind: Permille, Under: "Arm"}
		line := Line{Colour: o.colour, Loose: true}
		for _, r := range rows {
			if r.Outcome != o.name {
				continue
			}
			c := newCell(0, 0, r.PersonDays, r.Outcomes, r.Rate)
			line.Dots = append(line.Dots, c.dot(len(chart.Axis), len(v.Rows)))
			chart.Axis = append(chart.Axis, r.Arm)
			values := append([]any{o.title, r.Arm}, c.values()...)
			against := r.Against
			if !finite(r.Difference) || !finite(r.DifferenceLow) || !finite(r.DifferenceHigh) {
				against, r.Difference, r.DifferenceLow, r.DifferenceHigh, r.Adjusted = "", nil, nil, nil, nil
			} else {
				words := o.title + ", " + r.Arm + " against " + r.Against
				compared = append(compared, words)
				if finite(r.Adjusted) && *r.Adjusted < .05 {
					differ = append(differ, words)
				}
			}
			p := ""
			if finite(r.Adjusted) {
				p = chance(*r.Adjusted)
			}
			v.Rows = append(v.Rows, append(values, against, number(r.Difference), number(r.DifferenceLow), number(r.DifferenceHigh), p))
		}
		chart.Lines = []Line{line}
		v.Charts = append(v.Charts, chart.Chart())
	}
	if len(v.Rows) == 0 {
		return f
	}
	var days, contacts uint64
	for _, r := range rows {
		if r.Outcome == "opt_out" {
			days, contacts = days+r.PersonDays, contacts+r.Contacts
		}
	}
	v.N = count(days) + " contact-days of " + count(contacts) + " contacts"
	r := rows[0]
	switch {
	case r.Identification == "blocked":
		f.Level = Crude
		v.Finding = "The randomised test is not believed, and no difference is given"
		f.Notes = append(f.Notes, "Not believed: "+r.Why+".")
	case len(differ) > 0:
		v.Finding = "The arms differ: " + strings.Join(differ, "; ")
	case len(compared) > 0:
		v.Finding = "No clear difference between the arms"
	default:
		v.Finding = "Too little data to compare the arms"
	}
	if finite(r.P) {
		f.Notes = append(f.Notes, fmt.Sprintf("Sizes of the arms, held against the plan: p = %s; below .001 the test is not believed. Contacts seen in several arms, left out: %s.", chance(*r.P), count(r.Mixed)))
	}
	f.Notes = append(f.Notes, "p is adjusted for all differences between arms and in outcomes (Holm); the intervals are not. A hold-out arm has no engagement with messages, for it got none.")
	f.Views = []View{v}
	return f
}

// chance writes a p-value.
func chance(p float64) string {
	if p < .001 {
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", p)
}
