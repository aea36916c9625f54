package transform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"drumbeat/transform/stats"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Values are what outcomes are worth to the business, in one currency. Every row that depends on them carries them.
type Values struct {
	Engagement float64 // gain of one engagement
	OptOut     float64 // loss by one opt-out
	Message    float64 // cost of one message
	Budget     float64 // greatest share of contacts at risk that may opt out in a day; 1 accepts any
	Outcome    string  // what counts as an engagement: open, click or reply; empty: the first of these that is told
	DayCap     uint16  // proactive messages in a local day beyond which they are too many; 0: no cap
	WeekCap    uint16  // the same in a local ISO week

	Arms map[string]float64 // how many contacts each arm of a test was to have beside the others, by name; an arm not named: 1
}

// DefaultValues say that an opt-out costs as much as ten engagements bring and that sends cost nothing, and that three
// messages in a day or six in a week are too many. They are a beginning, not a finding.
func DefaultValues() Values {
	return Values{Engagement: 1, OptOut: 10, Budget: 1, DayCap: 2, WeekCap: 5}
}

// ErrValues says that a value of Values cannot be.
var ErrValues = errors.New("values must be finite and not negative, the budget at most 1, the outcome open, click, reply or empty, the sizes of arms above 0")

// Check returns ErrValues for what cannot be, with its name in drumbeat.yaml.
func (v Values) Check() error {
	wrong := func(name string, x any) error { return fmt.Errorf("%s is %v: %w", name, x, ErrValues) }
	for _, c := range []struct {
		name    string
		x, most float64
	}{
		{"engagement", v.Engagement, math.MaxFloat64}, {"opt_out", v.OptOut, math.MaxFloat64}, {"message", v.Message, math.MaxFloat64}, {"budget", v.Budget, 1},
	} {
		if !(c.x >= 0 && c.x <= c.most) {
			return wrong(c.name, c.x)
		}
	}
	for _, arm := range slices.Sorted(maps.Keys(v.Arms)) {
		if x := v.Arms[arm]; !(x > 0 && x <= math.MaxFloat64) {
			return wrong("arms."+arm, x)
		}
	}
	if v.Outcome != "" && !slices.Contains(engagements[:], v.Outcome) {
		return wrong("outcome", v.Outcome)
	}
	return nil
}

const (
	fewestCandidates = 3 // make a comparison of doses

	bestDraws = 4000
	bestSeed  = 1
)

// english writes numbers as the pages do: 26,818.
var english = message.NewPrinter(language.English)

// settles says what would help where an outcome counts what contacts do of their own accord.
var settles = map[string]string{
	unprompted:   "clicks as the engagement, which name their message, or opens, which count by look",
	lookedAnyway: "clicks as the engagement: each belongs to the message that it names",
}

// choice is one dose, or one arm of a randomised test.
type choice struct {
	arm                                       string
	from, to                                  uint16
	dose                                      float64
	contacts, personDays, engagements, optOut float64
	engagement, leaving                       measured // per person-day
	counted                                   measured // opt-outs as utility counts them
	excluded                                  string   // why it is no candidate
	index                                     int      // of the engagement rate in the covariance
}

// measured is a rate with its interval; nothing where it is not known.
type measured struct {
	known        bool
	rate         float64
	lower, upper float64
	stdError     float64
}

// contest is one set of choices at one level of identification.
type contest struct {
	identification, optOuts string
	choices                 []choice
	covariance              func(i, j int) float64 // of the numbers that index names; of an opt-out rate, behind by offset
	offset                  int
	groups                  int
	fewest                  int    // candidates
	blocked                 string // why nothing is recommended, whatever the figures
	settle                  string // what would help then
	strata                  string
	overlap                 *float64
	headline                bool
}

// fillRecommendation stages the rows of frequency_recommendation.
func fillRecommendation(ctx context.Context, r *run, m model, staging string, w Window) error {
	segments, err := r.segments(ctx, m, w)
	if err != nil {
		return err
	}
	arms, err := r.arms(ctx, m, w)
	if err != nil {
		return err
	}
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	defer batch.Close()
	for _, s := range segments {
		contests := s.contests()
		if s.dimension == "all" {
			if tested, ok := randomised(arms[s.business], s.outcome, s.blocked); ok {
				contests = append(contests, tested)
			}
		}
		best := headline(contests, r.values)
		for i, c := range contests {
			c.headline = i == best
			rows, err := c.rows(s, r.values, w)
			if err != nil {
				return fmt.Errorf("compare doses of %s %s: %w", s.dimension, s.name, err)
			}
			for _, row := range rows {
				if err := batch.Append(row...); err != nil {
					return fmt.Errorf("stage a dose: %w", err)
				}
			}
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}

// contests returns the crude comparison and the one within contacts, with standardised opt-outs.
func (s *segment) contests() []contest {
	all := pool(s.totals(-1))
	at := s.at(s.outcome)
	// Engagements and opt-outs of the adjusted curves, then those of the crude ones.
	values, covariance, groups, ok := s.leaveOneOut(func(blocks [][]float64, falls [exposureBins]float64, p propensity) []float64 {
		pooled := pool(blocks)
		numbers := make([]float64, 4*doseBins)
		for b := range doseBins {
			numbers[b] = s.keptUp(falls, p, b)
			numbers[doseBins+b] = s.standardised(blocks, pooled, b)
			if b > 0 {
				numbers[2*doseBins+b] = s.dose[b] / 7 * over(pooled[at+exposureBins+b-1], pooled[at+b-1])
			}
			numbers[3*doseBins+b] = over(optOuts(pooled, b), personDays(pooled, b))
		}
		return numbers
	})
	of := func(adjusted bool) []choice {
		first := 2 * doseBins
		if adjusted {
			first = 0
		}
		var choices []choice
		for b := range doseBins {
			c := choice{
				from: bins[b].from, to: bins[b].to, dose: s.dose[b], index: first + b,
				contacts: all[atDoseContacts+b], personDays: personDays(all, b), engagements: s.engaged(all, b), optOut: optOuts(all, b),
			}
			if c.personDays == 0 {
				continue
			}
			enough := ok && c.contacts >= fewestContacts
			if b == 0 {
				c.engagement = measured{known: enough} // nothing sent, nothing gained
			} else if enough && c.engagements >= fewestOutcomes && (!adjusted || s.linked[b]) {
				c.engagement = positive(values[c.index], covariance(c.index, c.index), groups)
			}
			if enough && (!adjusted || s.candidates[b] && len(s.strata) > 0) {
				i := c.index + doseBins
				variance, days := covariance(i, i), c.personDays
				if adjusted {
					variance = max(variance, s.chance(all, b, max(values[i], values[3*doseBins+b])))
					days = s.effectiveDays(all, b)
				}
				c.leaving = hazardLimits(values[i], variance, days, groups)
				c.counted = c.leaving
			}
			switch {
			case adjusted:
				c.excluded = s.excluded[b]
			case c.contacts < stats.CandidateContacts || c.engagements+c.optOut < stats.CandidateOutcomes:
				c.excluded = "few contacts or outcomes"
			}
			if c.excluded == "" && !(c.engagement.known && c.leaving.known) {
				c.excluded = "few outcomes"
			}
			choices = append(choices, c)
		}
		return choices
	}
	crude := contest{
		identification: "crude", optOuts: "crude", choices: of(false), covariance: covariance, offset: doseBins, groups: groups,
		fewest:  fewestCandidates,
		blocked: "contacts who get more may differ in more than this: see the comparison within contacts",
		settle:  "a randomised test of several frequencies",
	}
	adjusted := contest{
		identification: "within", optOuts: "standardised", choices: of(true), covariance: covariance, offset: doseBins, groups: groups,
		fewest: fewestCandidates, strata: s.strataName(), overlap: &s.overlap,
	}
	switch {
	case s.blocked != "":
		adjusted.blocked, adjusted.settle = s.blocked, settles[s.blocked]
	case s.verdict != "association":
		adjusted.blocked = "engagement cannot be told from what makes the sender send: " + s.why
		adjusted.settle = "a randomised test of several frequencies"
	case s.overlap < leastOverlap:
		adjusted.blocked = fmt.Sprintf("no overlap: only %.0f%% of the person-days with known prior engagement lie in strata that have every dose", 100*s.overlap)
		adjusted.settle = "contacts of like engagement at different doses: it is known of those with messages 8 to 35 days before, once the account's data and the contact are older than that"
	}
	return []contest{crude, adjusted}
}

// positive is a rate with limits on the logarithmic scale, with t of one degree of freedom less than groups; nothing of a rate of 0.
func positive(rate, variance float64, groups int) measured {
	m := measured{known: true, rate: rate, stdError: math.Sqrt(variance)}
	if rate <= 0 || variance <= 0 {
		return measured{}
	}
	factor := math.Exp(tQuantile(float64(groups-1)) * m.stdError / rate)
	if m.lower, m.upper = rate/factor, rate*factor; math.IsInf(m.upper, 0) {
		return measured{}
	}
	return m
}

// effectiveDays are the person-days that would tell as much of a standardised rate, did no stratum weigh more than its days: 1 / sum w^2/n
// (Kish 1965).
func (s *segment) effectiveDays(pooled []float64, bin int) float64 {
	return 1 / s.chance(pooled, bin, 1)
}

// hazardLimits is a rate of opt-outs with limits on the logit scale. Of few opt-outs the variance is at least that of one,
// and without any the limit is the exact one of a Poisson count (Garwood 1936). days are those that the rate rests on, as its weights leave them.
func hazardLimits(rate, variance, days float64, groups int) measured {
	m := measured{known: true, rate: rate, stdError: math.Sqrt(max(variance, 1/(days*days)))}
	if rate <= 0 || rate >= 1 {
		m.upper = min(1, stats.Garwood(0).Upper/days)
		return m
	}
	factor := math.Exp(tQuantile(float64(groups-1)) * m.stdError / (rate * (1 - rate)))
	odds := rate / (1 - rate)
	m.lower, m.upper = odds/factor/(1+odds/factor), 1/(1+1/(odds*factor))
	return m
}

// headline returns the level to quote, of contests in the order crude, within, randomised: randomised is the best there is, unless the
// test is broken or too small to say anything.
func headline(contests []contest, v Values) int {
	for _, c := range contests[2:] {
		if _, candidates := c.curve(v); c.blocked == "" && len(candidates) >= c.fewest {
			return 2
		}
	}
	return 1
}

// curve returns the candidates as stats.Optimum takes them, and which choices they are.
func (c contest) curve(v Values) (curve stats.DoseCurve, chosen []int) {
	var indices []int
	for i, k := range c.choices {
		if k.excluded != "" {
			continue
		}
		chosen = append(chosen, i)
		indices = append(indices, k.index)
		curve.Doses = append(curve.Doses, stats.Dose{
			Sends: k.dose / 7, Contacts: uint64(k.contacts), Outcomes: uint64(k.engagements + k.optOut),
			Engagement: k.engagement.rate, OptOut: k.counted.rate, OptOutMost: k.leaving.upper,
		})
	}
	n := len(indices)
	for _, k := range slices.Clone(indices) {
		indices = append(indices, k+c.offset)
	}
	curve.Covariance = make([][]float64, 2*n)
	for i := range curve.Covariance {
		curve.Covariance[i] = make([]float64, 2*n)
		for j := range i + 1 {
			x := c.covariance(indices[i], indices[j])
			if i == j && i >= n { // of few opt-outs it is greater
				se := c.choices[chosen[i-n]].counted.stdError
				x = se * se
			}
			curve.Covariance[i][j], curve.Covariance[j][i] = x, x
		}
	}
	return curve, chosen
}

// rows returns the rows of frequency_recommendation, in the order of its columns.
func (c contest) rows(s *segment, v Values, w Window) ([][]any, error) {
	given := stats.Values{Engagement: v.Engagement, OptOut: v.OptOut, Message: v.Message, Budget: v.Budget}
	curve, chosen := c.curve(v)
	optimum, err := stats.OptimumSensitivity(curve, given)
	if err != nil {
		return nil, err
	}
	why, settle := c.verdict(curve, chosen, optimum.Given, v)
	advice := "recommended"
	if why != "" {
		advice = "no recommendation"
	}
	chances := chancesBest(curve, given, optimum.Given)
	var budget, critical *float64
	if v.Budget < 1 {
		budget = &v.Budget
	}
	enough := len(chosen) >= 2
	if enough {
		critical = &optimum.Given.Critical
	}
	var rows [][]any
	for i, k := range c.choices {
		place := slices.Index(chosen, i)
		candidate := place >= 0
		is := func(of stats.Recommendation, what func(stats.DoseUtility) bool) uint8 {
			return flag(candidate && enough && what(of.Doses[place]))
		}
		plausible := func(u stats.DoseUtility) bool { return u.Plausible }
		advised := func(of stats.Recommendation) uint8 {
			return flag(candidate && why == "" && of.Advice == stats.Recommended && of.Smallest == place)
		}
		var utility, stdError, lower, upper, chance, counted *float64
		var withinBudget uint8
		if candidate {
			u := optimum.Given.Doses[place]
			half := tQuantile(float64(c.groups-1)) * u.StdError
			low, high := u.Utility-half, u.Utility+half
			utility, stdError, lower, upper = &u.Utility, &u.StdError, &low, &high
			if k.optOut >= fewestOutcomes {
				counted = &k.counted.rate
			}
			withinBudget = flag(u.WithinBudget)
			if enough {
				chance = &chances[place]
			}
		}
		e, l := k.engagement.columns(), k.leaving.columns()
		if k.optOut < fewestOutcomes {
			l = measured{}.columns()
		}
		row := []any{s.business, w.From, w.To, s.cutoff, s.dimension, s.name, c.identification, c.optOuts, flag(c.headline),
			k.arm, k.from, k.to, k.dose,
			engagements[s.outcome], v.Engagement, v.OptOut, v.Message, budget,
			uint64(k.contacts), uint64(k.personDays), uint64(k.engagements), uint64(k.optOut),
			flag(e[0] == nil && l[0] == nil)}
		for _, x := range append(e, l...) {
			row = append(row, x)
		}
		row = append(row, utility, stdError, lower, upper,
			flag(candidate), k.excluded, flag(candidate && enough && optimum.Given.Best == place),
			is(optimum.Given, plausible), is(optimum.Half, plausible), is(optimum.Double, plausible), withinBudget,
			chance, uint32(bestDraws), uint64(bestSeed), critical,
			advised(optimum.Given), advised(optimum.Half), advised(optimum.Double),
			advice, why, settle, c.strata, c.overlap, uint16(c.groups),
			counted, is(optimum.HalfValue, plausible), is(optimum.DoubleValue, plausible), advised(optimum.HalfValue), advised(optimum.DoubleValue))
		rows = append(rows, row)
	}
	return rows, nil
}

func (m measured) columns() []*float64 {
	if !m.known {
		return make([]*float64, 3)
	}
	return []*float64{&m.rate, &m.lower, &m.upper}
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// verdict says why nothing is recommended, if so, and in any case what would tell more.
func (c contest) verdict(curve stats.DoseCurve, chosen []int, optimum stats.Recommendation, v Values) (why, settle string) {
	if c.blocked != "" {
		return c.blocked, c.settle
	}
	if len(chosen) < c.fewest {
		return fmt.Sprintf("only %d of the %d doses or arms needed can be compared", len(chosen), c.fewest),
			fmt.Sprintf("%d doses or arms of %d contacts and %d engagements or opt-outs each", c.fewest, stats.CandidateContacts, stats.CandidateOutcomes)
	}
	// How many times the contacts are needed to find, with a chance of 80 %, that a plausible dose is not the best, if
	// the differences are as they seem.
	times, which := math.Inf(1), 0
	for i, u := range optimum.Doses {
		if i == optimum.Best || !u.Plausible || u.Behind <= 0 {
			continue
		}
		needed := (optimum.Critical + distuv.UnitNormal.Quantile(.8)) / u.Behind
		if t := needed * needed; t < times {
			times, which = t, i
		}
	}
	if times <= 1000 {
		k := c.choices[chosen[which]]
		settle = english.Sprintf("%.0f contacts at %s, %.1f times as many, would show with a chance of 80%% that %s is not the best, if the differences are as they seem",
			math.Ceil(k.contacts*times), k.name(), times, k.name())
	}
	switch optimum.Advice {
	case stats.CannotTellApart:
		why = "every dose that can be compared may be the best"
		if settle == "" {
			settle = "the doses are too alike: more of the same data would not tell them apart"
		}
	case stats.OverBudget:
		why = c.choices[chosen[optimum.Smallest]].name() + ", the smallest that may be the best, seems to cost more opt-outs than the budget"
		settle = "a greater budget, or a test of lower doses"
	case stats.BudgetUnsure:
		k := c.choices[chosen[optimum.Smallest]]
		why = k.name() + ", the smallest that may be the best, seems to keep the budget of opt-outs but may break it, and that too little is known of it is no reason to send more"
		settle = "a greater budget"
		if times := k.untilWithin(v.Budget, c.groups); times <= 1000 {
			settle = english.Sprintf("%.0f person-days at %s, %.1f times as many, would show that it keeps the budget, if its opt-outs are as rare as they seem",
				math.Ceil(k.personDays*times), k.name(), times)
		}
	case stats.TooLittleData:
		why = "too little data"
	}
	return why, settle
}

// untilWithin returns how many times the days are needed until the upper limit of the opt-outs keeps the budget, if their rate stays.
func (k choice) untilWithin(budget float64, groups int) float64 {
	q := k.leaving.rate
	if q <= 0 {
		return k.leaving.upper / budget
	}
	room := math.Log(budget/(1-budget)) - math.Log(q/(1-q))
	half := tQuantile(float64(groups-1)) * k.leaving.stdError / (q * (1 - q))
	return half / room * half / room
}

func (k choice) name() string {
	switch {
	case k.arm != "":
		return "arm " + k.arm
	case k.from == k.to:
		return fmt.Sprintf("dose %d", k.from)
	case k.to == noUpperEnd:
		return fmt.Sprintf("dose %d or more", k.from)
	}
	return fmt.Sprintf("dose %d to %d", k.from, k.to)
}

// chancesBest returns how often each candidate has the greatest utility in draws from the normal distribution of the estimates.
func chancesBest(curve stats.DoseCurve, v stats.Values, optimum stats.Recommendation) []float64 {
	n := len(curve.Doses)
	wins := make([]float64, n)
	if n == 0 {
		return wins
	}
	weights := mat.NewDense(n, 2*n, nil)
	for i := range n {
		weights.Set(i, i, v.Engagement)
		weights.Set(i, n+i, -v.OptOut)
	}
	rates := mat.NewDense(2*n, 2*n, nil)
	for i, row := range curve.Covariance {
		rates.SetRow(i, row)
	}
	var product, utilities mat.Dense
	product.Mul(weights, rates)
	utilities.Mul(&product, weights.T())
	symmetric := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			symmetric.SetSym(i, j, utilities.At(i, j))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric, true) {
		return wins
	}
	var axes mat.Dense
	eigen.VectorsTo(&axes)
	for j, lambda := range eigen.Values(nil) {
		for i := range n {
			axes.Set(i, j, axes.At(i, j)*math.Sqrt(max(0, lambda)))
		}
	}
	draw := rand.New(rand.NewPCG(bestSeed, 0))
	z := make([]float64, n)
	for range bestDraws {
		for j := range z {
			z[j] = draw.NormFloat64()
		}
		best, most := 0, math.Inf(-1)
		for i, u := range optimum.Doses {
			x := u.Utility
			for j := range z {
				x += axes.At(i, j) * z[j]
			}
			if x > most {
				best, most = i, x
			}
		}
		wins[best]++
	}
	for i := range wins {
		wins[i] /= bestDraws
	}
	return wins
}
