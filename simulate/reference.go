package simulate

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"drumbeat/ingest/canonical"
)

// Reference is what a faultless analysis finds in a set of lines: every number by the definitions
// of docs/metrics.md, computed in plain Go and sharing nothing with the models, so that the two
// can be held against each other. Counts are of unique facts unless they say otherwise.
type Reference struct {
	Cutoff   time.Time `json:"cutoff"` // latest event
	Lines    int       `json:"lines"`  // copies included
	Copies   int       `json:"copies"` // lines that told a fact again
	Contacts int       `json:"contacts"`
	Events   []Count   `json:"events"`  // by event type
	Sends    []Count   `json:"sends"`   // by UTC day
	Purposes []Count   `json:"purpose"` // messages sent, by purpose
	Failed   int       `json:"failed"`  // messages sent whose failure stands
	Replies  int       `json:"replies"` // inbound messages that answer a message, by the rules of attribution

	UnknownExposure int        `json:"unknown_exposure"` // proactive sends in the account's first 7 days
	Exposures       []Exposure `json:"exposure"`         // the other proactive sends not known to have failed
	Engagement      []RateCell `json:"engagement"`       // by market, outcome, exposure
	Doses           []Dose     `json:"dose"`             // days at risk
	OptOut          []DoseCell `json:"opt_out"`          // by market, dose
	NotAtRisk       int        `json:"not_at_risk"`      // opt-outs on days that are not at risk

	Conversations Conversations `json:"conversations"`
}

// Count is a number under a name.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Exposure counts the messages with one exposure.
type Exposure struct {
	Exposure int `json:"exposure"`
	Messages int `json:"messages"`
	Measured int `json:"measured"` // of these: in the base of the open rate
}

// Dose counts the days at risk with one dose.
type Dose struct {
	Dose    int `json:"dose"`
	Days    int `json:"person_days"`
	OptOuts int `json:"opt_outs"`
}

// RateCell is a row of frequency_engagement without what follows from it; Units are messages.
type RateCell struct {
	Market  string `json:"market"` // all: every market together
	Outcome string `json:"outcome"`
	From    int    `json:"exposure_from"`
	To      int    `json:"exposure_to"` // 65535: no upper end
	Sums
}

// DoseCell is a row of frequency_opt_out without what follows from it; Units are person-days.
type DoseCell struct {
	Market string `json:"market"` // all: every market together
	From   int    `json:"dose_from"`
	To     int    `json:"dose_to"` // 65535: no upper end
	Sums
}

// Sums are a cell's sufficient statistics; the contact is the cluster.
type Sums struct {
	Contacts int `json:"contacts"`
	Units    int `json:"units"`
	Outcomes int `json:"outcomes"`
	NN       int `json:"sum_nn"`
	YY       int `json:"sum_yy"`
	NY       int `json:"sum_ny"`
}

// Rate returns outcomes per unit, 0 where there is no unit.
func (s Sums) Rate() float64 {
	if s.Units == 0 {
		return 0
	}
	return float64(s.Outcomes) / float64(s.Units)
}

type bin struct{ from, to int }

// openEnd stands for "and more" in a bin.
const openEnd = 65535

var (
	exposureBins = []bin{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 7}, {8, 10}, {11, openEnd}}
	doseBins     = append([]bin{{0, 0}}, exposureBins...)
)

func binOf(bins []bin, n int) bin {
	i := slices.IndexFunc(bins, func(b bin) bool { return n <= b.to })
	return bins[i]
}

const (
	wholeDay    = 24 * time.Hour
	lookBack    = 7 * wholeDay // of exposure and dose
	replyWindow = wholeDay
	openWindow  = 7 * wholeDay
)

// Measure computes the reference of lines in any order. It keeps all of them in memory.
func Measure(lines iter.Seq[canonical.Line]) Reference {
	var ref Reference
	people, since := ref.gather(lines)
	ref.Contacts = len(people)

	sends, purposes, exposures := map[string]int{}, map[string]int{}, map[int]*Exposure{}
	rates, doses, byDose := cells{}, cells{}, map[int]*Dose{}
	for _, p := range people {
		known := since[p.account].Add(lookBack)
		messages := p.settle()
		ref.Replies += p.answers
		for _, m := range messages {
			sends[m.sent.Format(time.DateOnly)]++
			purposes[m.purpose]++
			switch {
			case !m.stands():
				ref.Failed++
			case m.purpose != "proactive":
			case m.sent.Before(known):
				ref.UnknownExposure++
			default:
				if exposures[m.exposure] == nil {
					exposures[m.exposure] = &Exposure{Exposure: m.exposure}
				}
				e := exposures[m.exposure]
				e.Messages++
				b := binOf(exposureBins, m.exposure)
				if m.measurable() && !m.sent.After(ref.Cutoff.Add(-openWindow)) {
					e.Measured++
					rates.add(p, "open", b, within(m.opened, m.sent, openWindow))
				}
				if m.measurable() && !m.sent.After(ref.Cutoff.Add(-replyWindow)) {
					rates.add(p, "reply", b, within(m.replied, m.sent, replyWindow))
				}
			}
		}
		left := 0
		for d := range p.daysAtRisk(known, ref.Cutoff) {
			doses.add(p, "", binOf(doseBins, d.dose), d.leaves)
			if byDose[d.dose] == nil {
				byDose[d.dose] = &Dose{Dose: d.dose}
			}
			byDose[d.dose].Days++
			if d.leaves {
				byDose[d.dose].OptOuts++
				left++
			}
		}
		ref.NotAtRisk += len(p.optOuts) - left
	}
	ref.Conversations = ref.conversations(people, since)
	ref.Sends, ref.Purposes = counts(sends), counts(purposes)
	for _, e := range exposures {
		ref.Exposures = append(ref.Exposures, *e)
	}
	slices.SortFunc(ref.Exposures, func(a, b Exposure) int { return a.Exposure - b.Exposure })
	for _, d := range byDose {
		ref.Doses = append(ref.Doses, *d)
	}
	slices.SortFunc(ref.Doses, func(a, b Dose) int { return a.Dose - b.Dose })
	for _, c := range rates.sorted() {
		ref.Engagement = append(ref.Engagement, RateCell{c.market, c.outcome, c.from, c.to, c.sums})
	}
	for _, c := range doses.sorted() {
		ref.OptOut = append(ref.OptOut, DoseCell{c.market, c.from, c.to, c.sums})
	}
	return ref
}

// person is what the lines tell of one address.
type person struct {
	market, account string
	zone, channel   string
	facts           map[factKey]told

	first           time.Time // of the facts
	messages        map[string]*message
	inbound         []told
	optIns, optOuts []time.Time
	unreachable     []time.Time // failures that say the address does not exist
	alive           []time.Time // signs of life
	keywords        []time.Time // of these opt-outs: those that a message of the contact is
	answers         int         // inbound messages that answer a message
}

// factKey identifies a fact of a person; told is what else a line says of it.
type factKey struct{ what, message, event string }

type told struct {
	at              time.Time
	quotes, purpose string
	reason          string // of an opt-out
	unknown         bool   // a failure, because the address does not exist
	sending
}

// sending is what a line says of a send, for cases.
type sending struct {
	author       string
	acknowledges bool // automatically
	broadcast    bool // unless its purpose says otherwise
	marketing    bool // if it is proactive
}

// message is one of the business; a zero time was not told.
type message struct {
	id                                       string
	sent, delivered, opened, failed, replied time.Time
	clicked                                  time.Time
	purpose                                  string
	exposure                                 int
	sending
}

// measurable reports whether the message is in the base of its rates. WhatsApp tells of deliveries,
// but not where the chat was on the screen: there, the open says as much.
func (m *message) measurable() bool { return !m.delivered.IsZero() || !m.opened.IsZero() }

// stands reports whether the send is not known to have failed: a delivery or an open contradicts a failure.
func (m *message) stands() bool { return m.failed.IsZero() || m.measurable() }

func within(at, sent time.Time, window time.Duration) bool {
	return !at.IsZero() && !at.After(sent.Add(window))
}

// gather reads the lines into persons, and finds when each account's data begins. Of the copies
// of a fact the earliest counts.
func (ref *Reference) gather(lines iter.Seq[canonical.Line]) (people map[string]*person, since map[string]time.Time) {
	people, since = map[string]*person{}, map[string]time.Time{}
	for l := range lines {
		ref.Lines++
		o := observe(l)
		p := people[o.address]
		if p == nil {
			p = &person{market: o.market, account: o.account, zone: o.zone, channel: o.channel, facts: map[factKey]told{}, messages: map[string]*message{}}
			people[o.address] = p
		}
		if before, ok := p.facts[o.factKey]; ok {
			ref.Copies++
			if !o.at.Before(before.at) {
				continue
			}
		}
		p.facts[o.factKey] = o.told
	}
	events := map[string]int{}
	for _, p := range people {
		for key, f := range p.facts {
			events[key.what]++
			if f.at.After(ref.Cutoff) {
				ref.Cutoff = f.at
			}
			if t, ok := since[p.account]; !ok || f.at.Before(t) {
				since[p.account] = f.at
			}
			if p.first.IsZero() || f.at.Before(p.first) {
				p.first = f.at
			}
			p.hear(key, f)
		}
		p.facts = nil
	}
	ref.Events = counts(events)
	return people, since
}

// observation is what the reference uses of a line.
type observation struct {
	address, account, market, zone, channel string
	factKey
	told
}

func (p *person) hear(key factKey, f told) {
	switch {
	case f.unknown:
		p.unreachable = append(p.unreachable, f.at)
	case key.what != "send" && key.what != "failed":
		p.alive = append(p.alive, f.at)
	}
	switch key.what {
	case "reply":
		p.inbound = append(p.inbound, f)
		return
	case "opt_in":
		p.optIns = append(p.optIns, f.at)
		return
	case "opt_out":
		p.optOuts = append(p.optOuts, f.at)
		if f.reason == "keyword" {
			p.keywords = append(p.keywords, f.at)
		}
		return
	}
	m := p.messages[key.message]
	if m == nil {
		m = &message{id: key.message}
		p.messages[key.message] = m
	}
	switch key.what {
	case "send":
		m.sent, m.purpose, m.sending = f.at, f.purpose, f.sending
	case "delivered":
		m.delivered = f.at
	case "open":
		m.opened = f.at
	case "failed":
		m.failed = f.at
	case "click":
		m.clicked = f.at
	}
}

// settle returns the messages that were sent, in order, with exposure and first reply.
func (p *person) settle() []*message {
	sent := p.sent()
	for i, m := range sent {
		for _, before := range sent[:i+1] {
			if before.purpose == "proactive" && before.stands() && before.sent.After(m.sent.Add(-lookBack)) {
				m.exposure++
			}
		}
	}
	for _, w := range p.inbound {
		var answered *message
		if w.quotes != "" {
			if m := p.messages[w.quotes]; m != nil && !m.sent.IsZero() {
				answered = m
			}
		} else {
			for _, m := range sent {
				if m.stands() && !m.sent.After(w.at) && m.sent.After(w.at.Add(-replyWindow)) {
					answered = m
				}
			}
		}
		if answered == nil {
			continue
		}
		p.answers++
		if answered.replied.IsZero() || w.at.Before(answered.replied) {
			answered.replied = w.at
		}
	}
	return sent
}

// personDay is a day at risk.
type personDay struct {
	day    time.Time
	dose   int
	leaves bool
}

// daysAtRisk yields the whole UTC days on which the contact could leave, up to the cutoff. Between
// two opt-outs there is at most one spell, from the first opt-in after the earlier one to the day of
// the later one; the first spell begins a week after the first fact, if no opt-in comes before. No day counts whose
// look-back begins before the account's data, nor any before which the latest that was known is that the address does not exist.
func (p *person) daysAtRisk(known, cutoff time.Time) iter.Seq[personDay] {
	return func(yield func(personDay) bool) {
		slices.SortFunc(p.optIns, time.Time.Compare)
		slices.SortFunc(p.optOuts, time.Time.Compare)
		var after time.Time
		for i := range len(p.optOuts) + 1 {
			end, leaves := cutoff, i < len(p.optOuts)
			if leaves {
				end = p.optOuts[i]
			}
			in := slices.IndexFunc(p.optIns, func(t time.Time) bool { return t.After(after) && !t.After(end) })
			after = end
			var start time.Time
			switch {
			case i == 0: // a later opt-in tells of those alone who are still there
				start = p.first.Add(lookBack)
				if in >= 0 && p.optIns[in].Before(start) {
					start = p.optIns[in]
				}
			case in >= 0:
				start = p.optIns[in]
			default:
				continue
			}
			for d := midnight(start); !d.After(end); d = d.Add(wholeDay) {
				tomorrow := d.Add(wholeDay)
				if d.Before(known) || tomorrow.After(cutoff) || p.gone(d) {
					continue
				}
				if !yield(personDay{d, p.dose(d), leaves && end.Before(tomorrow)}) {
					return
				}
			}
		}
	}
}

// gone reports whether, of what came before a day, a failure that says the address does not exist was the last, signs of life aside.
func (p *person) gone(day time.Time) bool {
	return latest(p.unreachable, day).After(latest(p.alive, day))
}

// latest returns the last of the times before t; zero if there is none.
func latest(times []time.Time, t time.Time) (last time.Time) {
	for _, x := range times {
		if x.Before(t) && x.After(last) {
			last = x
		}
	}
	return last
}

// midnight returns the first UTC midnight not before t.
func midnight(t time.Time) time.Time {
	d := t.Truncate(wholeDay)
	if d.Before(t) {
		d = d.Add(wholeDay)
	}
	return d
}

// dose counts the proactive sends not known to have failed in the 7 x 24 h before the day.
func (p *person) dose(day time.Time) (n int) {
	for _, m := range p.messages {
		if m.purpose == "proactive" && m.stands() && m.sent.Before(day) && !m.sent.Before(day.Add(-lookBack)) {
			n++
		}
	}
	return n
}

// cells gathers sums by market, outcome and bin; a person's units come one after another.
type cells map[cellKey]*cell

type cellKey struct {
	market, outcome string
	bin
}

type cell struct {
	cellKey
	sums Sums
	of   *person // whose units n and y are not yet in the sums
	n, y int
}

func (c cells) add(p *person, outcome string, b bin, y bool) {
	for _, market := range [...]string{"all", p.market} {
		k := cellKey{market, outcome, b}
		x := c[k]
		if x == nil {
			x = &cell{cellKey: k}
			c[k] = x
		}
		if x.of != p {
			x.close()
			x.of = p
		}
		x.n++
		if y {
			x.y++
		}
	}
}

// close adds the last person's units to the sums.
func (c *cell) close() {
	if c.of == nil {
		return
	}
	s := &c.sums
	s.Contacts++
	s.Units += c.n
	s.Outcomes += c.y
	s.NN += c.n * c.n
	s.YY += c.y * c.y
	s.NY += c.n * c.y
	c.of, c.n, c.y = nil, 0, 0
}

func (c cells) sorted() []*cell {
	var all []*cell
	for _, x := range c {
		x.close()
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *cell) int {
		return cmp.Or(cmp.Compare(a.market, b.market), cmp.Compare(a.outcome, b.outcome), a.from-b.from)
	})
	return all
}

func counts(m map[string]int) []Count {
	var all []Count
	for name, n := range m {
		all = append(all, Count{name, n})
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
