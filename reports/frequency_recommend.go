package reports

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

type recommendationRow struct {
	Dimension      string   `json:"dimension"`
	Segment        string   `json:"segment"`
	Identification string   `json:"identification"`
	Headline       uint8    `json:"headline"`
	Arm            string   `json:"arm"`
	From           uint16   `json:"dose_from"`
	To             uint16   `json:"dose_to"`
	Outcome        string   `json:"outcome"`
	Value          float64  `json:"value_engagement"`
	Cost           float64  `json:"cost_opt_out"`
	Message        float64  `json:"cost_message"`
	Budget         *float64 `json:"budget"`
	Contacts       uint64   `json:"contacts"`
	PersonDays     uint64   `json:"person_days"`
	OptOut         *float64 `json:"opt_out_rate"`
	OptOutLower    *float64 `json:"opt_out_lower"`
	OptOutUpper    *float64 `json:"opt_out_upper"`
	WithinBudget   uint8    `json:"within_budget"`
	Utility        *float64 `json:"utility"`
	Lower          *float64 `json:"utility_lower"`
	Upper          *float64 `json:"utility_upper"`
	Candidate      uint8    `json:"candidate"`
	Excluded       string   `json:"excluded"`
	Plausible      uint8    `json:"plausible"`
	ChanceBest     *float64 `json:"chance_best"`
	Recommended    uint8    `json:"recommended"`
	Half           uint8    `json:"recommended_half"`
	Double         uint8    `json:"recommended_double"`
	ValueHalf      uint8    `json:"recommended_value_half"`
	ValueDouble    uint8    `json:"recommended_value_double"`
	Why            string   `json:"why"`
	Settle         string   `json:"what_would_settle_it"`
}

func (r recommendationRow) name() string {
	if r.Arm != "" {
		return r.Arm
	}
	return bin(r.From, r.To)
}

// askDimensions reads a question whose query takes one dimension at a time: of all contacts, and by channel and market.
func askDimensions[R any](d *Data, query string) (rows []R) {
	for _, dimension := range []string{"", " dimension=channel", " dimension=market"} {
		rows = append(rows, Rows[R](d, query+dimension)...)
	}
	return rows
}

// askWithCategories also has the rows of categories, which messages have, and days have not.
func askWithCategories[R any](d *Data, query string) []R {
	return append(askDimensions[R](d, query), Rows[R](d, query+" dimension=category")...)
}

const recommendationQuestion = "How often should we message?"

func recommendationFigure(d *Data) (Figure, Answer) {
	rows := slices.DeleteFunc(askDimensions[recommendationRow](d, "frequency_recommendation"), func(r recommendationRow) bool { return r.Headline == 0 })
	f := Figure{ID: "recommendation", Topic: "Worth of a frequency", Interval: "95% intervals, over groups of contacts", Level: Within, Ask: "frequency_recommendation", Metric: "frequency_recommendation",
		Columns: []Column{{"dose", "Messages in 7 days", Text, false}, {"contacts", "Contacts", Count, false}, {"person_days", "Person-days", Count, false},
			{"utility", "Worth per person-day", Number, true}, {"utility_lower", "95% from", Number, false}, {"utility_upper", "to", Number, false}, {"plausible", "May be best", Text, false}, {"chance_best", "Chance of being best", Percent, false},
			{"opt_out_rate", "Opt-outs per 1,000 person-days", Permille, false}, {"opt_out_lower", "95% from", Permille, false}, {"opt_out_upper", "to", Permille, false}, {"within_budget", "Keeps the budget", Text, false}, whyColumn}}
	a := Answer{Question: recommendationQuestion, Figure: f.ID}
	for _, g := range bySlice(rows, func(r recommendationRow) (string, string, uint64) { return r.Dimension, r.Segment, r.PersonDays }) {
		v := View{Slice: g.Slice, N: count(sumOf(g.Rows, func(r recommendationRow) uint64 { return r.PersonDays })) + " person-days"}
		v.Finding = recommendationWords(g.Rows)
		if words := g.Slice.words(); words != "" {
			v.Finding = strings.ToUpper(words[:1]) + words[1:] + ": " + strings.ToLower(v.Finding[:1]) + v.Finding[1:]
		}
		chart := Dots{Label: "Worth per person-day by messages in 7 days", Under: "Messages in 7 days, kept up", Kind: Number, Size: Wide, Signed: true, Values: true}
		may, not := Line{Colour: Engage, Loose: true}, Line{Colour: Plain, Symbol: "diamond", Loose: true}
		for i, r := range g.Rows {
			chart.Axis = append(chart.Axis, r.name())
			dot := Dot{At: i, Row: i, Value: r.Utility, Lower: r.Lower, Upper: r.Upper}
			plausible := ""
			switch {
			case r.Candidate == 0 || !dot.shown():
				dot.Value, dot.Lower, dot.Upper, dot.Why = nil, nil, nil, "too little data"
				not.Dots = append(not.Dots, dot)
			case r.Plausible == 1:
				plausible = "yes"
				may.Dots = append(may.Dots, dot)
			default:
				plausible = "no"
				not.Dots = append(not.Dots, dot)
			}
			if r.Recommended == 1 {
				plausible = "recommended"
			}
			keeps := ""
			if r.Budget != nil && r.Candidate == 1 {
				keeps = map[uint8]string{0: "no", 1: "yes"}[r.WithinBudget]
			}
			v.Rows = append(v.Rows, []any{r.name(), r.Contacts, r.PersonDays, number(dot.Value), number(dot.Lower), number(dot.Upper), plausible, number(r.ChanceBest), number(r.OptOut), number(r.OptOutLower), number(r.OptOutUpper), keeps, r.Excluded})
		}
		chart.Lines = []Line{not, may}
		drawn := chart.Chart()
		drawn.Key = []KeyItem{{"●", template.CSS(Engage), "may be the best"}, {"◆", template.CSS(Plain), "worth less than another, or too little data"}}
		v.Charts = []Chart{drawn}
		f.Views = append(f.Views, v)
	}
	if len(f.Views) == 0 {
		return f, Answer{}
	}
	r := rows[0]
	engagement := map[string]string{"open": "an open", "click": "a click", "reply": "a reply"}[r.Outcome]
	per := "Worth per person-day at risk, were this many messages kept up"
	if r.Identification == "randomised" {
		f.Level = Randomised
		per = "Worth per day of the test of a contact as assigned, whether it has left or not"
	}
	f.Unit = fmt.Sprintf("%s: %s counts %s, an opt-out costs %s, a message %s", per, engagement, plainNumber(r.Value), plainNumber(r.Cost), plainNumber(r.Message))
	budget := "There is no budget for opt-outs. "
	if r.Budget != nil {
		budget = fmt.Sprintf("Budget: at most %s opt-outs per 1,000 person-days, by the upper limit. ", perThousand.one(*r.Budget))
	}
	f.Notes = append(f.Notes, "These values decide the answer and are a beginning, not a finding: set your own under values in drumbeat.yaml. "+budget+ifValues(rows, engagement))
	if len(f.Views) > 1 {
		f.Notes = append(f.Notes, "Of each channel and market the numbers that may be best hold the best in 95 of 100 cases; of many, some do not.")
	}
	if r.Settle != "" {
		f.Notes = append(f.Notes, "What would settle it: "+r.Settle+".")
	}
	a.Sentence, a.Value, a.Of = f.Views[0].Finding+".", "none", "frequency can be recommended yet"
	for _, x := range rows {
		if x.Dimension == all && x.Recommended == 1 {
			a.Value, a.Of = x.name()+" a week", "the smallest number of messages that may be best"
			if x.Arm != "" {
				a.Value = x.Arm
			}
		}
	}
	if plausible := plausibleOf(rows); len(plausible) > 0 {
		a.Interval = "may be best: " + strings.Join(plausible, ", ")
	}
	return f, a
}

func plausibleOf(rows []recommendationRow) (list []string) {
	for _, r := range rows {
		if r.Dimension == rows[0].Dimension && r.Segment == rows[0].Segment && r.Plausible == 1 {
			list = append(list, r.name())
		}
	}
	return list
}

// recommendationWords is the answer in a sentence, or why there is none.
func recommendationWords(rows []recommendationRow) string {
	plausible := plausibleOf(rows)
	for _, r := range rows {
		if r.Recommended == 1 {
			s := binWords(r.From, r.To) + " messages in 7 days is the smallest number that may be best"
			if r.Arm != "" {
				s = "Arm " + r.Arm + " is the smallest that may be best"
			}
			if r.Budget != nil {
				s += " and surely keeps the budget of opt-outs"
			}
			if len(plausible) > 1 {
				s += "; " + strings.Join(plausible[:len(plausible)-1], ", ") + " and " + plausible[len(plausible)-1] + " cannot be told apart"
			}
			if r.Identification == "randomised" {
				return s + ", by a randomised test"
			}
			return s + ", by contacts compared with themselves (an association)"
		}
	}
	why := rows[0].Why
	if why == "" {
		why = "no frequency stands out"
	}
	return "No recommendation: " + why
}

// ifValues says what other values of an opt-out and an engagement would change.
func ifValues(rows []recommendationRow, engagement string) string {
	one := func(flag func(recommendationRow) uint8) string {
		for _, r := range rows {
			if r.Dimension == all && flag(r) == 1 {
				return r.name()
			}
		}
		return "none"
	}
	given := one(func(r recommendationRow) uint8 { return r.Recommended })
	half, double := one(func(r recommendationRow) uint8 { return r.Half }), one(func(r recommendationRow) uint8 { return r.Double })
	less, more := one(func(r recommendationRow) uint8 { return r.ValueHalf }), one(func(r recommendationRow) uint8 { return r.ValueDouble })
	words := "Did an opt-out cost half as much, the recommendation would be " + half + "; twice as much, " + double +
		". Were " + engagement + " worth half as much, it would be " + less + "; twice as much, " + more + "."
	if given == half && given == double && given == less && given == more {
		words = "The recommendation stays " + given + " if an opt-out costs half or twice as much, and if " + engagement + " is worth half or twice as much."
		if given == "none" {
			words = "Nor would there be a recommendation if an opt-out cost half or twice as much, or if " + engagement + " were worth half or twice as much."
		}
	}
	if rows[0].Message == 0 {
		words += " Messages cost nothing here, so only the ratio of the two counts: half the worth is twice the cost."
	}
	return words
}

func sumOf[R any](rows []R, of func(R) uint64) (total uint64) {
	for _, r := range rows {
		total += of(r)
	}
	return total
}

// recommendedCap is the number of messages recommended for everything together, 0 if none.
func recommendedCap(d *Data) uint64 {
	for _, r := range Rows[recommendationRow](d, "frequency_recommendation") {
		if r.Recommended == 1 && r.Arm == "" && r.To != noUpperEnd {
			return uint64(r.To)
		}
	}
	return 0
}

type whatIfRow struct {
	Dimension  string   `json:"dimension"`
	Segment    string   `json:"segment"`
	Measure    string   `json:"measure"`
	Cap        uint64   `json:"cap"`
	Contacts   uint64   `json:"contacts"`
	PersonDays uint64   `json:"person_days"`
	Above      uint64   `json:"days_above"`
	Observed   *float64 `json:"observed"`
	Capped     *float64 `json:"capped"`

	ObservedLower *float64 `json:"observed_lower"`
	ObservedUpper *float64 `json:"observed_upper"`
	CappedLower   *float64 `json:"capped_lower"`
	CappedUpper   *float64 `json:"capped_upper"`

	Change     *float64 `json:"change"`
	Lower      *float64 `json:"change_lower"`
	Upper      *float64 `json:"change_upper"`
	Level      string   `json:"identification"`
	Verdict    string   `json:"verdict"`
	Assumption string   `json:"assumption"`
	Outcome    string   `json:"outcome"`
}

type whatIfMeasure struct{ name, title, colour string }

var whatIfMeasures = []whatIfMeasure{
	{"send", "Messages sent", Plain}, {"spend", "Spend", Plain}, {"engagement", "Engagements", Engage}, {"opt_out", "Opt-outs", Leave},
}

func (r whatIfRow) name() string {
	if r.Measure == "engagement" {
		return map[string]string{"open": "Opens", "click": "Clicks", "reply": "Replies"}[r.Outcome]
	}
	for _, m := range whatIfMeasures {
		if m.name == r.Measure {
			return m.title
		}
	}
	return r.Measure
}

func whatIfFigure(d *Data) Figure {
	rows := askDimensions[whatIfRow](d, "frequency_what_if")
	f := Figure{ID: "what-if", Topic: "What a cap on the messages of any 7 days would have changed", Level: Within, Ask: "frequency_what_if", Metric: "frequency_what_if",
		Unit:     "Change per 1,000 contacts at risk and 30 days: messages replayed under the cap; the others as if every larger number of messages were at it",
		Interval: "95% intervals, over groups of contacts",
		Notes:    []string{"The bases differ: messages and engagement are of all contacts at risk, those who were sent none included; opt-outs of those whose prior engagement is known."},
		Columns: []Column{{"measure", "Measure", Text, false}, {"identification", "Level", Text, false}, {"cap", "Cap", Count, false}, {"days_above", "Person-days above it", Count, false}, {"observed", "As it was", Number, false}, {"observed_lower", "95% from", Number, false}, {"observed_upper", "to", Number, false},
			{"capped", "Capped", Number, false}, {"capped_lower", "95% from", Number, false}, {"capped_upper", "to", Number, false}, {"change", "Change", Change, true},
			{"change_lower", "95% from", Change, false}, {"change_upper", "to", Change, false}, whyColumn}}
	measures := slices.DeleteFunc(slices.Clone(whatIfMeasures), func(m whatIfMeasure) bool {
		return !slices.ContainsFunc(rows, func(r whatIfRow) bool { return r.Measure == m.name && r.Dimension == all })
	})
	for _, g := range bySlice(rows, func(r whatIfRow) (string, string, uint64) { return r.Dimension, r.Segment, r.PersonDays }) {
		v := View{Slice: g.Slice, N: count(g.Rows[0].PersonDays) + " person-days of " + count(g.Rows[0].Contacts) + " contacts"}
		for _, m := range measures {
			chart := Dots{Title: m.title, Label: "Change in " + m.name + " by cap", Kind: Change, Signed: true, Under: "Cap on messages in 7 days"}
			line := Line{Colour: m.colour, Loose: true}
			for _, r := range g.Rows {
				if r.Measure != m.name {
					continue
				}
				chart.Title = r.name() // which engagement
				dot := Dot{At: len(chart.Axis), Row: len(v.Rows), Value: r.Change, Lower: r.Lower, Upper: r.Upper}
				why := ""
				if !dot.shown() {
					why, dot = "too little data", Dot{At: dot.At, Row: dot.Row}
				}
				chart.Axis = append(chart.Axis, fmt.Sprint(r.Cap))
				line.Dots = append(line.Dots, dot)
				v.Rows = append(v.Rows, []any{r.name(), r.Level, r.Cap, r.Above, number(r.Observed), number(r.ObservedLower), number(r.ObservedUpper), number(r.Capped), number(r.CappedLower), number(r.CappedUpper), number(dot.Value), number(dot.Lower), number(dot.Upper), why})
			}
			chart.Lines = []Line{line}
			v.Charts = append(v.Charts, chart.Chart())
		}
		if g.Slice == (Slice{}) {
			v.Finding = whatIfWords(g.Rows, recommendedCap(d))
		}
		f.Views = append(f.Views, v)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if r.Dimension == all && r.Assumption != "" && !seen[r.Measure] {
			seen[r.Measure] = true
			note := r.name() + ", " + r.Level + ": " + r.Assumption + "."
			if r.Verdict == "cannot tell" {
				note += " It cannot be told here: the comparison fails its check, or rests on what contacts do of their own accord."
			}
			f.Notes = append(f.Notes, note)
		}
	}
	slices.Sort(f.Notes)
	f.Notes = append(f.Notes, "An interval is of one cap: those of all caps side by side are not adjusted.")
	return f
}

// whatIfWords tells of the cap at the recommended number, else of the largest that clearly spares opt-outs.
func whatIfWords(rows []whatIfRow, recommended uint64) string {
	at := recommended
	for _, r := range rows {
		if recommended == 0 && r.Measure == "opt_out" && finite(r.Upper) && *r.Upper < 0 {
			at = max(at, r.Cap)
		}
	}
	var parts, untold []string
	for _, r := range rows {
		if r.Cap != at || r.Measure != "opt_out" && r.Measure != "engagement" || !finite(r.Change) || !finite(r.Lower) || !finite(r.Upper) {
			continue
		}
		what := strings.ToLower(r.name())
		switch {
		case r.Verdict == "cannot tell":
			untold = append(untold, what)
		case *r.Upper < 0:
			parts = append(parts, Count.write(math.Round(-*r.Change))+" fewer "+what)
		case *r.Lower > 0:
			parts = append(parts, Count.write(math.Round(*r.Change))+" more "+what)
		default:
			parts = append(parts, "no clear change in "+what)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	words := fmt.Sprintf("A cap of %d would go with %s per 1,000 contacts in 30 days", at, strings.Join(parts, " and "))
	if len(untold) > 0 {
		words += "; of " + strings.Join(untold, " and ") + " it cannot be told"
	}
	return words
}

type classRow struct {
	Dimension string   `json:"dimension"`
	Segment   string   `json:"segment"`
	Class     string   `json:"class"`
	Contacts  uint64   `json:"contacts"`
	Base      uint64   `json:"base"`
	Share     *float64 `json:"share"`
	Lower     *float64 `json:"lower"`
	Upper     *float64 `json:"upper"`
}

var classes = []struct{ name, words string }{
	{"undersaturated", "below"}, {"on_target", "on target"}, {"saturated", "above"},
	{"saturated_declining", "above, declining"}, {"too_little_data", "too little data"}, {"no_recommendation", "no recommendation"},
}

func classesFigure(d *Data) Figure {
	rows := Rows[classRow](d, "contact_class_shares")
	f := Figure{ID: "classes", Topic: "Contacts below, on and above the plausible frequency", Unit: "% of contacts at risk, by their messages of the last 28 days", Interval: "95% intervals", Level: Counted, Ask: "contact_class_shares", Metric: "contact_classes",
		Notes:   []string{"Descriptive: a class is no forecast of what a contact would do. Above, and below, is only said where more, or fewer, messages were compared and found worth less; else nobody is."},
		Columns: slices.Concat([]Column{{"class", "Class", Text, false}, {"contacts", "Contacts", Count, false}, {"share", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	for _, g := range bySlice(rows, func(r classRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Contacts }) {
		v := View{Slice: g.Slice, N: count(g.Rows[0].Base) + " contacts"}
		chart := Dots{Label: "Share of contacts by class", Kind: Percent, Size: Wide}
		line := Line{Colour: Plain, Loose: true}
		for i, class := range classes {
			chart.Axis = append(chart.Axis, class.words)
			for _, r := range g.Rows {
				if r.Class != class.name {
					continue
				}
				dot, contacts, why := Dot{At: i, Row: len(v.Rows), Value: r.Share, Lower: r.Lower, Upper: r.Upper}, any(r.Contacts), ""
				if !dot.shown() {
					dot = Dot{At: i, Row: len(v.Rows), Why: "<5"}
					contacts, why = nil, "<5"
				}
				line.Dots = append(line.Dots, dot)
				v.Rows = append(v.Rows, []any{class.words, contacts, number(dot.Value), number(dot.Lower), number(dot.Upper), why})
				if class.name == "saturated" && g.Slice == (Slice{}) && dot.shown() {
					v.Finding = fmt.Sprintf("%s (%s) of contacts get more than may be best, and more was found worth less", Percent.write(*r.Share), Percent.between(*r.Lower, *r.Upper))
				}
			}
		}
		chart.Lines = []Line{line}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}
