package simulate

import (
	"math/rand/v2"
	"slices"
	"time"
)

// service is what the world remembers of one contact's conversations with the desk. In a world without support there is none.
type service struct {
	agenda []step
	hits   [painKinds]int64 // when each pain was felt last; 0: never

	lastSent int64 // of all told messages that did not fail
	left     int64 // when the contact opted out last

	// The case that is open or was the last one, by the rules of docs/metrics.md; 0: none yet.
	began    int64
	last     int64 // message
	turn     int64 // first message of the unanswered turn; 0: all is answered
	answered int64 // first response; 0: none yet
	own      bool  // the contact began it
	nudged   bool  // the contact wrote again within 24 h
	expired  bool

	intent  int8
	round   int8
	pending bool  // somebody is going to answer
	heard   int64 // last message of the contact
}

// A step is something that is going to happen.
type step struct {
	at       int64
	quotedAt int64
	quoted   uint32 // message that the contact quotes
	what     int8
	intent   int8 // of stepAsk
	n        int8 // of stepNudge: which
}

// What is going to happen: what the contact does, then what the desk does, then what time does.
const (
	stepAsk = iota
	stepMore
	stepFollow
	stepAskAgain
	stepNudge
	stepThank
	stepRegret

	stepBot
	stepAcknowledge
	stepAnswer
	stepWelcome

	stepDecide
	stepExpire
)

// plan puts a step on the agenda. Contacts write on even seconds and are answered on odd ones, so that no two messages of a
// conversation are of one instant.
func (c *contact) plan(s step) {
	if s.what < stepBot {
		s.at += s.at & 1
	}
	a := c.service.agenda
	i := len(a)
	for i > 0 && a[i-1].at > s.at {
		i--
	}
	c.service.agenda = slices.Insert(a, i, s)
}

// serve does what the contact and the desk do before an instant.
func (t *telling) serve(c *contact, until int64) {
	for c.service != nil && len(c.service.agenda) > 0 && c.service.agenda[0].at < until {
		s := c.service.agenda[0]
		c.service.agenda = slices.Delete(c.service.agenda, 0, 1)
		if s.what < stepBot && c.blocked || s.at < t.start {
			continue
		}
		t.do(c, s)
	}
}

func (t *telling) do(c *contact, s step) {
	r, v := t.r, c.service
	switch s.what {
	case stepAsk:
		again := v.open(s.at)
		t.write(c, s.at, s.quoted, s.quotedAt)
		if again && v.pending {
			return // the answer that is under way will do
		}
		v.intent, v.round = s.intent, 0
		t.ask(c, s.at)
	case stepMore:
		t.write(c, s.at, 0, 0)
	case stepFollow:
		t.write(c, s.at, 0, 0)
		if v.round++; !v.pending {
			t.queue(c, s.at, turnDelay)
		}
	case stepAskAgain:
		t.write(c, s.at, 0, 0)
		if !v.pending {
			t.queue(c, s.at, desks[c.market].Human)
		}
	case stepNudge:
		if v.turn == 0 {
			return
		}
		t.write(c, s.at, 0, 0)
		if s.n < nudgesMost && r.Float64() < 0.5 {
			c.plan(step{at: t.awake(c, s.at+600+3*patience.draw(r)), what: stepNudge, n: s.n + 1})
		}
	case stepThank:
		if v.turn != 0 {
			return
		}
		t.write(c, s.at, 0, 0)
		if calendars[c.market].open(s.at) && r.Float64() < welcomes {
			c.plan(step{at: s.at + 20 + turnDelay.draw(r), what: stepWelcome})
		}
	case stepRegret:
		if c.in {
			t.leave(c, s.at)
			t.count(c, painIrrelevant, s.at)
		}
	case stepBot:
		t.tryBot(c, s.at)
	case stepAcknowledge:
		t.acknowledge(c, s.at)
	case stepAnswer:
		t.byHuman(c, s.at)
	case stepWelcome:
		t.answer(c, s.at, fact{author: authorHuman})
	case stepDecide:
		t.decide(c, s.at)
	case stepExpire:
		if v.last == s.at-secondsPerDay && v.answered == 0 && !v.expired {
			v.expired = true
			t.count(c, painExpired, s.at)
		}
	}
}

// open reports whether a message at an instant belongs to the case.
func (v *service) open(at int64) bool {
	return v.began != 0 && (at < v.last+secondsPerDay || v.turn != 0 && at < v.turn+week)
}

// write is a message of the contact.
func (t *telling) write(c *contact, at int64, quoted uint32, quotedAt int64) {
	r, v := t.r, c.service
	c.messages++
	f := fact{at: at, what: factInbound, message: c.messages, quoted: quoted, text: int8(r.IntN(len(markets[c.market].texts)))}
	f.kind = drawKind(r, quoted != 0)
	t.tell(c, f)
	if t.Options.Reacts {
		c.active = append(c.active, at)
	}
	if !v.open(at) {
		before := v.lastSent
		if quoted != 0 {
			before = quotedAt
		}
		own := before == 0 || before <= at-secondsPerDay
		closed := v.last + secondsPerDay
		if v.turn != 0 {
			closed = max(closed, v.turn+week)
		}
		if v.began != 0 && own && closed < v.last+3*secondsPerDay && at < v.last+3*secondsPerDay {
			t.hit(c, painRepeat, at)
			t.count(c, painRepeat, v.last+3*secondsPerDay)
		}
		v.began, v.turn, v.answered, v.own, v.nudged, v.expired = at, 0, 0, own, false, false
		c.plan(step{at: at + unheard, what: stepDecide})
		t.note(c, func(x *record) { x.cases = append(x.cases, at) })
	} else if v.answered == 0 && at > v.began+600 && at <= v.began+unheard {
		v.nudged = true
	}
	if v.answered == 0 {
		c.plan(step{at: at + secondsPerDay, what: stepExpire})
	}
	if v.turn == 0 {
		v.turn = at
	}
	v.last, v.heard = at, at
	if v.own {
		t.note(c, func(x *record) { x.wrote = append(x.wrote, at) })
	}
}

// ask has the desk deal with the first question of a conversation.
func (t *telling) ask(c *contact, at int64) {
	r, d := t.r, &desks[c.market]
	if r.Float64() < bursts {
		c.plan(step{at: at + 2 + burstDelay.draw(r), what: stepMore})
	}
	bot, automatic := d.Bot*botAtNight, acknowledged
	if calendars[c.market].open(at) {
		bot, automatic = d.Bot, acknowledgedOpen
	}
	if r.Float64() < bot {
		c.service.pending = true
		c.plan(step{at: at + 1 + botDelay.draw(r), what: stepBot})
		return
	}
	if r.Float64() < automatic {
		c.plan(step{at: at + 1 + botDelay.draw(r), what: stepAcknowledge})
	}
	t.queue(c, at, d.Human)
}

// queue has a human answer after a delay in hours of work, or nobody; who waits too long writes once more.
func (t *telling) queue(c *contact, at int64, d delay) {
	r := t.r
	answer := int64(1) << 62
	if c.service.pending = r.Float64() >= forgotten; c.service.pending {
		seconds := 15 + int64(t.load(c.market, at)*float64(d.draw(r)))
		if r.Float64() < mislaid {
			seconds = mislaidDelay.draw(r)
		}
		answer = calendars[c.market].after(at, seconds)
		c.plan(step{at: answer, what: stepAnswer})
	}
	if ends := at + patience.draw(r); ends < answer && r.Float64() < nudges {
		c.plan(step{at: t.awake(c, ends), what: stepNudge, n: 1})
	}
}

// awake returns the instant, or one in the next morning.
func (t *telling) awake(c *contact, at int64) int64 {
	local := time.Unix(at, 0).In(markets[c.market].location)
	if hour := local.Hour(); hour >= 7 && hour < 23 {
		return at
	}
	morning := clock(local, 7*60)
	if morning < at {
		morning = clock(local.AddDate(0, 0, 1), 7*60)
	}
	return morning + t.r.Int64N(3*3600)
}

// tryBot answers at once, which helps or does not.
func (t *telling) tryBot(c *contact, at int64) {
	r, v := t.r, c.service
	v.pending = false
	opened, ok := t.answer(c, at, fact{author: authorBot})
	solved := r.Float64() < intents[v.intent].Bot
	if ok && !solved && r.Float64() < askAfterBot {
		c.plan(step{at: opened + 2 + askAgainDelay.draw(r), what: stepAskAgain})
		return
	}
	t.conclude(c, at, solved)
}

// acknowledge says automatically that the message has come in.
func (t *telling) acknowledge(c *contact, at int64) {
	at = t.free(c, at)
	c.messages++
	m := fact{message: c.messages, campaign: response, author: authorBot, acknowledges: true}
	t.tell(c, m.of(factSent, at))
	c.service.lastSent = at
	if !c.blocked {
		t.arrive(c, m, at, responseOpened, answerOpened)
	}
}

// byHuman answers, after the 24 hours with a template, and lives through what the contact makes of it.
func (t *telling) byHuman(c *contact, at int64) {
	r, v := t.r, c.service
	v.pending = false
	m := fact{author: authorHuman, template: at >= v.heard+secondsPerDay}
	if m.template && r.Float64() < refusedFirst {
		c.messages++
		refused := fact{message: c.messages, campaign: response, author: authorHuman}
		t.tell(c, refused.of(factFailed, at).failing(131047))
		at += templateDelay.draw(r)
	}
	opened, ok := t.answer(c, at, m)
	if r.Float64() < secondMessage {
		t.answer(c, at+15+burstDelay.draw(r), m)
	}
	if ok && v.round < roundsMost && r.Float64() < followUps {
		c.plan(step{at: max(opened, v.last) + 2 + chatDelay.draw(r), what: stepFollow})
		return
	}
	if ok && r.Float64() < thanks {
		c.plan(step{at: max(opened, v.last) + 2 + chatDelay.draw(r), what: stepThank})
	}
	t.conclude(c, at, r.Float64() < intents[v.intent].Solved)
}

// conclude has the contact come back within days, or not.
func (t *telling) conclude(c *contact, at int64, solved bool) {
	r, v := t.r, c.service
	again := repeats
	if !solved {
		again += repeatsUnsolved
	}
	if v.answered != 0 && v.answered-v.began > slowAfter {
		again += repeatsSlow
	}
	if r.Float64() < again {
		at = max(at, v.last) + secondsPerDay + 3600 + r.Int64N(36*3600)
		c.plan(step{at: t.awake(c, at), what: stepAsk, intent: v.intent})
	}
}

// answer sends an answer. It returns when it is opened, if it is; what fails is opened by nobody, and nobody at the desk notices.
func (t *telling) answer(c *contact, at int64, m fact) (opened int64, ok bool) {
	r, v := t.r, c.service
	at = t.free(c, at)
	c.messages++
	m.message, m.campaign = c.messages, response
	t.tell(c, m.of(factSent, at))
	if r.Float64() < failUndeliverable {
		failed := at + 1 + r.Int64N(30)
		t.tell(c, m.of(factFailed, failed).failing(131026))
		t.failed(c, at)
		return 0, false
	}
	v.lastSent = max(v.lastSent, at)
	if v.open(at) {
		if v.answered == 0 {
			v.answered = at
			if wait := at - v.began; wait > slowAfter && wait <= unheard {
				t.hit(c, painSlowReply, at)
			}
		}
		v.turn, v.last = 0, max(v.last, at)
	}
	if c.blocked {
		return 0, false
	}
	return t.arrive(c, m, at, responseOpened, answerOpened)
}

// decide says what a case was like in its first 24 hours, when they are over.
func (t *telling) decide(c *contact, at int64) {
	v := c.service
	switch {
	case v.answered == 0:
		t.hit(c, painNoReply, at)
		t.count(c, painNoReply, at)
	case v.answered > v.began+slowAfter:
		t.count(c, painSlowReply, at)
	}
	if v.nudged {
		t.count(c, painNudged, at)
	}
}

// hit is something that the contact minds from now on.
func (t *telling) hit(c *contact, pain int, at int64) {
	if at < t.start {
		return
	}
	c.service.hits[pain] = at
	if annoys(pain) {
		t.note(c, func(x *record) { x.annoyed = append(x.annoyed, at) })
	}
}

// annoys reports whether a pain makes the contact open less.
func annoys(pain int) bool { return pain == painSlowReply || pain == painNoReply }

// count records a pain for when it counts as decided.
func (t *telling) count(c *contact, pain int, at int64) {
	if at < t.end {
		t.note(c, func(x *record) { x.hits[pain] = append(x.hits[pain], at) })
	}
}

// remembered reports whether a pain was felt lately enough to matter on the day that begins at midnight.
func remembered(felt, midnight int64) bool {
	return felt != 0 && felt < midnight && felt >= midnight-remembers*secondsPerDay
}

// grudge is what the chance to leave on a day is raised by.
func (c *contact) grudge(midnight int64) (more float64) {
	if c.service == nil {
		return 0
	}
	for pain, raises := range leaveAfter {
		if remembered(c.service.hits[pain], midnight) {
			more += raises
		}
	}
	return more
}

// engages says what is left of the chance of an open.
func (c *contact) engages(midnight int64) float64 {
	if c.service == nil {
		return 1
	}
	for pain, at := range c.service.hits {
		if annoys(pain) && remembered(at, midnight) {
			return annoyedOpens
		}
	}
	return 1
}

// approach has the contact begin a conversation today, or not.
func (t *telling) approach(c *contact) {
	if r := t.r; r.Float64() < c.writes {
		at := t.local(&markets[c.market], drawHour(r)) + r.Int64N(3600)
		c.plan(step{at: at, what: stepAsk, intent: drawIntent(r)})
	}
}

// stale appends the campaigns that go to a contact who has just opted out.
func (t *telling) stale(c *contact) {
	if c.service == nil || c.in || c.blocked || c.service.left == 0 || t.today <= c.service.left || t.today > c.service.left+staleDays*secondsPerDay {
		return
	}
	for _, l := range t.calendar[c.market] {
		if t.r.Float64() < staleShare*c.week/(7*campaignsPerDay) {
			t.outgoing = append(t.outgoing, launch{l.at + t.r.Int64N(campaignSpread), l.campaign})
		}
	}
	t.spread()
}

// sent remembers a proactive message that stands. opened is when the lines tell that it was opened; 0: they do not.
func (t *telling) sent(c *contact, l launch, opened int64) {
	at := l.at
	if c.service == nil || at < t.start {
		return
	}
	c.service.lastSent = max(c.service.lastSent, at)
	if hour := time.Unix(at, 0).In(markets[c.market].location).Hour(); hour >= 21 || hour < 8 {
		t.hit(c, painNight, at)
		t.count(c, painNight, at)
	}
	if !c.in && at > c.service.left && c.service.left != 0 && l.campaign != orderUpdate {
		t.count(c, painAfterOptOut, at)
	}
	if opened >= t.end {
		opened = 0
	}
	t.note(c, func(x *record) { x.sends = append(x.sends, sentAt{at, opened}) })
}

// failed remembers a proactive message that failed after it was sent.
func (t *telling) failed(c *contact, at int64) {
	if c.service != nil && at >= t.start && at < t.end-2*secondsPerDay {
		t.count(c, painFailed, at)
	}
}

// blunder puts the business's mistakes into today's campaigns.
func (t *telling) blunder() {
	r := rand.New(rand.NewPCG(mix(t.Options.Seed^0xb1de), mix(uint64(t.today))))
	day := int((t.today - t.start) / secondsPerDay)
	for i := range markets {
		launches := t.calendar[i]
		if (day+5*i)%babyEvery == 0 {
			launches[0].campaign = babyClub
		}
		for j := range launches {
			if markets[i].Code == nightMarket && r.Float64() < nightShare {
				launches[j].at = t.local(&markets[i], r.IntN(6))
			}
		}
	}
}
