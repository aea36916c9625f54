package simulate

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Acts say which things contacts did with proactive messages, 0 or 1 each, or how likely each was. On a person-day: with
// at least one message.
type Acts struct {
	Opened  float64 `json:"opened"`
	Clicked float64 `json:"clicked"`
	Replied float64 `json:"replied"`
}

// PersonDay is a day at risk of one contact, by the definitions of docs/metrics.md.
type PersonDay struct {
	Contact int // index; also of the arm's book
	Day     time.Time
	Dose    int
	Left    bool
	// Found is what the lines tell, each act on its own day and within its attribution window. Expected is what the
	// world's functions make of the messages that were sent, chance of the contact's acts aside.
	Found, Expected Acts
}

// Measured is a proactive message of known exposure in the base of its open rate.
type Measured struct {
	Contact         int
	Sent            time.Time
	Exposure        int
	Found, Expected Acts // of opens and clicks alone
}

// Panel is a world by contact and day, and by message. Contacts come in the order of their index.
type Panel struct {
	Days     []PersonDay
	Messages []Measured
}

// byAddress returns the contacts' traits.
func (w *World) byAddress() map[string]traits {
	all := map[string]traits{}
	for i, number := range w.book().number {
		all["+"+number] = w.draw(i, rand.New(w.stream(i)))
	}
	return all
}

// Panel lives the world once more, measures its lines and sets beside each day what was to be expected. Of replies it
// expects those that messages cause and the share of unprompted messages that the rules of attribution count as such; it
// takes no account of what a response of the business takes over, which is little.
func (w *World) Panel() Panel {
	var ref Reference
	people, since := ref.gather(w.Lines())
	var panel Panel
	records := make([]record, w.Options.Contacts)
	if w.Options.Support {
		records = w.remembered()
	}
	for i, number := range w.book().number {
		p := people["+"+number]
		if p == nil {
			continue
		}
		tr := w.draw(i, rand.New(w.stream(i)))
		known := since[p.account].Add(lookBack)
		e := expectation{World: w, traits: tr, annoyed: records[i].annoyed, misses: map[int64]Acts{}}
		opened, clicked, replied := map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
		for _, m := range p.settle() {
			if m.purpose != "proactive" || !m.stands() {
				continue
			}
			chance := e.message(m)
			if within(m.opened, m.sent, openWindow) {
				opened[dayOf(m.opened)] = true
			}
			if within(m.clicked, m.sent, openWindow) {
				clicked[dayOf(m.clicked)] = true
			}
			if within(m.replied, m.sent, replyWindow) {
				replied[dayOf(m.replied)] = true
			}
			if m.measurable() && !m.sent.Before(known) && !m.sent.After(ref.Cutoff.Add(-openWindow)) {
				panel.Messages = append(panel.Messages, Measured{
					Contact: i, Sent: m.sent, Exposure: m.exposure, Expected: chance,
					Found: Acts{Opened: one(within(m.opened, m.sent, openWindow)), Clicked: one(within(m.clicked, m.sent, openWindow))},
				})
			}
		}
		for d := range p.daysAtRisk(known, ref.Cutoff) {
			day := dayOf(d.day)
			panel.Days = append(panel.Days, PersonDay{Contact: i, Day: d.day, Dose: d.dose, Left: d.leaves,
				Found: Acts{one(opened[day]), one(clicked[day]), one(replied[day])}, Expected: e.day(d.day)})
		}
	}
	return panel
}

func dayOf(t time.Time) int64 { return t.Unix() / secondsPerDay }

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (a Acts) plus(b Acts) Acts {
	return Acts{a.Opened + b.Opened, a.Clicked + b.Clicked, a.Replied + b.Replied}
}

// expectation gathers what is expected of one contact, message by message in the order of sending.
type expectation struct {
	*World
	traits
	misses map[int64]Acts // by day: the chances that none of the messages is opened, clicked, replied to; none: 1
	sends  []int64        // proactive, not failed

	annoyed []int64 // when something was felt that makes the contact open less
}

// day returns the chances of the acts on a day, when all messages up to it are known.
func (e *expectation) day(day time.Time) Acts {
	miss, ok := e.misses[dayOf(day)]
	if !ok {
		miss = Acts{1, 1, 1}
	}
	return Acts{1 - miss.Opened, 1 - miss.Clicked, 1 - miss.Replied*(1-e.unprompted(day))}
}

// message adds the message's acts to their days and returns the chances of an open and a click within their windows.
func (e *expectation) message(m *message) (chance Acts) {
	at, since := m.sent.Unix(), int64(week)
	if n := len(e.sends); n > 0 {
		since = min(since, at-e.sends[n-1])
	}
	e.sends = append(e.sends, at)
	if !m.measurable() || !m.failed.IsZero() {
		return Acts{}
	}
	open := e.traits.open * e.Options.openFalls(m.exposure) * e.Options.timing(&markets[e.market], at, since)
	midnight := at - at%secondsPerDay
	if slices.ContainsFunc(e.annoyed, func(felt int64) bool { return remembered(felt, midnight) }) {
		open *= annoyedOpens
	}
	if e.receipts {
		chance.Opened = open * within7(delays().open)
		e.spread(at, delays().open, week, Acts{Opened: open})
	}
	if e.Options.Clicks {
		click := open * e.traits.click * e.Options.clickFalls(m.exposure)
		chance.Clicked = click * within7(delays().click)
		e.spread(at, delays().click, week, Acts{Clicked: click})
	}
	reply := open * e.traits.reply * e.Options.replyFalls(m.exposure)
	e.spread(at, delays().reply, secondsPerDay, Acts{Replied: reply})
	return chance
}

// spread adds an act to the days on which it may come, as far as within a window.
func (e *expectation) spread(at int64, delays []int64, window int64, act Acts) {
	first := at / secondsPerDay
	for i, share := range shares(at%secondsPerDay, delays, window) {
		day := first + int64(i)
		miss, ok := e.misses[day]
		if !ok {
			miss = Acts{1, 1, 1}
		}
		e.misses[day] = miss.without(act, share)
	}
}

// without returns misses after one more message, of which a share of the acts may come on the day.
func (miss Acts) without(act Acts, share float64) Acts {
	return Acts{miss.Opened * (1 - share*act.Opened), miss.Clicked * (1 - share*act.Clicked), miss.Replied * (1 - share*act.Replied)}
}

// shares returns which shares of the delays end on the day of the send, on the next, and so on, as far as within a
// window. second is the send's within its day.
func shares(second int64, delays []int64, window int64) []float64 {
	all := make([]float64, (second+window)/secondsPerDay+1)
	for _, d := range delays {
		if d > window {
			break
		}
		all[(second+d)/secondsPerDay] += 1 / float64(len(delays))
	}
	return all
}

// unprompted is the chance of an unprompted message on the day that answers a proactive one by the rules.
func (e *expectation) unprompted(day time.Time) float64 {
	if e.dead(day.Unix()) {
		return 0
	}
	const points = 48
	hits := 0
	for i := range points {
		at := day.Unix() + (2*int64(i)+1)*secondsPerDay/(2*points)
		last, _ := slices.BinarySearch(e.sends, at+1)
		if last > 0 && e.sends[last-1] > at-secondsPerDay {
			hits++
		}
	}
	return e.writes * float64(hits) / points
}

// delayPoints are equally likely delays in seconds after the send, ascending.
type delayPoints struct{ open, click, reply []int64 }

// delays are drawn, the same every time, because sums of delays have no known distribution.
var delays = sync.OnceValue(func() (d delayPoints) {
	const draws, step = 200_000, 800
	r := rand.New(rand.NewPCG(1, 3))
	var open, click, reply []int64
	for range draws {
		opened := max(drawDelivery(r), openDelay.draw(r))
		open = append(open, opened)
		click = append(click, opened+1+clickDelay.draw(r))
		reply = append(reply, opened+1+replyDelay.draw(r))
	}
	thin := func(all []int64) (points []int64) {
		slices.Sort(all)
		for i := step / 2; i < draws; i += step {
			points = append(points, all[i])
		}
		return points
	}
	return delayPoints{thin(open), thin(click), thin(reply)}
})

// within7 returns the share of the delays that are no longer than the attribution window of opens and clicks.
func within7(delays []int64) float64 {
	n, _ := slices.BinarySearch(delays, week+1)
	return float64(n) / float64(len(delays))
}

// Slope is the change of an outcome for each further message of the week: the least-squares line of outcomes on
// exposure (of messages) or dose (of person-days).
type Slope struct {
	Outcome string `json:"outcome"` // open, click, reply
	Scale   string `json:"scale"`   // message, person_day
	// Causal compares what is expected of each contact with itself, Within what is found; Crude compares everybody.
	Causal float64 `json:"causal"`
	Within float64 `json:"within"`
	Crude  float64 `json:"crude"`
}

// Slopes returns the slopes by outcome and scale. On the message scale, replies are left to Curve.
func (p Panel) Slopes() (all []Slope) {
	add := func(outcome, scale string, expected, found lines) {
		if found.any {
			all = append(all, Slope{outcome, scale, round(expected.within()), round(found.within()), round(found.pooled())})
		}
	}
	for _, o := range []struct {
		name string
		of   func(Acts) float64
	}{
		{"open", func(a Acts) float64 { return a.Opened }},
		{"click", func(a Acts) float64 { return a.Clicked }},
		{"reply", func(a Acts) float64 { return a.Replied }},
	} {
		var expected, found lines
		for _, m := range p.Messages {
			expected.add(m.Contact, float64(m.Exposure), o.of(m.Expected))
			found.add(m.Contact, float64(m.Exposure), o.of(m.Found))
		}
		add(o.name, "message", expected, found)
		expected, found = lines{}, lines{}
		for _, d := range p.Days {
			expected.add(d.Contact, float64(d.Dose), o.of(d.Expected))
			found.add(d.Contact, float64(d.Dose), o.of(d.Found))
		}
		add(o.name, "person_day", expected, found)
	}
	return all
}

// lines fits one line through all points, and one slope through those of each contact, who come one after another.
type lines struct {
	all, own fit
	contact  int
	any      bool    // an outcome other than 0
	xx, xy   float64 // about the means of the contacts that are complete
}

func (l *lines) add(contact int, x, y float64) {
	if contact != l.contact {
		l.close()
		l.contact = contact
	}
	l.all.add(1, x, y)
	l.own.add(1, x, y)
	l.any = l.any || y != 0
}

func (l *lines) close() {
	if o := l.own; o.w > 0 {
		l.xx += o.xx - o.x*o.x/o.w
		l.xy += o.xy - o.x*o.y/o.w
	}
	l.own = fit{}
}

func (l *lines) pooled() float64 { return l.all.slope() }

func (l *lines) within() float64 {
	l.close()
	if l.xx <= 0 {
		return 0
	}
	return l.xy / l.xx
}

// Steady is what becomes of a person-day among all contacts, equally weighted, had each got so many messages every week,
// evenly spread, at 15 h UTC, and for long: what a dose causes. Unprompted messages and timing are left aside.
type Steady struct {
	Dose   int     `json:"dose"`
	OptOut float64 `json:"opt_out"`
	Acts
}

// Steady returns the doses from 0 up to the greatest that Curve spells out.
func (w *World) Steady() (all []Steady) {
	const second, days = 15 * 3600, 7
	open := shares(second, delays().open, week)
	click := shares(second, delays().click, week)
	reply := shares(second, delays().reply, secondsPerDay)
	share := func(shares []float64, i int) float64 {
		if i < len(shares) {
			return shares[i]
		}
		return 0
	}
	for dose := range causalMost + 1 {
		s := Steady{Dose: dose, OptOut: round(w.toldLeaves(dose))}
		// What any number of messages i days ago may bring today, on each day of the week.
		delivered := (1 - fails(dose)) * (1 - failUndeliverable) * (1 - neverDelivered)
		for i := range w.Options.Contacts {
			c := w.draw(i, rand.New(w.stream(i)))
			opens := delivered * c.open * w.Options.openFalls(dose)
			act := Acts{Replied: opens * c.reply * w.Options.replyFalls(dose)}
			if c.receipts {
				act.Opened = opens
			}
			if w.Options.Clicks {
				act.Clicked = opens * c.click * w.Options.clickFalls(dose)
			}
			for day := range days {
				miss := Acts{1, 1, 1}
				for before := range len(open) {
					d := day - before + 2*days
					for range (d+1)*dose/7 - d*dose/7 {
						miss.Opened *= 1 - act.Opened*share(open, before)
						miss.Clicked *= 1 - act.Clicked*share(click, before)
						miss.Replied *= 1 - act.Replied*share(reply, before)
					}
				}
				s.Acts = s.plus(Acts{1 - miss.Opened, 1 - miss.Clicked, 1 - miss.Replied})
			}
		}
		n := float64(days * w.Options.Contacts)
		s.Acts = Acts{round(s.Opened / n), round(s.Clicked / n), round(s.Replied / n)}
		all = append(all, s)
	}
	return all
}

// Utility returns what a person-day of the dose is worth: the value of an open, click or reply less the cost of opt-outs and of messages.
func (s Steady) Utility(outcome string, engagement, optOut, message float64) float64 {
	acts := map[string]float64{"open": s.Opened, "click": s.Clicked, "reply": s.Replied}[outcome]
	return engagement*acts - optOut*s.OptOut - message*float64(s.Dose)/7
}

// InArm is what is to be expected of the contacts of an arm on the days they were at risk, as assigned.
type InArm struct {
	Arm
	Contacts   int     `json:"contacts"` // heard of
	PersonDays int     `json:"person_days"`
	Sends      float64 `json:"dose"` // mean
	Acts
	OptOut float64 `json:"opt_out"`
}

func (w *World) arms(p Panel) []InArm {
	all := make([]InArm, len(w.Options.Arms))
	for i, a := range w.Options.Arms {
		all[i].Arm = a
	}
	if len(all) == 0 {
		return nil
	}
	for i := range w.Options.Contacts {
		if c := w.draw(i, rand.New(w.stream(i))); !c.lost {
			all[c.arm].Contacts++
		}
	}
	arm, contact := 0, -1
	for _, d := range p.Days {
		if d.Contact != contact {
			contact = d.Contact
			arm = int(w.draw(contact, rand.New(w.stream(contact))).arm)
		}
		a := &all[arm]
		a.PersonDays++
		a.Sends += float64(d.Dose)
		a.Acts = a.plus(d.Expected)
		a.OptOut += w.toldLeaves(d.Dose)
	}
	for i := range all {
		a := &all[i]
		if n := float64(a.PersonDays); n > 0 {
			a.Sends, a.OptOut = round(a.Sends/n), round(a.OptOut/n)
			a.Acts = Acts{round(a.Opened / n), round(a.Clicked / n), round(a.Replied / n)}
		}
	}
	return all
}
