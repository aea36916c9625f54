package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Pains are what contacts put up with, under the names of the metric pain_points.
const (
	painNoReply = iota
	painSlowReply
	painRepeat
	painNudged
	painExpired
	painFailed
	painTooMany
	painNight
	painAfterOptOut
	painIrrelevant
	painKinds
)

// Pains names the pains, in the order of Experience.Hits.
var Pains = [painKinds]string{
	"no_reply", "slow_reply", "repeat_contact", "nudged", "window_expired",
	"failed_delivery", "too_many_messages", "night_message", "message_after_opt_out", "irrelevant",
}

// What a world with support is made of, beside what model.go says of every world. Truth prints it.
const (
	// A contact begins a conversation on a day with the chance min(writesMost, writesMedian*exp(writesByZ*z + writesSigma*u)), u a
	// standard normal of its own; writesNever never do.
	writesNever  = 0.15
	writesMedian = 0.024
	writesByZ    = 0.35
	writesSigma  = 1.15
	writesMost   = 0.85
	bursts       = 0.22 // of questions: a second message follows within a minute

	botAtNight       = 1.6  // so many times as often a bot tries out of hours
	acknowledged     = 0.65 // of the other questions out of hours: an automatic acknowledgement
	acknowledgedOpen = 0.15 // in hours
	askAfterBot      = 0.75 // of contacts whom the bot did not help: they ask again, and a human takes over

	forgotten     = 0.045 // of questions for humans: nobody ever answers
	mislaid       = 0.03  // of the others: answered after mislaidDelay only
	afterClosing  = 1.7   // so many times the usual delay on the first working day after a closed one
	rushLoad      = 3.0   // and in the rush
	rushMarket    = "TH"
	rushFrom      = 35 // day of the data
	rushDays      = 12
	refusedFirst  = 0.35 // of answers after the 24 hours: tried without a template, and refused
	secondMessage = 0.20 // of answers: in two messages
	followUps     = 0.40 // of answers that were read: another question, up to roundsMost
	roundsMost    = 4
	thanks        = 0.22 // of answers that were read and bring no question
	welcomes      = 0.70 // of thanks in hours: the human answers these too

	nudges     = 0.45 // of those whose patience ends: they write once more, then half of them again
	nudgesMost = 3
	// P(the contact comes back within 72 h of the last message) = repeats + repeatsSlow if it waited longer than the stated hour +
	// repeatsUnsolved if its question is not solved.
	repeats         = 0.03
	repeatsSlow     = 0.06
	repeatsUnsolved = 0.27

	// Mistakes of the business.
	nightMarket    = "VN"
	nightShare     = 0.10 // of the market's campaigns: they go out from 0 to 5 h local
	staleDays      = 3    // for so long after an opt-out campaigns may still go out, the list not being up to date
	staleShare     = 0.12 // of the campaigns that a contact would have got
	babyEvery      = 8    // days from one campaign of babyClub to the next in a market
	babyIrrelevant = 0.70 // of contacts: it is nothing for them
	babyLeaves     = 0.08 // of these, if they open it: they opt out within the hour

	// What happened changes what contacts do for so many days from the next one on: the chance to leave on a day grows by
	// the sum of leaveAfter, and that of an open falls to annoyedOpens of it after a slow answer or none.
	remembers    = 14
	annoyedOpens = 0.85

	slowAfter = 3600          // seconds: where pain_points draws the line for a slow reply, if nobody sets another
	unheard   = secondsPerDay // and for none
)

// leaveAfter is added to the chance to leave on each of the remembered days. Too many messages act by the dose alone.
var leaveAfter = [painKinds]float64{
	painNoReply: 0.0040, painSlowReply: 0.0016, painRepeat: 0.0010, painNight: 0.0030,
}

var (
	botDelay      = delay{Median: 3, Sigma: 0.5, Most: 20}
	burstDelay    = delay{Median: 20, Sigma: 0.6, Most: 60}
	askAgainDelay = delay{Median: 75, Sigma: 0.8, Most: 3600}
	mislaidDelay  = delay{Median: 16 * 3600, Sigma: 0.5, Most: 60 * 3600} // hours of work
	answerOpened  = delay{Median: 4 * 60, Sigma: 1.5, Most: 3 * secondsPerDay}
	turnDelay     = delay{Median: 4 * 60, Sigma: 1.0, Most: 4 * 3600} // hours of work, within a conversation
	patience      = delay{Median: 50 * 60, Sigma: 1.0, Most: 30 * 3600}
	templateDelay = delay{Median: 120, Sigma: 0.5, Most: 600}
	regretDelay   = delay{Median: 6 * 60, Sigma: 0.8, Most: 3000} // from the open to the opt-out
)

// desk is how a market's messages are answered.
type desk struct {
	Market string  `json:"market"`
	Bot    float64 `json:"bot"`   // share of first questions in hours that a bot tries
	Human  delay   `json:"human"` // of the first answer by a human, in hours of work under the usual load
}

// desks are in the order of markets.
var desks = []desk{
	{Market: "PH", Bot: 0.45, Human: delay{Median: 22 * 60, Sigma: 1.2, Most: 40 * 3600}},
	{Market: "ID", Bot: 0.40, Human: delay{Median: 35 * 60, Sigma: 1.3, Most: 40 * 3600}},
	{Market: "VN", Bot: 0.20, Human: delay{Median: 30 * 60, Sigma: 1.1, Most: 40 * 3600}},
	{Market: "TH", Bot: 0.10, Human: delay{Median: 75 * 60, Sigma: 1.2, Most: 40 * 3600}},
	{Market: "TW", Bot: 0.30, Human: delay{Median: 18 * 60, Sigma: 1.0, Most: 40 * 3600}},
	{Market: "KR", Bot: 0.45, Human: delay{Median: 9 * 60, Sigma: 1.0, Most: 40 * 3600}},
	{Market: "AU", Bot: 0.35, Human: delay{Median: 45 * 60, Sigma: 1.2, Most: 40 * 3600}},
}

var (
	weekdays    = []Span{{9 * 60, 18 * 60}}
	lunch       = []Span{{9 * 60, 12 * 60}, {13 * 60, 18 * 60}}
	longDay     = []Span{{8 * 60, 20 * 60}}
	morningOnly = []Span{{8 * 60, 12 * 60}}
)

// calendars are in the order of markets. The holidays are a few of those that the default world meets, and the New Years around it.
var calendars = []Calendar{
	{Market: "PH", Hours: [7][]Span{longDay, longDay, longDay, longDay, longDay, longDay, longDay}, Holidays: []string{"2025-11-01", "2025-12-25", "2026-01-01"}},
	{Market: "ID", Hours: [7][]Span{nil, longDay, longDay, longDay, longDay, longDay, longDay}, Holidays: []string{"2025-09-05", "2025-12-25", "2026-01-01"}},
	{Market: "VN", Hours: [7][]Span{nil, lunch, lunch, lunch, lunch, lunch, morningOnly}, Holidays: []string{"2025-09-01", "2025-09-02", "2026-01-01"}},
	{Market: "TH", Hours: [7][]Span{nil, weekdays, weekdays, weekdays, weekdays, weekdays, weekdays}, Holidays: []string{"2025-10-13", "2025-10-23", "2026-01-01"}},
	{Market: "TW", Hours: [7][]Span{nil, weekdays, weekdays, weekdays, weekdays, weekdays, nil}, Holidays: []string{"2025-10-06", "2025-10-10", "2026-01-01"}},
	{Market: "KR", Hours: [7][]Span{nil, lunch, lunch, lunch, lunch, lunch, nil}, Holidays: []string{"2025-10-03", "2025-10-06", "2025-10-07", "2025-10-08", "2025-10-09", "2026-01-01"}},
	{Market: "AU", Hours: [7][]Span{nil, weekdays, weekdays, weekdays, weekdays, weekdays, nil}, Holidays: []string{"2025-10-06", "2025-12-25", "2025-12-26", "2026-01-01"}},
}

func init() {
	for i := range calendars {
		calendars[i].Zone, calendars[i].location = markets[i].Zone, markets[i].location
	}
}

// intent is what a contact wants. No event tells it.
type intent struct {
	Name   string  `json:"name"`
	Share  float64 `json:"share"`  // of the conversations that contacts begin
	Bot    float64 `json:"bot"`    // chance that a bot which tries can help
	Solved float64 `json:"solved"` // chance that an answer by a human solves it, if no other question follows
}

// intents follow the purchase funnel.
var intents = []intent{
	{"discover", 0.14, 0.60, 0.95},
	{"ask", 0.22, 0.55, 0.92},
	{"consult", 0.08, 0.15, 0.88},
	{"order", 0.12, 0.35, 0.92},
	{"pay", 0.07, 0.30, 0.85},
	{"track", 0.19, 0.65, 0.88},
	{"support", 0.13, 0.12, 0.70},
	{"feedback", 0.05, 0.40, 0.95},
}

func drawIntent(r *rand.Rand) int8 {
	x := r.Float64()
	for i := range intents {
		if x -= intents[i].Share; x < 0 {
			return int8(i)
		}
	}
	return 0
}

// waking are the weights of the local hours at which contacts write.
var waking = [24]int{1, 0, 0, 0, 0, 0, 1, 3, 6, 8, 10, 10, 9, 9, 8, 8, 8, 8, 9, 10, 11, 10, 7, 3}

var wakingAll = func() (n int) {
	for _, x := range waking {
		n += x
	}
	return n
}()

func drawHour(r *rand.Rand) int {
	x := r.IntN(wakingAll)
	for hour, weight := range waking {
		if x -= weight; x < 0 {
			return hour
		}
	}
	return 0
}

// customer are traits that matter in a world with support only. They come from a source of their own.
type customer struct {
	writes float64 // P(begins a conversation on a day)
	baby   bool    // babyClub is of interest
}

func (w *World) customer(contact int, z float64) (c customer) {
	r := rand.New(rand.NewPCG(mix(w.Options.Seed^0x5e27), mix(w.Options.Seed^mix(uint64(contact)+0x5e27))))
	never, u := r.Float64() < writesNever, r.NormFloat64()
	c.baby = r.Float64() >= babyIrrelevant
	if !never {
		c.writes = min(writesMost, writesMedian*math.Exp(writesByZ*z+writesSigma*u))
	}
	return c
}

// load says how many times the usual delay an answer takes whose question came at an instant.
func (w *World) load(market int8, at int64) float64 {
	c := &calendars[market]
	load := 1.0
	starts := time.Unix(c.after(at, 0), 0).In(c.location)
	if !c.works(time.Date(starts.Year(), starts.Month(), starts.Day()-1, 12, 0, 0, 0, c.location)) {
		load = afterClosing
	}
	if day := (at - w.start) / secondsPerDay; markets[market].Code == rushMarket && day >= rushFrom && day < rushFrom+rushDays {
		load *= rushLoad
	}
	return load
}

func (w *World) supportModel() SupportModel {
	leave := "P(leave on a day at risk) grows by"
	for pain, more := range leaveAfter {
		if more > 0 {
			leave += fmt.Sprintf(" %v (%s)", more, Pains[pain])
		}
	}
	return SupportModel{
		Writes:  fmt.Sprintf("min(%v, %v * exp(%v z + %v u)); of a share of %v: 0", writesMost, writesMedian, writesByZ, writesSigma, writesNever),
		Intents: intents,
		Desks:   desks,
		Answered: fmt.Sprintf("first answers by humans: the market's delay * load, in hours of work; load: 1, on the first working day after a closed one %v, times %v in %s from day %d to day %d",
			afterClosing, rushLoad, rushMarket, rushFrom, rushFrom+rushDays-1),
		Forgotten:    forgotten,
		Mislaid:      mislaid,
		MislaidDelay: mislaidDelay,
		TurnDelay:    turnDelay,
		Calendars:    calendars,
		Repeats:      fmt.Sprintf("%v + %v if the first answer took more than an hour + %v if the question is not solved", repeats, repeatsSlow, repeatsUnsolved),
		Leave:        fmt.Sprintf("%s, each if it was felt in the %d days before the day", leave, remembers),
		Open:         fmt.Sprintf("P(open | delivered) is %v of it if a slow reply or none was felt in the %d days before the day", annoyedOpens, remembers),
		Mistakes: []string{
			fmt.Sprintf("%s: %v of the campaigns go out from 0 to 5 h local", nightMarket, nightShare),
			fmt.Sprintf("for %d days after an opt-out campaigns still go out, %v of the usual", staleDays, staleShare),
			fmt.Sprintf("%s every %d days: nothing for %v of the contacts, of whom %v opt out within the hour if they open it", campaigns[babyClub], babyEvery, babyIrrelevant, babyLeaves),
		},
	}
}
