package simulate

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Pain counts what contacts had to put up with, by market: a row of pain_points without what follows from it.
type Pain struct {
	Market   string `json:"market"` // all: every market together
	Pain     string `json:"pain"`
	Contacts int    `json:"contacts"` // at risk
	Hit      int    `json:"hit"`
	Units    int    `json:"units"` // cases or messages that could hit
	UnitHits int    `json:"unit_hits"`
}

// PainWeek is a row of pain_contacts: the cases and messages of a contact's ISO week that could hit and that did, in the order of Pains.
type PainWeek struct {
	Address, Market string
	Week            time.Time // Monday
	AtRisk, Hits    [painKinds]int
}

const (
	slow         = time.Hour
	expected     = wholeDay
	failureKnown = 2 * wholeDay
	unopenedMost = 10
	regretted    = time.Hour
	actedBefore  = time.Minute
)

// painWeeks returns the contact's weeks, in order.
func (p *person) painWeeks(address string, cases []Case, cutoff time.Time, tellsOpens bool) []PainWeek {
	weeks := map[time.Time]*PainWeek{}
	add := func(pain int, at time.Time, hit bool) {
		monday := at.UTC().Truncate(wholeDay)
		monday = monday.AddDate(0, 0, -(int(monday.Weekday())+6)%7)
		w := weeks[monday]
		if w == nil {
			w = &PainWeek{Address: address, Market: p.market, Week: monday}
			weeks[monday] = w
		}
		w.AtRisk[pain]++
		if hit {
			w.Hits[pain]++
		}
	}
	for _, c := range cases {
		if c.RepeatKnown {
			add(painRepeat, c.Ended.Add(repeatWithin), !c.Repeated.IsZero())
		}
		over := c.Began.Add(expected)
		if over.After(cutoff) {
			continue
		}
		heard := !c.Answered.IsZero() && !c.Answered.After(over)
		add(painNoReply, over, !heard)
		add(painSlowReply, over, heard && c.Answered.Sub(c.Began) > slow)
		add(painNudged, over, !c.FirstNudge.IsZero() && !c.FirstNudge.After(over))
		switch windows := slices.Contains([]string{"whatsapp", "messenger", "instagram"}, p.channel); {
		case windows && !c.Expired.IsZero():
			add(painExpired, c.Expired, true)
		case windows && !c.Answered.IsZero():
			add(painExpired, over, false)
		}
	}
	var before []*message // proactive, standing
	days, isoWeeks := map[string]int{}, map[[2]int]int{}
	for _, m := range p.sent() {
		if !m.sent.Add(failureKnown).After(cutoff) {
			add(painFailed, m.sent, !m.stands() && !m.failed.After(m.sent.Add(failureKnown)))
		}
		if m.purpose != "proactive" || !m.stands() {
			continue
		}
		local := m.sent.In(p.location())
		year, number := local.ISOWeek()
		days[local.Format(time.DateOnly)]++
		isoWeeks[[2]int{year, number}]++
		unheeded := len(before) >= unopenedMost && tellsOpens
		for _, b := range before[max(0, len(before)-unopenedMost):] {
			unheeded = unheeded && (b.opened.IsZero() || b.opened.After(m.sent))
		}
		before = append(before, m)
		add(painTooMany, m.sent, unheeded || days[local.Format(time.DateOnly)] > DayCap || isoWeeks[[2]int{year, number}] > WeekCap)
		add(painNight, m.sent, local.Hour() >= 21 || local.Hour() < 8)
		if m.marketing {
			add(painAfterOptOut, m.sent, p.hasLeft(m.sent))
		}
		if !m.opened.IsZero() && !m.opened.Add(regretted).After(cutoff) {
			add(painIrrelevant, m.opened, p.regrets(m))
		}
	}
	var all []PainWeek
	for _, w := range weeks {
		all = append(all, *w)
	}
	slices.SortFunc(all, func(a, b PainWeek) int { return a.Week.Compare(b.Week) })
	return all
}

// isMarketing reports whether a category is one of marketing, where the message is proactive and has no tag.
func isMarketing(category string) bool {
	return !slices.Contains([]string{"utility", "group_utility", "authentication", "authentication_international",
		"service", "group_service", "opt_in_request"}, strings.ReplaceAll(category, "-", "_"))
}

// sent returns the messages that were sent, in order.
func (p *person) sent() (all []*message) {
	for _, m := range p.messages {
		if !m.sent.IsZero() {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *message) int { return cmp.Or(a.sent.Compare(b.sent), cmp.Compare(a.id, b.id)) })
	return all
}

// hasLeft reports whether an opt-out stands at an instant.
func (p *person) hasLeft(at time.Time) bool {
	return slices.ContainsFunc(p.optOuts, func(out time.Time) bool {
		return out.Before(at) && !slices.ContainsFunc(p.optIns, func(in time.Time) bool { return in.After(out) && !in.After(at) })
	})
}

// regrets reports whether an opt-out belongs to the message that came within an hour of its open and after no other action.
func (p *person) regrets(m *message) bool {
	return slices.ContainsFunc(p.optOuts, func(out time.Time) bool {
		if out.Before(m.opened) || out.After(m.opened.Add(regretted)) || m.sent.After(out) || !m.sent.After(out.Add(-7*wholeDay)) {
			return false
		}
		for _, other := range p.messages {
			later := cmp.Or(other.sent.Compare(m.sent), cmp.Compare(other.id, m.id)) > 0
			if !other.sent.IsZero() && other.stands() && later && !other.sent.After(out) {
				return false
			}
		}
		acted := func(at time.Time) bool { return !at.IsZero() && at.Before(out.Add(-actedBefore)) }
		return !acted(m.clicked) && !acted(m.replied)
	})
}

// pains counts the weeks by market.
func pains(weeks []PainWeek) (all []Pain) {
	type key struct {
		market string
		pain   int
	}
	counts := map[key]*Pain{}
	contacts := map[key]map[string]bool{} // hit or not
	for _, w := range weeks {
		for pain := range Pains {
			if w.AtRisk[pain] == 0 {
				continue
			}
			for _, market := range [...]string{"all", w.Market} {
				k := key{market, pain}
				if counts[k] == nil {
					counts[k], contacts[k] = &Pain{Market: market, Pain: Pains[pain]}, map[string]bool{}
				}
				counts[k].Units += w.AtRisk[pain]
				counts[k].UnitHits += w.Hits[pain]
				contacts[k][w.Address] = contacts[k][w.Address] || w.Hits[pain] > 0
			}
		}
	}
	for k, c := range counts {
		for _, hit := range contacts[k] {
			c.Contacts++
			if hit {
				c.Hit++
			}
		}
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Pain) int { return cmp.Or(cmp.Compare(a.Market, b.Market), cmp.Compare(a.Pain, b.Pain)) })
	return all
}
