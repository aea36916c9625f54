package transform

import (
	"context"
	"fmt"
	"slices"
	"time"

	"drumbeat/transform/stats"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Doses and exposures have the bins of all metrics; the sums of the shared part sums_by_group stand in this order.
const (
	doseBins     = len(bins) // an exposure is in the same bin, and never in the first
	exposureBins = doseBins - 1
	exactDoses   = 12 // 0, 1, ..., 10, 11+
	priors       = 5  // unknown, none, lower, middle, upper third
	outcomeSums  = 2*exposureBins + 3*(exposureBins-1)

	atOutcomes     = 1
	atLinks        = 2 * exposureBins
	atDays         = atOutcomes + 3*outcomeSums
	atHighDoses    = atDays + exactDoses
	atDoseContacts = atHighDoses + 1
	atCellDays     = atDoseContacts + doseBins
	atCellOptOuts  = atCellDays + priors*doseBins
	atCellContacts = atCellOptOuts + priors*doseBins
	atOpened       = atCellContacts + priors*doseBins
	atQuietDays    = atOpened + 1
	atQuietOptOuts = atQuietDays + priors
	toldSums       = atQuietOptOuts + priors

	// What follows is known of the what-if only, from its own statement.
	atReplayed = toldSums // sends on days at risk: all, and what is left of them under a cap of 1, 2, ...
	doseSums   = atReplayed + 1 + caps

	millionths = 1e6 // of sums in millionths
)

var (
	// binOf is the place in bins of an exact dose.
	binOf = [exactDoses]int{0, 1, 2, 3, 4, 5, 6, 6, 7, 7, 7, 8}
	// engagements are what counts as one, in the order of the sums and of preference. Opens are many, and count by look; replies come last: what a contact would have written anyway counts as one too, and the more so the more
	// messages there are.
	engagements = [3]string{"open", "click", "reply"}
)

// unprompted is why nothing is recommended by replies. Contacts also write of their own, and what they write within 24 h of a message counts as its
// reply: that rises with the dose whatever messages do, in a randomised test too. In worlds of a known truth the replies of a dose of 6 come out as twice
// those that it causes.
const unprompted = "replies count what contacts would have written anyway, and the more so the more messages there are"

// lookedAnyway is why nothing is recommended by opens of chats that contacts look into when they like: a look counts once, but of looks that would have been
// anyway more find a message the more messages there are. Where each message makes its own look, hardly any is opened along with another; where everybody looks once
// a week whatever is sent, so are a third or more of the opened at a message a week already.
const lookedAnyway = "many messages are opened in one look: contacts look of their own accord, and the more messages there are the more of these looks find one"

const mostAlong = 1. / 3 // of the opened messages, those opened in the look of another

const (
	fewestLinked = 30 // contacts with messages at both of two neighbouring exposures
	leastLinks   = 2  // of each sum of a ratio within contacts, which about twice as many outcomes make
)

// segment is a part of a business whose doses are compared. Its blocks are the contacts of one market and channel.
type segment struct {
	business, dimension, name string
	cutoff                    time.Time
	blocks                    []block

	outcome       int               // index of engagements
	dose          [doseBins]float64 // the mean of each bin
	linked        [doseBins]bool    // rates can be compared within contacts; no dose has no messages, and nothing to compare
	candidates    [doseBins]bool
	excluded      [doseBins]string // why no candidate
	fine          bool             // strata are of market, channel and prior engagement; else of prior engagement
	strata        []stratum        // that have all candidates
	overlap       float64
	verdict       string // of the placebo of the engagements: association, or another
	why           string
	optOutVerdict string
	blocked       string // why nothing is recommended by the outcome, whatever the figures

	propensities map[int]propensity // by group of contacts
}

type block struct {
	market, channel string
	total           []float64
	groups          map[uint8][]float64
}

// stratum is a prior engagement of one block, or of all where block is -1.
type stratum struct{ block, prior int }

// propensity holds the sums of the shared part of that name, over a group of contacts or all.
type propensity struct {
	days, weighted [exactDoses]float64
	slopes         [exposureBins][exactDoses]float64 // change of weighted by the fall at an exposure
}

// The statements of the models whose segments are compared; the third is of arms in frequency_recommendation, of sends in frequency_what_if.
const (
	sumsByGroup = iota
	groupPropensities
	sumsOfArms
	sendsOfContacts = sumsOfArms
)

// segments computes the sums of a model by its first two statements, and returns for each business all contacts, each market, each
// channel and each promised frequency.
func (r *run) segments(ctx context.Context, m model, w Window) ([]*segment, error) {
	statements, err := r.statements(ctx, m.relation, w)
	if err != nil {
		return nil, err
	}
	rows, err := r.db.Query(ctx, statements[sumsByGroup], w.params()...)
	if err != nil {
		return nil, fmt.Errorf("compute: %w", err)
	}
	defer rows.Close()
	var all []*segment
	found := map[[3]string]*segment{}
	for rows.Next() {
		var business, market, channel, promise string
		var cutoff time.Time
		var promised, group uint8
		var sums []uint64
		if err := rows.Scan(&business, &cutoff, &market, &channel, &promised, &promise, &group, &sums); err != nil {
			return nil, fmt.Errorf("read sums: %w", err)
		}
		if len(sums) != toldSums {
			return nil, fmt.Errorf("read sums: %d instead of %d", len(sums), toldSums)
		}
		own := make([]float64, doseSums)
		for i, n := range sums {
			own[i] = float64(n)
		}
		keys := [][3]string{{business, "all", ""}, {business, "market", market}, {business, "channel", channel}}
		if promised == 1 {
			keys = [][3]string{{business, "promised_frequency", promise}}
		}
		for _, key := range keys {
			s := found[key]
			if s == nil {
				s = &segment{business: business, dimension: key[1], name: key[2], cutoff: cutoff}
				found[key], all = s, append(all, s)
			}
			s.add(market, channel, group, own)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("compute: %w", err)
	}
	verdicts, err := r.verdicts(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		s.plan(r.values.Outcome)
		s.verdict, s.why = "cannot tell", "no placebo could be computed"
		if v, ok := verdicts[[4]string{s.business, s.dimension, s.name, engagements[s.outcome]}]; ok {
			s.verdict, s.why = v[0], v[1]
		}
		if s.blocked = s.ofTheirOwn(); s.blocked != "" {
			s.verdict, s.why = "cannot tell", s.blocked
		}
		s.optOutVerdict = "cannot tell"
		if v, ok := verdicts[[4]string{s.business, s.dimension, s.name, "opt_out"}]; ok {
			s.optOutVerdict = v[0]
		}
	}
	return all, r.propensities(ctx, statements[groupPropensities], all, w)
}

func (s *segment) add(market, channel string, group uint8, sums []float64) {
	i := slices.IndexFunc(s.blocks, func(b block) bool { return b.market == market && b.channel == channel })
	if i < 0 {
		i = len(s.blocks)
		s.blocks = append(s.blocks, block{market, channel, make([]float64, doseSums), map[uint8][]float64{}})
	}
	b := &s.blocks[i]
	b.groups[group] = slices.Clone(sums) // each segment adds replayed sends to its own
	for k, x := range sums {
		b.total[k] += x
	}
}

// verdicts returns what frequency_curves says of engagements by exposure and of opt-outs by dose, and why, by business,
// dimension, segment and outcome.
func (r *run) verdicts(ctx context.Context, w Window) (map[[4]string][2]string, error) {
	rows, err := r.db.Query(ctx, `
SELECT business_id, dimension, segment, outcome, max(verdict), argMax(why, (verdict, why))
FROM frequency_curves
WHERE window_from = toDate({from:DateTime64(3, 'UTC')}) AND window_to = toDate({to:DateTime64(3, 'UTC')})
  AND unit = if(outcome = 'opt_out', 'person_day', 'message')
GROUP BY business_id, dimension, segment, outcome`, w.params()...)
	if err != nil {
		return nil, fmt.Errorf("read the placebos: %w", err)
	}
	defer rows.Close()
	verdicts := map[[4]string][2]string{}
	for rows.Next() {
		var key [4]string
		var v [2]string
		if err := rows.Scan(&key[0], &key[1], &key[2], &key[3], &v[0], &v[1]); err != nil {
			return nil, fmt.Errorf("read the placebos: %w", err)
		}
		verdicts[key] = v
	}
	return verdicts, rows.Err()
}

// totals returns the sums of each block, or what is left of them without a group.
func (s *segment) totals(without int) [][]float64 {
	all := make([][]float64, len(s.blocks))
	for i, b := range s.blocks {
		all[i] = b.total
		if left, ok := b.groups[uint8(without)]; ok && without >= 0 {
			all[i] = slices.Clone(b.total)
			for k, x := range left {
				all[i][k] -= x
			}
		}
	}
	return all
}

// pool adds the blocks.
func pool(blocks [][]float64) []float64 {
	sum := make([]float64, doseSums)
	for _, b := range blocks {
		for k, x := range b {
			sum[k] += x
		}
	}
	return sum
}

// groups returns the groups that have contacts, in order.
func (s *segment) groups() (numbers []int) {
	for _, b := range s.blocks {
		for g := range b.groups {
			numbers = append(numbers, int(g))
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// plan decides what is compared: it looks at counts only, never at which dose does better.
func (s *segment) plan(outcome string) {
	all := pool(s.totals(-1))
	s.outcome = slices.Index(engagements[:], outcome)
	for i := range engagements {
		if s.outcome < 0 && total(all[s.at(i)+exposureBins:s.at(i)+2*exposureBins]) >= fewestOutcomes {
			s.outcome = i
		}
	}
	s.outcome = max(s.outcome, 0)
	for b := range doseBins {
		s.dose[b] = float64(bins[b].from)
	}
	for b, doses := range map[int][]int{6: {6, 7}, 7: {8, 9, 10}} {
		if n := all[atDays+doses[0]] + total(all[atDays+doses[1]:atDays+doses[len(doses)-1]+1]); n > 0 {
			s.dose[b] = 0
			for _, d := range doses {
				s.dose[b] += float64(d) * all[atDays+d] / n
			}
		}
	}
	if n := all[atDays+11]; n > 0 {
		s.dose[8] = all[atHighDoses] / n
	}
	s.link(all)
	for b := range doseBins {
		switch contacts, outcomes := all[atDoseContacts+b], s.engaged(all, b)+optOuts(all, b); {
		case contacts < stats.CandidateContacts || outcomes < stats.CandidateOutcomes:
			s.excluded[b] = "few contacts or outcomes"
		case !s.linked[b]:
			s.excluded[b] = "few contacts with messages at this exposure and at the next"
		default:
			s.candidates[b] = true
		}
	}
	for {
		s.fine = true
		if s.stratify(); s.overlap >= leastOverlap {
			return
		}
		s.fine = false
		if s.stratify(); s.overlap >= leastOverlap || s.count() <= fewestCandidates {
			return
		}
		rarest := -1
		for b, yes := range s.candidates {
			if yes && (rarest < 0 || all[atDoseContacts+b] < all[atDoseContacts+rarest]) {
				rarest = b
			}
		}
		s.candidates[rarest], s.excluded[rarest] = false, "no overlap: few strata have it"
	}
}

func (s *segment) count() (n int) {
	for _, yes := range s.candidates {
		if yes {
			n++
		}
	}
	return n
}

// ofTheirOwn says why the outcome counts what contacts do of their own accord, if it does.
func (s *segment) ofTheirOwn() string {
	all := pool(s.totals(-1))
	opened, looks := all[atOpened], total(all[s.at(0)+exposureBins:s.at(0)+2*exposureBins])
	switch {
	case engagements[s.outcome] == "reply":
		return unprompted
	case engagements[s.outcome] == "open" && opened-looks > mostAlong*opened:
		return lookedAnyway
	}
	return ""
}

// at returns the place of the sums of an outcome.
func (s *segment) at(outcome int) int { return atOutcomes + outcome*outcomeSums }

// engaged returns the messages with the outcome at the exposures of a bin; none at no dose.
func (s *segment) engaged(sums []float64, bin int) float64 {
	if bin == 0 {
		return 0
	}
	return sums[s.at(s.outcome)+exposureBins+bin-1]
}

// cell returns the days of a prior engagement at the doses of a bin, and the opt-outs on them. At no dose these are the quiet days:
// on others of dose 0 a message was sent, and who left may have left because of it.
func cell(sums []float64, prior, bin int) (days, optOuts float64) {
	if bin == 0 {
		return sums[atQuietDays+prior], sums[atQuietOptOuts+prior]
	}
	return sums[atCellDays+prior*doseBins+bin], sums[atCellOptOuts+prior*doseBins+bin]
}

func optOuts(sums []float64, bin int) (all float64) {
	for p := range priors {
		_, n := cell(sums, p, bin)
		all += n
	}
	return all
}

func personDays(sums []float64, bin int) (all float64) {
	for p := range priors {
		n, _ := cell(sums, p, bin)
		all += n
	}
	return all
}

// link finds the longest run of neighbouring exposures, by messages, between which enough contacts can be compared with themselves.
func (s *segment) link(all []float64) {
	at := s.at(s.outcome)
	linked, up, down := s.links(all)
	best, from, messages := 0.0, 1, 0.0
	for b := 1; b <= exposureBins; b++ {
		messages += all[at+b-1]
		if b < exposureBins && linked[b-1] >= fewestLinked && up[b-1] >= leastLinks*millionths && down[b-1] >= leastLinks*millionths {
			continue
		}
		if b > from && messages > best {
			best, s.linked = messages, [doseBins]bool{}
			for k := from; k <= b; k++ {
				s.linked[k] = true
			}
		}
		from, messages = b+1, 0
	}
	s.linked[0] = true
}

func (s *segment) links(sums []float64) (linked, up, down []float64) {
	const n = exposureBins - 1
	at := s.at(s.outcome) + atLinks
	return sums[at : at+n], sums[at+n : at+2*n], sums[at+2*n : at+3*n]
}

// stratify keeps the strata that have enough contacts at every candidate. Unknown prior engagement is no stratum.
func (s *segment) stratify() {
	s.strata, s.overlap = nil, 0
	blocks := s.totals(-1)
	pooled := pool(blocks)
	var in, known float64
	for _, c := range s.everyStratum() {
		cells := c.of(blocks, pooled)
		complete := true
		for b, yes := range s.candidates {
			complete = complete && (!yes || c.has(cells, b))
		}
		n := c.days(cells)
		known += n
		if complete {
			s.strata, in = append(s.strata, c), in+n
		}
	}
	if known > 0 {
		s.overlap = in / known
	}
}

func (c stratum) of(blocks [][]float64, pooled []float64) []float64 {
	if c.block < 0 {
		return pooled
	}
	return blocks[c.block]
}

func (c stratum) days(sums []float64) float64 {
	return total(sums[atCellDays+c.prior*doseBins : atCellDays+(c.prior+1)*doseBins])
}

// hazard returns opt-outs per person-day of the stratum at the doses of a bin; 0 without days.
func (c stratum) hazard(sums []float64, bin int) float64 {
	days, optOuts := cell(sums, c.prior, bin)
	return over(optOuts, days)
}

// falls returns the rates at the exposures over that at the first linked one, the product of ratios within contacts; 0 where not linked.
func (s *segment) falls(sums []float64) (falls [exposureBins]float64) {
	_, up, down := s.links(sums)
	for b := 1; b <= exposureBins; b++ {
		switch {
		case !s.linked[b]:
		case b == 1 || !s.linked[b-1]:
			falls[b-1] = 1
		case down[b-2] > 0:
			falls[b-1] = falls[b-2] * up[b-2] / down[b-2]
		}
	}
	return falls
}

// propensities computes the sums of the shared part of that name for each segment.
func (r *run) propensities(ctx context.Context, sql string, segments []*segment, w Window) error {
	var businesses, dimensions, names, outcomes []string
	var falls [][]float64
	for _, s := range segments {
		own := s.falls(pool(s.totals(-1)))
		businesses, dimensions, names = append(businesses, s.business), append(dimensions, s.dimension), append(names, s.name)
		outcomes, falls = append(outcomes, engagements[s.outcome]), append(falls, own[:])
		s.propensities = map[int]propensity{}
	}
	if len(segments) == 0 {
		return nil
	}
	rows, err := r.db.Query(ctx, sql, append(w.params(),
		clickhouse.Named("businesses", businesses), clickhouse.Named("dimensions", dimensions), clickhouse.Named("names", names),
		clickhouse.Named("outcomes", outcomes), clickhouse.Named("falls", falls))...)
	if err != nil {
		return fmt.Errorf("compute propensities: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var number uint32
		var group uint8
		var sums []int64
		if err := rows.Scan(&number, &group, &sums); err != nil {
			return fmt.Errorf("read propensities: %w", err)
		}
		var p propensity
		for d := range exactDoses {
			p.days[d] = float64(sums[d])
			p.weighted[d] = float64(sums[exactDoses+d]) / millionths
			for b := range exposureBins {
				p.slopes[b][d] = float64(sums[(2+b)*exactDoses+d]) / millionths
			}
		}
		segments[number-1].propensities[int(group)] = p
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("compute propensities: %w", err)
	}
	return nil
}

func (p *propensity) add(q propensity, sign float64) {
	for d := range exactDoses {
		p.days[d] += sign * q.days[d]
		p.weighted[d] += sign * q.weighted[d]
		for b := range exposureBins {
			p.slopes[b][d] += sign * q.slopes[b][d]
		}
	}
}
