package transform

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"drumbeat/transform/stats"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// pains are told in this order; bits of pain_points count from it.
var pains = []string{"no_reply", "slow_reply", "repeat_contact", "nudged", "window_expired",
	"failed_delivery", "too_many_messages", "night_message", "message_after_opt_out", "irrelevant"}

// painSetting says where the line of a pain is drawn.
func painSetting(pain string, v Values) string {
	switch pain {
	case "no_reply":
		return "no response within 24 h"
	case "slow_reply":
		return "first response after more than 1 h, within 24 h"
	case "repeat_contact":
		return "another case begun within 72 h after the end of one"
	case "nudged":
		return "wrote again, more than 10 min after the first message and within 24 h, before any response"
	case "window_expired":
		return "24 h after a message, before any response"
	case "failed_delivery":
		return "failed within 48 h"
	case "too_many_messages":
		var caps []string
		for _, c := range []struct {
			cap  uint16
			what string
		}{{v.DayCap, "day"}, {v.WeekCap, "week"}} {
			if c.cap > 0 {
				caps = append(caps, fmt.Sprintf("beyond %d proactive messages in a local %s", c.cap, c.what))
			}
		}
		return strings.Join(append(caps, "sent after 10 in a row that were not opened"), ", or ")
	case "night_message":
		return "proactive, sent from 21:00 to 08:00 local time"
	case "message_after_opt_out":
		return "marketing message after an opt-out that concerns its topic"
	default:
		return "opened, no action, opt-out within 1 h"
	}
}

// noExcess says why opt-outs after a pain cannot be compared; empty where they can.
func noExcess(dimension, pain string) string {
	switch {
	case pain == "message_after_opt_out":
		return "no excess: who has opted out cannot leave again"
	case pain == "irrelevant":
		return "no excess: the opt-out is part of the pain"
	case dimension == "week":
		return "no excess by week: too few opt-outs"
	}
	return ""
}

// painSet counts the contacts of a segment whom the same pains could hit and did.
type painSet struct {
	Business  string    `ch:"business_id"`
	Cutoff    time.Time `ch:"cutoff"`
	Dimension string    `ch:"dimension"`
	Segment   string    `ch:"segment"`
	Could     uint16    `ch:"could"`
	Did       uint16    `ch:"did"`
	Contacts  uint64    `ch:"contacts"`
	Units     []uint64  `ch:"units"`
	UnitHits  []uint64  `ch:"unit_hits"`
}

// painCell counts the contact-weeks of a stratum, with a hit and without, and those before an opt-out, in one group of contacts.
type painCell struct {
	Business  string `ch:"business_id"`
	Dimension string `ch:"dimension"`
	Segment   string `ch:"segment"`
	Pain      string `ch:"pain"`
	Stratum   string `ch:"stratum"`
	Group     uint16 `ch:"contact_group"`
	HitN      uint64 `ch:"hit_n"`
	HitY      uint64 `ch:"hit_y"`
	OtherN    uint64 `ch:"other_n"`
	OtherY    uint64 `ch:"other_y"`
}

// fillPainContacts computes the pains of each contact in passes over ranges of contacts.
func fillPainContacts(ctx context.Context, r *run, m model, staging string, w Window) error {
	return insertZoned(ctx, r, m, staging, w,
		clickhouse.Named("day_cap", r.values.DayCap), clickhouse.Named("week_cap", r.values.WeekCap))
}

// The statements of pain_points.
const (
	painReaches = iota
	painExcesses
)

// fillPainPoints computes reach, rank and excess of each pain.
func fillPainPoints(ctx context.Context, r *run, m model, staging string, w Window) error {
	statements, err := r.statements(ctx, m.relation, w)
	if err != nil {
		return err
	}
	params := append(w.params(), clickhouse.Named("pains", pains))
	var sets []painSet
	if err := r.db.Select(ctx, &sets, statements[painReaches], params...); err != nil {
		return fmt.Errorf("compute the reach: %w", err)
	}
	var cells []painCell
	if err := r.db.Select(ctx, &cells, statements[painExcesses], params...); err != nil {
		return fmt.Errorf("compute the excess: %w", err)
	}
	excesses := map[[4]string]painExcess{}
	for of := range runsOf(cells, func(a, b painCell) bool {
		return a.Business == b.Business && a.Dimension == b.Dimension && a.Segment == b.Segment && a.Pain == b.Pain
	}) {
		excesses[[4]string{of[0].Business, of[0].Dimension, of[0].Segment, of[0].Pain}] = excess(of)
	}
	var staged [][]any
	for segment := range runsOf(sets, func(a, b painSet) bool {
		return a.Business == b.Business && a.Dimension == b.Dimension && a.Segment == b.Segment
	}) {
		s := segment[0]
		points, err := reaches(segment)
		if err != nil {
			return fmt.Errorf("%s %q: %w", s.Dimension, s.Segment, err)
		}
		for i, p := range points {
			if p.contacts == 0 {
				continue
			}
			pain := pains[i]
			confidence := "measured"
			if pain == "irrelevant" {
				confidence = "proxy"
			}
			var why []string
			if p.suppressed {
				why = append(why, "no reach: fewer than 30 contacts at risk or 5 hit")
			}
			e := painExcess{why: noExcess(s.Dimension, pain)}
			if e.why == "" {
				var found bool
				if e, found = excesses[[4]string{s.Business, s.Dimension, s.Segment, pain}]; !found {
					e.why = "no excess: no week after is over in which somebody was at risk of leaving"
				} else if p.suppressed {
					e.value, e.why = nil, ""
				}
			}
			if e.why != "" {
				why = append(why, e.why)
			}
			row := []any{s.Business, w.From, w.To, s.Cutoff, s.Dimension, s.Segment, pain, confidence, painSetting(pain, r.values),
				p.contacts, p.hit, p.units, p.unitHits, flag(p.suppressed), p.reach, p.stdError, p.lower, p.upper, p.best, p.worst, p.ranked,
				"standardised", e.hitN, e.hitY, e.otherN, e.otherY, e.overlap}
			if e.value != nil {
				row = append(row, &e.value.estimate, e.value.stdError, e.value.lower, e.value.upper)
			} else {
				row = append(row, nil, nil, nil, nil)
			}
			staged = append(staged, append(row, strings.Join(why, "; ")))
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, pain, confidence, setting,
contacts, hit, units, unit_hits, suppressed, reach, std_error, lower, upper, rank_best, rank_worst, ranked,
identification, hit_weeks, hit_opt_outs, other_weeks, other_opt_outs, overlap, excess, excess_std_error, excess_lower, excess_upper, why`, staged)
}

// painReach is how many contacts of a segment a pain hits.
type painReach struct {
	contacts, hit, units, unitHits uint64
	suppressed                     bool
	reach, stdError, lower, upper  *float64
	best, worst                    *uint8
	ranked                         uint8
}

// reaches returns one reach for each of pains. Each contact is 0 or 1, so its interval is Wilson's; the ranks know that the
// contacts of two pains are partly the same.
func reaches(sets []painSet) ([]painReach, error) {
	points := make([]painReach, len(pains))
	var ranked []int
	for i := range points {
		p := &points[i]
		bit := uint16(1) << i
		for _, s := range sets {
			p.units += s.Units[i]
			p.unitHits += s.UnitHits[i]
			if s.Could&bit != 0 {
				p.contacts += s.Contacts
			}
			if s.Did&bit != 0 {
				p.hit += s.Contacts
			}
		}
		p.suppressed = p.contacts < fewestContacts || p.hit < fewestOutcomes
		if limits, ok := stats.Wilson(p.hit, p.contacts); ok && !p.suppressed {
			n, share := float64(p.contacts), float64(p.hit)/float64(p.contacts)
			p.reach, p.lower, p.upper = &share, &limits.Lower, &limits.Upper
			if p.hit < p.contacts {
				p.stdError = new(math.Sqrt(share * (1 - share) / (n - 1)))
			}
			ranked = append(ranked, i)
		}
	}
	if len(ranked) < 2 {
		return points, nil
	}
	// A contact's score of a pain is what it adds to the share's error: (hit - reach) / contacts, if it could be hit.
	var contacts float64
	covariance := make([][]float64, len(ranked))
	estimates := make([]float64, len(ranked))
	for a, i := range ranked {
		covariance[a], estimates[a] = make([]float64, len(ranked)), *points[i].reach
	}
	for _, s := range sets {
		contacts += float64(s.Contacts)
		score := make([]float64, len(ranked))
		for a, i := range ranked {
			if bit := uint16(1) << i; s.Could&bit != 0 {
				score[a] = (float64(s.Did&bit>>i) - estimates[a]) / float64(points[i].contacts)
			}
		}
		for a := range ranked {
			for b := range ranked {
				covariance[a][b] += float64(s.Contacts) * score[a] * score[b]
			}
		}
	}
	for a := range ranked {
		for b := range ranked {
			covariance[a][b] *= contacts / (contacts - 1)
		}
	}
	ranks, _, err := stats.Ranks(estimates, covariance)
	if err != nil {
		return nil, err
	}
	for a, i := range ranked {
		points[i].best, points[i].worst, points[i].ranked = new(uint8(ranks[a].Best)), new(uint8(ranks[a].Worst)), uint8(len(ranked))
	}
	return points, nil
}

// fewestOthers are the contact-weeks without a hit that a stratum needs to say what would have been.
const fewestOthers = 5

// poorOverlap is the least share of weeks with a hit that must have like ones without: who is hit is few, so the others can mostly be found.
const poorOverlap = .5

// painExcess compares opt-outs after weeks with a hit and without, in the strata that have both.
type painExcess struct {
	hitN, hitY, otherN, otherY uint64
	overlap                    *float64
	value                      *effect
	why                        string
}

// excess standardises over the strata of the weeks with a hit (g-formula among those hit; Robins 1986, Hernan and Robins 2020):
// opt-outs per week with a hit, less what weeks without have in the same strata. Its variance is of leaving out one of 200 groups of contacts at a
// time (Kott 2001). Cells are of one segment and pain, in order of strata.
func excess(cells []painCell) (e painExcess) {
	type counts struct{ hitN, hitY, otherN, otherY float64 }
	var strata []counts
	groups := map[uint16]map[int]counts{}
	var all, own uint64
	for of := range runsOf(cells, func(a, b painCell) bool { return a.Stratum == b.Stratum }) {
		var sum painCell
		for _, c := range of {
			sum.HitN, sum.HitY, sum.OtherN, sum.OtherY = sum.HitN+c.HitN, sum.HitY+c.HitY, sum.OtherN+c.OtherN, sum.OtherY+c.OtherY
		}
		all += sum.HitN
		if sum.HitN == 0 || sum.OtherN < fewestOthers {
			continue
		}
		own += sum.HitN
		e.hitN, e.hitY, e.otherN, e.otherY = e.hitN+sum.HitN, e.hitY+sum.HitY, e.otherN+sum.OtherN, e.otherY+sum.OtherY
		for _, c := range of {
			if groups[c.Group] == nil {
				groups[c.Group] = map[int]counts{}
			}
			groups[c.Group][len(strata)] = counts{float64(c.HitN), float64(c.HitY), float64(c.OtherN), float64(c.OtherY)}
		}
		strata = append(strata, counts{float64(sum.HitN), float64(sum.HitY), float64(sum.OtherN), float64(sum.OtherY)})
	}
	if all > 0 {
		e.overlap = new(float64(own) / float64(all))
	}
	switch {
	case all == 0:
		e.why = "no excess: nobody who was hit was at risk of leaving in the week after"
		return e
	case *e.overlap < poorOverlap:
		e.why = "no excess: most weeks with a hit have no like without"
		return e
	case e.hitN < fewestContacts || e.otherN < fewestContacts || e.hitY+e.otherY < fewestOutcomes:
		e.why = "no excess: fewer than 30 weeks of either kind or 5 opt-outs"
		return e
	}
	estimate := func(without map[int]counts) float64 {
		var above, below float64
		for i, s := range strata {
			w := without[i]
			s = counts{s.hitN - w.hitN, s.hitY - w.hitY, s.otherN - w.otherN, s.otherY - w.otherY}
			if s.hitN > 0 && s.otherN > 0 {
				above += s.hitY - s.hitN*s.otherY/s.otherN
				below += s.hitN
			}
		}
		return over(above, below)
	}
	value := estimate(nil)
	var numbers []uint16
	for g := range groups {
		numbers = append(numbers, g)
	}
	slices.Sort(numbers)
	var mean, squares float64
	left := make([]float64, len(numbers))
	for k, g := range numbers {
		left[k] = estimate(groups[g])
		mean += left[k] / float64(len(numbers))
	}
	for _, x := range left {
		squares += (x - mean) * (x - mean)
	}
	g := float64(len(numbers))
	if e.value = additive(value, squares*(g-1)/g, uint64(len(numbers)), 1); e.value == nil {
		e.why = "no excess: opt-outs do not vary enough to tell how sure it is"
	}
	return e
}
