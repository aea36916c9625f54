package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

type statedFrequencyRow struct {
	Survey string `json:"survey_id"`
	inSegment
	From        Time     `json:"window_from"`
	To          Time     `json:"window_to"`
	Question    string   `json:"question_id"`
	Position    uint16   `json:"option_position"`
	Label       string   `json:"label"`
	StatedOf    string   `json:"stated_population"`
	ObservedOf  string   `json:"observed_population"`
	Base        *uint64  `json:"base_n"`
	Stated      *float64 `json:"stated"`
	StatedLower *float64 `json:"stated_lower"`
	StatedUpper *float64 `json:"stated_upper"`
	Contacts    uint64   `json:"contacts"`
	ObservedN   uint64   `json:"observed_n"`
	Observed    *float64 `json:"observed"`
	Lower       *float64 `json:"observed_lower"`
	Upper       *float64 `json:"observed_upper"`
	Why         string   `json:"why"`
}

func (r statedFrequencyRow) said() estimate {
	return estimate{r.Stated, r.StatedLower, r.StatedUpper, r.Why}
}

func (r statedFrequencyRow) seen() estimate {
	if !finite(r.Observed) {
		return estimate{Why: newCell(0, 0, r.Contacts, r.ObservedN, Rate{Contacts: r.Contacts, Suppressed: 1}).why()}
	}
	return estimate{r.Observed, r.Lower, r.Upper, ""}
}

type observedFrequencyRow struct {
	inSegment
	AsOf       Time     `json:"as_of"`
	Category   string   `json:"category"`
	Base       uint64   `json:"base"`
	Contacts   uint64   `json:"contacts"`
	Suppressed uint8    `json:"suppressed"`
	Share      *float64 `json:"share"`
	Lower      *float64 `json:"lower"`
	Upper      *float64 `json:"upper"`
	AtLeast    *float64 `json:"at_least_share"`

	AtLeastLower *float64 `json:"at_least_lower"`
	AtLeastUpper *float64 `json:"at_least_upper"`
}

type joinedRow struct {
	Survey           string  `json:"survey_id"`
	Stated           string  `json:"stated"`
	StatedPosition   uint16  `json:"stated_position"`
	Observed         string  `json:"observed"`
	ObservedPosition uint16  `json:"observed_position"`
	Respondents      *uint64 `json:"respondents"`
}

// frequencySidesFigure sets how often people say they write beside how often contacts do.
func frequencySidesFigure(said, atLeast asked, rows []statedFrequencyRow, observed []observedFrequencyRow) Figure {
	f := Figure{ID: "scale", Topic: "How often people message the business", Unit: "% of respondents who say so, and % of contacts who did in 28 days", Interval: "95% intervals, of the survey’s design and of contacts", Level: Stated, Ask: "stated_frequency", Metric: "stated_frequency",
		Columns: []Column{{"label", "How often", Text, false}, {"base_n", "Respondents", Count, false}, {"stated", "Say so", Percent, true}, {"stated_lower", "95% from", Percent, false}, {"stated_upper", "to", Percent, false},
			{"contacts", "Contacts", Count, false}, {"observed_n", "Of these", Count, false}, {"observed", "Did", Percent, true}, {"observed_lower", "95% from", Percent, false}, {"observed_upper", "to", Percent, false}, whyColumn}}
	if len(said.rows) == 0 {
		return f
	}
	rows = slices.DeleteFunc(rows, func(r statedFrequencyRow) bool {
		return r.Survey != said.survey.ID || r.Question != said.rows[0].Question
	})
	both := slices.ContainsFunc(rows, func(r statedFrequencyRow) bool { return finite(r.Observed) })
	for _, s := range bySlice(rows, func(r statedFrequencyRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Contacts }) {
		v := View{Slice: s.Slice}
		var ends []estimate
		for _, r := range s.Rows {
			ends = append(ends, r.said(), r.seen())
		}
		stated := Ranked{Title: "People say", Note: "% of respondents", Label: "How often people say they message", Kind: Percent, Colour: Plain, Size: Medium, Top: niceEnd(ends)}
		seen := Ranked{Title: "The log shows", Note: "% of contacts, by days on which they wrote", Label: "How often contacts wrote", Kind: Percent, Colour: Engage, Size: Medium, Top: niceEnd(ends)}
		for _, r := range s.Rows {
			row := len(v.Rows)
			stated.Names, stated.Dots = append(stated.Names, r.Label), append(stated.Dots, r.said().dot(row))
			seen.Names, seen.Dots = append(seen.Names, r.Label), append(seen.Dots, r.seen().dot(row))
			contacts, n := any(r.Contacts), any(r.ObservedN)
			if !r.seen().shown() {
				if n = nil; r.Contacts < fewContacts {
					contacts = nil
				}
			}
			v.Rows = append(v.Rows, slices.Concat([]any{r.Label, counted(r.Base)}, r.said().values()[:3], []any{contacts, n}, r.seen().values()[:3], []any{cmp.Or(r.Why, r.seen().Why)}))
			v.N = sized(r.Base)
			if both && r.Contacts >= fewContacts {
				v.N += " and " + count(r.Contacts) + " contacts"
			}
		}
		v.Charts = []Chart{stated.Chart()}
		if both {
			v.Charts = append(v.Charts, seen.Chart())
		}
		if s.Slice == (Slice{}) {
			v.Finding = weeklyWords(said, atLeast, observed)
		}
		f.Views = append(f.Views, v)
	}
	if len(f.Views) == 0 {
		return f
	}
	r := rows[0]
	f.When, f.Notes = said.survey.when(), said.notes()
	if both {
		f.When += "; log of " + days(r.From.Time, r.To.Time)
		f.Notes = append([]string{"Two populations. Say so: " + r.StatedOf + ". Did: " + r.ObservedOf + ", who wrote of their own accord on that many days."}, f.Notes...)
	}
	return f
}

// weeklyWords say how many message weekly or more often, from the categories and not from rounded shares; "" where
// that is not known.
func weeklyWords(said, atLeast asked, observed []observedFrequencyRow) (words string) {
	for _, r := range said.rows {
		for _, l := range atLeast.rows {
			if l.Survey == r.Survey && l.Question == r.Question && l.Option == r.Option && strings.EqualFold(r.Label, "weekly") && l.estimate().shown() {
				words = l.estimate().words() + " say they message weekly or more often"
			}
		}
	}
	for _, r := range observed {
		if r.Dimension == all && r.Category == "weekly" && finite(r.AtLeast) && words != "" {
			words += "; the log shows " + estimate{r.AtLeast, r.AtLeastLower, r.AtLeastUpper, ""}.words() + " of contacts"
		}
	}
	return words
}

// frequencyObservedFigure is the log alone, where nobody was asked.
func frequencyObservedFigure(rows []observedFrequencyRow) Figure {
	f := Figure{ID: "scale-observed", Topic: "How often contacts write", Unit: "% of contacts who wrote of their own accord so often in 28 days", Interval: "95% intervals of contacts", Zone: "28 days up to the end of the data", Level: Counted, Ask: "conversation_frequency", Metric: "conversation_frequency",
		Columns: slices.Concat([]Column{{"category", "How often", Text, false}, {"base", "Contacts", Count, false}, {"contacts", "Of these", Count, false}, {"share", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	for _, s := range bySlice(rows, func(r observedFrequencyRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Base }) {
		v := View{Slice: s.Slice}
		chart := Ranked{Label: f.Topic, Kind: Percent, Colour: Engage}
		for _, r := range s.Rows {
			c := newCell(0, 0, r.Base, r.Contacts, Rate{r.Base, r.Suppressed, r.Share, r.Lower, r.Upper})
			chart.Names, chart.Dots = append(chart.Names, r.Category), append(chart.Dots, c.dot(0, len(v.Rows)))
			values := c.values()
			v.Rows = append(v.Rows, slices.Concat([]any{r.Category}, values[1:]))
			v.N = count(r.Base) + " contacts"
			if r.Base < fewContacts {
				v.N = "fewer than 30 contacts"
			}
			if r.Category == "weekly" && finite(r.AtLeast) {
				v.Finding = Percent.write(*r.AtLeast) + " of contacts write weekly or more often"
			}
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

// joinedFigure sets what each person says against what the log shows of them: a table, for so few cells are read as numbers.
func joinedFigure(said asked, rows []joinedRow, agreement []agreementRow) Figure {
	f := Figure{ID: "joined", Topic: "What people say, by what they did", Unit: "Respondents who let us join their answers with the log; down: what they say, across: what the log shows", Level: Counted, Ask: "stated_joined subject=frequency", Metric: "stated_joined",
		Columns: []Column{{"stated", "Says", Text, false}}, Notes: []string{"<10: fewer than 10, or what would give them away."}}
	rows = slices.DeleteFunc(rows, func(r joinedRow) bool { return r.Survey != said.survey.ID })
	if !slices.ContainsFunc(rows, func(r joinedRow) bool { return r.Respondents != nil }) {
		return f
	}
	across, down := map[uint16]string{}, map[uint16]string{}
	for _, r := range rows {
		across[r.ObservedPosition], down[r.StatedPosition] = r.Observed, r.Stated
	}
	observed, stated := slices.Sorted(maps.Keys(across)), slices.Sorted(maps.Keys(down))
	for _, o := range observed {
		f.Columns = append(f.Columns, Column{fmt.Sprintf("observed_%d", o), across[o], Count, true})
	}
	f.Columns = append(f.Columns, whyColumn)
	v := View{}
	for _, s := range stated {
		row := []any{down[s]}
		for _, o := range observed {
			cell := any(uint64(0))
			for _, r := range rows {
				if r.StatedPosition == s && r.ObservedPosition == o {
					cell = counted(r.Respondents)
				}
			}
			row = append(row, cell)
		}
		v.Rows = append(v.Rows, append(row, "<10"))
	}
	share := func(statistic string) *float64 {
		for _, a := range agreement {
			if a.Dimension == "joined" && a.Statistic == statistic {
				v.N = count(a.N) + " respondents who agreed to be joined"
				return a.Value
			}
		}
		return nil
	}
	exact, over, under := share("exact"), share("over_reported"), share("under_reported")
	if finite(exact) && finite(over) && finite(under) {
		v.Finding = fmt.Sprintf("%s say what the log shows, %s say they write more often, %s less often", Percent.write(*exact), Percent.write(*over), Percent.write(*under))
	}
	f.When, f.Views = said.survey.when(), []View{v}
	return f
}

// agreementFigure is how far stated and observed frequency agree, in one number.
func agreementFigure(said asked, rows []agreementRow) Figure {
	f := Figure{ID: "kappa", Topic: "How far people and log agree", Unit: "Weighted kappa: 0 is no better than chance, 1 is full agreement", Interval: "95% intervals (Fleiss, Cohen and Everitt 1969)", Level: Counted, Ask: "stated_agreement", Metric: "stated_agreement",
		Columns: slices.Concat([]Column{{"statistic", "Kappa", Text, false}, {"n", "Respondents", Count, false}, {"value", "Value", Number, true}}, lowerUpper(Number), []Column{whyColumn})}
	v := View{}
	for _, s := range []struct{ statistic, words string }{{"kappa_linear", "each category off counts once"}, {"kappa_quadratic", "farther off counts by its square"}, {"kappa", "unweighted: exact or not"}} {
		for _, r := range rows {
			if r.Dimension != "joined" || r.Statistic != s.statistic {
				continue
			}
			e := r.estimate()
			v.Rows = append(v.Rows, append([]any{s.words, r.N}, e.values()...))
			v.N = count(r.N) + " respondents who agreed to be joined"
			if e.clear() && s.statistic == "kappa_linear" {
				v.Finding = fmt.Sprintf("What people say of how often they write agrees with the log at a weighted kappa of %s (%s to %s)", Number.write(*e.Value), Number.write(*e.Lower), Number.write(*e.Upper))
			}
		}
	}
	if len(v.Rows) > 0 {
		f.When, f.Views = said.survey.when(), []View{v}
	}
	return f
}

// usesFigure shows what people message about, in the order of the questionnaire: from discovering to buying again.
func usesFigure(id, topic string, whole asked, markets []estimateRow) Figure {
	f := Figure{ID: id + "-shares", Topic: topic, Interval: bySurvey, Level: Stated, Ask: "survey_uses", Metric: "survey_estimates",
		Columns: slices.Concat([]Column{{"label", "Use", Text, false}, {"base_n", "Respondents", Count, false}, {"n", "Chose it", Count, false}, {"value", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn})}
	if len(whole.rows) == 0 {
		return f
	}
	f.Unit, f.When, f.Notes = "% of "+whole.base()+", weighted; in the order of a purchase", whole.survey.when(), append(whole.notes(), "Several answers were possible: shares do not add up to 100%.")
	for _, s := range bySlice(slices.Concat(whole.rows, markets), func(r estimateRow) (string, string, uint64) {
		if r.Base == nil {
			return r.Dimension, r.Segment, 0
		}
		return r.Dimension, r.Segment, *r.Base
	}) {
		v := View{Slice: s.Slice}
		chart := Ranked{Label: topic, Kind: Percent, Colour: Engage, Size: Tall}
		for _, r := range s.Rows {
			chart.Names, chart.Dots = append(chart.Names, r.Label), append(chart.Dots, r.estimate().dot(len(v.Rows)))
			n := counted(r.N)
			if !r.estimate().shown() {
				n = nil
			}
			v.Rows = append(v.Rows, append([]any{r.Label, counted(r.Base), n}, r.estimate().values()...))
			v.N = sized(r.Base)
		}
		order := byShare(s.Rows)
		if first := order[0].estimate(); first.clear() {
			v.Finding = sentenceName(order[0].Label) + " is named most: by " + Percent.write(*first.Value)
			if len(order) > 1 {
				if second := order[1].estimate(); second.clear() && *first.Lower <= *second.Upper {
					v.Finding = sentenceName(order[0].Label) + " and " + sentenceName(order[1].Label) + " are named most: by " + Percent.write(*first.Value) + " and " + Percent.write(*second.Value)
				}
			}
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}
