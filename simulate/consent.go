package simulate

import (
	"cmp"
	"container/heap"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"drumbeat/ingest/canonical"
)

// ConsentOptions say which consent world. The zero value is one of the demo's size.
type ConsentOptions struct {
	Seed     uint64    `json:"seed"`
	Contacts int       `json:"contacts"`         // default 400
	Days     int       `json:"days"`             // default 90
	Start    time.Time `json:"start"`            // first day, taken as a UTC date; default 2025-09-01
	Promise  string    `json:"promise,omitzero"` // everybody is promised this: daily, weekly, monthly; default: as each chooses
}

// ConsentWorld is a business that promises how often it will write, on Messenger and on WhatsApp, and mostly keeps it.
// Its contacts are in no other world. It can be told any number of times, and by several goroutines at once.
type ConsentWorld struct {
	Options    ConsentOptions
	start, end int64 // Unix milliseconds, [start, end)
}

// NewConsent returns the consent world of the options. Contacts and Days below 1 take their defaults.
func NewConsent(o ConsentOptions) *ConsentWorld {
	if o.Contacts < 1 {
		o.Contacts = 400
	}
	if o.Days < 1 {
		o.Days = 90
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)
	}
	o.Start = o.Start.UTC().Truncate(wholeDay)
	start := o.Start.UnixMilli()
	return &ConsentWorld{Options: o, start: start, end: start + int64(o.Days)*dayMS}
}

const (
	secondMS = 1000
	minuteMS = 60 * secondMS
	hourMS   = 60 * minuteMS
	dayMS    = 24 * hourMS
)

// consentWait is how long a fact of this small world waits for others to share a request.
const consentWait = 2 * hourMS

// Who tells a fact.
const (
	bySender = iota // the business, by a line of its own
	byMessenger
	byWhatsApp
)

// toldFact is one thing that is told, on its way to the collector. What a webhook and the sender both tell of is two of them,
// and one event.
type toldFact struct {
	arrival int64 // Unix milliseconds
	contact int32
	serial  uint32 // among its contact's
	by      int8
	line    canonical.Line
	also    *canonical.Line // a second event that the platform's webhook implies
	wire    wire
}

// wire is what a webhook says beside the line.
type wire struct {
	text       string
	token      string // of a consent
	status     string // of a consent: STOP NOTIFICATIONS, RESUME NOTIFICATIONS; of a preference: stop, resume, signup
	tokenIs    string // REFRESHED, NOT_REFRESHED
	expiration int64  // of a conversation, Unix seconds
	adID       string
}

// Lines tells the world as our own event lines, in the order of arrival: those that the sender posts, and what the webhooks
// say in the same words. A send of which both tell is in it twice, as copies of one event.
func (w *ConsentWorld) Lines() iter.Seq[canonical.Line] {
	return func(yield func(canonical.Line) bool) {
		for _, f := range w.told() {
			if !yield(f.line) || f.also != nil && !yield(*f.also) {
				return
			}
		}
	}
}

// Own tells what no webhook knows, as the lines that the sender posts: topics, tags and purposes of its messages, attempts
// that a platform refused, and consents that came by other ways.
func (w *ConsentWorld) Own() iter.Seq[canonical.Line] {
	return func(yield func(canonical.Line) bool) {
		for _, f := range w.told() {
			if f.by == bySender && !yield(f.line) {
				return
			}
		}
	}
}

// posts groups what one platform tells into requests, in the order of arrival.
func (w *ConsentWorld) posts(by int8, encode func([]*toldFact) []byte) iter.Seq[Post] {
	return func(yield func(Post) bool) {
		size := rand.New(rand.NewPCG(mix(w.Options.Seed), mix(w.Options.Seed^0xc0115e47^uint64(by))))
		var batch []*toldFact
		send := func() bool {
			post := Post{At: time.UnixMilli(batch[len(batch)-1].arrival).UTC(), Body: encode(batch)}
			for _, f := range batch {
				post.Facts++
				if f.also != nil {
					post.Facts++
				}
			}
			batch = nil
			return yield(post)
		}
		full := 0
		for _, f := range w.told() {
			if f.by != by {
				continue
			}
			if len(batch) > 0 && (len(batch) >= full || f.arrival > batch[0].arrival+consentWait) && !send() {
				return
			}
			if len(batch) == 0 {
				full = postLeast + size.IntN(postMost)
			}
			batch = append(batch, f)
		}
		if len(batch) > 0 {
			send()
		}
	}
}

// told lives the world and returns what is told, in the order of arrival.
func (w *ConsentWorld) told() []*toldFact {
	var all []*toldFact
	for i := range w.Options.Contacts {
		p := w.person(i)
		p.live()
		all = append(all, p.facts...)
	}
	slices.SortFunc(all, func(a, b *toldFact) int {
		return cmp.Or(cmp.Compare(a.arrival, b.arrival), cmp.Compare(a.contact, b.contact), cmp.Compare(a.serial, b.serial))
	})
	return all
}

// consentMarket is where contacts of a consent world live.
type consentMarket struct {
	Code  string   `json:"code"`
	Share float64  `json:"share"`
	Zones []string `json:"zones"` // of the tokens, with equal chances
	Open  float64  `json:"open"`  // shift of the open rate, on the logit scale
	Daily float64  `json:"daily"` // share of the opt-ins that promise daily
	page  string
	texts []string
}

// Zones are such as begin their days in every way: whole and half hours off UTC, clocks that change at night, by half an
// hour (Lord Howe) and at midnight (Santiago). The engaged markets are promised daily messages: the confounding.
var consentMarkets = []consentMarket{
	{Code: "PH", Share: 0.30, Zones: []string{"Asia/Manila"}, Open: 0.60, Daily: 0.36, page: "104000000000963", texts: []string{"Magkano po?", "Salamat 🙏"}},
	{Code: "IN", Share: 0.20, Zones: []string{"Asia/Kolkata"}, Open: 0.30, Daily: 0.28, page: "104000000000991", texts: []string{"कितना है?", "Thank you"}},
	{Code: "US", Share: 0.20, Zones: []string{"America/New_York", "America/Los_Angeles"}, Open: -0.30, Daily: 0.12, page: "104000000000901", texts: []string{"Got it in blue?", "Thanks!"}},
	{Code: "CL", Share: 0.15, Zones: []string{"America/Santiago"}, Open: 0, Daily: 0.18, page: "104000000000956", texts: []string{"¿Cuánto sale?", "Gracias"}},
	{Code: "AU", Share: 0.15, Zones: []string{"Australia/Sydney", "Australia/Lord_Howe"}, Open: -0.50, Daily: 0.08, page: "104000000000961", texts: []string{"How much is it?", "Cheers"}},
}

// What every consent world is like; ConsentTruth prints it.
var consentModel = ConsentModel{
	Markets:      consentMarkets,
	WhatsApp:     0.25,
	Topics:       []string{"New arrivals", "Weekend offers", "Member tips"},
	Second:       0.25,
	Asks:         0.25,
	Agrees:       0.50,
	AgreesLate:   0.05,
	KnownBefore:  0.35,
	NeverAsked:   0.12,
	ZoneTold:     0.85,
	PromiseTold:  0.80,
	PromisedByUs: 0.50,
	Renews:       0.50,
	Exceeds:      map[string]float64{"daily": 0.08, "weekly": 0.15, "monthly": 0.25},
	Unused:       map[string]float64{"daily": 0.20, "weekly": 0.12, "monthly": 0.10},
	Changes:      0.10,
	AfterStop:    0.10,
	AfterExpiry:  0.05,
	AfterBlock:   0.05,

	OpenBase:    -0.30,
	OpenEngaged: 0.80,
	OpenPromise: map[string]float64{"daily": -2.50, "weekly": 0.20, "monthly": 0},
	TiresBelow:  0.50,
	OpenExtra:   -0.50,
	Reply:       0.06,
	Stop:        0.012,
	StopExtra:   3,
	ByBlock:     0.20,
	BlockLearnt: 0.40,
	Resumes:     0.30,

	Refused:      0.70,
	HumanAgent:   0.70,
	Writes:       0.045,
	Responds:     0.85,
	RespondsLate: 0.12,
	Late:         late,
	Copied:       copied,
}

// ConsentModel are the numbers that a consent world is made of. Rates are per contact and day unless they say otherwise.
type ConsentModel struct {
	Markets      []consentMarket    `json:"markets"`
	WhatsApp     float64            `json:"whatsapp"` // share of the contacts: on WhatsApp, the others on Messenger
	Topics       []string           `json:"topics"`
	Second       float64            `json:"second"`         // chance that who opts in without being asked takes a second topic
	Asks         float64            `json:"asks"`           // chance that the business asks for an opt-in in a conversation
	Agrees       float64            `json:"agrees"`         // chance that it is given
	AgreesLate   float64            `json:"agrees_late"`    // of these: more than 7 days later
	KnownBefore  float64            `json:"known_before"`   // contacts with a token from before the data, of which a resumption tells first
	NeverAsked   float64            `json:"never_asked"`    // contacts that get campaigns without a known opt-in
	ZoneTold     float64            `json:"zone_told"`      // share of the tokens
	PromiseTold  float64            `json:"promise_told"`   // share of the tokens whose webhook names the frequency
	PromisedByUs float64            `json:"promised_by_us"` // of the others: those for which the sender tells it
	Renews       float64            `json:"renews"`         // chance of a renewal before the expiry
	Exceeds      map[string]float64 `json:"exceeds"`        // chance that a promised period is planned with more than one message
	Unused       map[string]float64 `json:"unused"`         // with none
	Changes      float64            `json:"changes"`        // chance that who opts in chooses again, maybe another promise
	AfterStop    float64            `json:"after_stop"`     // chance that a planned message is sent though the contact has stopped
	AfterExpiry  float64            `json:"after_expiry"`
	AfterBlock   float64            `json:"after_block"` // though the business knows of the block

	// A delivered topic's message is opened with the chance logistic(OpenBase + OpenEngaged*z + market + OpenPromise + OpenExtra*extra), z the
	// contact's engagement, extra the messages of the topic before it in the period. OpenPromise daily holds only for z < TiresBelow:
	// weekly beats daily for them alone. A read tells of all messages before it, so what is found to be opened is more, of daily ones most. Whoever opened it replies with the chance Reply, and leaves with Stop*(1+StopExtra*extra).
	OpenBase    float64            `json:"open_base"`
	OpenEngaged float64            `json:"open_engaged"`
	OpenPromise map[string]float64 `json:"open_promise"`
	TiresBelow  float64            `json:"tires_below"`
	OpenExtra   float64            `json:"open_extra"`
	Reply       float64            `json:"reply"`
	Stop        float64            `json:"stop"`
	StopExtra   float64            `json:"stop_extra"`
	ByBlock     float64            `json:"by_block"`     // of those who leave; no webhook tells of it
	BlockLearnt float64            `json:"block_learnt"` // chance that a send to one who blocked is refused with 551
	Resumes     float64            `json:"resumes"`      // of those who stop

	Refused      float64 `json:"refused"`     // of the messages outside every window
	HumanAgent   float64 `json:"human_agent"` // share of the late responses that carry the tag
	Writes       float64 `json:"writes"`      // conversations a contact begins: Writes*exp(z/2)
	Responds     float64 `json:"responds"`
	RespondsLate float64 `json:"responds_late"` // of the responses: after more than 24 h
	Late         float64 `json:"late"`
	Copied       float64 `json:"copied"`
}

// Dates from which the platforms' rules are others, Unix milliseconds.
var (
	perMessage     = time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC)  // WhatsApp charges per message
	paidOnPage     = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)  // Messenger's paid messages
	recurringEnded = time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC) // Messenger's recurring notifications
	tagsEnded      = time.Date(2026, 4, 27, 0, 0, 0, 0, time.UTC) // three of Messenger's tags
	adWeek         = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)  // the first message after an ad has seven days
)

// consentPerson lives one contact's life. What is still to happen is on its agenda.
type consentPerson struct {
	*ConsentWorld
	r       *rand.Rand
	index   int32
	market  *consentMarket
	where   *market // of its number, on WhatsApp
	account string
	address string
	z       float64

	agenda  agenda
	planned uint64 // things put on the agenda so far
	now     int64
	serial  uint32
	facts   []*toldFact

	topics     map[string]*topic
	messages   uint32
	lastSend   int64   // no two messages in one instant
	lastAction int64   // 0: none yet
	arrived    []int64 // when the delivered messages were sent
	lastMID    string
	neverAsked bool
	blocked    bool // nobody may know
	blockKnown bool
	tokens     int // one-time tokens given and not used

	// On WhatsApp:
	optedOut      bool
	conversations map[string]chat // by category
	entry         int64           // end of the free entry point, 0: none
	fromAd        int64           // when an ad last brought the contact, and nobody has answered yet
}

// topic is what a contact and the business know of one consent.
type topic struct {
	name     string
	promise  string // what the contact was promised
	told     string // what the webhook says of it
	zone     string // empty: not told
	location *time.Location
	expires  int64
	token    string
	ended    string // empty: it runs; else stopped, expired
	period   int64  // beginning of the period that the sends below belong to
	sends    int
}

type chat struct {
	id   string
	ends int64
}

// live puts a life's beginnings on the agenda and runs it to the end of the data.
func (p *consentPerson) live() {
	if p.where == nil {
		p.onMessenger()
	} else {
		p.onWhatsApp()
	}
	for len(p.agenda) > 0 {
		next := heap.Pop(&p.agenda).(agendum)
		if next.at >= p.end {
			return
		}
		p.now = next.at
		next.do()
	}
}

// at puts something on the agenda, for now at the earliest.
func (p *consentPerson) at(at int64, do func()) {
	p.planned++
	heap.Push(&p.agenda, agendum{max(at, p.now), p.planned, do})
}

func (p *consentPerson) chance(share float64) bool { return p.r.Float64() < share }

// between draws an instant from [from, to).
func (p *consentPerson) between(from, to int64) int64 { return from + p.r.Int64N(max(1, to-from)) }

// gap draws the milliseconds to the next of things that come at a rate per day.
func (p *consentPerson) gap(perDay float64) int64 {
	return int64(p.r.ExpFloat64() / perDay * float64(dayMS))
}

// delayed draws a delay in milliseconds.
func (p *consentPerson) delayed(d delay) int64 { return d.draw(p.r)*secondMS + p.r.Int64N(secondMS) }

// tell puts a fact on its way.
func (p *consentPerson) tell(by int8, l canonical.Line, w wire, also *canonical.Line) {
	if at := l.EventTime.UnixMilli(); at < p.start || at >= p.end {
		return
	}
	l.AccountID, l.Address, l.Provider, l.Channel = p.account, p.address, "meta", "messenger"
	if p.where != nil {
		l.Channel, l.Market = "whatsapp", p.where.Code // as the number says
	}
	f := toldFact{contact: p.index, by: by, line: l, also: also, wire: w}
	f.arrival = l.EventTime.UnixMilli() + p.r.Int64N(3*secondMS)
	if p.chance(consentModel.Late) {
		f.arrival += p.between(lateLeast*secondMS, lateMost*secondMS)
	}
	keep := func(f toldFact) {
		p.serial++
		f.serial = p.serial
		p.facts = append(p.facts, &f)
	}
	keep(f)
	if p.chance(consentModel.Copied) {
		f.arrival += p.r.Int64N(2 * hourMS)
		keep(f)
	}
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// person makes a contact from the beginning of its own source of chance.
func (w *ConsentWorld) person(index int) *consentPerson {
	p := &consentPerson{
		ConsentWorld: w, index: int32(index),
		r:      rand.New(rand.NewPCG(mix(w.Options.Seed^0xc0115e47), mix(w.Options.Seed^mix(uint64(index)+1)))),
		topics: map[string]*topic{}, conversations: map[string]chat{},
		now: w.start,
	}
	p.z = p.r.NormFloat64()
	if p.chance(consentModel.WhatsApp) {
		m := &markets[drawMarket(p.r)]
		// Far from the numbers of the other world.
		p.where, p.account = m, m.account[:len(m.account)-4]+"5"+m.account[len(m.account)-3:]
		p.address = "+" + m.number(otherNumbers(m)+index)
		return p
	}
	x := p.r.Float64()
	for i := range consentMarkets {
		if p.market = &consentMarkets[i]; x < p.market.Share {
			break
		}
		x -= p.market.Share
	}
	p.account, p.address = p.market.page, fmt.Sprintf("71%014d", index+1)
	return p
}

// otherNumbers is past ten groups of a market's invented numbers.
func otherNumbers(m *market) int {
	room := 10 * len(m.prefixes)
	for range m.digits {
		room *= 10
	}
	return room
}

// id is a message's id as the platform might give it, or the sender to what the platform did not take.
func (p *consentPerson) id(kind string) string {
	p.messages++
	return fmt.Sprintf("%s%016x%016x", kind, mix(p.Options.Seed^mix(uint64(p.index)<<32|uint64(p.messages))), mix(uint64(p.index)<<32|uint64(p.messages)))
}

// free returns the first instant from at on, of a whole step, at which the contact gets no other message.
func (p *consentPerson) free(at, step int64) int64 {
	at = (at + step - 1) / step * step
	if at <= p.lastSend {
		at = p.lastSend + step
	}
	p.lastSend = at
	return at
}

// agendum is one thing to do; of those of one instant the one put down first comes first.
type agendum struct {
	at    int64
	order uint64
	do    func()
}

// agenda is a heap, earliest first.
type agenda []agendum

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(agendum)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
