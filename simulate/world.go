package simulate

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// Options say which world. The zero value is a world of the demo's size.
type Options struct {
	Seed     uint64    `json:"seed"`
	Contacts int       `json:"contacts"` // default 3000
	Days     int       `json:"days"`     // default 90
	Start    time.Time `json:"start"`    // first day, taken as a UTC date; default 2025-09-01
	Null     bool      `json:"null"`     // contacts leave whatever the dose

	// What contacts do.
	Fatigue  float64 `json:"fatigue,omitzero"`  // so many times the usual fatigue; default 1
	Tireless bool    `json:"tireless,omitzero"` // no fatigue: no message changes what becomes of another, though the engaged get more
	Timing   bool    `json:"timing,omitzero"`   // opens follow the hours since the message before and the local hour
	Clicks   bool    `json:"clicks,omitzero"`   // messages have a link, and clicks are told, by the lines only

	// What the business does.
	Reacts   bool  `json:"reacts,omitzero"`   // it messages more on the three days after an open or an inbound message
	Arms     []Arm `json:"arms,omitzero"`     // contacts are assigned to these at random, with equal chances; every send names its arm
	Mismatch bool  `json:"mismatch,omitzero"` // the last arm loses the least engaged third of its contacts, who are never heard of

	// Dead is the share of addresses that cease to exist on some day of the data. What is sent later fails; lines tell it with a code that says
	// so, as Twilio's does, webhooks with one that does not. Worlds with support have none.
	Dead float64 `json:"dead,omitzero"`

	// Contacts begin conversations along the purchase funnel, bots and humans answer them, late or never, and what happens to contacts
	// changes what they do. The business makes mistakes besides.
	Support bool `json:"support,omitzero"`
}

// Arm is a group of a randomised test. Contacts of an arm with a number of weekly sends get just so many, evenly
// spread over the days, and no order updates; those of an arm without one get what they would get without a test.
type Arm struct {
	Name   string `json:"name"`
	Weekly int    `json:"weekly_sends"` // at most WeeklyMost
}

// WeeklyMost is the greatest number of weekly sends that an arm can have.
const WeeklyMost = 7 * campaignsPerDay

// World is a world that can be told any number of times, each time from its beginning. It holds
// the options only, and may be told by several goroutines at once.
type World struct {
	Options    Options
	start, end int64 // Unix seconds, [start, end)
}

// New returns the world of the options. Contacts and Days below 1, and a Fatigue of 0 or less, take their defaults.
func New(o Options) *World {
	if o.Contacts < 1 {
		o.Contacts = 3000
	}
	if o.Days < 1 {
		o.Days = 90
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Fatigue <= 0 {
		o.Fatigue = 1
	}
	if o.Tireless {
		o.Fatigue = 0
	}
	if o.Support {
		o.Dead = 0
	}
	o.Arms = slices.Clone(o.Arms)
	for i := range o.Arms {
		o.Arms[i].Weekly = max(0, min(o.Arms[i].Weekly, WeeklyMost))
	}
	o.Start = o.Start.UTC().Truncate(24 * time.Hour)
	start := o.Start.Unix()
	return &World{Options: o, start: start, end: start + int64(o.Days)*secondsPerDay}
}

// What a fact says.
const (
	factOptIn = iota
	factSent
	factDelivered
	factRead
	factFailed
	factInbound
	factOptOut
	factClicked
)

// fact is one thing that happened, at a whole second, on its way to the collector.
type fact struct {
	arrival  int64  // Unix seconds
	at       int64  // Unix seconds
	contact  int32  // index
	serial   uint32 // of the fact among its contact's, in the order of thinking them up
	message  uint32 // of the message among its contact's; 0 of a consent
	quoted   uint32 // message that an inbound message quotes
	code     int32  // of a failure
	campaign int16  // index into campaigns; response for an answer
	what     int8
	kind     int8 // of an inbound message: index into inbound
	text     int8 // of an inbound message: index into the market's texts
	repeats  bool // told before
	late     bool
	returns  bool // of an opt-in: not the first
	priced   bool // of an open: it carries the price, for want of a delivery
	author   int8 // of a response; 0: not told

	acknowledges bool // of a response: automatically
	template     bool // of a response: a template, the 24 hours being over
}

const (
	authorHuman = 1 + iota
	authorBot
)

const response = -1 // in place of a campaign

// campaigns are named for what shops send. Order updates are no campaign of marketing, and babyClub is of interest to few: it
// exists in worlds with support.
var campaigns = []string{
	"spring_sale", "new_arrivals", "members_week", "payday", "flash_friday", "tips",
	"restock", "birthday", "survey", "weekend", "order_update", "baby_club",
}

const (
	orderUpdate = 10
	babyClub    = 11
)

// contact is what the world remembers of one person from day to day.
type contact struct {
	traits
	pcg      rand.PCG
	index    int32
	facts    uint32
	messages uint32
	week     float64 // sends meant for this week
	in       bool    // opted in, as far as the business knows
	blocked  bool
	returns  int64   // when a contact who left opts in again; 0 never
	sends    []int64 // proactive, not failed, of the last 7 days
	answers  []int64 // of the last few responses: no two in one second
	active   []int64 // told opens and inbound messages of the last days, for a business that reacts
	service  *service
}

// telling is one run through a world.
type telling struct {
	*World
	r        *rand.Rand
	source   struct{ *rand.PCG }
	contacts []contact
	calendar [][]launch // of today, by market
	mornings []int64    // 8 h local within today, by market
	pending  [][]fact   // by day of arrival, from today on
	today    int64      // midnight
	outgoing []launch   // of one contact today
	records  []record   // by contact, if somebody wants to know
}

// launch is one campaign that goes out today.
type launch struct {
	at       int64
	campaign int16
}

// facts yields what arrives, in the order of arrival.
func (w *World) facts(yield func(fact) bool) { w.recount(nil, yield) }

// recount also writes down what happened to each contact, where there are records.
func (w *World) recount(records []record, yield func(fact) bool) {
	t := &telling{World: w, contacts: make([]contact, w.Options.Contacts), records: records}
	t.source.PCG = rand.NewPCG(0, 0)
	t.r = rand.New(&t.source)
	calendar := rand.New(rand.NewPCG(mix(w.Options.Seed), mix(w.Options.Seed^0xca1e)))
	for i := range t.contacts {
		c := &t.contacts[i]
		c.pcg = *w.stream(i)
		c.index = int32(i)
		t.source.PCG = &c.pcg
		c.traits = w.draw(i, t.r)
		c.in = c.before
		if w.Options.Support {
			c.service = &service{}
		}
	}
	for day := -burnIn; day < w.Options.Days; day++ {
		t.today = w.start + int64(day)*secondsPerDay
		t.plan(calendar)
		for i := range t.contacts {
			c := &t.contacts[i]
			t.source.PCG = &c.pcg
			t.live(c, day)
		}
		if day >= 0 && !t.deliver(yield) {
			return
		}
	}
	for len(t.pending) > 0 {
		if !t.deliver(yield) {
			return
		}
	}
}

// stream is a contact's own source of chance: what one contact does moves no other.
func (w *World) stream(contact int) *rand.PCG {
	return rand.NewPCG(mix(w.Options.Seed), mix(w.Options.Seed^mix(uint64(contact)+1)))
}

// mix spreads neighbouring seeds over all 64 bits (SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// deliver yields what arrives on the first pending day. Nothing can arrive before the day it
// happens on, so the day is complete.
func (t *telling) deliver(yield func(fact) bool) bool {
	if len(t.pending) == 0 {
		return true
	}
	day := t.pending[0]
	slices.SortFunc(day, func(a, b fact) int {
		return cmp.Or(cmp.Compare(a.arrival, b.arrival), cmp.Compare(a.contact, b.contact), cmp.Compare(a.serial, b.serial))
	})
	for _, f := range day {
		if !yield(f) {
			return false
		}
	}
	t.pending = t.pending[1:]
	return true
}

// plan draws today's campaigns, at whole local hours from 8 to 20. Zones are whole hours off UTC
// and campaigns go out within an hour, so none runs past midnight UTC.
func (t *telling) plan(r *rand.Rand) {
	t.calendar, t.mornings = t.calendar[:0], t.mornings[:0]
	for i := range markets {
		launches := make([]launch, campaignsPerDay)
		for j := range launches {
			launches[j] = launch{at: t.local(&markets[i], 8+r.IntN(13)), campaign: int16(r.IntN(orderUpdate))}
		}
		t.calendar = append(t.calendar, launches)
		t.mornings = append(t.mornings, t.local(&markets[i], 8))
	}
	if t.Options.Support {
		t.blunder()
	}
}

// local returns when the market's clocks show that hour during today's UTC day.
func (t *telling) local(m *market, hour int) int64 {
	date := time.Unix(t.today, 0).UTC()
	for day := date.Day(); ; day++ {
		if at := time.Date(date.Year(), date.Month(), day, hour, 0, 0, 0, m.location).Unix(); at >= t.today {
			return at
		}
	}
}
