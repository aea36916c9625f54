package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

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

func (r engagementRow) cell() cell { return newCell(r.From, r.To, r.Messages, r.Outcomes, r.Rate) }

func byBin(a, b cell) int { return cmp.Compare(a.From, b.From) }

func engagementCurve(rows []engagementRow, outcome, channel, market string) curve {
	c := curve{Slice: all}
	for _, r := range rows {
		if r.Outcome == outcome && r.Channel == channel && r.Market == market {
			c.Cells = append(c.Cells, r.cell())
		}
	}
	slices.SortFunc(c.Cells, byBin)
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

type segmentRow struct {
	Segment  string `json:"segment"`
	Pooled   uint32 `json:"pooled"`
	Outcome  string `json:"outcome"`
	From     uint16 `json:"exposure_from"`
	To       uint16 `json:"exposure_to"`
	Messages uint64 `json:"messages"`
	Outcomes uint64 `json:"outcomes"`
	Rate
}

// engagementFigure has a panel for each outcome that anybody reported, by channel, market and category.
func engagementFigure(d *Data, rows []engagementRow, whole map[string]curve) Figure {
	f := Figure{ID: "engagement-crude", Topic: "Engagement by messages in 7 days", Unit: "% of proactive messages, delivered where the account reports deliveries: answered within 24 hours, opened or clicked within 7 days",
		Interval: clustered, Level: Crude, Ask: "frequency_engagement", Metric: "frequency_engagement",
		Columns: append([]Column{{"outcome", "Outcome", Text, false}}, rateColumns(Column{"exposure", "Messages in 7 days", Text, false}, Column{"messages", "Messages", Count, false}, Column{"outcomes", "Outcomes", Count, false}, Percent)...)}
	var measured []outcome
	for _, o := range outcomes {
		if whole[o.Name].n() > 0 {
			measured = append(measured, o)
		}
	}
	var exposures []uint16 // of the rows of the first view
	view := func(slice Slice, of func(outcome) curve) {
		v := View{Slice: slice}
		for _, o := range measured {
			chart := Dots{Title: o.Title, Note: "% " + o.Past + " within " + o.Within, Label: o.Title + ": share of messages " + o.Past + ", by messages in 7 days", Kind: Percent, Size: sizeFor(len(measured)), Under: "Messages in 7 days; below each, n"}
			line := Line{Colour: Engage}
			c := of(o)
			for i, cell := range c.Cells {
				line.Dots = append(line.Dots, cell.dot(i, len(v.Rows)))
				chart.Axis, chart.N = append(chart.Axis, bin(cell.From, cell.To)), append(chart.N, cell.under())
				v.Rows = append(v.Rows, append([]any{o.Title, bin(cell.From, cell.To)}, cell.values()...))
				if len(f.Views) == 0 {
					exposures = append(exposures, cell.From)
				}
			}
			chart.Lines = []Line{line}
			v.Charts = append(v.Charts, chart.Chart())
			if v.N == "" && c.n() > 0 {
				v.N = count(c.n()) + " messages"
			}
		}
		if len(v.Rows) > 0 {
			f.Views = append(f.Views, v)
		}
	}
	for _, channel := range names(rows, func(r engagementRow) string { return r.Channel }) {
		for _, market := range names(rows, func(r engagementRow) string { return r.Market }) {
			view(Slice{Channel: channel, Market: market}, func(o outcome) curve { return engagementCurve(rows, o.Name, channel, market) })
		}
	}
	categories := Rows[segmentRow](d, "frequency_segments dimension=category")
	for _, category := range names(categories, func(r segmentRow) string { return r.Segment })[1:] {
		if category == "" {
			continue // none known
		}
		view(Slice{Category: category}, func(o outcome) curve {
			var c curve
			for _, r := range categories {
				if r.Segment == category && r.Outcome == o.Name && r.Pooled == 0 {
					c.Cells = append(c.Cells, newCell(r.From, r.To, r.Messages, r.Outcomes, r.Rate))
				}
			}
			slices.SortFunc(c.Cells, byBin)
			return c
		})
	}
	if len(f.Views) > 0 {
		o, headline := headlineOutcome(whole)
		f.Views[0].Finding = rateWords(o, changeOf(headline.shown()))
		f.Behind = messagesBehind(d, f.Views[0], exposures)
	}
	return f
}

// rateWords is a title for a curve of engagement.
func rateWords(o outcome, c change) string {
	s := map[direction]string{
		unknown: "There is too little data on " + o.Plural, unclear: "The " + o.Rate + " shows no clear change with more messages",
		rises: "The " + o.Rate + " is higher at more messages", falls: "The " + o.Rate + " is lower at more messages",
		peaks: "The " + o.Rate + " peaks in between", dips: "The " + o.Rate + " is lowest in between",
	}[c.direction]
	if c.direction == peaks || c.direction == dips {
		s += ", at " + bin(c.between.From, c.between.To)
	}
	return s
}

type behindMessageRow struct {
	From     uint16 `json:"exposure_from"`
	Contact  string `json:"contact"`
	Day      string `json:"sent_on"`
	Channel  string `json:"channel"`
	Market   string `json:"market"`
	Category string `json:"category"`
	Opened   uint8  `json:"opened"`
	Clicked  uint8  `json:"clicked"`
	Replied  uint8  `json:"replied"`
}

func yes(flag uint8) string {
	if flag == 1 {
		return "yes"
	}
	return ""
}

// messagesBehind are some of the messages of each exposure, for every row that is shown.
func messagesBehind(d *Data, v View, exposures []uint16) *Behind {
	b := &Behind{Title: "Messages at exposure", Ask: "messages_behind", Rows: map[int][][]any{},
		Columns: []Column{{"contact", "Contact", Text, false}, {"sent_on", "Sent on", Text, false}, {"channel", "Channel", Text, false}, {"market", "Market", Text, false}, {"category", "Category", Text, false}, {"opened", "Opened", Text, false}, {"clicked", "Clicked", Text, false}, {"replied", "Replied", Text, false}}}
	some := map[uint16][][]any{}
	for _, r := range Rows[behindMessageRow](d, "messages_behind") {
		if len(some[r.From]) < mostBehind {
			some[r.From] = append(some[r.From], []any{r.Contact, r.Day, r.Channel, r.Market, r.Category, yes(r.Opened), yes(r.Clicked), yes(r.Replied)})
		}
	}
	for i, row := range v.Rows {
		if row[5] != nil { // shown: above the privacy floor
			b.Rows[i] = some[exposures[i]]
		}
	}
	return b
}

// marketsFigure has a small chart a market, all on one scale, with everyone in grey behind.
func marketsFigure(rows []engagementRow, o outcome) Figure {
	f := Figure{ID: "markets", Topic: o.Title + " by market", Unit: "% of messages " + o.Past + " within " + o.Within + ", by messages in 7 days; all on one scale, largest first; the grey line is every market together",
		Interval: clustered, Level: Crude, Ask: "frequency_engagement", Metric: "frequency_engagement",
		Columns: append([]Column{{"market", "Market", Text, false}}, rateColumns(Column{"exposure", "Messages in 7 days", Text, false}, Column{"messages", "Messages", Count, false}, Column{"outcomes", o.Title, Count, false}, Percent)...)}
	var curves []curve
	for _, market := range names(rows, func(r engagementRow) string { return r.Market })[1:] {
		c := engagementCurve(rows, o.Name, all, market)
		switch {
		case len(c.shown()) == 0:
		case market == "":
			f.Notes = append(f.Notes, count(c.n())+" messages to contacts whose market is not told are in the grey line only.")
		default:
			c.Slice = market
			curves = append(curves, c)
		}
	}
	if len(curves) < 2 {
		return f // one market is the whole
	}
	slices.SortStableFunc(curves, func(a, b curve) int { return cmp.Compare(b.n(), a.n()) })
	left := len(curves) - mostSegments
	curves = curves[:min(len(curves), mostSegments)]
	everyone := engagementCurve(rows, o.Name, all, all)
	top := niceTop(append(slices.Clone(curves), everyone))
	v := View{N: count(everyone.n()) + " messages"}
	for _, c := range curves {
		chart := Dots{Title: c.Slice, Note: shortCount(c.n()) + " messages", Label: c.Slice + ": share of messages " + o.Past + ", by messages in 7 days", Kind: Percent, Size: Small, Top: top}
		line, behind := Line{Colour: Engage}, Line{Behind: true}
		for i, cell := range c.Cells {
			chart.Axis = append(chart.Axis, bin(cell.From, cell.To))
			line.Dots = append(line.Dots, cell.dot(i, len(v.Rows)))
			for _, e := range everyone.Cells {
				if e.From == cell.From {
					behind.Dots = append(behind.Dots, e.dot(i, len(v.Rows)))
				}
			}
			v.Rows = append(v.Rows, append([]any{c.Slice, bin(cell.From, cell.To)}, cell.values()...))
		}
		chart.Lines = []Line{behind, line}
		v.Charts = append(v.Charts, chart.Chart())
	}
	if left > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("The %d largest of %d; the query has them all.", mostSegments, mostSegments+left))
	}
	f.Views = []View{v}
	return f
}

type curveRow struct {
	Dimension      string   `json:"dimension"`
	Segment        string   `json:"segment"`
	Outcome        string   `json:"outcome"`
	Identification string   `json:"identification"`
	Measure        string   `json:"measure"`
	From           uint16   `json:"dose_from"`
	To             uint16   `json:"dose_to"`
	Contacts       uint64   `json:"contacts"`
	Units          uint64   `json:"units"`
	Suppressed     uint8    `json:"suppressed"`
	Estimate       *float64 `json:"estimate"`
	Lower          *float64 `json:"lower"`
	Upper          *float64 `json:"upper"`
	Verdict        string   `json:"verdict"`
	Why            string   `json:"why"`
}

func (r curveRow) dot(at, row int) Dot {
	d := Dot{At: at, Row: row, Value: r.Estimate, Lower: r.Lower, Upper: r.Upper}
	if r.Suppressed == 1 || !d.shown() {
		d = Dot{At: at, Row: row, Why: "–"}
	}
	return d
}

var curvePanels = []struct {
	identification, measure, title, note string
	symbol                               string
}{
	{"crude", "rate", "Crude", "As it came: who gets more may differ in other ways", "circle"},
	{"standardised", "rate", "Standardised", "Every bin given the same mix of prior engagement and market", "diamond"},
	{"within", "difference", "Within contacts", "Each compared with itself: change from 1 message, in points", "triangle"},
}

// curveSlopes stand side by side at the end of the table: of opposite signs where the mix of contacts makes the crude one.
var curveSlopes = []struct{ identification, measure, title, name string }{
	{"crude", "slope", "Crude", "for one more message"},
	{"crude", "between_slope", "Between contacts", "for one more message"},
	{"within", "slope", "Within contacts", "for one more message"},
	{"within", "lagged_slope", "Within contacts", "for one more message, the outcome before held"},
}

func curveColumns(kind Kind) []Column {
	return slices.Concat([]Column{{"identification", "Level", Text, false}, {"measure", "Measure", Text, false}, {"dose", "Messages in 7 days", Text, false}, {"contacts", "Contacts", Count, false}, {"units", "n", Count, false}, {"estimate", "Estimate", kind, true}}, lowerUpper(kind), []Column{whyColumn})
}

// curveViews draws the curves of some levels side by side: those that the rows have. Where no prior engagement is known
// yet, contacts can still be compared with themselves.
func curveViews(rows []curveRow, most int, kind Kind, colour, unit string) (views []View) {
	panels := slices.Clone(curvePanels[:most])
	for i := len(panels) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(rows, func(r curveRow) bool {
			return r.Dimension == all && r.Identification == panels[i].identification && r.Measure == panels[i].measure
		}) {
			panels = slices.Delete(panels, i, i+1)
		}
	}
	for _, g := range bySlice(rows, func(r curveRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Units }) {
		v := View{Slice: g.Slice}
		for _, p := range panels {
			chart := Dots{Title: p.title, Note: p.note, Label: p.title + " curve by messages in 7 days", Kind: kind, Under: "Messages in 7 days", Signed: p.measure == "difference"}
			if chart.Signed {
				chart.Kind = Points
			}
			line := Line{Colour: colour, Symbol: p.symbol}
			for _, r := range g.Rows {
				if r.Identification != p.identification || r.Measure != p.measure {
					continue
				}
				dot := r.dot(len(chart.Axis), len(v.Rows))
				chart.Axis = append(chart.Axis, bin(r.From, r.To))
				line.Dots = append(line.Dots, dot)
				why := ""
				if !dot.shown() {
					if why = r.Why; why == "" {
						why = "too few"
					}
				}
				contacts, units := any(r.Contacts), any(r.Units)
				if r.Contacts < fewContacts {
					contacts, units = nil, nil
				}
				v.Rows = append(v.Rows, []any{p.title, p.measure, bin(r.From, r.To), contacts, units, number(dot.Value), number(dot.Lower), number(dot.Upper), why})
			}
			chart.Lines = []Line{line}
			v.Charts = append(v.Charts, chart.Chart())
		}
		for _, p := range curveSlopes {
			for _, r := range g.Rows {
				if r.Identification != p.identification || r.Measure != p.measure || r.Contacts < fewContacts {
					continue
				}
				dot, why := r.dot(0, 0), ""
				if !dot.shown() {
					why = cmp.Or(r.Why, "too few")
				}
				v.Rows = append(v.Rows, []any{p.title, p.name, "all", r.Contacts, r.Units, number(dot.Value), number(dot.Lower), number(dot.Upper), why})
			}
		}
		units := func(identification, measure string) uint64 {
			return sumOf(g.Rows, func(r curveRow) uint64 {
				if r.Identification == identification && r.Measure == measure {
					return r.Units
				}
				return 0
			})
		}
		if n := units("crude", "rate"); n > 0 {
			v.N = count(n) + " " + unit
		} else {
			v.N = count(units("within", "slope")) + " messages"
		}
		if len(v.Rows) > 0 {
			views = append(views, v)
		}
	}
	return views
}

const withinQuestion = "Does a message do worse after other messages?"

// curveFigures are the three curves of each outcome, side by side, and the answer of the headline's.
func curveFigures(d *Data, whole map[string]curve) (list []Figure, answer Answer) {
	rows := askWithCategories[curveRow](d, "frequency_curves")
	headline, _ := headlineOutcome(whole)
	for _, o := range outcomes {
		own := slices.DeleteFunc(slices.Clone(rows), func(r curveRow) bool { return r.Outcome != o.Name })
		f := Figure{ID: "curves-" + o.Name, Topic: o.Title + ": three ways to compare", Unit: "% of messages " + o.Past + " within " + o.Within + ", by messages in 7 days; within contacts, the change in percentage points",
			Interval: "95% intervals, over groups of contacts", Level: Within, Ask: "frequency_curves", Metric: "frequency_curves", Columns: curveColumns(Percent)}
		f.Views = curveViews(own, 3, Percent, Engage, "messages of known prior engagement")
		if len(f.Views) == 0 {
			continue
		}
		words, value, interval := withinWords(o, withinRow(own, o, "slope"))
		f.Views[0].Finding = words
		if p := withinRow(own, o, "placebo_slope"); p != nil && finite(p.Estimate) {
			f.Notes = append(f.Notes, fmt.Sprintf("Placebo: the messages of the NEXT week go with %s for each (95%% %s). They cannot act, so this should be small; verdict: %s.", Points.write(*p.Estimate), Points.between(*p.Lower, *p.Upper), p.Verdict))
		}
		list = append(list, f)
		if o.Name == headline.Name {
			answer = Answer{Question: withinQuestion, Sentence: words + ".", Value: value, Of: "in the " + o.Rate + ", for one more message in 7 days", Interval: interval, Figure: f.ID}
			if value == "" {
				answer.Of = ""
			}
		}
	}
	return list, answer
}

// withinRow returns what comparing all contacts with themselves gives; nil if there is no such row.
func withinRow(rows []curveRow, o outcome, measure string) *curveRow {
	for i, r := range rows {
		if r.Dimension == all && r.Outcome == o.Name && r.Identification == "within" && r.Measure == measure {
			return &rows[i]
		}
	}
	return nil
}

// withinDirection says where the rate of the same contacts goes; unknown where that cannot be told.
func withinDirection(slope *curveRow) direction {
	switch {
	case slope == nil || !slope.measured() || slope.Verdict == "cannot tell":
		return unknown
	case *slope.Upper < 0:
		return falls
	case *slope.Lower > 0:
		return rises
	}
	return unclear
}

func (r curveRow) measured() bool {
	return r.Suppressed == 0 && finite(r.Estimate) && finite(r.Lower) && finite(r.Upper)
}

// withinWords says what comparing contacts with themselves shows.
func withinWords(o outcome, slope *curveRow) (words, value, interval string) {
	if slope == nil || !slope.measured() {
		return "Too little data to compare contacts with themselves on " + o.Plural, "", ""
	}
	value, interval = Points.write(*slope.Estimate), "95% interval "+Points.between(*slope.Lower, *slope.Upper)
	if slope.Verdict == "cannot tell" {
		why := slope.Why
		if strings.HasPrefix(why, "the dose of the week after") {
			why = "the sender seems to react to contacts"
		}
		return "It cannot be told whether more messages change the " + o.Rate + ": " + why, value, interval
	}
	switch withinDirection(slope) {
	case falls:
		return fmt.Sprintf("Compared with themselves, contacts have a lower %s at more messages: %s for each", o.Rate, Points.write(*slope.Estimate)), value, interval
	case rises:
		return fmt.Sprintf("Compared with themselves, contacts have a higher %s at more messages: %s for each", o.Rate, Points.write(*slope.Estimate)), value, interval
	}
	return "Compared with themselves, contacts show no clear change in the " + o.Rate + " with more messages", value, interval
}

type doseRow struct {
	Dimension     string   `json:"dimension"`
	Segment       string   `json:"segment"`
	Outcome       string   `json:"outcome"`
	From          uint16   `json:"dose_from"`
	To            uint16   `json:"dose_to"`
	PersonDays    uint64   `json:"person_days"`
	Outcomes      uint64   `json:"outcomes"`
	Marginal      *float64 `json:"marginal"`
	MarginalLower *float64 `json:"marginal_lower"`
	MarginalUpper *float64 `json:"marginal_upper"`
	Rate
}

// marginalFigure shows what a further message in the week before goes with.
func marginalFigure(d *Data) Figure {
	rows := slices.DeleteFunc(askDimensions[doseRow](d, "frequency_dose"), func(r doseRow) bool { return r.Outcome != "any" && r.Outcome != "opt_out" })
	f := Figure{ID: "marginal", Topic: "What a further message goes with", Unit: "Change from the bin before in days with an engagement, and in opt-outs, per 1,000 person-days at risk",
		Interval: clustered, Level: Crude, Ask: "frequency_dose", Metric: "frequency_dose", Notes: []string{atNone},
		Columns: slices.Concat([]Column{{"outcome", "Outcome", Text, false}, {"dose", "Messages in the week before", Text, false}, {"person_days", "Person-days", Count, false}, {"rate", "Per 1,000", Permille, false}, {"lower", "95% from", Permille, false}, {"upper", "to", Permille, false}, {"marginal", "Change from the bin before", PermilleChange, true}},
			[]Column{{"marginal_lower", "95% from", PermilleChange, false}, {"marginal_upper", "to", PermilleChange, false}, whyColumn})}
	for _, g := range bySlice(rows, func(r doseRow) (string, string, uint64) { return r.Dimension, r.Segment, r.PersonDays }) {
		v := View{Slice: g.Slice}
		var steps []doseRow
		for _, p := range []struct{ outcome, title, colour string }{{"any", "Days with an open, click or reply", Engage}, {"opt_out", "Opt-outs", Leave}} {
			chart := Dots{Title: p.title, Note: "more per 1,000 person-days than the bin before", Label: p.title + ": change from the bin before", Kind: PermilleChange, Signed: true, Under: "Messages in the week before"}
			line := Line{Colour: p.colour, Loose: true}
			first := true
			var n uint64
			for _, r := range g.Rows {
				if r.Outcome != p.outcome {
					continue
				}
				n += r.PersonDays
				dot := Dot{At: len(chart.Axis), Row: len(v.Rows), Value: r.Marginal, Lower: r.MarginalLower, Upper: r.MarginalUpper}
				why := ""
				if !dot.shown() {
					why = map[bool]string{true: "first", false: "too few"}[first]
					dot = Dot{At: dot.At, Row: dot.Row}
				} else if p.outcome == "any" && r.From > 1 { // what follows the first message of a week stands at 0
					steps = append(steps, r)
				}
				first = false
				chart.Axis = append(chart.Axis, bin(r.From, r.To))
				line.Dots = append(line.Dots, dot)
				days := any(r.PersonDays)
				if r.Contacts < fewContacts {
					days = nil
				}
				v.Rows = append(v.Rows, []any{p.title, bin(r.From, r.To), days, number(r.Rate.Rate), number(r.Lower), number(r.Upper), number(dot.Value), number(dot.Lower), number(dot.Upper), why})
			}
			if v.N == "" {
				v.N = count(n) + " person-days"
			}
			chart.Lines = []Line{line}
			v.Charts = append(v.Charts, chart.Chart())
		}
		if g.Slice == (Slice{}) && len(steps) > 0 {
			rising := 0
			for _, r := range steps { // each beside all others
				if *r.Marginal > wider(len(steps))*(*r.Marginal-*r.MarginalLower) {
					rising++
				}
			}
			verb := "go"
			if rising == 1 {
				verb = "goes"
			}
			v.Finding = fmt.Sprintf("%s of %s steps to more messages %s with clearly more days of engagement", strings.ToUpper(inWords(rising)[:1])+inWords(rising)[1:], inWords(len(steps)), verb)
			if rising == len(steps) {
				v.Finding = "Every step to more messages goes with clearly more days of engagement"
			}
		}
		f.Views = append(f.Views, v)
	}
	return f
}

// inWords writes a small number in a sentence.
func inWords(n int) string {
	words := []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
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
