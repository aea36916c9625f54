package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

type sideRow struct {
	Survey string `json:"survey_id"`
	inSegment
	From        Time     `json:"window_from"`
	To          Time     `json:"window_to"`
	Pain        string   `json:"pain"`
	Label       string   `json:"label"`
	StatedOf    string   `json:"stated_population"`
	ObservedOf  string   `json:"observed_population"`
	Base        *uint64  `json:"base_n"`
	Stated      *float64 `json:"stated"`
	StatedLower *float64 `json:"stated_lower"`
	StatedUpper *float64 `json:"stated_upper"`
	Contacts    uint64   `json:"contacts"`
	Hit         uint64   `json:"hit"`
	Observed    *float64 `json:"observed"`
	Lower       *float64 `json:"observed_lower"`
	Upper       *float64 `json:"observed_upper"`
	Difference  *float64 `json:"difference"`
	Less        *float64 `json:"difference_lower"`
	More        *float64 `json:"difference_upper"`
	Why         string   `json:"why"`
}

func (r sideRow) said() estimate {
	return estimate{r.Stated, r.StatedLower, r.StatedUpper, r.Why}
}

func (r sideRow) seen() estimate {
	if !finite(r.Observed) {
		return estimate{Why: newCell(0, 0, r.Contacts, r.Hit, Rate{Contacts: r.Contacts, Suppressed: 1}).why()}
	}
	return estimate{r.Observed, r.Lower, r.Upper, ""}
}

type agreementRow struct {
	Survey string `json:"survey_id"`
	inSegment
	Subject   string   `json:"subject"`
	Statistic string   `json:"statistic"`
	N         uint64   `json:"n"`
	Value     *float64 `json:"value"`
	Lower     *float64 `json:"lower"`
	Upper     *float64 `json:"upper"`
	Why       string   `json:"why"`
}

func (r agreementRow) estimate() estimate { return estimate{r.Value, r.Lower, r.Upper, r.Why} }

type comparisonRow struct {
	Survey   string  `json:"survey_id"`
	Question string  `json:"question_id"`
	Option   uint16  `json:"option"`
	Adjusted float64 `json:"p_adjusted"`
}

// painSidesFigure sets what people name beside what happened, over the days that the question asks about.
func painSidesFigure(whole asked, rows []sideRow, agreement []agreementRow) Figure {
	f := Figure{ID: "side-by-side", Topic: "Named, and happened", Unit: "% of respondents who name it, and % of contacts to whom it happened", Interval: "95% intervals, of the survey’s design and of contacts", Level: Stated, Ask: "stated_observed", Metric: "stated_observed",
		Columns: []Column{{"pain", "Pain", Text, false}, {"stated", "Named", Percent, true}, {"stated_lower", "95% from", Percent, false}, {"stated_upper", "to", Percent, false},
			{"contacts", "Contacts", Count, false}, {"hit", "Hit", Count, false}, {"observed", "Happened", Percent, true}, {"observed_lower", "95% from", Percent, false}, {"observed_upper", "to", Percent, false},
			{"difference", "Named less happened", Points, true}, {"difference_lower", "95% from", Points, false}, {"difference_upper", "to", Points, false}, whyColumn}}
	if len(whole.rows) == 0 || !slices.ContainsFunc(rows, func(r sideRow) bool { return finite(r.Observed) }) {
		return f
	}
	for _, s := range bySlice(rows, func(r sideRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Contacts }) {
		v := View{Slice: s.Slice}
		own := slices.Clone(s.Rows)
		slices.SortStableFunc(own, func(a, b sideRow) int { return a.said().compare(b.said()) })
		var ends []estimate
		for _, r := range own {
			ends = append(ends, r.said(), r.seen())
		}
		named := Ranked{Title: "People name it", Note: "% of respondents", Label: "Share of respondents who name it", Kind: Percent, Colour: Plain, Size: Medium, Top: niceEnd(ends)}
		happened := Ranked{Title: "It happened to them", Note: "% of contacts whom it could hit", Label: "Share of contacts to whom it happened", Kind: Percent, Colour: Leave, Size: Medium, Top: niceEnd(ends)}
		var widest *sideRow
		for _, r := range own {
			row, name := len(v.Rows), painName(r.Pain)
			if slices.ContainsFunc(own, func(o sideRow) bool { return o.Pain == r.Pain && o.Label != r.Label }) {
				name = r.Label // two options speak of one pain
			}
			named.Names, named.Dots = append(named.Names, name), append(named.Dots, r.said().dot(row))
			happened.Names, happened.Dots = append(happened.Names, name), append(happened.Dots, r.seen().dot(row))
			if finite(r.Less) && finite(r.More) && *r.Less**r.More > 0 && (widest == nil || abs(*r.Difference) > abs(*widest.Difference)) {
				widest = &r
			}
			said, seen := r.said().values(), r.seen().values()
			contacts, hit := any(r.Contacts), any(r.Hit)
			if !r.seen().shown() {
				if hit = nil; r.Contacts < fewContacts {
					contacts = nil
				}
			}
			v.Rows = append(v.Rows, slices.Concat([]any{name}, said[:3], []any{contacts, hit}, seen[:3], []any{number(r.Difference), number(r.Less), number(r.More), r.Why}))
			v.N = sized(r.Base) + " and up to " + count(most(own)) + " contacts"
		}
		switch {
		case widest == nil:
			v.Finding = "What people name and what happened differ by no more than chance"
		case *widest.Difference < 0:
			v.Finding = fmt.Sprintf("%s happened to more people than name it: %s against %s", sentenceName(painName(widest.Pain)), Percent.write(*widest.Observed), Percent.write(*widest.Stated))
		default:
			v.Finding = fmt.Sprintf("More people name %s than it happened to: %s against %s", sentenceName(painName(widest.Pain)), Percent.write(*widest.Stated), Percent.write(*widest.Observed))
		}
		v.Charts = []Chart{named.Chart(), happened.Chart()}
		f.Views = append(f.Views, v)
	}
	if len(f.Views) == 0 {
		return f
	}
	r := rows[0]
	f.When = whole.survey.when() + "; log of " + days(r.From.Time, r.To.Time)
	f.Notes = append(f.Notes, "Two populations. Named: "+r.StatedOf+". Happened: "+r.ObservedOf+", over "+days(r.From.Time, r.To.Time)+", as many weeks as the question asks about.")
	f.Notes = append(f.Notes, whole.notes()...)
	for _, a := range agreement {
		if a.Dimension == all && a.Statistic == "spearman" && finite(a.Value) && finite(a.Lower) && finite(a.Upper) {
			f.Notes = append(f.Notes, fmt.Sprintf("Over all markets, the two orders of %d pains agree with a rank correlation of %s (95%% interval %s to %s), of 1 at most.", a.N, Number.write(*a.Value), Number.write(*a.Lower), Number.write(*a.Upper)))
		}
		if a.Statistic == "kappa_linear" && finite(a.Value) && finite(a.Lower) && finite(a.Upper) {
			f.Notes = append(f.Notes, fmt.Sprintf("How well people remember, over all markets: their stated and observed frequency of writing agree with a weighted kappa of %s (%s to %s), of %s who let us join the two.", Number.write(*a.Value), Number.write(*a.Lower), Number.write(*a.Upper), count(a.N)))
		}
	}
	return f
}

func most(rows []sideRow) (n uint64) {
	for _, r := range rows {
		n = max(n, r.Contacts)
	}
	return n
}

func abs(v float64) float64 { return max(v, -v) }

// namedFigure asks those who let us join survey and log: do people name what happened to them?
func namedFigure(rows []agreementRow, s surveyRow) Figure {
	f := Figure{ID: "named-if-hit", Topic: "Do people name what happened to them?", Unit: "% of those who let us join their answers with the log who name the pain", Interval: "95% intervals of respondents, unweighted", Level: Crude, Ask: "stated_agreement", Metric: "stated_agreement",
		Columns: slices.Concat([]Column{{"pain", "Pain", Text, false}, {"happened", "It happened to them", Text, false}, {"n", "Respondents", Count, false}, {"value", "Name it", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	find := func(pain, statistic string) (agreementRow, bool) {
		i := slices.IndexFunc(rows, func(r agreementRow) bool {
			return r.Dimension == "joined" && r.Subject == pain && r.Statistic == statistic
		})
		if i < 0 {
			return agreementRow{}, false
		}
		return rows[i], true
	}
	var hit []agreementRow
	for _, r := range rows {
		if r.Dimension == "joined" && r.Statistic == "named_if_hit" {
			hit = append(hit, r)
		}
	}
	slices.SortStableFunc(hit, func(a, b agreementRow) int {
		return cmp.Or(a.estimate().compare(b.estimate()), cmp.Compare(a.Subject, b.Subject))
	})
	v := View{}
	yes := Ranked{Title: "It happened to them", Label: "Share who name a pain that happened to them", Kind: Percent, Colour: Leave, Size: Medium, Top: 1}
	no := Ranked{Title: "It did not", Label: "Share who name a pain that did not happen to them", Kind: Percent, Colour: Plain, Size: Medium, Top: 1}
	var more, compared int
	var joined uint64
	for _, r := range hit {
		other, ok := find(r.Subject, "named_if_not_hit")
		if !ok {
			continue
		}
		joined = max(joined, r.N+other.N)
		if a, b := r.estimate(), other.estimate(); a.clear() && b.clear() {
			compared++
			if *a.Lower > *b.Upper {
				more++
			}
		}
		for _, side := range []struct {
			chart *Ranked
			row   agreementRow
			words string
		}{{&yes, r, "yes"}, {&no, other, "no"}} {
			e := side.row.estimate()
			side.chart.Names = append(side.chart.Names, painName(r.Subject))
			side.chart.Dots = append(side.chart.Dots, e.dot(len(v.Rows)))
			n := any(side.row.N)
			if side.row.N < fewContacts {
				n = nil
			}
			v.Rows = append(v.Rows, append([]any{painName(r.Subject), side.words, n}, e.values()...))
		}
	}
	if len(v.Rows) == 0 || !slices.ContainsFunc(yes.Dots, func(d Dot) bool { return finite(d.Value) }) {
		return f
	}
	v.N = "up to " + count(joined) + " respondents who agreed to be joined"
	switch {
	case compared == 0:
		v.Finding = "Too few people agreed to compare those whom a pain hit with others"
	case more == compared:
		v.Finding = "Every pain that can be compared is named more by those to whom it happened"
	default:
		v.Finding = fmt.Sprintf("%d of %s are named clearly more by those to whom they happened", more, plural(compared, "pain"))
	}
	v.Charts = []Chart{yes.Chart(), no.Chart()}
	f.When, f.Views = s.when(), []View{v}
	return f
}

// painStatedFigure ranks what people name.
func painStatedFigure(whole asked, markets []estimateRow, ranks map[rankKey]rankRow) Figure {
	f := Figure{ID: "named", Topic: "Pains that people name", Interval: bySurvey, Level: Stated, Ask: "survey_estimates measures=pains", Metric: "survey_ranks",
		Columns: slices.Concat([]Column{{"label", "Pain", Text, false}, {"rank", "Rank", Text, false}, {"base_n", "Respondents", Count, false}, {"n", "Named it", Count, false}, {"value", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	if len(whole.rows) == 0 {
		return f
	}
	f.Unit, f.When, f.Notes = "% of "+whole.base()+", weighted; in brackets the rank interval", whole.survey.when(), whole.notes()
	for _, s := range bySlice(slices.Concat(whole.rows, markets), func(r estimateRow) (string, string, uint64) {
		if r.Base == nil {
			return r.Dimension, r.Segment, 0
		}
		return r.Dimension, r.Segment, *r.Base
	}) {
		v := View{Slice: s.Slice}
		chart := Ranked{Label: f.Topic, Kind: Percent, Colour: Plain, Size: Tall}
		var first []string
		for _, r := range byShare(s.Rows) {
			e, name := r.estimate(), r.Label
			rank, ranked := ranks[rankKey{r.inSegment, r.Option}]
			var words any
			if ranked {
				words = rankWords(rank.Best, rank.Worst)
				name += " (" + rankWords(rank.Best, rank.Worst) + ")"
				if rank.Best == 1 {
					first = append(first, r.Label)
				}
			}
			if whole.isPain(r, ranks) {
				chart.Names = append(chart.Names, name)
				chart.Dots = append(chart.Dots, e.dot(len(v.Rows)))
			}
			n := counted(r.N)
			if !e.shown() {
				n = nil
			}
			v.Rows = append(v.Rows, append([]any{r.Label, words, counted(r.Base), n}, e.values()...))
			v.N = sized(r.Base)
		}
		switch len(first) {
		case 0:
			v.Finding = "Too few answers to rank what people name"
		case 1:
			v.Finding = "People name " + listed(first) + " more than any other pain"
		default:
			v.Finding = listed(first) + " cannot be told apart as what people name most"
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

func byShare(rows []estimateRow) []estimateRow {
	own := slices.Clone(rows)
	slices.SortStableFunc(own, func(a, b estimateRow) int { return a.estimate().compare(b.estimate()) })
	return own
}

// statedPanels has a small chart a pain, by age or by market, all on one scale.
func statedPanels(whole asked, rows []estimateRow, by string, ranks map[rankKey]rankRow, tests []comparisonRow) Figure {
	f := Figure{ID: "named-by-" + by, Topic: "Pains that people name, by " + by, Interval: bySurvey, Level: Stated, Ask: "survey_estimates dimension=" + by + " measures=pains", Metric: "survey_estimates",
		Columns: slices.Concat([]Column{{"label", "Pain", Text, false}, {by, strings.ToUpper(by[:1]) + by[1:], Text, false}, {"base_n", "Respondents", Count, false}, {"value", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	segments := names(rows, func(r estimateRow) string { return r.Segment })[1:]
	if len(segments) < 2 {
		return f // one is the whole
	}
	pains := slices.DeleteFunc(byShare(whole.rows), func(r estimateRow) bool { return !whole.isPain(r, ranks) })
	f.Unit, f.When = "% of "+whole.base()+", weighted, by "+by+"; all on one scale, most named first", whole.survey.when()
	var ends []estimate
	for _, r := range rows {
		ends = append(ends, r.estimate())
	}
	v := View{}
	var n uint64
	for _, option := range pains {
		chart := Dots{Title: option.Label, Label: option.Label + ": share who name it, by " + by, Kind: Percent, Size: Small, Top: niceEnd(ends), Every: 1}
		line, dots := Line{Colour: Plain, Loose: by != "age"}, 0
		for i, segment := range segments {
			k := slices.IndexFunc(rows, func(r estimateRow) bool { return r.Segment == segment && r.Option == option.Option })
			chart.Axis = append(chart.Axis, segment)
			if k < 0 {
				continue
			}
			r := rows[k]
			d := r.estimate().dot(len(v.Rows))
			d.At = i
			if d.Why != "" && len(segments) > 5 {
				d.Why = "×" // there is no room for a word
			}
			if finite(d.Value) {
				dots++
			}
			line.Dots = append(line.Dots, d)
			v.Rows = append(v.Rows, append([]any{r.Label, segment, counted(r.Base)}, r.estimate().values()...))
		}
		chart.Lines = []Line{line}
		if dots > 0 {
			drawn := chart.Chart()
			if by != "age" {
				drawn = withoutLabels(drawn)
			}
			v.Charts = append(v.Charts, drawn)
		}
		if option.Base != nil {
			n = *option.Base
		}
	}
	v.N = count(n) + " respondents"
	var differ []string
	known := 0
	for _, option := range pains {
		for _, t := range tests {
			if t.Survey == whole.survey.ID && t.Question == option.Question && t.Option == option.Option {
				known++
				if t.Adjusted < 0.05 {
					differ = append(differ, option.Label)
				}
			}
		}
	}
	switch {
	case known > 0 && len(differ) == 0:
		v.Finding = "No pain is named clearly more at one " + by + " than at another"
		if by == "market" {
			v.Finding = "No pain is named clearly more in one market than in another"
		}
	case len(differ) > 0:
		v.Finding = fmt.Sprintf("By %s the share differs for %s", by, listed(differ))
	}
	if known > 0 {
		f.Notes = append(f.Notes, "Whether shares differ by "+by+" at all: tests of Rao and Scott, their p-values adjusted for one another by Holm’s method, below 0.05.")
	}
	if by == "market" && slices.ContainsFunc(rows, func(r estimateRow) bool { return r.Why != "" }) {
		f.Notes = append(f.Notes, "×: not shown; the table says why.")
	}
	f.Views = []View{v}
	return f
}

// withoutLabels leaves out the values beside marks that have no order, where there are many.
func withoutLabels(c Chart) Chart {
	for _, each := range c.Options["series"].([]any) {
		if series := each.(map[string]any); series["name"] == "label" {
			series["data"] = []any{}
		}
	}
	return c
}
