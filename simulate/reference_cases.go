package simulate

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Conversations are what a faultless analysis finds about cases, by the definitions of docs/metrics.md. An address is taken
// to have one channel.
type Conversations struct {
	Cases     []Case      `json:"-"`         // by address and beginning
	Counts    []Cases     `json:"cases"`     // by market
	Frequency []Frequency `json:"frequency"` // by market and category, of those that somebody is in
	Weeks     []PainWeek  `json:"-"`         // by address
	Pains     []Pain      `json:"pains"`     // by market and pain
}

// Case is a row of the relation conversations.
type Case struct {
	Address, Market   string
	ByContact         bool
	Began, Ended      time.Time // first and last message
	Closed            time.Time
	Turns             int
	Inbound, Outbound int
	Nudges            int
	FirstNudge        time.Time // zero: none

	Answered, ByHuman, ByBot time.Time // first responses; zero: none
	Observed                 time.Time // up to when one could be seen

	InWindow    bool      // answered in the service window
	Expired     time.Time // the first time that the window ended before the first response; zero: never
	Later       int       // windows that ended after it
	RepeatKnown bool
	Repeated    time.Time // the contact's next case, if that is a repeat
}

// Cases counts the cases of a market.
type Cases struct {
	Market    string `json:"market"` // all: every market together
	Cases     int    `json:"cases"`
	ByContact int    `json:"begun_by_contacts"`
	Answered  int    `json:"answered"`
	ByHuman   int    `json:"answered_by_humans"`
	ByBot     int    `json:"answered_by_bots"`
	// Of the cases begun 24 hours before the cutoff or earlier: those without a response in these hours.
	Matured     int `json:"matured"`
	Unanswered  int `json:"unanswered"`
	Expired     int `json:"windows_expired"`
	Nudged      int `json:"nudged"`
	Nudges      int `json:"nudges"`
	RepeatKnown int `json:"repeat_known"`
	Repeated    int `json:"repeated"`
}

// Frequency counts the contacts who write so often.
type Frequency struct {
	Market   string `json:"market"` // all: every market together
	Category string `json:"category"`
	Contacts int    `json:"contacts"`
}

const (
	caseOpen     = wholeDay     // after its last message
	caseWaits    = 7 * wholeDay // after the first message of an unanswered turn
	repeatWithin = 3 * wholeDay
	nudgeAfter   = 10 * time.Minute
	stopsWithin  = time.Minute // an opt-out by keyword follows its message
)

// isAnswer reports whether the message is part of the talk.
func (m *message) isAnswer() bool {
	return m.stands() && m.purpose != "proactive" && !m.acknowledges && (m.purpose == "response" || !m.broadcast)
}

// broadcasts reports whether a send of no told purpose is a broadcast by what else is told of it.
func broadcasts(category string, marks ...string) bool {
	return strings.Join(marks, "") != "" || slices.Contains([]string{"marketing", "marketing_lite", "utility",
		"group_marketing", "group_utility", "authentication", "authentication_international"}, strings.ReplaceAll(category, "-", "_"))
}

// talk is a message of a conversation: of the contact, or an answer.
type talk struct {
	at     time.Time
	answer *message // nil: of the contact
	quotes string
}

// cases returns the contact's cases, in order. They do not know yet what followed on them.
func (p *person) cases(address string, cutoff time.Time) (all []Case) {
	var talks []talk
	for _, w := range p.inbound {
		stops := func(at time.Time) bool { return !at.Before(w.at) && at.Before(w.at.Add(stopsWithin)) }
		if !slices.ContainsFunc(p.keywords, stops) {
			talks = append(talks, talk{at: w.at, quotes: w.quotes})
		}
	}
	if len(talks) == 0 {
		return nil
	}
	for _, m := range p.messages {
		if !m.sent.IsZero() && m.isAnswer() {
			talks = append(talks, talk{at: m.sent, answer: m})
		}
	}
	slices.SortFunc(talks, func(a, b talk) int {
		side := func(t talk) int {
			if t.answer != nil {
				return 1
			}
			return 0
		}
		author := func(t talk) string {
			if t.answer != nil {
				return t.answer.author
			}
			return ""
		}
		return cmp.Or(a.at.Compare(b.at), side(a)-side(b), cmp.Compare(author(a), author(b)))
	})
	var open []talk // messages of the case that is open
	var closes, turn time.Time
	for _, t := range talks {
		if !t.at.Before(closes) || len(open) == 0 {
			if t.answer != nil {
				continue
			}
			if len(open) > 0 {
				all = append(all, p.close(address, open, closes, cutoff))
			}
			open, turn = nil, time.Time{}
		}
		open = append(open, t)
		switch {
		case t.answer != nil:
			turn = time.Time{}
		case turn.IsZero():
			turn = t.at
		}
		closes = t.at.Add(caseOpen)
		if waits := turn.Add(caseWaits); !turn.IsZero() && waits.After(closes) {
			closes = waits
		}
	}
	if len(open) > 0 {
		all = append(all, p.close(address, open, closes, cutoff))
	}
	for i := range all {
		c := &all[i]
		ends := c.Ended.Add(repeatWithin)
		c.RepeatKnown = c.Closed.Before(ends) && !ends.After(cutoff)
		if c.RepeatKnown && i+1 < len(all) && all[i+1].ByContact && all[i+1].Began.Before(ends) {
			c.Repeated = all[i+1].Began
		}
	}
	return all
}

// close makes a case of its messages.
func (p *person) close(address string, talks []talk, closes, cutoff time.Time) Case {
	first, last := talks[0], talks[len(talks)-1]
	c := Case{Address: address, Market: p.market, Began: first.at, Ended: last.at, Closed: closes, ByContact: !p.prompted(first), Turns: 1}
	latest := c.Began.Add(caseWaits)
	answered := false
	for i, t := range talks {
		if i > 0 && (t.answer == nil) != (talks[i-1].answer == nil) {
			c.Turns++
		}
		if t.answer != nil {
			c.Outbound++
			if !answered && t.at.Before(latest) {
				c.InWindow = t.at.Before(talks[i-1].at.Add(caseOpen))
			}
			answered = true
			for author, of := range map[string]*time.Time{"": &c.Answered, "human": &c.ByHuman, "bot": &c.ByBot} {
				if of.IsZero() && t.at.Before(latest) && (author == "" || author == t.answer.author) {
					*of = t.at
				}
			}
			continue
		}
		c.Inbound++
		if !answered && t.at.After(c.Began.Add(nudgeAfter)) {
			if c.Nudges++; c.Nudges == 1 {
				c.FirstNudge = t.at
			}
		}
		ends, next := t.at.Add(caseOpen), cutoff
		if i+1 < len(talks) {
			next = talks[i+1].at
		}
		if ends.After(next) {
			continue
		}
		if answered {
			c.Later++
		} else if c.Expired.IsZero() {
			c.Expired = ends
		}
	}
	c.Observed = slices.MinFunc([]time.Time{latest, closes, cutoff}, time.Time.Compare)
	return c
}

// prompted reports whether a case's first message answers one of the business.
func (p *person) prompted(t talk) bool {
	from := t.at.Add(-replyWindow)
	if t.quotes != "" {
		m := p.messages[t.quotes]
		return m != nil && m.sent.After(from)
	}
	for _, m := range p.messages {
		if m.stands() && m.sent.Before(t.at) && m.sent.After(from) {
			return true
		}
	}
	return false
}

// frequency says how often the contact writes of its own accord, on the scale of surveys. Empty: it was not known for all of
// the 28 days before as of.
func (p *person) frequency(cases []Case, asOf time.Time) (category string, days int) {
	from := asOf.Add(-28 * wholeDay)
	if p.first.After(from) {
		return "", 0
	}
	begun := false
	on, runs := map[string]bool{}, 0
	var wrote []time.Time
	for _, c := range cases {
		if !c.ByContact {
			continue
		}
		begun = true
		for _, w := range p.inbound {
			if !w.at.Before(c.Began) && !w.at.After(c.Ended) && !w.at.Before(from) && w.at.Before(asOf) {
				on[w.at.In(p.location()).Format(time.DateOnly)] = true
				wrote = append(wrote, w.at)
			}
		}
	}
	slices.SortFunc(wrote, time.Time.Compare)
	for i, at := range wrote {
		if i == 0 || at.Sub(wrote[i-1]) >= time.Hour {
			runs++
		}
	}
	days = len(on)
	switch {
	case days >= 20 && runs >= 2*days:
		return "several times a day", days
	case days >= 20:
		return "daily", days
	case days >= 6:
		return "several times a week", days
	case days >= 3:
		return "weekly", days
	case days == 2:
		return "every 2-3 weeks", days
	case days == 1:
		return "monthly", days
	case begun:
		return "less often", days
	}
	return "never", days
}

// location is the zone that the contact's lines name, else that of its market, else UTC.
func (p *person) location() *time.Location {
	if p.zone != "" {
		if l, err := time.LoadLocation(p.zone); err == nil {
			return l
		}
	}
	for i := range markets {
		if markets[i].Code == p.market {
			return markets[i].location
		}
	}
	return time.UTC
}

// conversations gathers the cases of all.
func (ref *Reference) conversations(people map[string]*person, since map[string]time.Time) (found Conversations) {
	asOf := ref.Cutoff.Truncate(wholeDay)
	from := asOf.Add(-28 * wholeDay)
	reaches := false // the data, to the first of the 28 days
	for _, begins := range since {
		reaches = reaches || !begins.After(from)
	}
	opens := map[string]bool{} // accounts that tell them
	for _, p := range people {
		for _, m := range p.messages {
			opens[p.account] = opens[p.account] || !m.opened.IsZero()
		}
	}
	markets, often := map[string]*Cases{}, map[Frequency]int{}
	for address, p := range people {
		cases := p.cases(address, ref.Cutoff)
		found.Cases = append(found.Cases, cases...)
		found.Weeks = append(found.Weeks, p.painWeeks(address, cases, ref.Cutoff, opens[p.account])...)
		if category, _ := p.frequency(cases, asOf); reaches && category != "" {
			often[Frequency{Market: "all", Category: category}]++
			often[Frequency{Market: p.market, Category: category}]++
		}
		for i := range cases {
			for _, market := range [...]string{"all", p.market} {
				if markets[market] == nil {
					markets[market] = &Cases{Market: market}
				}
				markets[market].add(&cases[i], ref.Cutoff)
			}
		}
	}
	slices.SortFunc(found.Cases, func(a, b Case) int { return cmp.Or(cmp.Compare(a.Address, b.Address), a.Began.Compare(b.Began)) })
	slices.SortFunc(found.Weeks, func(a, b PainWeek) int { return cmp.Or(cmp.Compare(a.Address, b.Address), a.Week.Compare(b.Week)) })
	found.Pains = pains(found.Weeks)
	for _, c := range markets {
		found.Counts = append(found.Counts, *c)
	}
	slices.SortFunc(found.Counts, func(a, b Cases) int { return cmp.Compare(a.Market, b.Market) })
	for f, n := range often {
		f.Contacts = n
		found.Frequency = append(found.Frequency, f)
	}
	slices.SortFunc(found.Frequency, func(a, b Frequency) int {
		return cmp.Or(cmp.Compare(a.Market, b.Market), cmp.Compare(a.Category, b.Category))
	})
	return found
}

func (n *Cases) add(c *Case, cutoff time.Time) {
	count := func(to *int, yes bool) {
		if yes {
			*to++
		}
	}
	n.Cases++
	count(&n.ByContact, c.ByContact)
	count(&n.Answered, !c.Answered.IsZero())
	count(&n.ByHuman, !c.ByHuman.IsZero())
	count(&n.ByBot, !c.ByBot.IsZero())
	matured := !c.Began.Add(wholeDay).After(cutoff)
	count(&n.Matured, matured)
	count(&n.Unanswered, matured && (c.Answered.IsZero() || c.Answered.After(c.Began.Add(wholeDay))))
	count(&n.Expired, !c.Expired.IsZero())
	count(&n.Nudged, c.Nudges > 0)
	n.Nudges += c.Nudges
	count(&n.RepeatKnown, c.RepeatKnown)
	count(&n.Repeated, !c.Repeated.IsZero())
}
