package reports

import (
	"cmp"
	"fmt"
	"slices"
)

type optOutRow struct {
	Market     string `json:"market"`
	From       uint16 `json:"dose_from"`
	To         uint16 `json:"dose_to"`
	PersonDays uint64 `json:"person_days"`
	OptOuts    uint64 `json:"opt_outs"`
	Rate
}

func optOutCurve(rows []optOutRow, market string) curve {
	c := curve{Slice: all}
	for _, r := range rows {
		if r.Market == market {
			c.Cells = append(c.Cells, newCell(r.From, r.To, r.PersonDays, r.OptOuts, r.Rate))
		}
	}
	slices.SortFunc(c.Cells, byBin)
	return c
}

// withoutNone leaves out the bin of no messages: the question is how often, so the comparison starts at one message. And whoever leaves
// after the first message of a week leaves on a day of that bin.
func withoutNone(cells []cell) []cell {
	if len(cells) > 0 && cells[0].To == 0 {
		return cells[1:]
	}
	return cells
}

const atNone = "An opt-out counts at the messages of the 7 days before its day. One that follows the day’s first message of the week stands at 0, so 0 is not what getting nothing does: nothing is concluded from 0 against 1."

func optOutFigure(d *Data) Figure {
	rows := Rows[optOutRow](d, "frequency_opt_out")
	f := Figure{ID: "opt-outs", Topic: "Opt-outs by messages in the week before", Unit: "Opt-outs per 1,000 person-days at risk", Interval: clustered, Level: Crude, Ask: "frequency_opt_out", Metric: "frequency_opt_out", Notes: []string{atNone},
		Columns: rateColumns(Column{"dose", "Messages in the week before", Text, false}, Column{"person_days", "Person-days", Count, false}, Column{"opt_outs", "Opt-outs", Count, false}, Permille)}
	for _, market := range names(rows, func(r optOutRow) string { return r.Market }) {
		c := optOutCurve(rows, market)
		if len(c.Cells) == 0 {
			continue
		}
		v := curveView(c, Slice{Market: market}, Dots{Label: "Opt-outs per 1,000 person-days, by messages in the week before", Kind: Permille, Size: Wide, Under: "Messages in the 7 days before; below each, n person-days"}, Leave, "person-days")
		v.N = count(c.events()) + " opt-outs in " + v.N
		f.Views = append(f.Views, v)
	}
	if len(f.Views) == 0 {
		return f
	}
	c := optOutCurve(rows, all)
	found := changeOf(withoutNone(c.shown()))
	f.Views[0].Finding = map[direction]string{
		unknown: "There is too little data on opt-outs", unclear: "Opt-outs show no clear change with more messages", rises: "Opt-outs are more frequent after more messages",
		falls: "Opt-outs are less frequent after more messages", peaks: "Opt-outs peak in between", dips: "Opt-outs are fewest in between",
	}[found.direction]
	if found.direction == rises && found.from != nil {
		f.Views[0].Finding += fmt.Sprintf(": clearly from %s a week on", binWords(found.from.From, found.from.To))
	}
	f.Behind = leaversBehind(d, c)
	return f
}

type leaverRow struct {
	From    uint16 `json:"dose_from"`
	Contact string `json:"contact"`
	Day     string `json:"day"`
	Dose    uint64 `json:"dose"`
	Channel string `json:"channel"`
	Market  string `json:"market"`
	Days    uint64 `json:"spell_day"`
}

// leaversBehind are some of the opt-outs of each dose that is shown.
func leaversBehind(d *Data, c curve) *Behind {
	b := &Behind{Title: "Opt-outs at messages in the week before", Ask: "leavers_behind", Rows: map[int][][]any{},
		Columns: []Column{{"contact", "Contact", Text, false}, {"day", "Left on", Text, false}, {"dose", "Messages in the week before", Count, false}, {"spell_day", "Days at risk before", Count, false}, {"channel", "Channel", Text, false}, {"market", "Market", Text, false}}}
	rows := Rows[leaverRow](d, "leavers_behind")
	for i, cell := range c.Cells {
		for _, r := range rows {
			if cell.Shown && r.From == cell.From && len(b.Rows[i]) < mostBehind {
				b.Rows[i] = append(b.Rows[i], []any{r.Contact, r.Day, r.Dose, r.Days, r.Channel, r.Market})
			}
		}
	}
	return b
}

// leavingAnswer is the highest and the lowest hazard, for the summary.
func leavingAnswer(c curve, said answer) Answer {
	a := Answer{Question: "Do people leave after more messages?", Figure: "opt-outs"}
	cells := withoutNone(c.shown())
	if c.n() == 0 || len(said.Sentence) < 2 {
		return Answer{}
	}
	a.Sentence = said.Sentence[1]
	if len(cells) > 0 {
		high := cells[len(cells)-1]
		a.Value, a.Interval = perThousand.one(high.Rate), "95% interval "+perThousand.betweenWords(high.Lower, high.Upper)
		a.Of = "opt-outs per 1,000 person-days after a week with " + messages(high)
	}
	return a
}

// optOutCurvesFigure compares crude and standardised; a contact's own history cannot tell of leaving.
func optOutCurvesFigure(d *Data) Figure {
	rows := slices.DeleteFunc(Rows[curveRow](d, "frequency_curves outcome=opt_out unit=person_day"), func(r curveRow) bool { return r.Identification == "within" })
	f := Figure{ID: "curves-opt-out", Topic: "Opt-outs: two ways to compare", Unit: "Opt-outs per 1,000 person-days at risk, by messages in the week before",
		Interval: "95% intervals, over groups of contacts", Level: Standardised, Ask: "frequency_curves outcome=opt_out unit=person_day", Metric: "frequency_curves", Columns: curveColumns(Permille),
		Notes: []string{"Not within contacts: leaving ends a contact’s history, so its own past cannot tell.", atNone}}
	f.Views = curveViews(rows, 2, Permille, Leave, "person-days of known prior engagement")
	for _, r := range rows {
		if r.Measure == "risk_ratio" && r.Suppressed == 0 && finite(r.Estimate) && finite(r.Lower) && finite(r.Upper) && len(f.Views) > 0 {
			what := "shows no clear difference"
			if *r.Lower > 1 {
				what = "is still higher"
			} else if *r.Upper < 1 {
				what = "is lower"
			}
			f.Views[0].Finding = fmt.Sprintf("At equal prior engagement, leaving %s after 4 and more messages than after 1 to 3", what)
			f.Notes = append(f.Notes, fmt.Sprintf("Risk ratio of 4 and more against 1 to 3, standardised: %s (95%% interval %s to %s).", Number.write(*r.Estimate), Number.write(*r.Lower), Number.write(*r.Upper)))
		}
	}
	return f
}

type byMessageRow struct {
	Dimension          string   `json:"dimension"`
	Segment            string   `json:"segment"`
	Number             uint64   `json:"number"`
	AtRisk             uint64   `json:"at_risk"`
	Contacts           uint64   `json:"contacts"`
	OptOuts            uint64   `json:"opt_outs"`
	Suppressed         uint8    `json:"suppressed"`
	Hazard             *float64 `json:"hazard"`
	HazardLower        *float64 `json:"hazard_lower"`
	HazardUpper        *float64 `json:"hazard_upper"`
	SurvivalSuppressed uint8    `json:"survival_suppressed"`
	Survival           *float64 `json:"survival"`
	SurvivalLower      *float64 `json:"survival_lower"`
	SurvivalUpper      *float64 `json:"survival_upper"`
}

func byMessageFigure(d *Data) Figure {
	rows := Rows[byMessageRow](d, "opt_out_by_message dimension=")
	f := Figure{ID: "by-message", Topic: "Opt-outs by number of messages since the opt-in", Unit: "Share that has not opted out within 7 days of a proactive message, up to the n-th, and opt-outs with it per 1,000",
		Interval: "95% intervals", Level: Crude, Ask: "opt_out_by_message dimension=", Metric: "opt_out_by_message",
		Notes: []string{"Who opts out later than 7 days after a message, or after an answer, counts until then and no further: by time since the opt-in all opt-outs count."},
		Columns: []Column{{"number", "Message", Count, false}, {"at_risk", "At risk", Count, false}, {"opt_outs", "Opt-outs", Count, false}, {"hazard", "Opt-outs per 1,000", Permille, false}, {"hazard_lower", "95% from", Permille, false}, {"hazard_upper", "to", Permille, false},
			{"survival", "Not opted out", Percent, true}, {"survival_lower", "95% from", Percent, false}, {"survival_upper", "to", Percent, false}, whyColumn}}
	for _, g := range bySlice(rows, func(r byMessageRow) (string, string, uint64) { return r.Dimension, r.Segment, r.AtRisk }) {
		slices.SortFunc(g.Rows, func(a, b byMessageRow) int { return cmp.Compare(a.Number, b.Number) })
		v := View{Slice: g.Slice, N: count(g.Rows[0].AtRisk) + " spells of " + count(g.Rows[0].Contacts) + " contacts at their first message"}
		stay := Dots{Title: "Not opted out", Note: "% after the n-th message", Label: "Share that has not opted out by number of messages", Kind: Percent, Under: "Messages since the opt-in"}
		leave := Dots{Title: "Leaving with it", Note: "opt-outs per 1,000 who got the n-th message; where none stands, fewer than 5", Label: "Opt-outs by number of the message", Kind: Permille, Under: "Messages since the opt-in"}
		var stays, leaves Line
		for i, r := range g.Rows {
			survival := Dot{At: i, Row: i, Value: r.Survival, Lower: r.SurvivalLower, Upper: r.SurvivalUpper}
			hazard := Dot{At: i, Row: i, Value: r.Hazard, Lower: r.HazardLower, Upper: r.HazardUpper}
			why := ""
			if !survival.shown() {
				survival, why = Dot{At: i, Row: i}, "<5"
			}
			if !hazard.shown() {
				hazard = Dot{At: i, Row: i}
			}
			stays.Dots, leaves.Dots = append(stays.Dots, survival), append(leaves.Dots, hazard)
			name := fmt.Sprint(r.Number)
			stay.Axis, leave.Axis = append(stay.Axis, name), append(leave.Axis, name)
			optOuts := any(r.OptOuts)
			if r.OptOuts < fewEvents {
				optOuts = nil
			}
			v.Rows = append(v.Rows, []any{r.Number, r.AtRisk, optOuts, number(hazard.Value), number(hazard.Lower), number(hazard.Upper), number(survival.Value), number(survival.Lower), number(survival.Upper), why})
			if survival.shown() && g.Slice == (Slice{}) {
				v.Finding = fmt.Sprintf("%s (%s) have not opted out after %s messages since their opt-in", Percent.write(*r.Survival), Percent.between(*r.SurvivalLower, *r.SurvivalUpper), name)
			}
		}
		stays.Colour, leaves.Colour, leaves.Loose = Leave, Leave, true
		stay.Lines, leave.Lines = []Line{stays}, []Line{leaves}
		v.Charts = []Chart{stay.Chart(), leave.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

type byTimeRow struct {
	Cause     string   `json:"cause"`
	FromDay   uint64   `json:"from_day"`
	Day       uint64   `json:"spell_day"`
	AtRisk    uint64   `json:"at_risk"`
	Outcomes  uint64   `json:"outcomes"`
	Incidence *float64 `json:"incidence"`
	Lower     *float64 `json:"incidence_lower"`
	Upper     *float64 `json:"incidence_upper"`
}

var causes = []struct{ name, words, colour, symbol string }{
	{"any", "any", Leave, "circle"}, {"opt_out", "opt-out", Leave, "circle"}, {"block", "block", Engage, "diamond"}, {"unreachable", "unreachable", Plain, "triangle"},
}

func byTimeFigure(d *Data) Figure {
	rows := Rows[byTimeRow](d, "opt_out_by_time")
	f := Figure{ID: "by-time", Topic: "Who has left by day since the opt-in", Unit: "% of contacts who have left by the end of the day, by cause; causes compete", Interval: "95% intervals", Level: Crude, Ask: "opt_out_by_time", Metric: "opt_out_by_time",
		Columns: slices.Concat([]Column{{"cause", "Cause", Text, false}, {"spell_day", "Day", Count, false}, {"at_risk", "At risk", Count, false}, {"outcomes", "Left that day", Count, false}, {"incidence", "Left so far", Percent, true}},
			[]Column{{"incidence_lower", "95% from", Percent, false}, {"incidence_upper", "to", Percent, false}, whyColumn})}
	v := View{}
	chart := Dots{Label: "Share of contacts who have left, by day", Kind: Percent, Size: Wide, Under: "Days since the opt-in"}
	first, last := uint64(0), uint64(0)
	for i, r := range rows {
		if i == 0 || r.Day < first {
			first = r.Day
		}
		last = max(last, r.Day)
	}
	if len(rows) == 0 {
		return f
	}
	for day := first; day <= last; day++ {
		chart.Axis = append(chart.Axis, fmt.Sprint(day))
	}
	for _, cause := range causes {
		line := Line{Name: cause.words, Colour: cause.colour, Symbol: cause.symbol}
		var own []byTimeRow
		for _, r := range rows {
			if r.Cause == cause.name && finite(r.Incidence) && finite(r.Lower) && finite(r.Upper) {
				own = append(own, r)
			}
		}
		if cause.name == "any" && !slices.ContainsFunc(rows, func(r byTimeRow) bool { return (r.Cause == "block" || r.Cause == "unreachable") && r.Outcomes > 0 }) {
			continue // there is one cause only, which says it
		}
		slices.SortFunc(own, func(a, b byTimeRow) int { return cmp.Compare(a.Day, b.Day) })
		for _, r := range own {
			line.Dots = append(line.Dots, Dot{At: int(r.Day - first), Row: len(v.Rows), Value: r.Incidence, Lower: r.Lower, Upper: r.Upper})
			left := any(r.Outcomes)
			if r.Outcomes > 0 && r.Outcomes < fewEvents {
				left = nil
			}
			v.Rows = append(v.Rows, []any{cause.words, r.Day, r.AtRisk, left, *r.Incidence, *r.Lower, *r.Upper, ""})
			if cause.name == "opt_out" {
				v.Finding = fmt.Sprintf("%s (%s) have opted out by day %d after the opt-in", Percent.write(*r.Incidence), Percent.between(*r.Lower, *r.Upper), r.Day)
			}
			if v.N == "" {
				v.N = count(r.AtRisk) + " spells at risk on day " + fmt.Sprint(r.Day)
			}
		}
		if len(own) > 0 {
			chart.Lines = append(chart.Lines, line)
		}
	}
	if len(v.Rows) > 0 {
		v.Charts = []Chart{chart.Chart()}
		f.Views = []View{v}
	}
	return f
}

type daysStayedRow struct {
	Dimension string   `json:"dimension"`
	Segment   string   `json:"segment"`
	Horizon   uint64   `json:"horizon_days"`
	FromDay   uint64   `json:"from_day"`
	Spells    uint64   `json:"spells"`
	Outcomes  uint64   `json:"outcomes"`
	Mean      *float64 `json:"mean_days"`
	Lower     *float64 `json:"mean_lower"`
	Upper     *float64 `json:"mean_upper"`
	P         *float64 `json:"p_value"`
}

// daysStayedFigure is a table: few numbers, of groups that overlap.
func daysStayedFigure(d *Data) Figure {
	f := Figure{ID: "days-stayed", Topic: "Days that contacts stay", Unit: "Mean days of the next 30 or 90; initial dose is the number of messages in the first week", Interval: "95% intervals", Level: Crude, Ask: "days_stayed", Metric: "days_stayed",
		Columns: []Column{{"dimension", "By", Text, false}, {"segment", "Group", Text, false}, {"horizon_days", "Of days", Count, false}, {"from_day", "From day", Count, false}, {"spells", "Spells", Count, false}, {"mean_days", "Mean days stayed", Number, true}, {"mean_lower", "95% from", Number, false}, {"mean_upper", "to", Number, false}, whyColumn}}
	v := View{}
	for _, r := range Rows[daysStayedRow](d, "days_stayed") {
		if !finite(r.Mean) || !finite(r.Lower) || !finite(r.Upper) {
			continue
		}
		segment := r.Segment
		switch {
		case r.Dimension == all:
			segment = all
		case segment == "":
			segment = "not told"
		}
		v.Rows = append(v.Rows, []any{r.Dimension, segment, r.Horizon, r.FromDay, r.Spells, *r.Mean, *r.Lower, *r.Upper, ""})
		if r.Dimension == all {
			v.N = count(r.Spells) + " spells"
			if v.Finding == "" {
				v.Finding = fmt.Sprintf("Contacts stay %s (%s) of the next %d days on average", Number.write(*r.Mean), Number.between(*r.Lower, *r.Upper), r.Horizon)
			}
		}
		if r.Dimension == "initial_dose" && finite(r.P) && len(f.Notes) == 0 {
			what := "no clear difference"
			if *r.P < .05 {
				what = "they differ"
			}
			f.Notes = append(f.Notes, fmt.Sprintf("Up to 3 messages in the first week against 4 and more: %s (log-rank test, p = %.3f). Who is sent much differs in more than that.", what, *r.P))
		}
	}
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}
