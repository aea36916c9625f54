package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

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

// The authors of a first response, in the order of lines.
var responders = []struct{ key, name, colour, symbol string }{{"any", "anybody", Engage, "circle"}, {"human", "a human", ink, "diamond"}, {"bot", "a bot", Plain, "triangle"}}

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
