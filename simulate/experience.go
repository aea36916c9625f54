package simulate

import (
	"iter"
	"math"
	"time"

	"drumbeat/ingest/canonical"
)

// Experience is what happened to one contact in some span of time, by the definitions of docs/metrics.md: what the metrics
// conversations, contact_frequency and pain_contacts should find.
type Experience struct {
	Address string
	Market  string
	Known   time.Time // when the lines tell of the contact first; zero: they never do
	Cases   int       // begun in the span
	Days    int       // local days on which the contact wrote in a case that it had begun
	// Hits counts, in the order of Pains, the cases and messages that hit, when the metric pain_contacts says that it is decided. The lines
	// say the same, but for the last hours of the data and for irrelevant: here only those who left because a campaign was nothing
	// for them.
	Hits [painKinds]int
}

// More messages than these in a local day or week are too many, unless a business says otherwise.
const (
	DayCap  = 2
	WeekCap = 5
)

// record is what happened to one contact.
type record struct {
	known int64              // first told fact
	hits  [painKinds][]int64 // when
	cases []int64            // when they began
	wrote []int64            // messages in cases that the contact began
	sends []sentAt           // proactive, standing, in order

	annoyed []int64 // when something was felt that makes the contact open less
}

// sentAt is when a message was sent and told to be opened; 0: never.
type sentAt struct{ at, opened int64 }

// note adds to the contact's record, if there is one.
func (t *telling) note(c *contact, add func(*record)) {
	if t.records != nil {
		add(&t.records[c.index])
	}
}

// Experiences lives the world once more and returns what happened to each contact from one instant to another, in the order of
// contacts. It takes about as long as telling the world, and no lines are spelled out. Without support nobody experiences anything.
func (w *World) Experiences(from, to time.Time) []Experience {
	records := w.remembered()
	book := w.book()
	all := make([]Experience, len(records))
	within := func(times []int64) (n int) {
		for _, at := range times {
			if at >= from.Unix() && at < to.Unix() {
				n++
			}
		}
		return n
	}
	for i := range records {
		x, m := &records[i], &markets[book.market[i]]
		e := Experience{Address: "+" + book.number[i], Market: m.Code, Cases: within(x.cases)}
		if x.known != 0 {
			e.Known = time.Unix(x.known, 0).UTC()
		}
		days := map[string]bool{}
		for _, at := range x.wrote {
			if at >= from.Unix() && at < to.Unix() {
				days[time.Unix(at, 0).In(m.location).Format(time.DateOnly)] = true
			}
		}
		e.Days = len(days)
		for pain := range x.hits {
			e.Hits[pain] = within(x.hits[pain])
		}
		e.Hits[painTooMany] = within(tooMany(x.sends, m.location))
		all[i] = e
	}
	return all
}

// remembered lives the world for its records.
func (w *World) remembered() []record {
	records := make([]record, w.Options.Contacts)
	w.recount(records, func(fact) bool { return true })
	return records
}

// tooMany returns when messages were sent that were too many: by the caps, or after ten that were not opened.
func tooMany(sends []sentAt, zone *time.Location) (all []int64) {
	days, weeks := map[string]int{}, map[[2]int]int{}
	for i, s := range sends {
		local := time.Unix(s.at, 0).In(zone)
		year, week := local.ISOWeek()
		day := local.Format(time.DateOnly)
		days[day]++
		weeks[[2]int{year, week}]++
		unheeded := i >= unopenedMost
		for _, b := range sends[max(0, i-unopenedMost):i] {
			unheeded = unheeded && (b.opened == 0 || b.opened > s.at)
		}
		if unheeded || days[day] > DayCap || weeks[[2]int{year, week}] > WeekCap {
			all = append(all, s.at)
		}
	}
	return all
}

// Own tells what no webhook knows of the answers, as the lines that the sender posts: who wrote them, which are automatic, and
// which are templates that go on with a conversation. Each is another copy of a send that the platform tells too.
func (w *World) Own() iter.Seq[canonical.Line] {
	return func(yield func(canonical.Line) bool) {
		b := w.book()
		var buf []byte
		w.facts(func(f fact) bool {
			return f.what != factSent || f.campaign != response || f.repeats || yield(b.line(f, &buf))
		})
	}
}

// SupportTruth is what only the maker of a world with support knows.
type SupportTruth struct {
	Model    SupportModel `json:"model"`
	Load     []Load       `json:"load"`
	Pains    []PainTruth  `json:"pains"`
	Contacts int          `json:"contacts"` // heard of
	OwnLines int          `json:"own_lines"`
}

// SupportModel states what the desk and the contacts draw from. z is a contact's engagement, u its own standard normal.
type SupportModel struct {
	Writes       string     `json:"begins_a_conversation_on_a_day"`
	Intents      []intent   `json:"intents"`
	Desks        []desk     `json:"desks"`
	Answered     string     `json:"answered"`
	Forgotten    float64    `json:"share_of_questions_never_answered"`
	Mislaid      float64    `json:"share_of_questions_mislaid"`
	MislaidDelay delay      `json:"mislaid_delay_in_hours_of_work"`
	TurnDelay    delay      `json:"later_answers_in_hours_of_work"`
	Calendars    []Calendar `json:"calendars"`
	Repeats      string     `json:"repeats"`
	Leave        string     `json:"leave"`
	Open         string     `json:"open"`
	Mistakes     []string   `json:"mistakes"`
}

// Load is the mean number of times the usual delay that a market's questions took.
type Load struct {
	Market string  `json:"market"`
	Load   float64 `json:"mean_load"`
}

// PainTruth is what the world inflicted, and what that caused.
type PainTruth struct {
	Pain     string  `json:"pain"`
	Contacts int     `json:"contacts"` // hit at least once
	Hits     int     `json:"hits"`
	Reach    float64 `json:"reach"` // contacts hit, of those heard of
	// LeaveAfter is added to the chance to leave on each of the 14 days after a hit. Excess is what that makes of a told opt-out
	// in any 7 of these days that follow on each other, at the mean chance of a day at risk; other pains of the same contact come on
	// top. Of too_many_messages it is nothing beside what the dose does.
	LeaveAfter float64 `json:"leave_after"`
	Excess     float64 `json:"excess_opt_out"`
}

func (w *World) supportTruth(ref Reference) *SupportTruth {
	if !w.Options.Support {
		return nil
	}
	truth := &SupportTruth{Model: w.supportModel()}
	records := w.remembered()
	sums, cases := make([]float64, len(markets)), make([]float64, len(markets))
	book := w.book()
	var pains [painKinds]PainTruth
	for i := range records {
		x, market := &records[i], book.market[i]
		if x.known == 0 {
			continue
		}
		truth.Contacts++
		for _, at := range x.cases {
			sums[market] += w.load(market, at)
			cases[market]++
		}
		for pain := range pains {
			hits := len(x.hits[pain])
			if pain == painTooMany {
				hits = len(tooMany(x.sends, markets[market].location))
			}
			pains[pain].Hits += hits
			if hits > 0 {
				pains[pain].Contacts++
			}
		}
	}
	for i := range markets {
		if cases[i] > 0 {
			truth.Load = append(truth.Load, Load{markets[i].Code, round(sums[i] / cases[i])})
		}
	}
	var base, days float64
	for _, d := range ref.Doses {
		base += float64(d.Days) * w.Options.leaves(d.Dose)
		days += float64(d.Days)
	}
	told := func(hazard float64) float64 { return (1 - leaveByBlock) * (1 - math.Pow(1-hazard, 7)) }
	for pain := range pains {
		p := &pains[pain]
		p.Pain, p.LeaveAfter = Pains[pain], leaveAfter[pain]
		p.Reach = round(float64(p.Contacts) / float64(max(1, truth.Contacts)))
		if days > 0 {
			p.Excess = round(told(base/days+p.LeaveAfter) - told(base/days))
		}
	}
	truth.Pains = pains[:]
	for range w.Own() {
		truth.OwnLines++
	}
	return truth
}
