package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// What the contacts of every world are like. Truth prints these numbers beside the results,
// so that nobody has to read the code to know what an analysis should have found.
const (
	secondsPerDay = 86400
	week          = 7 * secondsPerDay

	// Proactive sends a contact is meant to get in a week: exp(sendsLog + sendsEngaged*z + sendsWeek*e),
	// with z the contact's engagement and e drawn anew each week, both standard normal. That z is
	// in it is the confounding: the engaged are messaged more. e is independent of everything, so
	// that a contact's own weeks can be compared.
	sendsLog     = 0.34
	sendsEngaged = 0.75
	sendsWeek    = 0.60
	sendsMost    = 16.0

	utilityPerWeek  = 0.10 // order updates and the like, from 8 to 20 h local; proactive too
	campaignsPerDay = 3    // per market; each reaches a contact with probability weekly rate / (7*campaignsPerDay)
	campaignSpread  = 2700 // seconds over which one campaign goes out

	// P(open | delivered) = logistic(openBase + openEngaged*z + market) * exp(-openFatigue*(exposure-1)).
	openBase    = -0.35
	openEngaged = 1.40
	openFatigue = 0.065
	// P(reply | opened) = min(replyMost, replyBase*exp(replyEngaged*z)) * exp(-replyFatigue*(exposure-1)).
	replyBase    = 0.11
	replyEngaged = 0.50
	replyMost    = 0.60
	replyFatigue = 0.10
	// P(click | opened) = min(clickMost, clickBase*exp(clickEngaged*z)) * exp(-clickFatigue*(exposure-1)), where messages have a link.
	clickBase    = 0.16
	clickEngaged = 0.40
	clickMost    = 0.70
	clickFatigue = 0.08
	// Where timing matters, the chance of an open is also multiplied by
	// (1 - habituation*exp(-hours since the proactive message before / recovers)) * (1 - hourSwing*(1-cos(2 pi (local hour - hourBest)/24))/2).
	habituation = 0.50
	recovers    = 12.0 // hours
	hourSwing   = 0.40
	hourBest    = 20

	// A business that reacts sends so many times as much on the days after a told open or an inbound message.
	reacts    = 3.0
	reactDays = 3
	// Contacts of an engagement below this are the least engaged third.
	leastThird = -0.4307

	// P(leave on a day at risk | dose) = leaveBase*exp(leaveDose*min(dose, leaveDoseMost)).
	leaveBase     = 0.0010
	leaveDose     = 0.20
	leaveDoseMost = 14
	leaveNull     = 0.0020 // on every day, whatever the dose, in a null world
	leaveByBlock  = 0.15   // of those who leave: they block the number, and no event tells of it
	leaveReturns  = 0.15   // of those who stop: they opt in again
	returnAfter   = 5      // days at the earliest
	returnWithin  = 35     // further days

	receiptsOff = 0.20 // of contacts: their opens are never told
	thereBefore = 0.60 // of contacts: known to the business before the data starts

	failUndeliverable = 0.008 // 131026, after sent
	failUnknown       = 30005 // of every message to an address that does not exist; 131026 in webhooks
	failContradicted  = 0.03  // of these: delivered in the end, by another device
	failCapped        = 0.002 // 131049, without sent; plus failCappedDose for each earlier send of the week over five
	failCappedDose    = 0.004
	neverDelivered    = 0.015
	chatOpen          = 0.03 // of told opens: no delivered, because the chat was on the screen

	quotes           = 0.35 // of replies to a proactive message
	writesPerWeek    = 0.13 // conversations a contact starts: writesPerWeek*exp(writesEngaged*z)
	writesEngaged    = 0.5
	answered         = 0.85 // of inbound messages: the business responds
	responseOpened   = 0.92
	responseReplied  = 0.30
	conversationMost = 6 // messages of the business in one conversation

	late      = 0.015 // of facts: they arrive an hour to seven days late
	lateLeast = 3600
	lateMost  = week
	copied    = 0.02 // of facts: they arrive a second time
	burnIn    = 7    // days lived before the data starts, untold
)

// A delay is log-normal, in whole seconds.
type delay struct {
	Median float64 `json:"median_seconds"`
	Sigma  float64 `json:"sigma"`
	Most   int64   `json:"most_seconds"`
}

var (
	deliverSoon  = delay{Median: 2, Sigma: 0.6, Most: 30}
	deliverLater = delay{Median: 40 * 60, Sigma: 1.5, Most: 3 * secondsPerDay} // the phone was off
	openDelay    = delay{Median: 45 * 60, Sigma: 1.9, Most: 14 * secondsPerDay}
	clickDelay   = delay{Median: 40, Sigma: 1.2, Most: 2 * secondsPerDay}     // after the open
	replyDelay   = delay{Median: 9 * 60, Sigma: 2.3, Most: 5 * secondsPerDay} // after the open
	respondDelay = delay{Median: 6 * 60, Sigma: 1.3, Most: 20 * 3600}         // within the 24 h that a response may take
	chatDelay    = delay{Median: 90, Sigma: 1.2, Most: 6 * 3600}              // within a conversation
	leaveDelay   = delay{Median: 10 * 60, Sigma: 1.2, Most: 12 * 3600}        // after the day's first message
)

const deliverLaterShare = 0.15

func (d delay) draw(r *rand.Rand) int64 {
	return min(d.Most, int64(math.Exp(math.Log(d.Median)+d.Sigma*r.NormFloat64())))
}

func drawDelivery(r *rand.Rand) int64 {
	if r.Float64() < deliverLaterShare {
		return deliverLater.draw(r)
	}
	return deliverSoon.draw(r)
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// openFalls, clickFalls and replyFalls say what is left of a rate at an exposure; all are 1 at exposure 1.
func (o Options) openFalls(exposure int) float64 {
	return math.Exp(-o.Fatigue * openFatigue * float64(exposure-1))
}

func (o Options) clickFalls(exposure int) float64 {
	return math.Exp(-o.Fatigue * clickFatigue * float64(exposure-1))
}

func (o Options) replyFalls(exposure int) float64 {
	return math.Exp(-o.Fatigue * replyFatigue * float64(exposure-1))
}

// timing says what is left of the chance of an open by local hour and seconds since the proactive message before.
func (o Options) timing(m *market, at, since int64) float64 {
	if !o.Timing {
		return 1
	}
	hour := time.Unix(at, 0).In(m.location).Hour()
	return (1 - habituation*math.Exp(-float64(since)/(recovers*3600))) *
		(1 - hourSwing*(1-math.Cos(2*math.Pi*float64(hour-hourBest)/24))/2)
}

// fails is the chance that the platform withholds a campaign's message.
func fails(exposure int) float64 {
	return failCapped + failCappedDose*float64(max(0, exposure-6))
}

// leaves is the probability that a contact leaves on a day at risk.
func (o Options) leaves(dose int) float64 {
	if o.Null {
		return leaveNull
	}
	return leaveBase * math.Exp(leaveDose*float64(min(dose, leaveDoseMost)))
}

// traits are what a contact is born with.
type traits struct {
	market   int8    // index into markets
	weekly   float64 // log of the sends meant for a week, before the week's own draw
	open     float64 // P(open | delivered) at exposure 1
	reply    float64 // P(reply | opened) at exposure 1
	click    float64 // P(click | opened) at exposure 1
	writes   float64 // P(starts a conversation on a day)
	receipts bool
	before   bool  // known before the data starts
	joins    int64 // else when the contact opts in
	arm      int8  // index into the arms; assigned, not drawn, so that a test changes no trait
	lost     bool  // by the arm: never messaged, and never heard of
	dies     int64 // midnight from which on the address does not exist; 0: never
	baby     bool  // babyClub is of interest
}

// dead reports whether the address does not exist any more.
func (t traits) dead(at int64) bool { return t.dies > 0 && at >= t.dies }

// draw makes a contact from the beginning of its own source of chance.
func (w *World) draw(contact int, r *rand.Rand) traits {
	z := r.NormFloat64()
	t := traits{
		market: drawMarket(r),
		weekly: sendsLog + sendsEngaged*z,
		reply:  min(replyMost, replyBase*math.Exp(replyEngaged*z)),
		writes: writesPerWeek / 7 * math.Exp(writesEngaged*z),
		click:  min(clickMost, clickBase*math.Exp(clickEngaged*z)),
	}
	t.open = logistic(openBase + openEngaged*z + markets[t.market].Open)
	t.receipts = r.Float64() >= receiptsOff
	t.before = r.Float64() < thereBefore
	if !t.before {
		t.joins = w.start + r.Int64N(w.end-w.start)
	}
	if w.Options.Support {
		c := w.customer(contact, z)
		t.writes, t.baby = c.writes, c.baby
	}
	if w.Options.Dead > 0 {
		died := rand.New(rand.NewPCG(mix(w.Options.Seed^0xdead), mix(uint64(contact)+1))) // not drawn from the contact's own, so that it changes no trait
		if died.Float64() < w.Options.Dead {
			t.dies = w.start + died.Int64N(int64(w.Options.Days))*secondsPerDay
		}
	}
	if n := len(w.Options.Arms); n > 0 {
		t.arm = int8(mix(mix(w.Options.Seed^0xa3)^uint64(contact)) % uint64(n))
		t.lost = w.Options.Mismatch && int(t.arm) == n-1 && z < leastThird
	}
	return t
}
