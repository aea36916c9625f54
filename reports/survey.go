package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// What the pages that tell of surveys share.

type surveyRow struct {
	ID          string  `json:"survey_id"`
	Title       string  `json:"title"`
	Population  string  `json:"population"`
	Synthetic   uint8   `json:"synthetic"`
	Respondents uint64  `json:"respondents"`
	From        Time    `json:"answered_from"`
	To          Time    `json:"answered_to"` // the last day itself
	Weighted    uint8   `json:"weighted"`
	Raked       uint8   `json:"raked"`
	Trim        float64 `json:"trim"`
	Trimmed     uint64  `json:"trimmed"`
	Effect      float64 `json:"design_effect"`
}

type estimateRow struct {
	Survey string `json:"survey_id"`
	inSegment
	Markets   string   `json:"markets"`
	Question  string   `json:"question_id"`
	Measures  string   `json:"measures"`
	Statistic string   `json:"statistic"`
	Option    uint16   `json:"option"`
	Label     string   `json:"label"`
	Pain      string   `json:"pain"`
	N         *uint64  `json:"n"`
	Base      *uint64  `json:"base_n"`
	Value     *float64 `json:"value"`
	Lower     *float64 `json:"lower"`
	Upper     *float64 `json:"upper"`
	KGLower   *float64 `json:"kg_lower"`
	KGUpper   *float64 `json:"kg_upper"`
	Why       string   `json:"why"`
	Wording   string   `json:"wording"`
	Of        string   `json:"base"`
}

// estimate is a value with its interval, or why it is not shown.
type estimate struct {
	Value, Lower, Upper *float64
	Why                 string
}

func (r estimateRow) estimate() estimate {
	e := estimate{r.Value, r.Lower, r.Upper, r.Why}
	if !finite(r.Lower) || !finite(r.Upper) { // a share of 0 or 1 has the interval of Korn and Graubard alone
		e.Lower, e.Upper = r.KGLower, r.KGUpper
	}
	return e
}

func (e estimate) shown() bool { return finite(e.Value) }

func (e estimate) clear() bool { return finite(e.Value) && finite(e.Lower) && finite(e.Upper) }

func (e estimate) dot(row int) Dot {
	if !e.shown() {
		return Dot{Row: row, Why: shortWhy(e.Why)}
	}
	d := Dot{Row: row, Value: e.Value}
	if e.clear() {
		d.Lower, d.Upper = e.Lower, e.Upper
	}
	return d
}

// values are the estimate in a figure's table: value, lower, upper, why.
func (e estimate) values() []any {
	if !e.shown() {
		return []any{nil, nil, nil, e.Why}
	}
	return []any{*e.Value, number(e.Lower), number(e.Upper), ""}
}

// words are the estimate in a sentence: 20.9% (19.6 to 22.2%).
func (e estimate) words() string {
	if !e.clear() {
		return Percent.write(*e.Value)
	}
	return Percent.write(*e.Value) + " (" + percent.betweenWords(*e.Lower, *e.Upper) + ")"
}

// compare puts the greater value first and what is not shown last.
func (e estimate) compare(o estimate) int {
	return Rate{Rate: e.Value}.compare(Rate{Rate: o.Value})
}

// shortWhy stands in a chart, where a word has room.
func shortWhy(why string) string {
	for _, w := range []struct{ begins, short string }{
		{"count below 10", "<10"}, {"protects a count", "hidden"}, {"interval too wide", "too unsure"}, {"no reach", "too few"}, {"fewer than 30", "too few"},
		{"nobody", "no data"}, {"no excess: fewer", "too few"}, {"no excess: most", "no like"}, {"no excess", "not asked"},
	} {
		if strings.HasPrefix(why, w.begins) {
			return w.short
		}
	}
	return why
}

// asked are the newest survey's estimates of one subject, a question and a statistic.
type asked struct {
	survey surveyRow
	rows   []estimateRow
	others []string // titles of surveys that are not shown
}

// newest finds the newest survey that asked about a subject; without one there are no rows. Surveys come newest first.
func newest(surveys []surveyRow, rows []estimateRow, subject, statistic string) (a asked) {
	for _, s := range surveys {
		own := slices.DeleteFunc(slices.Clone(rows), func(r estimateRow) bool {
			return r.Survey != s.ID || r.Measures != subject || r.Statistic != statistic
		})
		switch {
		case len(own) == 0:
		case len(a.rows) > 0:
			a.others = append(a.others, s.name())
		default:
			question := own[0].Question // the first of several
			a.survey, a.rows = s, slices.DeleteFunc(own, func(r estimateRow) bool { return r.Question != question })
		}
	}
	return a
}

func (s surveyRow) name() string { return "“" + cmp.Or(s.Title, s.ID) + "”" }

// when says which survey a figure is of, in place of the edition's window.
func (s surveyRow) when() string {
	kind := "survey "
	if s.Synthetic != 0 {
		kind = "synthetic survey "
	}
	return kind + s.name() + ", answered " + days(s.From.Time, s.To.AddDate(0, 0, 1))
}

const bySurvey = "95% intervals, by the survey’s design"

// notes say what was asked, and how markets are put together.
func (a asked) notes() (notes []string) {
	r := a.rows[0]
	if r.Wording != "" {
		notes = append(notes, "Asked: “"+r.Wording+"” Of: "+cmp.Or(r.Of, "all respondents")+".")
	}
	switch r.Markets {
	case "population":
		notes = append(notes, "Where markets are together, each counts by its population.")
	case "mean of markets":
		notes = append(notes, "Where markets are together, each counts alike: this is the mean of markets, and no figure of a region.")
	}
	if len(a.others) > 0 {
		notes = append(notes, "The newest survey that asked this. The query has "+strings.Join(a.others, ", ")+" too.")
	}
	return notes
}

func (a asked) base() string { return cmp.Or(a.rows[0].Of, "respondents") }

// sized is how many answered, for a view's line.
func sized(n *uint64) string {
	if n == nil {
		return "too few respondents to show"
	}
	return count(*n) + " respondents"
}

// counted is a count of a table, or nil.
func counted(n *uint64) any {
	if n == nil {
		return nil
	}
	return *n
}

// syntheticCaveat is said at once, wherever a survey was made by a simulation.
func syntheticCaveat(s surveyRow) string {
	if s.Synthetic == 0 {
		return ""
	}
	return "The survey is synthetic: a simulation made its answers."
}

// surveyFigure says who was asked, and what weighting cost.
func surveyFigure(a asked) Figure {
	f := Figure{ID: "survey", Topic: "The survey", Unit: "Who was asked, and how answers are weighted", Level: Stated, Ask: "surveys", Metric: "survey_estimates",
		Columns: []Column{{"title", "Survey", Text, false}, {"population", "Of whom", Text, false}, {"answered_from", "Answered from", Text, false}, {"answered_to", "to", Text, false}, {"respondents", "Respondents", Count, true},
			{"weighting", "Weights", Text, false}, {"design_effect", "Design effect of the weights", Number, false}}}
	if len(a.rows) == 0 {
		return f
	}
	s := a.survey
	weights := "all alike"
	switch {
	case s.Weighted != 0 && s.Raked != 0:
		weights = "of the design, raked to margins"
	case s.Raked != 0:
		weights = "raked to margins"
	case s.Weighted != 0:
		weights = "of the design"
	}
	if s.Trimmed > 0 {
		weights += fmt.Sprintf("; those of %s cut at %s × the median", count(s.Trimmed), plainNumber(s.Trim))
	}
	v := View{N: count(s.Respondents) + " respondents", Finding: fmt.Sprintf("%s people were asked", count(s.Respondents)),
		Rows: [][]any{{cmp.Or(s.Title, s.ID), s.Population, s.From.Format("2006-01-02"), s.To.Format("2006-01-02"), s.Respondents, weights, s.Effect}}}
	if s.Effect > 0 {
		v.Finding = fmt.Sprintf("%s people were asked; weighted, their answers tell as much as those of %s people of equal weight", count(s.Respondents), count(uint64(float64(s.Respondents)/s.Effect)))
	}
	f.When, f.Views = s.when(), []View{v}
	return f
}

type publishedRow struct {
	ID        string  `json:"figure_id"`
	Statement string  `json:"statement"`
	Category  string  `json:"category"`
	Market    string  `json:"market"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Qualifier string  `json:"qualifier"`
	Base      string  `json:"base"`
	Source    string  `json:"source"`
	Year      uint16  `json:"year"`
	Certainty string  `json:"certainty"`
}

// contextFigure lists what others have published of the same subjects. It is a table of its own: nothing in it enters a
// figure of the business.
func contextFigure(rows []publishedRow, ids ...string) Figure {
	f := Figure{ID: "published", Topic: "What others have published", Unit: "As published, each of its own base", Level: Published, When: "none of it is in the figures above", Ask: "published_figures", Metric: "published_figures",
		Notes:   []string{"A: two or more outlets agree. B: one outlet. C: outlets conflict, or the wording is unclear. Quoted from the press, not from the reports themselves."},
		Columns: []Column{{"statement", "What", Text, false}, {"market", "Where", Text, false}, {"value", "Published", Text, true}, {"base", "Of", Text, false}, {"certainty", "Certainty", Text, false}, {"year", "Year", Text, false}, {"source", "Source", Text, false}}}
	v := View{Finding: "Context: what others have published"}
	for _, id := range ids {
		for _, r := range rows {
			if r.ID != id {
				continue
			}
			value := plainNumber(r.Value) + map[string]string{"percent": "%", "minutes": " minutes"}[r.Unit]
			if r.Qualifier != "" {
				value = r.Qualifier + " " + value
			}
			what := r.Statement
			if r.Category != "" {
				what += ": " + r.Category
			}
			year := "not known"
			if r.Year > 0 {
				year = fmt.Sprint(r.Year)
			}
			v.Rows = append(v.Rows, []any{what, cmp.Or(r.Market, "not told"), value, cmp.Or(r.Base, "not told"), r.Certainty, year, r.Source})
		}
	}
	v.N = plural(len(v.Rows), "figure")
	f.Views = []View{v}
	return f
}

// niceEnd is a round number at or above the largest of the upper ends, for charts that share a scale.
func niceEnd(estimates []estimate) float64 {
	var cells []cell
	for _, e := range estimates {
		if e.shown() {
			upper := *e.Value
			if e.clear() {
				upper = *e.Upper
			}
			cells = append(cells, cell{Upper: upper, Shown: true})
		}
	}
	return niceTop([]curve{{Cells: cells}})
}
