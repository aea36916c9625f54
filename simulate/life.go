package simulate

import (
	"cmp"
	"math"
	"slices"
)

// live is one contact's UTC day.
func (t *telling) live(c *contact, day int) {
	if c.lost {
		return
	}
	r, tomorrow := t.r, t.today+secondsPerDay
	if day >= 0 && !c.in && !c.dead(t.today) {
		switch {
		case c.joins >= t.today && c.joins < tomorrow:
			c.in, c.week = true, 0
			t.tell(c, fact{at: c.joins, what: factOptIn})
		case c.returns >= t.today && c.returns < tomorrow:
			c.in, c.joins, c.returns = true, c.returns, 0
			t.tell(c, fact{at: c.joins, what: factOptIn, returns: true})
		}
	}
	if (day+burnIn)%7 == 0 || c.week == 0 {
		c.week = min(sendsMost, math.Exp(c.weekly+sendsWeek*r.NormFloat64()))
	}
	for len(c.sends) > 0 && c.sends[0] < t.today-week {
		c.sends = c.sends[1:]
	}
	// The dose counts [today - 7 d, today): c.sends holds just these now.
	leaving := day >= 0 && c.in && !c.blocked && !c.dead(t.today) && c.joins < t.today && r.Float64() < t.Options.leaves(len(c.sends))+c.grudge(t.today)

	t.outgoing = t.outgoing[:0]
	if planned, ok := t.planned(c, day); ok && c.in {
		for _, l := range t.calendar[c.market][:planned] {
			t.outgoing = append(t.outgoing, launch{l.at + r.Int64N(campaignSpread), l.campaign})
		}
		t.spread()
	} else if c.in {
		weekly := t.meant(c)
		for _, l := range t.calendar[c.market] {
			if r.Float64() < weekly/(7*campaignsPerDay) {
				t.outgoing = append(t.outgoing, launch{l.at + r.Int64N(campaignSpread), l.campaign})
			}
		}
		if r.Float64() < utilityPerWeek/7 {
			at := t.mornings[c.market] + r.Int64N(12*3600)
			if at >= tomorrow {
				at -= secondsPerDay
			}
			t.outgoing = append(t.outgoing, launch{at, orderUpdate})
		}
		t.spread()
	}
	t.stale(c)
	until := tomorrow // the business stops here
	if leaving {
		gone := t.today + r.Int64N(secondsPerDay)
		if len(t.outgoing) > 0 {
			gone = min(tomorrow-1, t.outgoing[0].at+1+leaveDelay.draw(r))
		}
		if r.Float64() < leaveByBlock {
			c.blocked = true
		} else {
			until = gone
			t.leave(c, gone)
		}
	}
	writes := day >= 0 && !c.blocked && !c.dead(t.today) && (c.before || c.joins < t.today && c.joins > 0)
	if writes && c.service != nil {
		t.approach(c)
	}
	in := c.in
	for _, l := range t.outgoing {
		t.serve(c, l.at)
		if l.at > c.joins && l.at < until && c.in == in {
			t.proactive(c, l)
		}
	}
	t.serve(c, tomorrow)
	if writes && c.service == nil && r.Float64() < c.writes {
		t.inbound(c, t.today+r.Int64N(secondsPerDay), 0, 0)
	}
}

// leave ends the contact's consent, perhaps for some time.
func (t *telling) leave(c *contact, at int64) {
	c.in = false
	t.tell(c, fact{at: at, what: factOptOut})
	if c.service != nil {
		c.service.left = at
	}
	if t.r.Float64() < leaveReturns {
		c.returns = at + returnAfter*secondsPerDay + t.r.Int64N(returnWithin*secondsPerDay)
	}
}

// planned returns how many messages the contact's arm plans for the day: a week's number evenly over its days, each
// contact on other days. False if there is no such plan.
func (t *telling) planned(c *contact, day int) (int, bool) {
	if len(t.Options.Arms) == 0 || t.Options.Arms[c.arm].Weekly == 0 {
		return 0, false
	}
	weekly := t.Options.Arms[c.arm].Weekly
	day += burnIn + int(c.index%7)
	return (day+1)*weekly/7 - day*weekly/7, true
}

// meant returns the sends that the contact is meant to get in a week, seen from today.
func (t *telling) meant(c *contact) float64 {
	if !t.Options.Reacts {
		return c.week
	}
	c.active = slices.DeleteFunc(c.active, func(at int64) bool { return at < t.today-reactDays*secondsPerDay })
	if slices.ContainsFunc(c.active, func(at int64) bool { return at < t.today }) {
		return c.week * reacts
	}
	return c.week
}

// spread orders today's sends to a contact and gives each a second of its own, an even one:
// responses go out on odd seconds, so "the latest send" is never a tie.
func (t *telling) spread() {
	slices.SortFunc(t.outgoing, func(a, b launch) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.campaign, b.campaign))
	})
	for i := range t.outgoing {
		l := &t.outgoing[i]
		l.at &^= 1
		if i > 0 && l.at <= t.outgoing[i-1].at {
			l.at = t.outgoing[i-1].at + 2
		}
	}
}

// proactive sends a message that the contact did not ask for, and lives through what follows.
func (t *telling) proactive(c *contact, l launch) {
	r := t.r
	c.messages++
	m := fact{message: c.messages, campaign: l.campaign}
	exposure, since := 1, int64(week)
	for _, at := range c.sends {
		if at > l.at-week {
			exposure++
			since = l.at - at
		}
	}
	if l.campaign != orderUpdate && r.Float64() < fails(exposure) {
		t.tell(c, m.of(factFailed, l.at+r.Int64N(3)).failing(131049))
		return
	}
	t.tell(c, m.of(factSent, l.at))
	if c.dead(l.at) {
		t.tell(c, m.of(factFailed, l.at+1+r.Int64N(30)).failing(failUnknown))
		return
	}
	if r.Float64() < failUndeliverable {
		t.tell(c, m.of(factFailed, l.at+1+r.Int64N(30)).failing(131026))
		if c.blocked || r.Float64() >= failContradicted {
			t.failed(c, l.at)
			return
		}
		c.sends = append(c.sends, l.at)
		t.sent(c, l, 0)
		t.tell(c, m.of(factDelivered, l.at+60+deliverLater.draw(r)))
		return
	}
	c.sends = append(c.sends, l.at)
	if c.blocked {
		t.sent(c, l, 0)
		return
	}
	open := c.open * t.Options.openFalls(exposure) * t.Options.timing(&markets[c.market], l.at, since) * c.engages(t.today)
	opened, ok := t.arrive(c, m, l.at, open, openDelay)
	told := int64(0)
	if ok && c.receipts {
		told = opened
	}
	t.sent(c, l, told)
	if ok && c.service != nil && l.campaign == babyClub && !c.baby && r.Float64() < babyLeaves {
		c.plan(step{at: opened + regretDelay.draw(r), what: stepRegret})
		return
	}
	if ok && t.Options.Clicks && r.Float64() < c.click*t.Options.clickFalls(exposure) {
		t.tell(c, m.of(factClicked, opened+1+clickDelay.draw(r)))
	}
	if !ok || r.Float64() >= c.reply*t.Options.replyFalls(exposure) {
		return
	}
	quoted := uint32(0)
	if r.Float64() < quotes {
		quoted = m.message
	}
	at := opened + 1 + replyDelay.draw(r)
	if c.service != nil {
		c.plan(step{at: at, what: stepAsk, intent: drawIntent(r), quoted: quoted, quotedAt: l.at})
		return
	}
	t.inbound(c, at, quoted, 0)
}

// arrive delivers a message and has it opened with the probability and after the delay given. It returns when, told or not.
func (t *telling) arrive(c *contact, m fact, at int64, open float64, d delay) (opened int64, ok bool) {
	r := t.r
	if r.Float64() < neverDelivered {
		return 0, false
	}
	delivered := at + drawDelivery(r)
	ok = r.Float64() < open
	opened = max(delivered, at+d.draw(r))
	onScreen := r.Float64() < chatOpen
	told := ok && c.receipts
	if !told || !onScreen {
		t.tell(c, m.of(factDelivered, delivered))
	}
	if told {
		read := m.of(factRead, opened)
		read.priced = onScreen
		t.tell(c, read)
		if t.Options.Reacts {
			c.active = append(c.active, opened)
		}
	}
	return opened, ok
}

// inbound is a message of the contact, and the conversation that may follow. No conversation that
// began before the data is told: its response would look unprompted.
func (t *telling) inbound(c *contact, at int64, quoted uint32, messages int) {
	if at < t.start || c.dead(at) {
		return
	}
	r := t.r
	c.messages++
	f := fact{at: at, what: factInbound, message: c.messages, quoted: quoted, text: int8(r.IntN(len(markets[c.market].texts)))}
	f.kind = drawKind(r, quoted != 0)
	t.tell(c, f)
	if t.Options.Reacts {
		c.active = append(c.active, at)
	}
	if messages == conversationMost || r.Float64() >= answered {
		return
	}
	at = t.free(c, at+1+respondDelay.draw(r))
	c.messages++
	m := fact{message: c.messages, campaign: response}
	t.tell(c, m.of(factSent, at))
	if c.dead(at) {
		t.tell(c, m.of(factFailed, at+1).failing(failUnknown))
		return
	}
	if c.blocked {
		return
	}
	opened, ok := t.arrive(c, m, at, responseOpened, openDelay)
	if ok && r.Float64() < responseReplied {
		t.inbound(c, opened+1+chatDelay.draw(r), 0, messages+1)
	}
}

// free returns the first odd second from at on in which the contact got no response yet.
func (t *telling) free(c *contact, at int64) int64 {
	at |= 1
	for slices.Contains(c.answers, at) {
		at += 2
	}
	c.answers = append(c.answers, at)
	if len(c.answers) > 32 {
		c.answers = c.answers[1:]
	}
	return at
}

// of returns the message's fact of that kind and second.
func (f fact) of(what int8, at int64) fact {
	f.what, f.at = what, at
	return f
}

// failing returns f with the code of the failure.
func (f fact) failing(code int32) fact {
	f.code = code
	return f
}

// tell puts a fact on its way. Facts outside the data's days are not told.
func (t *telling) tell(c *contact, f fact) {
	if f.at < t.start || f.at >= t.end {
		return
	}
	if c.dead(f.at) && f.what != factSent && f.what != factFailed {
		return // nobody is there to get it
	}
	if t.records != nil {
		if x := &t.records[c.index]; x.known == 0 || f.at < x.known {
			x.known = f.at
		}
	}
	r := t.r
	c.facts++
	f.contact, f.serial = c.index, c.facts
	f.arrival = f.at + r.Int64N(3)
	if r.Float64() < 0.1 {
		f.arrival += int64(20 * r.ExpFloat64())
	}
	if r.Float64() < late {
		f.late = true
		f.arrival = f.at + lateLeast + r.Int64N(lateMost-lateLeast+1)
	}
	t.post(f)
	if r.Float64() < copied {
		c.facts++
		f.serial, f.repeats = c.facts, true
		wait := int64(7200)
		if r.Float64() < 0.1 {
			wait = lateMost
		}
		// A copy is as late as the fact at most: what is late is never more than the stated week.
		f.arrival = min(f.arrival+1+r.Int64N(wait), max(f.arrival, f.at+lateMost))
		t.post(f)
	}
}

func (t *telling) post(f fact) {
	first := max(t.today, t.start)
	day := int((f.arrival - first) / secondsPerDay)
	for len(t.pending) <= day {
		t.pending = append(t.pending, nil)
	}
	t.pending[day] = append(t.pending[day], f)
}
