package survey

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"drumbeat/transform/stats"
)

// Weighting is the record of how design weights became final ones. Effects are Kish's: so many times more respondents
// would be as good as equally weighted ones.
type Weighting struct {
	Weighted         bool    // the files carry design weights
	Least, Most      float64 // of the final weights
	EffectDesign     float64
	Margins          []string // raked to; none: final weights are the design's
	Rounds           int
	Gap              float64 // largest relative distance of a total from its target
	Trimmed          int     // respondents whose weight was cut
	EffectRaked      float64 // before that
	EffectFinal      float64
	EffectiveSize    float64
	totalRespondents int
}

// weigh fills in the respondents' final weights. Respondents are in the order of their ids, so that the order of files and
// rows does not matter.
func (p *plan) weigh(r *respondents) (Weighting, error) {
	w := Weighting{Weighted: p.m.Weight != "", totalRespondents: len(r.ids)}
	var ok bool
	if w.EffectDesign, w.EffectiveSize, ok = stats.Kish(r.weights); !ok {
		return w, errors.New("the weights cannot be used: their squares are too large or too small for a computer: scale them")
	}
	w.EffectRaked, w.EffectFinal = w.EffectDesign, w.EffectDesign
	r.final = r.weights
	if len(p.m.Margins) > 0 {
		if err := p.rake(r, &w); err != nil {
			return w, err
		}
	}
	w.Least, w.Most = slices.Min(r.final), slices.Max(r.final)
	return w, nil
}

func (p *plan) rake(r *respondents, w *Weighting) error {
	var wrong mistakes
	margins := make([]stats.Margin, len(p.m.Margins))
	totals := make([]string, len(p.m.Margins))
	first, differ := 0.0, false
	for i, m := range p.m.Margins {
		w.Margins = append(w.Margins, m.name())
		var total float64
		margins[i], total = p.margin(m, r, &wrong)
		totals[i] = m.name() + " " + strconv.FormatFloat(total, 'g', 12, 64)
		if i == 0 {
			first = total
		}
		differ = differ || math.Abs(total-first) > 1e-9*first
		if total <= 0 {
			wrong.add("margin %s: its targets add to 0", m.name())
		}
	}
	if differ {
		wrong.add("margins add to different totals: %s: give all targets in one scale, such as people", strings.Join(totals, ", "))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("weights cannot be raked to the margins:\n%w", errors.Join(wrong...))
	}
	var err error
	var raked stats.Raked
	if p.m.Trim != 0 {
		var t stats.Trimmed
		t, err = stats.RakeTrimmed(r.weights, margins, p.m.Trim)
		raked, w.Trimmed, w.EffectRaked = t.Raked, t.Cut, t.EffectBefore
	} else {
		raked, err = stats.Rake(r.weights, margins)
	}
	if stuck := (*stats.ConvergenceError)(nil); errors.As(err, &stuck) {
		return p.notConverged(stuck)
	}
	if err != nil {
		return fmt.Errorf("rake the weights: %w", err)
	}
	r.final = raked.Weights
	w.Rounds, w.Gap = raked.Rounds, raked.Gap
	if w.EffectFinal, w.EffectiveSize, _ = stats.Kish(raked.Weights); p.m.Trim == 0 {
		w.EffectRaked = w.EffectFinal
	}
	return nil
}

// margin says in which category of m each respondent is.
func (p *plan) margin(m Margin, r *respondents, wrong *mistakes) (margin stats.Margin, total float64) {
	var by []int
	for _, name := range m.By {
		by = append(by, slices.IndexFunc(p.groups, func(g *group) bool { return g.name == string(name) }))
	}
	places := map[string]int{}
	var names []string
	for i, t := range m.Targets {
		target, _ := strconv.ParseFloat(t.value, 64) // the mapping was checked
		if _, twice := places[t.key]; twice {
			wrong.add("margin %s: the target of %s is there twice", m.name(), t.key)
		}
		places[t.key] = i
		names = append(names, t.key)
		margin.Targets = append(margin.Targets, target)
		total += target
	}
	margin.Category = make([]int, len(r.ids))
	counts := make([]int, len(names))
	missing := map[string]int{}
	known := map[int]int{} // combination of categories to place; -1: no target
	for i := range r.ids {
		key := 0
		for _, g := range by {
			key = key*len(p.groups[g].categories) + int(r.groups[g][i])
		}
		place, ok := known[key]
		if !ok {
			place = -1
			if at, ok := places[p.category(by, r, i)]; ok {
				place = at
			}
			known[key] = place
		}
		if place < 0 {
			missing[p.category(by, r, i)]++
			continue
		}
		counts[place]++
		margin.Category[i] = place
	}
	for _, category := range sortedKeys(missing) {
		what := category
		if category == "" {
			what = "an empty cell"
		}
		wrong.add("margin %s: %d respondents are in %q, which has no target: give it one, or put them into another category", m.name(), missing[category], what)
	}
	for i, n := range counts {
		if n == 0 && margin.Targets[i] > 0 {
			wrong.add("margin %s: nobody is in %q, whose target is %v: merge it with another category", m.name(), names[i], margin.Targets[i])
		}
		if n > 0 && margin.Targets[i] == 0 {
			wrong.add("margin %s: %d respondents are in %q, whose target is 0: leave them out of the file, or merge it with another category", m.name(), n, names[i])
		}
	}
	return margin, total
}

func (p *plan) category(by []int, r *respondents, i int) string {
	parts := make([]string, len(by))
	for k, g := range by {
		parts[k] = p.groups[g].categories[r.groups[g][i]]
	}
	return strings.Join(parts, crossed)
}

func sortedKeys(counts map[string]int) []string {
	keys := make([]string, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// notConverged names the categories that are furthest off.
func (p *plan) notConverged(stuck *stats.ConvergenceError) error {
	type off struct {
		name string
		gap  float64
	}
	var list []off
	for i, gaps := range stuck.Gaps {
		for c, gap := range gaps {
			if math.Abs(gap) >= 1e-10 {
				list = append(list, off{p.m.Margins[i].name() + " " + strconv.Quote(p.m.Margins[i].Targets[c].key), gap})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b off) int { return cmp.Compare(math.Abs(b.gap), math.Abs(a.gap)) })
	var text []string
	for _, o := range list[:min(5, len(list))] {
		text = append(text, fmt.Sprintf("%s is off by %+.2g%%", o.name, 100*o.gap))
	}
	return fmt.Errorf("raking did not converge in %d rounds: %s: the margins contradict each other or cells are empty: check the targets, or merge small categories", stuck.Rounds, strings.Join(text, ", "))
}
