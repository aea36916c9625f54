package transform

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"drumbeat/transform/stats"
)

// painBeside is a row of stated_observed.
type painBeside struct {
	Business       string    `ch:"business_id"`
	Survey         string    `ch:"survey_id"`
	From           time.Time `ch:"window_from"`
	To             time.Time `ch:"window_to"`
	Cutoff         time.Time `ch:"cutoff"`
	Dimension      string    `ch:"dimension"`
	Segment        string    `ch:"segment"`
	Pain           string    `ch:"pain"`
	Label          string    `ch:"label"`
	Population     string    `ch:"stated_population"`
	Recall         uint16    `ch:"recall_days"`
	Base           *uint64   `ch:"base_n"`
	Stated         *float64  `ch:"stated"`
	StatedStdError *float64  `ch:"stated_std_error"`
	StatedLower    *float64  `ch:"stated_lower"`
	StatedUpper    *float64  `ch:"stated_upper"`
	Contacts       uint64    `ch:"contacts"`
	Hit            uint64    `ch:"hit"`
	StatedWhy      string    `ch:"stated_why"`
	Synthetic      uint8     `ch:"synthetic"`
}

// observed returns the share of contacts hit with its standard error; false where it is suppressed.
func (p painBeside) observed() (share, stdError float64, limits stats.Interval, ok bool) {
	if p.Contacts < fewestContacts || p.Hit < fewestOutcomes {
		return 0, 0, stats.Interval{}, false
	}
	limits, ok = stats.Wilson(p.Hit, p.Contacts)
	n := float64(p.Contacts)
	share = float64(p.Hit) / n
	return share, math.Sqrt(share * (1 - share) / n), limits, ok
}

func fillStatedObserved(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []painBeside
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return err
	}
	defer batch.Close()
	for _, p := range rows {
		hit := p.Hit
		var observed, observedError, lower, upper, difference, differenceError, differenceLower, differenceUpper *float64
		why := p.StatedWhy
		share, stdError, limits, ok := p.observed()
		switch {
		case ok:
			observed, observedError, lower, upper = &share, &stdError, &limits.Lower, &limits.Upper
		case p.Contacts == 0:
			why = cmp.Or(why, "nobody was at risk in the log of these weeks")
		default:
			why = cmp.Or(why, "fewer than 30 contacts at risk or 5 hit")
			hit = 0
		}
		if ok && p.Stated != nil {
			d, se := *p.Stated-share, math.Hypot(*p.StatedStdError, stdError)
			difference, differenceError = &d, &se
			if l, u := d-stats.Z*se, d+stats.Z*se; se > 0 && l >= -1 && u <= 1 {
				differenceLower, differenceUpper = &l, &u
			}
		}
		if err := batch.Append(p.Business, p.Survey, p.From, p.To, p.Cutoff, p.Dimension, p.Segment, p.Pain, p.Label,
			p.Population, "contacts of this business who could have been hit", p.Recall,
			p.Base, p.Stated, p.StatedStdError, p.StatedLower, p.StatedUpper, p.Contacts, hit, observed, observedError, lower, upper,
			difference, differenceError, differenceLower, differenceUpper, why, p.Synthetic); err != nil {
			return err
		}
	}
	return batch.Send()
}

// pairCount is how many said one thing while the log shows another.
type pairCount struct {
	Business         string    `ch:"business_id"`
	Survey           string    `ch:"survey_id"`
	Cutoff           time.Time `ch:"cutoff"`
	Subject          string    `ch:"subject"`
	Stated           string    `ch:"stated"`
	StatedPosition   uint16    `ch:"stated_position"`
	Observed         string    `ch:"observed"`
	ObservedPosition uint16    `ch:"observed_position"`
	Respondents      uint64    `ch:"respondents"`
	Synthetic        uint8     `ch:"synthetic"`
}

func sameSubject(a, b pairCount) bool {
	return a.Business == b.Business && a.Survey == b.Survey && a.Subject == b.Subject
}

// fillStatedJoined withholds counts below 10, and a further one where their sum is known to be such a count.
func fillStatedJoined(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []pairCount
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return err
	}
	defer batch.Close()
	for table := range runsOf(rows, sameSubject) {
		total := equation{[]int{0}, []float64{-1}}
		counts := []count{{}}
		for i, row := range table {
			small := row.Respondents < smallCount
			counts = append(counts, count{n: row.Respondents, small: small, hidden: small})
			counts[0].n += row.Respondents
			total.of, total.coefficients = append(total.of, i+1), append(total.coefficients, 1)
		}
		protect(counts, []equation{total})
		for i, row := range table {
			shown := &row.Respondents
			if counts[i+1].hidden {
				shown = nil
			}
			if err := batch.Append(row.Business, row.Survey, row.Cutoff, row.Subject, row.Stated, row.StatedPosition,
				row.Observed, row.ObservedPosition, shown, row.Synthetic); err != nil {
				return err
			}
		}
	}
	return batch.Send()
}

// agreement is a row of stated_agreement.
type agreement struct {
	business, survey    string
	cutoff              time.Time
	dimension, segment  string
	subject, statistic  string
	n                   uint64
	value, lower, upper *float64
	why                 string
	synthetic           uint8
}

func fillStatedAgreement(ctx context.Context, r *run, m model, staging string, w Window) error {
	var pairs []pairCount
	if err := r.selectModel(ctx, &pairs, m, w); err != nil {
		return err
	}
	var all []agreement
	for table := range runsOf(pairs, sameSubject) {
		if table[0].Subject == "frequency" {
			all = append(all, frequencyAgreement(table)...)
		} else {
			all = append(all, painAgreement(table)...)
		}
	}
	var pains []painBeside
	if err := r.selectModel(ctx, &pains, model{relation: "stated_observed"}, w); err != nil {
		return err
	}
	for group := range runsOf(pains, func(a, b painBeside) bool {
		return a.Business == b.Business && a.Survey == b.Survey && a.Dimension == b.Dimension && a.Segment == b.Segment
	}) {
		all = append(all, rankAgreement(group))
	}
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return err
	}
	defer batch.Close()
	for _, a := range all {
		if err := batch.Append(a.business, a.survey, a.cutoff, a.dimension, a.segment, a.subject, a.statistic, a.n, a.value, a.lower, a.upper, a.why, a.synthetic); err != nil {
			return err
		}
	}
	return batch.Send()
}

func (p pairCount) agreement(statistic string, n uint64) agreement {
	return agreement{business: p.Business, survey: p.Survey, cutoff: p.Cutoff, dimension: "joined", subject: p.Subject, statistic: statistic, n: n, synthetic: p.Synthetic}
}

// share fills in x of n persons; withheld as shares of a survey are.
func (a agreement) share(x uint64) agreement {
	limits, ok := stats.Wilson(x, a.n)
	switch {
	case a.n < fewestAsked:
		a.why = whyFewAsked
	case x > 0 && x < smallCount || a.n-x > 0 && a.n-x < smallCount:
		a.why = whySmall
	case ok:
		value := float64(x) / float64(a.n)
		a.value, a.lower, a.upper = &value, &limits.Lower, &limits.Upper
	}
	return a
}

// frequencyAgreement compares the categories of persons: position 1 is the most frequent.
func frequencyAgreement(pairs []pairCount) (all []agreement) {
	var categories uint16
	var n, exact, over, under uint64
	for _, p := range pairs {
		categories = max(categories, p.StatedPosition, p.ObservedPosition)
		n += p.Respondents
		switch cmp.Compare(p.StatedPosition, p.ObservedPosition) {
		case 0:
			exact += p.Respondents
		case -1:
			over += p.Respondents
		case 1:
			under += p.Respondents
		}
	}
	table := make([][]uint64, categories)
	for i := range table {
		table[i] = make([]uint64, categories)
	}
	for _, p := range pairs {
		if p.StatedPosition > 0 && p.ObservedPosition > 0 {
			table[p.StatedPosition-1][p.ObservedPosition-1] += p.Respondents
		}
	}
	for _, k := range []struct {
		statistic    string
		disagreement stats.Disagreement
	}{{"kappa", stats.AnyDisagreement}, {"kappa_linear", stats.LinearDisagreement}, {"kappa_quadratic", stats.QuadraticDisagreement}} {
		a := pairs[0].agreement(k.statistic, n)
		kappa, ok := stats.Kappa(table, k.disagreement)
		switch {
		case n < fewestAsked:
			a.why = whyFewAsked
		case !ok:
			a.why = "all gave one answer"
		default:
			a.value = &kappa.Value
			if kappa.HasInterval {
				a.lower, a.upper = &kappa.Lower, &kappa.Upper
			}
		}
		all = append(all, a)
	}
	return append(all, pairs[0].agreement("exact", n).share(exact), pairs[0].agreement("over_reported", n).share(over),
		pairs[0].agreement("under_reported", n).share(under))
}

// painAgreement says how many of those a pain hit, and of those it did not, name it.
func painAgreement(pairs []pairCount) []agreement {
	var hit, hitNamed, missed, missedNamed uint64
	for _, p := range pairs {
		named := p.StatedPosition == 1
		if p.ObservedPosition == 1 {
			hit += p.Respondents
			if named {
				hitNamed += p.Respondents
			}
			continue
		}
		missed += p.Respondents
		if named {
			missedNamed += p.Respondents
		}
	}
	return []agreement{pairs[0].agreement("named_if_hit", hit).share(hitNamed), pairs[0].agreement("named_if_not_hit", missed).share(missedNamed)}
}

const (
	fewestRanked = 6 // pains whose ranks are correlated
	redraws      = 2000
)

// rankAgreement is Spearman's correlation of stated and observed pains. Its limits are percentiles of redraws in which each share
// is drawn anew by its standard error, independently of the others; the seed is fixed.
func rankAgreement(pains []painBeside) agreement {
	p := pains[0]
	a := agreement{business: p.Business, survey: p.Survey, cutoff: p.Cutoff, dimension: p.Dimension, segment: p.Segment, subject: "pains", statistic: "spearman", synthetic: p.Synthetic}
	var stated, statedErrors, observed, observedErrors []float64
	for _, p := range pains {
		share, stdError, _, ok := p.observed()
		if !ok || p.Stated == nil {
			continue
		}
		stated, statedErrors = append(stated, *p.Stated), append(statedErrors, *p.StatedStdError)
		observed, observedErrors = append(observed, share), append(observedErrors, stdError)
	}
	if a.n = uint64(len(stated)); a.n < fewestRanked {
		a.why = "fewer than 6 pains are known on both sides"
		return a
	}
	value, ok := spearman(stated, observed)
	if !ok {
		a.why = "all shares are the same"
		return a
	}
	draw := rand.New(rand.NewPCG(1, 0))
	again := func(shares, errors []float64) []float64 {
		drawn := slices.Clone(shares)
		for i := range drawn {
			drawn[i] += errors[i] * draw.NormFloat64()
		}
		return drawn
	}
	var values []float64
	for range redraws {
		if v, ok := spearman(again(stated, statedErrors), again(observed, observedErrors)); ok {
			values = append(values, v)
		}
	}
	a.value = &value
	if len(values) > redraws*19/20 {
		slices.Sort(values)
		at := func(p float64) *float64 { return &values[int(math.Ceil(p*float64(len(values))))-1] }
		a.lower, a.upper = at(.025), at(.975)
	}
	return a
}

// spearman returns the correlation of ranks, ties at their mean; false if one side has no variation.
// Source: Spearman 1904.
func spearman(x, y []float64) (float64, bool) {
	a, b := middleRanks(x), middleRanks(y)
	mean := float64(len(x)+1) / 2
	var xx, yy, xy float64
	for i := range a {
		xx += (a[i] - mean) * (a[i] - mean)
		yy += (b[i] - mean) * (b[i] - mean)
		xy += (a[i] - mean) * (b[i] - mean)
	}
	if xx == 0 || yy == 0 {
		return 0, false
	}
	return xy / math.Sqrt(xx*yy), true
}

func middleRanks(x []float64) []float64 {
	ranks := make([]float64, len(x))
	for i, a := range x {
		ranks[i] = .5
		for _, b := range x {
			switch {
			case b < a:
				ranks[i]++
			case b == a:
				ranks[i] += .5
			}
		}
	}
	return ranks
}
