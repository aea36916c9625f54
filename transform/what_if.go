package transform

import (
	"context"
	"fmt"
	"math"
)

const (
	caps       = 10     // sends in any 7 days at most: 1, 2, ..., 10
	personTime = 30_000 // person-days of 1,000 contacts in 30 days
)

// expected is one measure at one cap: a pair of numbers of leaveOneOut, as it was and as capped.
type expected struct {
	measure, identification, assumption string
	known                               bool // there is somebody to learn from at the cap
	days, above                         float64
	assumed                             float64    // days with a dose of contacts of whom no message tells
	unseen                              [3]float64 // variances that the groups do not show: as it was, as capped, of the change
	overlap                             *float64
}

// fillWhatIf stages the rows of frequency_what_if.
func fillWhatIf(ctx context.Context, r *run, m model, staging string, w Window) error {
	segments, err := r.segments(ctx, m, w)
	if err != nil {
		return err
	}
	if err := r.replay(ctx, m, segments, w); err != nil {
		return err
	}
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	defer batch.Close()
	for _, s := range segments {
		for _, row := range s.whatIf(r.values, w) {
			if err := batch.Append(row...); err != nil {
				return fmt.Errorf("stage a cap: %w", err)
			}
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}

// replay adds what is left of the sends of each contact under each cap to the sums of its segments.
func (r *run) replay(ctx context.Context, m model, segments []*segment, w Window) error {
	statements, err := r.statements(ctx, m.relation, w)
	if err != nil {
		return err
	}
	passes, err := r.passes(ctx, w)
	if err != nil {
		return err
	}
	found := map[[3]string]*segment{}
	for _, s := range segments {
		found[[3]string{s.business, s.dimension, s.name}] = s
	}
	pass := func(contacts []any) error {
		rows, err := r.db.Query(ctx, statements[sendsOfContacts], append(w.params(), contacts...)...)
		if err != nil {
			return fmt.Errorf("read the sends: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var business, market, channel, promise string
			var group uint8
			var sends []int64
			var days []uint16
			if err := rows.Scan(&business, &market, &channel, &promise, &group, &sends, &days); err != nil {
				return fmt.Errorf("read the sends: %w", err)
			}
			left := underCaps(sends, days)
			for _, key := range [][3]string{{business, "all", ""}, {business, "market", market}, {business, "channel", channel}, {business, "promised_frequency", promise}} {
				if s := found[key]; s != nil {
					s.addReplayed(market, channel, group, left)
				}
			}
		}
		return rows.Err()
	}
	for _, contacts := range passes {
		if err := pass(contacts); err != nil {
			return err
		}
	}
	return nil
}

func (s *segment) addReplayed(market, channel string, group uint8, left [1 + caps]float64) {
	for i := range s.blocks {
		if b := &s.blocks[i]; b.market == market && b.channel == channel && b.groups[group] != nil {
			for k, n := range left {
				b.total[atReplayed+k] += n
				b.groups[group][atReplayed+k] += n
			}
		}
	}
}

// underCaps returns how many of a contact's sends, in ms and in order, fell on its days at risk, and how many of these go out under a cap of 1, 2, ...: one
// goes out where fewer than cap of those that went out lie in the 7 x 24 h before it, so what is held back makes room for what comes later.
func underCaps(sends []int64, days []uint16) (left [1 + caps]float64) {
	const dayMs, week = 86_400_000, 7 * 86_400_000
	atRisk := make(map[int64]bool, len(days))
	for _, d := range days {
		atRisk[int64(d)] = true
	}
	var out [caps + 1][]int64 // that went out, under each cap
	for _, at := range sends {
		risk := atRisk[at/dayMs]
		if risk {
			left[0]++
		}
		for most := 1; most <= caps; most++ {
			went := out[most]
			if n := len(went); n >= most && at-went[n-most] < week {
				continue
			}
			out[most] = append(went, at)
			if risk {
				left[most]++
			}
		}
	}
	return left
}

const measures = 3 // sends, engagements, opt-outs

// whatIf returns the rows of frequency_what_if, in the order of its columns.
func (s *segment) whatIf(v Values, w Window) (rows [][]any) {
	values, covariance, groups, ok := s.leaveOneOut(func(blocks [][]float64, falls [exposureBins]float64, p propensity) []float64 {
		pooled := pool(blocks)
		var numbers []float64
		for most := 1; most <= caps; most++ {
			for _, pair := range [measures][2]float64{s.sends(pooled, most), s.engagements(pooled, falls, p, most), s.optOuts(blocks, pooled, most)} {
				numbers = append(numbers, pair[0], pair[1])
			}
		}
		return numbers
	})
	blocks := s.totals(-1)
	all := pool(blocks)
	for most := 1; most <= caps; most++ {
		for i, x := range s.expectations(blocks, all, most) {
			at := 2 * ((most-1)*measures + i)
			units := []string{x.measure}
			if x.measure == "send" && v.Message > 0 {
				units = append(units, "spend")
			}
			verdict := s.verdict
			switch x.measure {
			case "send": // a count
				verdict = "association"
			case "opt_out":
				verdict = s.optOutVerdict
			}
			for _, measure := range units {
				factor := 1.0
				if measure == "spend" {
					factor = v.Message
				}
				row := []any{s.business, w.From, w.To, s.cutoff, s.dimension, s.name, uint8(most), measure, engagements[s.outcome], x.identification, v.Message,
					uint64(all[0]), uint64(x.days), uint64(x.above), uint64(x.assumed), x.overlap}
				figures := make([]*float64, 10)
				if known := x.known && ok; known {
					for k := range 2 {
						m := positive(factor*values[at+k], factor*factor*(covariance(at+k, at+k)+x.unseen[k]), groups)
						copy(figures[3*k:], m.columns())
					}
					change := factor * (values[at+1] - values[at])
					stdError := factor * math.Sqrt(max(0, covariance(at, at)+covariance(at+1, at+1)-2*covariance(at, at+1))+x.unseen[2])
					lower, upper := change-tQuantile(float64(groups-1))*stdError, change+tQuantile(float64(groups-1))*stdError
					copy(figures[6:], []*float64{&change, &stdError, &lower, &upper})
				}
				row = append(row, flag(figures[0] == nil || figures[3] == nil))
				if figures[0] == nil || figures[3] == nil {
					figures = make([]*float64, 10)
				}
				for _, f := range figures {
					row = append(row, f)
				}
				rows = append(rows, append(row, verdict, x.assumption))
			}
		}
	}
	return rows
}

// expectations says of each measure what it rests on, at a cap.
func (s *segment) expectations(blocks [][]float64, all []float64, most int) [measures]expected {
	var told propensity
	for _, g := range s.groups() {
		told.add(s.propensities[g], 1)
	}
	bin := binOf[most]
	overlap := func(known, above float64) *float64 {
		if above == 0 {
			return nil
		}
		known /= above
		return &known
	}
	enough := all[0] >= fewestContacts
	sends := expected{measure: "send", identification: "counted", known: enough, assumption: "the sends of each contact are replayed: one is not sent where as many as the cap went out in the 7 x 24 h before it"}
	engaged := expected{measure: "engagement", identification: "within", assumption: "a contact over the cap behaves as at the cap, as far as contacts compared with themselves tell; contacts of whom no message tells engage like the others at their dose"}
	leaving := expected{measure: "opt_out", identification: "standardised", assumption: "contacts over the cap leave like those of the same stratum at the cap: " + s.strataName()}
	var knownAbove float64
	for d := range exactDoses {
		n := all[atDays+d]
		sends.days += n
		if d > 0 && s.linked[binOf[d]] && told.days[d] > 0 {
			engaged.assumed += n - told.days[d]
		}
		if d > most {
			sends.above += n
			if s.linked[binOf[d]] {
				knownAbove += told.days[d]
			}
		}
	}
	engaged.days, engaged.above = sends.days, sends.above
	sends.overlap, engaged.overlap = overlap(sends.above, sends.above), overlap(knownAbove, engaged.above)
	engaged.known = enough && s.linked[bin] && s.engaged(all, bin) >= fewestOutcomes && all[atDoseContacts+bin] >= fewestContacts &&
		knownAbove >= leastOverlap*engaged.above
	knownAbove = 0
	for _, c := range s.everyStratum() {
		sums := c.of(blocks, all)
		above := total(sums[atCellDays+c.prior*doseBins+bin+1 : atCellDays+(c.prior+1)*doseBins])
		leaving.days += c.days(sums)
		leaving.above += above
		if c.has(sums, bin) {
			knownAbove += above
		}
	}
	leaving.overlap = overlap(knownAbove, leaving.above)
	leaving.unseen[1], leaving.unseen[2] = s.unseenOptOuts(blocks, all, most)
	leaving.known = enough && optOuts(all, bin) >= fewestOutcomes && all[atDoseContacts+bin] >= fewestContacts && knownAbove >= leastOverlap*leaving.above
	return [measures]expected{sends, engaged, leaving}
}

// everyStratum returns the strata of known prior engagement, whether or not they have every dose.
func (s *segment) everyStratum() (strata []stratum) {
	for p := 1; p < priors; p++ {
		if !s.fine {
			strata = append(strata, stratum{-1, p})
			continue
		}
		for b := range s.blocks {
			strata = append(strata, stratum{b, p})
		}
	}
	return strata
}

func (c stratum) has(sums []float64, bin int) bool {
	return sums[atCellContacts+c.prior*doseBins+bin] >= fewestInStratum
}

// sends returns the sends on days at risk as they were and replayed under a cap, per personTime.
func (s *segment) sends(pooled []float64, most int) (pair [2]float64) {
	days := total(pooled[atDays : atDays+exactDoses])
	return [2]float64{personTime * over(pooled[atReplayed], days), personTime * over(pooled[atReplayed+most], days)}
}

// doses returns the exact doses, the mean of those from 11 on.
func (s *segment) doses() (doses [exactDoses]float64) {
	for d := range doses {
		doses[d] = float64(d)
	}
	doses[11] = s.dose[8]
	return doses
}

// engagements returns the engagements, were the doses kept up, as they were and under a cap, per personTime of all contacts at risk. A day
// without a dose has none, and a cap changes nothing of it; so nothing need be known of who was sent no message. Of contacts who were sent some, none of which is in
// the base, the height is that of the others on days of the dose: the engaged are sent more. A dose whose exposure cannot be compared is in neither.
func (s *segment) engagements(pooled []float64, falls [exposureBins]float64, p propensity, most int) (pair [2]float64) {
	var days float64
	for d, dose := range s.doses() {
		n := pooled[atDays+d]
		if d == 0 {
			days += n
			continue
		}
		if !s.linked[binOf[d]] || p.days[d] == 0 {
			continue
		}
		days += n
		height, capped := n*p.weighted[d]/p.days[d], min(dose, float64(most))
		pair[0] += height * s.fallAt(falls, dose) * dose / 7
		pair[1] += height * s.fallAt(falls, capped) * capped / 7
	}
	return [2]float64{personTime * over(pair[0], days), personTime * over(pair[1], days)}
}

// fallAt returns what is left of a rate at a dose within the linked bins: between the means of two of them on the straight line through
// their logarithms, beyond the outer ones as there.
func (s *segment) fallAt(falls [exposureBins]float64, dose float64) float64 {
	last := 0
	for b := 1; b <= exposureBins; b++ {
		switch {
		case !s.linked[b]:
		case last > 0 && dose < s.dose[b] && dose > s.dose[last]:
			share := (dose - s.dose[last]) / (s.dose[b] - s.dose[last])
			return math.Pow(falls[last-1], 1-share) * math.Pow(falls[b-1], share)
		case last == 0 || dose >= s.dose[b]:
			last = b
		}
	}
	return falls[last-1]
}

// optOuts returns the opt-outs as they were and under a cap, per personTime. Days over the cap of a stratum without that dose
// are in neither.
func (s *segment) optOuts(blocks [][]float64, pooled []float64, most int) (pair [2]float64) {
	bin := binOf[most]
	full := s.totals(-1)
	all := pool(full)
	var days float64
	for _, c := range s.everyStratum() {
		sums := c.of(blocks, pooled)
		known := c.has(c.of(full, all), bin) // decided by all contacts, also where a group is left out
		for b := range doseBins {
			n, y := sums[atCellDays+c.prior*doseBins+b], sums[atCellOptOuts+c.prior*doseBins+b]
			switch {
			case b <= bin:
				days, pair[0], pair[1] = days+n, pair[0]+y, pair[1]+y
			case known:
				days, pair[0], pair[1] = days+n, pair[0]+y, pair[1]+n*c.hazard(sums, bin)
			}
		}
	}
	return [2]float64{personTime * over(pair[0], days), personTime * over(pair[1], days)}
}

// unseenOptOuts returns the variances that the opt-outs under a cap and their change lack because strata of few opt-outs at the cap show little of it.
func (s *segment) unseenOptOuts(blocks [][]float64, pooled []float64, most int) (capped, change float64) {
	bin := binOf[most]
	rate := over(optOuts(pooled, bin), personDays(pooled, bin))
	var days float64
	for _, c := range s.everyStratum() {
		sums := c.of(blocks, pooled)
		first := c.prior * doseBins
		within, above := total(sums[atCellDays+first:atCellDays+first+bin+1]), total(sums[atCellDays+first+bin+1:atCellDays+first+doseBins])
		days += within
		if !c.has(sums, bin) {
			continue
		}
		days += above
		n, y := sums[atCellDays+first+bin], sums[atCellOptOuts+first+bin]
		lacks := unseen(n, y, rate, over(total(sums[atCellOptOuts+first:atCellOptOuts+first+doseBins]), c.days(sums)))
		capped += (n + above) * (n + above) * lacks
		change += above * above * lacks
	}
	scale := over(personTime, days)
	return scale * scale * capped, scale * scale * change
}
