package simulate

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"drumbeat/ingest/canonical"
)

// ConsentCard is a rate card for consent worlds, as a file. Its prices are invented.
//
//go:embed consent_rates.csv
var ConsentCard []byte

// ConsentRates are the prices of ConsentCard.
func ConsentRates() []Rate {
	rates, err := ReadRates(bytes.NewReader(ConsentCard))
	if err != nil {
		panic(err) // it is built in
	}
	return rates
}

// Rate is one price of a rate card.
type Rate struct {
	From     time.Time // first UTC day
	Channel  string
	Market   string // *: any
	Category string // *: any
	Unit     string // message, conversation
	TierFrom int    // units of the month before the first of this price
	Price    int64  // of one unit, in 1e-9 of the currency
	Currency string
}

// ReadRates reads a rate card (docs/metrics.md).
func ReadRates(r io.Reader) ([]Rate, error) {
	table := csv.NewReader(r)
	table.Comment = '#'
	rows, err := table.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read a rate card: %w", err)
	}
	var rates []Rate
	for i, row := range rows {
		if i == 0 || len(row) != 8 {
			continue
		}
		x := Rate{Channel: row[1], Market: row[2], Category: row[3], Unit: row[4], Currency: row[7]}
		whole, part, _ := strings.Cut(row[6], ".")
		part = (part + "000000000")[:9]
		var errs [3]error
		x.From, errs[0] = time.Parse(time.DateOnly, row[0])
		x.TierFrom, errs[1] = strconv.Atoi(row[5])
		x.Price, errs[2] = strconv.ParseInt(whole+part, 10, 64)
		for _, err := range errs {
			if err != nil {
				return nil, fmt.Errorf("read row %d of a rate card: %w", i+1, err)
			}
		}
		rates = append(rates, x)
	}
	return rates, nil
}

// ConsentReference is what a faultless analysis finds in a set of lines about consents, promises, windows and cost: each row
// by the definitions of docs/metrics.md, in plain Go. Rows are in the order of contact, channel and time.
type ConsentReference struct {
	Cutoff  time.Time       `json:"cutoff"`
	Lines   int             `json:"lines"`
	Copies  int             `json:"copies"` // lines that told a fact again
	Spells  []Spell         `json:"spells"`
	Asks    []Ask           `json:"asks"`
	Periods []Period        `json:"periods"`
	Sends   []WindowedSend  `json:"sends"`
	Windows []ServiceWindow `json:"service_windows"`
}

// Who says whose a row is. Address is in clear text: a reference is of invented people.
type Who struct {
	Address string `json:"address"`
	Channel string `json:"channel"`
}

// Spell is a time for which a consent lasted.
type Spell struct {
	Who
	Topic    string    `json:"topic"`
	Promise  string    `json:"promise"`
	Source   string    `json:"source"`
	Market   string    `json:"market"`
	Zone     string    `json:"zone"`
	ZoneTold bool      `json:"zone_told"`
	Begun    string    `json:"begun"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Ended    string    `json:"ended"`
	Renewals int       `json:"renewals"`
	Expires  time.Time `json:"expires,omitzero"`
	UsedBy   string    `json:"used_by,omitzero"`
}

// Ask is a request for a consent.
type Ask struct {
	Who
	Topic    string    `json:"topic"`
	At       time.Time `json:"at"`
	Answered bool      `json:"answered"`
}

// Period is one promised day, week or month.
type Period struct {
	Who
	Topic    string    `json:"topic"`
	Promise  string    `json:"promise"`
	Zone     string    `json:"zone"`
	From     time.Time `json:"from"`
	FirstDay string    `json:"first_day"` // local, as 2006-01-02
	Messages int       `json:"messages"`
	State    string    `json:"state"`
}

// WindowedSend is a message with what allowed it, what spoke against it, and what it cost.
type WindowedSend struct {
	Who
	Account   string    `json:"account"`
	MessageID string    `json:"message_id"`
	Sent      time.Time `json:"sent"`
	Failed    bool      `json:"failed"`
	Proactive bool      `json:"proactive"`
	Marketing bool      `json:"marketing"`
	Opened    bool      `json:"opened"`  // by a person, within 7 days
	Refused   bool      `json:"refused"` // for the window
	Topic     string    `json:"topic"`
	State     string    `json:"state"`
	CoveredBy string    `json:"covered_by,omitzero"`
	Promise   string    `json:"promise,omitzero"` // of the consent that covers it
	Breach    string    `json:"breach,omitzero"`
	Way       string    `json:"way,omitzero"`
	Unit      string    `json:"unit,omitzero"`
	Charged   bool      `json:"charged"`
	Why       string    `json:"why,omitzero"` // it is not charged
	HasPrice  bool      `json:"has_price"`
	Amount    int64     `json:"amount"` // 1e-9 of the currency
	Currency  string    `json:"currency,omitzero"`

	covered *spell
	said    *said
}

// ServiceWindow is a time in which anything might be sent, because the contact had done something.
type ServiceWindow struct {
	Who
	Account  string    `json:"account"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"` // excluded
	Over     bool      `json:"over"`
	Answered bool      `json:"answered"`
}

// MeasureConsent computes the reference of lines in any order, with the prices of a rate card.
func MeasureConsent(lines iter.Seq[canonical.Line], rates []Rate) ConsentReference {
	var ref ConsentReference
	b := hear(lines, &ref)
	for _, key := range slices.Sorted(maps.Keys(b.people)) {
		b.people[key].measure(b, &ref)
	}
	b.charge(ref.Sends, rates)
	return ref
}

// business is what the lines tell of everybody.
type business struct {
	cutoff  time.Time
	people  map[string]*consenter
	since   map[string]time.Time // of an account's data
	inbound map[[2]string]bool   // accounts and channels that ever told an inbound message
	optIns  map[string]bool      // channels with any opt-in
}

// consenter is one contact. Messages have the facts that name them put together.
type consenter struct {
	address  string
	market   string    // the alphabetically last
	heard    time.Time // first of it
	messages map[string]*said
	optIns   []canonical.Line
	optOuts  []canonical.Line
	receipts []canonical.Line
	replies  []canonical.Line
	actions  []canonical.Line // of the contact
}

// said is a message of the business; a zero time was not told.
type said struct {
	canonical.Line // what its facts say together
	sent, failed   time.Time
	delivered      time.Time
	opened         time.Time
}

// hear puts copies of a fact together, and the facts of a message.
func hear(lines iter.Seq[canonical.Line], ref *ConsentReference) *business {
	facts := map[string]canonical.Line{}
	for l := range lines {
		ref.Lines++
		event := l.EventID
		if l.MessageID == "" && event == "" {
			event = "w" + l.Watermark.Format(time.RFC3339Nano)
			if l.Watermark.IsZero() {
				event = "t" + l.EventTime.Format(time.RFC3339Nano) + l.Scope
			}
		}
		key := strings.Join([]string{contactOf(l), l.Channel, l.EventType, l.MessageID, event}, "\x00")
		if before, ok := facts[key]; ok {
			ref.Copies++
			l = merged(before, l)
		}
		facts[key] = l
	}
	b := &business{people: map[string]*consenter{}, since: map[string]time.Time{}, inbound: map[[2]string]bool{}, optIns: map[string]bool{}}
	for _, key := range slices.Sorted(maps.Keys(facts)) {
		b.take(facts[key])
	}
	ref.Cutoff = b.cutoff
	return b
}

// contactOf is the address, within an account where the platform gives it.
func contactOf(l canonical.Line) string {
	if l.Channel == "whatsapp" {
		return l.Address
	}
	return l.AccountID + "/" + l.Address
}

// merged puts two tellings together: the earliest time, and of what both say the greater.
func merged(a, b canonical.Line) canonical.Line {
	if b.EventTime.Before(a.EventTime) {
		a.EventTime = b.EventTime
	}
	if b.ExpiresAt.After(a.ExpiresAt) {
		a.ExpiresAt = b.ExpiresAt
	}
	for _, pair := range [][2]*string{
		{&a.AccountID, &b.AccountID}, {&a.Purpose, &b.Purpose}, {&a.Category, &b.Category}, {&a.TemplateID, &b.TemplateID}, {&a.CampaignID, &b.CampaignID},
		{&a.MessageTag, &b.MessageTag}, {&a.Scope, &b.Scope}, {&a.PromisedFrequency, &b.PromisedFrequency}, {&a.Reason, &b.Reason},
		{&a.Market, &b.Market}, {&a.Zone, &b.Zone}, {&a.PricingType, &b.PricingType}, {&a.PricingModel, &b.PricingModel}, {&a.Billable, &b.Billable},
		{&a.ConversationID, &b.ConversationID}, {&a.ErrorCode, &b.ErrorCode}, {&a.InReplyTo, &b.InReplyTo},
	} {
		*pair[0] = max(*pair[0], *pair[1])
	}
	if origin := max(a.Attributes["origin"], b.Attributes["origin"]); origin != "" {
		a.Attributes = map[string]string{"origin": origin}
	}
	return a
}

func earlier(a *time.Time, b time.Time) {
	if a.IsZero() || b.Before(*a) {
		*a = b
	}
}

func (b *business) take(l canonical.Line) {
	p := b.people[contactOf(l)]
	if p == nil {
		p = &consenter{address: l.Address, messages: map[string]*said{}}
		b.people[contactOf(l)] = p
	}
	p.market = max(p.market, l.Market)
	earlier(&p.heard, l.EventTime)
	if l.EventTime.After(b.cutoff) {
		b.cutoff = l.EventTime
	}
	if at, ok := b.since[l.AccountID]; !ok || l.EventTime.Before(at) {
		b.since[l.AccountID] = l.EventTime
	}
	at := l.EventTime
	switch l.EventType {
	case "opt_in":
		p.optIns = append(p.optIns, l)
		b.optIns[l.Channel] = true
		return
	case "opt_out":
		p.optOuts = append(p.optOuts, l)
		return
	case "reply":
		b.inbound[[2]string{l.AccountID, l.Channel}] = true
		p.replies = append(p.replies, l)
		p.actions = append(p.actions, l)
		return
	case "reaction", "referral":
		if l.Channel != "whatsapp" {
			p.actions = append(p.actions, l)
		}
		return
	case "send", "delivered", "open", "click", "failed":
	default:
		return
	}
	if l.MessageID == "" {
		p.receipts = append(p.receipts, l)
		return
	}
	m := p.messages[l.MessageID]
	if m == nil {
		m = &said{}
		p.messages[l.MessageID] = m
	}
	switch l.EventType {
	case "send":
		earlier(&m.sent, at)
	case "delivered":
		earlier(&m.delivered, at)
	case "open":
		earlier(&m.opened, at)
	case "failed":
		earlier(&m.failed, at)
	}
	scope := m.Scope
	if l.EventType == "send" {
		scope = max(scope, l.Scope)
	}
	l.EventTime = at
	m.Line = merged(m.Line, l)
	m.Channel, m.MessageID, m.Address, m.Scope = l.Channel, l.MessageID, l.Address, scope
}

// stands reports whether the message is not known to have failed. Only what names the message contradicts a failure.
func (m *said) stands() bool { return m.failed.IsZero() || !m.delivered.IsZero() || !m.opened.IsZero() }

// topicOf says what a scope is about.
func topicOf(scope string) string {
	switch scope {
	case "", "all", "marketing_messages", "plugin":
		return "all"
	}
	return scope
}

// spell is a Spell while it is measured.
type spell struct{ Spell }

func (s *spell) runs(at time.Time) bool { return !at.Before(s.From) && at.Before(s.To) }

func (p *consenter) measure(b *business, ref *ConsentReference) {
	sends := p.sends()
	var channels []string
	for _, list := range [][]canonical.Line{p.optIns, p.actions} {
		for _, l := range list {
			channels = append(channels, l.Channel)
		}
	}
	for _, m := range sends {
		channels = append(channels, m.Channel)
	}
	slices.Sort(channels)
	for _, channel := range slices.Compact(channels) {
		var here []*WindowedSend
		for i := range sends {
			if sends[i].Channel == channel {
				here = append(here, &sends[i])
			}
		}
		spells := p.spells(b, channel, here)
		for _, s := range here {
			s.covered = cover(spells, s)
			if s.covered != nil {
				s.CoveredBy, s.Promise = s.covered.Topic, s.covered.Promise
			}
			p.judge(b, channel, spells, s)
			p.window(b, channel, spells, here, s)
		}
		ref.Periods = append(ref.Periods, p.periods(b, spells, here)...)
		ref.Asks = append(ref.Asks, p.asks(channel, here)...)
		for _, s := range spells {
			ref.Spells = append(ref.Spells, s.Spell)
		}
		ref.Windows = append(ref.Windows, p.serviceWindows(b, channel, here)...)
	}
	ref.Sends = append(ref.Sends, sends...)
}

// sends returns the messages that were sent, in order, with all that does not look at other messages.
func (p *consenter) sends() []WindowedSend {
	var sends []WindowedSend
	for _, id := range slices.Sorted(maps.Keys(p.messages)) {
		m := p.messages[id]
		if m.sent.IsZero() {
			continue
		}
		s := WindowedSend{Who: Who{p.address, m.Channel}, Account: m.AccountID, MessageID: id, Sent: m.sent, Failed: !m.stands(), Topic: topicOf(m.Scope), said: m}
		if !s.Failed { // receipts for all up to an instant
			for _, r := range p.receipts {
				if r.Channel != m.Channel || r.Watermark.Before(m.sent) {
					continue
				}
				if r.EventType == "open" {
					earlier(&m.opened, r.EventTime)
				} else {
					earlier(&m.delivered, r.EventTime)
				}
			}
		}
		s.Opened = within(m.opened, m.sent, openWindow)
		s.Proactive = p.proactive(m)
		s.Marketing = s.Proactive && !s.Failed && m.MessageTag == "" && !slices.Contains([]string{
			"utility", "group_utility", "authentication", "authentication_international", "service", "group_service", "opt_in_request",
		}, m.Category)
		s.Refused = s.Failed && slices.Contains([]string{"10/2018278", "2018278", "10/2534022", "2534022", "131047", "470", "63016"}, m.ErrorCode)
		sends = append(sends, s)
	}
	slices.SortStableFunc(sends, func(a, b WindowedSend) int { return a.Sent.Compare(b.Sent) })
	return sends
}

// proactive says whether the business began, by the first rule that decides.
func (p *consenter) proactive(m *said) bool {
	switch {
	case m.Purpose != "":
		return m.Purpose == "proactive"
	case strings.HasPrefix(m.Category, "authentication"):
		return false
	case m.CampaignID != "" || m.TemplateID != "" || m.MessageTag != "" || m.Scope != "" || m.PromisedFrequency != "":
		return true
	case slices.Contains([]string{"marketing", "marketing_lite", "utility", "group_marketing", "group_utility"}, m.Category):
		return true
	case m.Category == "service" || m.Category == "group_service":
		return false
	}
	return !slices.ContainsFunc(p.replies, func(l canonical.Line) bool {
		return l.Channel == m.Channel && !l.EventTime.After(m.sent) && m.sent.Before(l.EventTime.Add(wholeDay))
	})
}

// concerns reports whether an opt-out is about the topic.
func concerns(out canonical.Line, topic string) bool {
	return topicOf(out.Scope) == topic || topicOf(out.Scope) == "all" || out.Reason == "block"
}

// spells puts the consents of a channel together, and lets messages use one-time tokens.
func (p *consenter) spells(b *business, channel string, sends []*WindowedSend) []*spell {
	byTopic := map[string][]canonical.Line{}
	for _, l := range p.optIns {
		if l.Channel == channel {
			byTopic[topicOf(l.Scope)] = append(byTopic[topicOf(l.Scope)], l)
		}
	}
	var all []*spell
	for _, topic := range slices.Sorted(maps.Keys(byTopic)) {
		ins := atOnce(byTopic[topic])
		var outs []canonical.Line
		for _, l := range p.optOuts {
			if l.Channel == channel && concerns(l, topic) {
				outs = append(outs, l)
			}
		}
		slices.SortFunc(outs, func(x, y canonical.Line) int {
			return cmp.Or(x.EventTime.Compare(y.EventTime), cmp.Compare(ended(x), ended(y))) // blocked before stopped
		})
		var spells []*spell
		if topic == scopeOneTime {
			spells = oneTime(ins, outs, sends, b.cutoff)
		} else {
			spells = running(ins, outs, b.cutoff)
		}
		for _, s := range spells {
			s.Who, s.Topic = Who{p.address, channel}, topic
			if s.Market == "" {
				s.Market = p.market
			}
			if s.ZoneTold = s.Zone != ""; !s.ZoneTold {
				s.Zone = mainZone(s.Market)
			}
		}
		all = append(all, spells...)
	}
	return all
}

func ended(out canonical.Line) string {
	if out.Reason == "block" {
		return "blocked"
	}
	return "stopped"
}

// atOnce sorts opt-ins, and makes those of one instant one.
func atOnce(ins []canonical.Line) []canonical.Line {
	slices.SortFunc(ins, func(a, b canonical.Line) int { return a.EventTime.Compare(b.EventTime) })
	var out []canonical.Line
	for _, l := range ins {
		if n := len(out); n > 0 && out[n-1].EventTime.Equal(l.EventTime) {
			out[n-1] = merged(out[n-1], l)
			continue
		}
		out = append(out, l)
	}
	return out
}

func begin(in canonical.Line, begun string) *spell {
	s := &spell{Spell{From: in.EventTime, Begun: begun, Promise: in.PromisedFrequency, Market: in.Market, Zone: in.Zone, Source: in.Attributes["origin"]}}
	if s.Source == "" {
		s.Source = in.Reason
	}
	if in.ExpiresAt.After(in.EventTime) {
		s.Expires = in.ExpiresAt
	}
	return s
}

func (s *spell) end(at time.Time, how string) { s.To, s.Ended = at, how }

// running lives through the opt-ins and opt-outs of one topic, in order.
func running(ins, outs []canonical.Line, asOf time.Time) (spells []*spell) {
	var now *spell // the one that runs
	begun := "first"
	expire := func(at time.Time) {
		if now != nil && !now.Expires.IsZero() && !now.Expires.After(at) {
			now.end(now.Expires, "expired")
			now, begun = nil, "again"
		}
	}
	for len(ins) > 0 || len(outs) > 0 {
		if len(outs) == 0 || len(ins) > 0 && !ins[0].EventTime.After(outs[0].EventTime) {
			in := ins[0]
			ins = ins[1:]
			expire(in.EventTime)
			switch {
			case now == nil:
				now = begin(in, begun)
				spells = append(spells, now)
			case in.PromisedFrequency != "" && in.PromisedFrequency != now.Promise:
				now.end(in.EventTime, "changed")
				now = begin(in, "changed")
				spells = append(spells, now)
			default:
				now.Renewals++
				if in.ExpiresAt.After(in.EventTime) {
					now.Expires = in.ExpiresAt
				}
				if in.Zone != "" {
					now.Zone = in.Zone
				}
				if now.Market == "" {
					now.Market = in.Market
				}
			}
			continue
		}
		out := outs[0]
		outs = outs[1:]
		expire(out.EventTime)
		if now != nil {
			now.end(out.EventTime, ended(out))
			now, begun = nil, "resumed"
		}
	}
	expire(asOf)
	if now != nil {
		now.end(asOf, "on")
	}
	return spells
}

// oneTime makes a spell of each token, and lets messages use them.
func oneTime(ins, outs []canonical.Line, sends []*WindowedSend, asOf time.Time) (spells []*spell) {
	for i, in := range ins {
		s := begin(in, "first")
		if i > 0 {
			s.Begun = "again"
		}
		if s.Expires.IsZero() {
			s.Expires = s.From.Add(365 * wholeDay)
		}
		s.end(s.Expires, "expired")
		for _, out := range outs {
			if !out.EventTime.Before(s.From) && out.EventTime.Before(s.To) {
				s.end(out.EventTime, ended(out))
				break
			}
		}
		if s.To.After(asOf) {
			s.end(asOf, "on")
		}
		spells = append(spells, s)
	}
	for _, m := range sends {
		if m.Topic != scopeOneTime || !m.Proactive || m.Failed {
			continue
		}
		for _, s := range spells {
			if s.Ended != "used" && (s.runs(m.Sent) || s.Ended == "on" && !m.Sent.Before(s.From)) {
				s.end(m.Sent, "used")
				s.UsedBy = m.MessageID
				break
			}
		}
	}
	return spells
}

// mainZone is the zone in which most people of a market of the simulated worlds live.
func mainZone(code string) string {
	for _, m := range markets {
		if m.Code == code {
			return m.Zone
		}
	}
	for _, m := range consentMarkets {
		if m.Code == code {
			return m.Zones[0]
		}
	}
	return "UTC"
}

// runsAt is the spell of a topic that runs at an instant, nil if there is none. One that is on runs at as-of too.
func runsAt(spells []*spell, topic string, at time.Time) *spell {
	for _, s := range spells {
		if s.Topic == topic && (s.runs(at) || s.Ended == "on" && at.Equal(s.To)) {
			return s
		}
	}
	return nil
}

// cover finds the consent that a marketing message rests on: that of its topic, else that to all marketing.
func cover(spells []*spell, m *WindowedSend) *spell {
	if !m.Marketing {
		return nil
	}
	for _, s := range spells {
		if s.UsedBy == m.MessageID {
			return s
		}
	}
	return cmp.Or(runsAt(spells, m.Topic, m.Sent), runsAt(spells, "all", m.Sent))
}

// judge says whether a marketing message broke its word to the contact.
func (p *consenter) judge(b *business, channel string, spells []*spell, m *WindowedSend) {
	if !m.Marketing {
		return
	}
	var latest time.Time
	for _, out := range p.optOuts {
		if out.Channel != channel || !concerns(out, m.Topic) || !out.EventTime.Before(m.Sent) {
			continue
		}
		lifted := slices.ContainsFunc(p.optIns, func(in canonical.Line) bool {
			topic := topicOf(in.Scope)
			return in.Channel == channel && (topic == m.Topic || topic == "all") && in.EventTime.After(out.EventTime) && !in.EventTime.After(m.Sent)
		})
		if lifted {
			continue
		}
		m.Breach = "after_opt_out"
		if at := out.EventTime; at.After(latest) {
			latest, m.Way = at, out.Reason
		} else if at.Equal(latest) {
			m.Way = max(m.Way, out.Reason)
		}
	}
	if m.Breach != "" || m.covered != nil || m.said.Category == "sponsored" {
		return
	}
	switch {
	case slices.ContainsFunc(spells, func(s *spell) bool {
		return (s.Topic == m.Topic || s.Topic == "all") && s.Ended == "expired" && !s.To.After(m.Sent)
	}):
		m.Breach = "after_expiry"
	case b.optIns[channel] && !p.heard.Before(b.since[m.Account].Add(7*wholeDay)):
		m.Breach = "without_opt_in"
	}
}

// window says what allowed a message when it was sent.
func (p *consenter) window(b *business, channel string, spells []*spell, sends []*WindowedSend, m *WindowedSend) {
	at, tag, category := m.Sent, m.said.MessageTag, m.said.Category
	messenger, instagram, whatsapp := channel == "messenger", channel == "instagram", channel == "whatsapp"
	var last time.Time // action
	for _, a := range p.actions {
		if a.Channel == channel && a.AccountID == m.Account && !a.EventTime.After(at) && a.EventTime.After(last) {
			last = a.EventTime
		}
	}
	acted := !last.IsZero()
	own := runsAt(spells, m.Topic, at)
	switch {
	case !messenger && !instagram && !whatsapp:
		m.State = "no_window"
	case acted && at.Before(last.Add(wholeDay)):
		m.State = "standard"
	case (messenger || instagram) && tag == "HUMAN_AGENT" && acted && at.Before(last.Add(7*wholeDay)):
		m.State = "human_agent"
	case whatsapp && p.freeEntry(sends, m):
		m.State = "free_entry_point"
	case messenger && !at.Before(adWeek) && p.firstAfterAd(sends, m):
		m.State = "ad_entry"
	case messenger && slices.ContainsFunc(spells, func(s *spell) bool { return s.UsedBy == m.MessageID }):
		m.State = "one_time_token"
	case messenger && at.Before(recurringEnded) && m.Topic != "all" && m.Topic != scopeOneTime && own != nil && (own.Promise != "" || !own.Expires.IsZero()):
		m.State = "recurring_token"
	case messenger && (tag == "CUSTOMER_FEEDBACK" ||
		at.Before(tagsEnded) && slices.Contains([]string{"CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE"}, tag)):
		m.State = "message_tag"
	case whatsapp && (m.said.TemplateID != "" || category != "" && category != "service" && category != "group_service"),
		messenger && !at.Before(paidOnPage) && (category == "marketing" || category == "utility"):
		m.State = "paid_template"
	case (messenger || instagram) && category == "sponsored":
		m.State = "sponsored"
	case at.Before(b.since[m.Account].Add(7*wholeDay)) || !b.inbound[[2]string{m.Account, channel}]:
		m.State = "unknown"
	default:
		m.State = "none"
	}
}

// freeEntry reports whether the 72 h after the answer to an ad or post run.
func (p *consenter) freeEntry(sends []*WindowedSend, m *WindowedSend) bool {
	for _, in := range p.replies {
		if in.Channel != m.Channel || in.AccountID != m.Account || in.Attributes["origin"] != "ad" && in.Attributes["origin"] != "post" {
			continue
		}
		for _, answer := range sends { // in order
			if answer.Account != m.Account || answer.Failed || answer.Sent.Before(in.EventTime) {
				continue
			}
			if answer.Sent.Before(in.EventTime.Add(wholeDay)) && !m.Sent.Before(answer.Sent) && m.Sent.Before(answer.Sent.Add(3*wholeDay)) {
				return true
			}
			break
		}
	}
	return false
}

// firstAfterAd reports whether the message is the first after an entry by an ad, less than 7 x 24 h later.
func (p *consenter) firstAfterAd(sends []*WindowedSend, m *WindowedSend) bool {
	return slices.ContainsFunc(p.actions, func(a canonical.Line) bool {
		if a.Channel != m.Channel || a.AccountID != m.Account || a.Attributes["origin"] != "ad" || a.EventType == "reaction" ||
			a.EventTime.After(m.Sent) || !m.Sent.Before(a.EventTime.Add(7*wholeDay)) {
			return false
		}
		first := slices.IndexFunc(sends, func(s *WindowedSend) bool { return s.Account == m.Account && !s.Sent.Before(a.EventTime) })
		return sends[first] == m
	})
}

// periods counts the covered messages of each promised day, week and month that a consent touches.
func (p *consenter) periods(b *business, spells []*spell, sends []*WindowedSend) []Period {
	type key struct{ topic, promise, zone, day string }
	found := map[key]*Period{}
	whole := map[key]bool{}
	of := func(s *spell, at time.Time) (key, time.Time, time.Time) {
		location, err := time.LoadLocation(s.Zone)
		if err != nil {
			location = time.UTC
		}
		from, to := periodAround(at.UnixMilli(), s.Promise, location)
		return key{s.Topic, s.Promise, s.Zone, time.UnixMilli(from).In(location).Format(time.DateOnly)}, time.UnixMilli(from), time.UnixMilli(to)
	}
	for _, s := range spells {
		if s.Promise == "" || s.Topic == scopeOneTime {
			continue
		}
		for at := s.From; at.Before(s.To) || s.Ended == "on" && at.Equal(s.To); {
			k, from, to := of(s, at)
			if found[k] == nil {
				found[k] = &Period{Who: s.Who, Topic: k.topic, Promise: k.promise, Zone: k.zone, From: from.UTC(), FirstDay: k.day}
			}
			whole[k] = whole[k] || !s.From.After(from) && !s.To.Before(to)
			at = to
		}
	}
	for _, m := range sends {
		if s := m.covered; s != nil && s.Promise != "" && s.Topic != scopeOneTime {
			k, _, _ := of(s, m.Sent)
			found[k].Messages++
		}
	}
	var all []Period
	for k, x := range found {
		switch {
		case x.Messages > 1:
			x.State = "exceeded"
		case x.Messages == 1:
			x.State = "kept"
		case whole[k]:
			x.State = "unused"
		default:
			x.State = "partial"
		}
		all = append(all, *x)
	}
	slices.SortFunc(all, func(a, b Period) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.FirstDay, b.FirstDay), cmp.Compare(a.Promise, b.Promise), cmp.Compare(a.Zone, b.Zone))
	})
	return all
}

func (p *consenter) asks(channel string, sends []*WindowedSend) (asks []Ask) {
	for _, m := range sends {
		if m.said.Category != "opt_in_request" {
			continue
		}
		until := m.Sent.Add(7 * wholeDay) // or the next request, which is what a later opt-in answers
		for _, next := range sends {
			if next.said.Category == "opt_in_request" && next.Topic == m.Topic && !next.Failed && next.Sent.After(m.Sent) && next.Sent.Before(until) {
				until = next.Sent
			}
		}
		asks = append(asks, Ask{m.Who, m.Topic, m.Sent, slices.ContainsFunc(p.optIns, func(in canonical.Line) bool {
			return in.Channel == channel && topicOf(in.Scope) == m.Topic && !in.EventTime.Before(m.Sent) && in.EventTime.Before(until)
		})})
	}
	return asks
}

// serviceWindows joins actions that lie less than 24 h apart.
func (p *consenter) serviceWindows(b *business, channel string, sends []*WindowedSend) (windows []ServiceWindow) {
	byAccount := map[string][]time.Time{}
	for _, a := range p.actions {
		if a.Channel == channel {
			byAccount[a.AccountID] = append(byAccount[a.AccountID], a.EventTime)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(byAccount)) {
		times := byAccount[account]
		slices.SortFunc(times, time.Time.Compare)
		for i, at := range times {
			if i == 0 || !at.Before(times[i-1].Add(wholeDay)) {
				windows = append(windows, ServiceWindow{Who: Who{p.address, channel}, Account: account, From: at})
			}
			windows[len(windows)-1].To = at.Add(wholeDay)
		}
	}
	for i := range windows {
		w := &windows[i]
		w.Over = !w.To.After(b.cutoff)
		w.Answered = slices.ContainsFunc(sends, func(m *WindowedSend) bool {
			return m.Account == w.Account && !m.Failed && !m.Sent.Before(w.From) && m.Sent.Before(w.To)
		})
	}
	return windows
}

// charge says of each message whether it is charged, and at which price.
func (b *business) charge(sends []WindowedSend, rates []Rate) {
	order := make([]*WindowedSend, len(sends))
	for i := range sends {
		order[i] = &sends[i]
	}
	slices.SortStableFunc(order, func(x, y *WindowedSend) int {
		return cmp.Or(x.Sent.Compare(y.Sent), cmp.Compare(x.MessageID, y.MessageID))
	})
	type conversation struct{ address, id string }
	free, billed, begun := map[conversation]bool{}, map[conversation]bool{}, map[conversation]bool{}
	of := func(m *WindowedSend) conversation { return conversation{m.Address, m.said.ConversationID} }
	for _, m := range order {
		if byConversation(m) {
			free[of(m)] = free[of(m)] || m.said.Billable == "no"
			billed[of(m)] = billed[of(m)] || m.said.Billable == "yes"
		}
	}
	card := map[string]bool{}
	for _, r := range rates {
		card[r.Channel] = card[r.Channel] || r.Unit == "message"
	}
	type tier struct{ channel, unit, market, category, month string }
	before := map[tier]int{}
	for _, m := range order {
		s := m.said
		kind := s.PricingType
		switch {
		case byConversation(m):
			m.Unit = "conversation"
		case s.PricingModel == "PMP", s.PricingModel == "" && m.Channel != "whatsapp" && card[m.Channel]:
			m.Unit = "message"
		}
		switch {
		case m.Failed:
			m.Why = "failed"
		case m.Unit == "conversation" && begun[of(m)]:
			m.Why = "same_conversation"
		case m.Unit == "conversation":
			begun[of(m)] = true
			if free[of(m)] && !billed[of(m)] {
				m.Why = "not_billable"
			}
		case s.PricingModel == "PMP" && kind != "" && kind != "regular":
			m.Why = kind
		case s.PricingModel == "PMP" && kind == "" && s.Billable == "no":
			m.Why = "not_billable"
		case s.PricingModel == "PMP" && s.delivered.IsZero() && s.opened.IsZero():
			m.Why = "not_delivered"
		case m.Unit == "" && m.Channel == "whatsapp":
			m.Why = "not_told"
		case m.Unit == "":
			m.Why = "no_card"
		}
		if m.Charged = m.Why == ""; !m.Charged {
			continue
		}
		t := tier{m.Channel, m.Unit, s.Market, s.Category, m.Sent.Format("2006-01")}
		if r := priceOf(rates, m, before[t]); r != nil {
			m.HasPrice, m.Amount, m.Currency = true, r.Price, r.Currency
		}
		before[t]++
	}
}

func byConversation(m *WindowedSend) bool {
	s := m.said
	return s.PricingModel == "CBP" || s.PricingModel == "" && s.ConversationID != "" && m.Sent.Before(perMessage)
}

// priceOf picks the row of the card, nil if it has none.
func priceOf(rates []Rate, m *WindowedSend, before int) (best *Rate) {
	rank := func(r *Rate) [4]int {
		x := [4]int{2: int(r.From.Unix()), 3: r.TierFrom}
		if r.Market != "*" {
			x[0] = 1
		}
		if r.Category != "*" {
			x[1] = 1
		}
		return x
	}
	for i := range rates {
		r := &rates[i]
		if r.Channel != m.Channel || r.Unit != m.Unit || r.Market != "*" && r.Market != m.said.Market || r.Category != "*" && r.Category != m.said.Category ||
			r.From.After(m.Sent) || r.TierFrom > before {
			continue
		}
		if best == nil {
			best = r
		} else if a, b := rank(r), rank(best); slices.Compare(a[:], b[:]) > 0 {
			best = r
		}
	}
	return best
}
