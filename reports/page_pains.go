package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// painsPage says what annoys people: what they name in a survey, what the log shows, and the two side by side.
var painsPage = Page{
	Name: "pains", Title: "Pain points",
	Asks: []string{"stated_observed", "stated_observed dimension=market", "stated_agreement",
		"pain_points", "pain_points dimension=channel", "pain_points dimension=market", "pain_points dimension=week",
		"surveys", "survey_estimates measures=pains", "survey_estimates dimension=market measures=pains", "survey_estimates dimension=age measures=pains",
		"survey_ranks measures=pains", "survey_ranks dimension=market measures=pains",
		"survey_comparisons comparison=independence dimension=age", "survey_comparisons comparison=independence dimension=market", "published_figures"},
	Build: buildPains,
}

type painRow struct {
	inSegment
	Pain        string   `json:"pain"`
	Setting     string   `json:"setting"`
	Contacts    uint64   `json:"contacts"`
	Hit         uint64   `json:"hit"`
	Units       uint64   `json:"units"`
	UnitHits    uint64   `json:"unit_hits"`
	Suppressed  uint8    `json:"suppressed"`
	Reach       *float64 `json:"reach"`
	Lower       *float64 `json:"lower"`
	Upper       *float64 `json:"upper"`
	Best        *uint16  `json:"rank_best"`
	Worst       *uint16  `json:"rank_worst"`
	Ranked      uint16   `json:"ranked"`
	HitWeeks    uint64   `json:"hit_weeks"`
	OtherWeeks  uint64   `json:"other_weeks"`
	Overlap     *float64 `json:"overlap"`
	Excess      *float64 `json:"excess"`
	ExcessLower *float64 `json:"excess_lower"`
	ExcessUpper *float64 `json:"excess_upper"`
	Why         string   `json:"why"`
}

type rankRow struct {
	Survey string `json:"survey_id"`
	inSegment
	Question string `json:"question_id"`
	Option   uint16 `json:"option"`
	Label    string `json:"label"`
	Pain     string `json:"pain"`
	Best     uint16 `json:"rank_best"`
	Worst    uint16 `json:"rank_worst"`
	Ranked   uint16 `json:"ranked"`
}

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

type comparisonRow struct {
	Survey   string  `json:"survey_id"`
	Question string  `json:"question_id"`
	Option   uint16  `json:"option"`
	Adjusted float64 `json:"p_adjusted"`
}

// painNames are the observed pains in the words of the page; the line that each draws is its setting.
var painNames = map[string]string{
	"no_reply": "No reply", "slow_reply": "Slow reply", "nudged": "Wrote again before a reply", "window_expired": "Window closed before a reply", "repeat_contact": "Had to come back",
	"failed_delivery": "Message failed", "too_many_messages": "Too many messages", "night_message": "Message at night", "message_after_opt_out": "Message after an opt-out", "irrelevant": "Left after reading (proxy)",
}

func painName(pain string) string { return cmp.Or(painNames[pain], strings.ReplaceAll(pain, "_", " ")) }

func buildPains(d *Data) Content {
	observed := Rows[painRow](d, "pain_points")
	surveys := Rows[surveyRow](d, "surveys")
	whole := newest(surveys, Rows[estimateRow](d, "survey_estimates measures=pains"), "pains", "share")
	markets := whole.same(Rows[estimateRow](d, "survey_estimates dimension=market measures=pains"))
	ages := whole.same(Rows[estimateRow](d, "survey_estimates dimension=age measures=pains"))
	ranks := whole.ranks(append(Rows[rankRow](d, "survey_ranks measures=pains"), Rows[rankRow](d, "survey_ranks dimension=market measures=pains")...))
	agreement := slices.DeleteFunc(Rows[agreementRow](d, "stated_agreement"), func(r agreementRow) bool { return r.Survey != whole.survey.ID })
	sides := slices.DeleteFunc(append(Rows[sideRow](d, "stated_observed"), Rows[sideRow](d, "stated_observed dimension=market")...), func(r sideRow) bool { return r.Survey != whole.survey.ID })

	reach := painReachFigure(observed, Rows[painRow](d, "pain_points dimension=channel"), Rows[painRow](d, "pain_points dimension=market"))
	stated := painStatedFigure(whole, markets, ranks)
	both := painSidesFigure(whole, sides, agreement)
	excess := painExcessFigure(observed)
	c := Content{Caveat: "Ranks are by how many people a pain hits or who name it. How much each one hurts is not in them."}
	c.Finding, c.Lede = painWords(observed, whole, ranks)
	if !excess.empty() {
		c.Lede = append(c.Lede, excess.Views[0].Finding+".")
	}
	c.Caveat = strings.TrimSpace(c.Caveat + " " + syntheticCaveat(whole.survey))
	if a := painAnswer(c.Finding, observed, whole, ranks); a.Value != "" {
		if !excess.empty() && leavesMore(observed) {
			a.Sentence += " " + excess.Views[0].Finding + "."
		}
		c.Answers = []Answer{a}
	}
	c.Sections = []Section{
		{ID: "first", Title: "What to fix first", Intro: "A rank interval such as 1–2 holds the ranks that chance cannot rule out: pains whose intervals share a rank are in no certain order.",
			Figures: []Figure{both, namedFigure(agreement, whole.survey)}},
		{ID: "observed", Title: "What happened to people", Intro: "Pains that the log shows, each by a fixed line that is in the table. A contact is hit once it happened to them at least once in the window.",
			Figures: []Figure{reach, excess, painMarketsFigure(Rows[painRow](d, "pain_points dimension=market"), observed), painWeeksFigure(d.Edition, Rows[painRow](d, "pain_points dimension=week"), observed)}},
		{ID: "stated", Title: "What people say",
			Figures: []Figure{stated, statedPanels(whole, markets, "market", ranks, Rows[comparisonRow](d, "survey_comparisons comparison=independence dimension=market")),
				statedPanels(whole, ages, "age", ranks, Rows[comparisonRow](d, "survey_comparisons comparison=independence dimension=age")), surveyFigure(whole)}},
	}
	if slices.ContainsFunc(c.Sections, func(s Section) bool {
		return slices.ContainsFunc(s.Figures, func(f Figure) bool { return !f.empty() })
	}) {
		c.Sections = append(c.Sections, Section{ID: "context", Title: "What others have published", Intro: "Figures of other surveys, of other people, for scale. Nothing here is mixed into the figures above.",
			Figures: []Figure{contextFigure(Rows[publishedRow](d, "published_figures"), "annoyed", "annoyed_frequency", "annoyed_irrelevant", "annoyed_consent", "penalised", "no_reply", "unsubscribed", "unsubscribed_too_many", "unsubscribed_irrelevant", "cannot_text", "excessive", "expected_resolution", "actual_resolution")}})
	}
	return c
}

// same are the rows of the survey and question of a, of other segments.
func (a asked) same(rows []estimateRow) []estimateRow {
	return slices.DeleteFunc(rows, func(r estimateRow) bool {
		return len(a.rows) == 0 || r.Survey != a.survey.ID || r.Question != a.rows[0].Question || r.Statistic != a.rows[0].Statistic
	})
}

type rankKey struct {
	inSegment
	Option uint16
}

func (a asked) ranks(rows []rankRow) map[rankKey]rankRow {
	found := map[rankKey]rankRow{}
	for _, r := range rows {
		if len(a.rows) > 0 && r.Survey == a.survey.ID && r.Question == a.rows[0].Question {
			found[rankKey{r.inSegment, r.Option}] = r
		}
	}
	return found
}

// isPain is false of `none of these`: it is shown, and has no rank.
func (a asked) isPain(r estimateRow, ranks map[rankKey]rankRow) bool {
	_, ranked := ranks[rankKey{r.inSegment, r.Option}]
	return ranked || !r.estimate().shown()
}

// rankWords writes a rank interval: 1, 1–2.
func rankWords(best, worst uint16) string { return bin(best, worst) }

func (r painRow) rank() any {
	if r.Best == nil || r.Worst == nil {
		return nil
	}
	return rankWords(*r.Best, *r.Worst)
}

func (r painRow) cell() cell {
	return newCell(0, 0, r.Units, r.Hit, Rate{r.Contacts, r.Suppressed, r.Reach, r.Lower, r.Upper})
}

func (r painRow) estimate() estimate {
	if c := r.cell(); !c.Shown {
		return estimate{Why: c.why()}
	}
	return estimate{r.Reach, r.Lower, r.Upper, ""}
}

// sentenceName is a name within a sentence.
func sentenceName(name string) string { return "“" + name + "”" }

// listed writes names in a sentence: “a”, “b” and “c”, three of them at most.
func listed(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, sentenceName(n))
	}
	switch n := len(quoted); {
	case n == 0:
		return ""
	case n == 1:
		return quoted[0]
	case n > 3:
		return strings.Join(quoted[:2], ", ") + " and " + plural(n-2, "other")
	default:
		return strings.Join(quoted[:n-1], ", ") + " and " + quoted[n-1]
	}
}

// firstPains are the pains whose rank interval begins at 1: in the log, and of what people name.
func firstPains(observed []painRow, whole asked, ranks map[rankKey]rankRow) (seen []painRow, said []estimateRow) {
	for _, r := range observed {
		if r.Best != nil && *r.Best == 1 && r.estimate().clear() {
			seen = append(seen, r)
		}
	}
	for _, r := range whole.rows {
		if rank, ok := ranks[rankKey{r.inSegment, r.Option}]; ok && rank.Best == 1 && r.estimate().clear() {
			said = append(said, r)
		}
	}
	slices.SortStableFunc(seen, func(a, b painRow) int { return a.estimate().compare(b.estimate()) })
	slices.SortStableFunc(said, func(a, b estimateRow) int { return a.estimate().compare(b.estimate()) })
	return seen, said
}

// inBoth are the pains that may be first in the log and in what people name.
func inBoth(seen []painRow, said []estimateRow) (both []painRow) {
	for _, r := range seen {
		if slices.ContainsFunc(said, func(s estimateRow) bool { return s.Pain == r.Pain }) {
			both = append(both, r)
		}
	}
	return both
}

// painWords say which pain comes first where rank intervals allow it.
func painWords(observed []painRow, whole asked, ranks map[rankKey]rankRow) (finding string, lede []string) {
	seen, said := firstPains(observed, whole, ranks)
	var seenNames, saidNames, bothNames []string
	for _, r := range seen {
		seenNames = append(seenNames, painName(r.Pain))
	}
	for _, r := range said {
		saidNames = append(saidNames, r.Label)
	}
	both := inBoth(seen, said)
	for _, r := range both {
		bothNames = append(bothNames, painName(r.Pain))
	}
	switch {
	case len(seen) == 0 && len(said) == 0:
		finding = "Too little is known to say what annoys people most"
	case len(said) == 0 && len(seen) == 1:
		finding = listed(seenNames) + " happens to more people than any other pain"
	case len(said) == 0:
		finding = listed(seenNames) + " cannot be told apart as what happens to most people"
	case len(seen) == 0 && len(said) == 1:
		finding = "People name " + listed(saidNames) + " more than any other pain"
	case len(seen) == 0:
		finding = listed(saidNames) + " cannot be told apart as what people name most"
	case len(both) == 1 && len(seen) == 1 && len(said) == 1:
		finding = listed(bothNames) + " comes first, in what people say and in what happened to them"
	case len(both) == 1:
		finding = listed(bothNames) + " is the one pain that may come first both in what people say and in what happened to them"
	case len(both) > 1:
		finding = listed(bothNames) + " cannot be told apart as the first pain to fix"
	default:
		finding = "People name " + listed(saidNames) + " most; what happens to most people is " + listed(seenNames)
	}
	if len(seen) > 0 {
		r := seen[0]
		lede = append(lede, fmt.Sprintf("In the log, %s hit %s of the %s contacts it could hit: %s.", sentenceName(painName(r.Pain)), r.estimate().words(), count(r.Contacts), placed(*r.Best, *r.Worst, r.Ranked)))
	}
	if len(said) > 0 {
		r := said[0]
		rank := ranks[rankKey{r.inSegment, r.Option}]
		lede = append(lede, fmt.Sprintf("In the survey, %s of %s named %s: %s.", r.estimate().words(), sized(r.Base), sentenceName(r.Label), placed(rank.Best, rank.Worst, rank.Ranked)))
	}
	return finding, lede
}

func placed(best, worst, of uint16) string {
	return "rank " + rankWords(best, worst) + " of " + fmt.Sprint(of)
}

func painAnswer(finding string, observed []painRow, whole asked, ranks map[rankKey]rankRow) Answer {
	a := Answer{Question: "What annoys people most?", Sentence: finding + "."}
	seen, said := firstPains(observed, whole, ranks)
	if both := inBoth(seen, said); len(both) > 0 {
		seen = both
	}
	switch {
	case len(seen) > 0:
		r := seen[0]
		a.Figure, a.Value, a.Of = "reach", Percent.write(*r.Reach), "of contacts: "+strings.ToLower(painName(r.Pain))
		a.Interval = "95% interval " + percent.betweenWords(*r.Lower, *r.Upper) + ", " + placed(*r.Best, *r.Worst, r.Ranked)
	case len(said) > 0:
		r, e := said[0], said[0].estimate()
		rank := ranks[rankKey{r.inSegment, r.Option}]
		a.Figure, a.Value, a.Of = "named", Percent.write(*e.Value), "of people name it: "+r.Label
		a.Interval = "95% interval " + percent.betweenWords(*e.Lower, *e.Upper) + ", " + placed(rank.Best, rank.Worst, rank.Ranked)
	}
	return a
}

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

func (r sideRow) said() estimate {
	return estimate{r.Stated, r.StatedLower, r.StatedUpper, r.Why}
}

func (r sideRow) seen() estimate {
	if !finite(r.Observed) {
		return estimate{Why: newCell(0, 0, r.Contacts, r.Hit, Rate{Contacts: r.Contacts, Suppressed: 1}).why()}
	}
	return estimate{r.Observed, r.Lower, r.Upper, ""}
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

func (r agreementRow) estimate() estimate { return estimate{r.Value, r.Lower, r.Upper, r.Why} }

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
