package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
