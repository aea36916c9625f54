package simulate

import (
	"time"
	"unicode/utf8"

	"drumbeat/ingest/canonical"
)

// outgoing is a message that the business means to send.
type outgoing struct {
	line     canonical.Line // what the sender knows of it
	silent   bool           // the sender posts no line of its own
	code     string         // the platform refuses it with this
	inbox    bool           // a person wrote it in the page's inbox
	response bool
	topic    *topic
}

const scopeOneTime = "one_time"

// What the business sends from, as the echo tells it.
const (
	ownApp   = "5550001112223"
	inboxApp = "263902037430900"
)

// onMessenger plans a life on Messenger.
func (p *consentPerson) onMessenger() {
	p.neverAsked = p.chance(consentModel.NeverAsked)
	switch {
	case p.neverAsked:
		p.at(p.now+p.gap(0.06), p.campaign)
	case p.chance(consentModel.KnownBefore):
		// The token is older than the data; what they tell of first is that its holder wants the messages again.
		t := p.choose(consentModel.Topics[p.r.IntN(len(consentModel.Topics))])
		t.ended = "stopped"
		p.topics[t.name] = t
		from := p.between(p.start, p.start+min(p.end-p.start, 30*dayMS))
		t.expires = p.between(from+5*dayMS, from+60*dayMS) / secondMS * secondMS
		p.at(from, func() { p.resume(t) })
	default:
		first := p.r.IntN(len(consentModel.Topics))
		for i := range consentModel.Topics {
			if i > 0 && !p.chance(consentModel.Second) {
				break
			}
			name := consentModel.Topics[(first+i)%len(consentModel.Topics)]
			p.at(p.between(p.start, p.end), func() { p.optIn(name) })
		}
	}
	p.at(p.now+p.gap(consentModel.Writes), p.write)
	p.at(p.now+p.gap(0.015), p.orderUpdate)
	p.at(p.now+p.gap(0.004), p.sponsored)
	p.at(p.now+p.gap(0.005), p.byAd)
	if p.chance(0.12) {
		p.at(p.between(p.start, p.end), p.askOnce)
	}
}

// choose makes the topic as this contact takes it: promise and zone are drawn here and nowhere else.
func (p *consentPerson) choose(name string) *topic {
	t := &topic{name: name, zone: p.market.Zones[p.r.IntN(len(p.market.Zones))]}
	switch x := p.r.Float64(); {
	case x < p.market.Daily:
		t.promise = "daily"
	case x < p.market.Daily+(1-p.market.Daily)*2/3:
		t.promise = "weekly"
	default:
		t.promise = "monthly"
	}
	if p.Options.Promise != "" {
		t.promise = p.Options.Promise
	}
	if !p.chance(consentModel.ZoneTold) {
		t.zone = ""
	}
	t.location = p.market.location(t.zone)
	if p.chance(consentModel.PromiseTold) {
		t.told = t.promise
	}
	t.token = p.id("token-")
	return t
}

// location is the zone's; of a token that names none the main one of the market.
func (m *consentMarket) location(name string) *time.Location {
	if name == "" {
		name = m.Zones[0]
	}
	return consentZones[name]
}

// consentZones are loaded once.
var consentZones = func() map[string]*time.Location {
	zones := map[string]*time.Location{}
	for _, m := range consentMarkets {
		for _, name := range m.Zones {
			zones[name] = zone(name)
		}
	}
	return zones
}()

// tokenMonths is how long a token of a promise lives.
var tokenMonths = map[string]int{"daily": 6, "weekly": 9, "monthly": 12}

// optIn is a consent to a topic's messages: a first one, or one after the last has ended.
func (p *consentPerson) optIn(name string) {
	if t := p.topics[name]; p.blocked || t != nil && t.ended == "" {
		return
	}
	t := p.choose(name)
	t.expires = instant(p.now).AddDate(0, tokenMonths[t.promise], 0).UnixMilli() / secondMS * secondMS
	p.topics[name] = t
	p.consent(t, wire{tokenIs: "NOT_REFRESHED"})
	if !p.chance(0.5) {
		return
	}
	// The sender knows by which way it came, and may be the only one to tell the promise. Its own line speaks of the instant that
	// the webhook named.
	own := canonical.Line{EventType: "opt_in", Scope: name, EventTime: instant(p.now), EventID: p.id("optin-"),
		Attributes: map[string]string{"origin": [...]string{"checkbox", "landing_page", "chat"}[p.r.IntN(3)]}, Market: p.market.Code}
	if t.told == "" && p.chance(consentModel.PromisedByUs) {
		own.PromisedFrequency = t.promise
	}
	p.tell(bySender, own, wire{}, nil)
}

// consent tells an opt-in, and begins to keep or break the promise.
func (p *consentPerson) consent(t *topic, w wire) {
	t.ended = ""
	l := canonical.Line{EventType: "opt_in", Scope: t.name, PromisedFrequency: t.told, ExpiresAt: instant(t.expires), Zone: t.zone,
		EventTime: instant(p.now), EventID: p.id("optin-")}
	l.Attributes = map[string]string{"token_status": "not_refreshed"}
	if w.tokenIs == "REFRESHED" {
		l.Attributes["token_status"] = "refreshed"
	}
	w.token = t.token
	p.tell(byMessenger, l, w, nil)
	expires := t.expires
	if expires < p.end {
		if p.chance(consentModel.Renews) {
			p.at(p.between(max(p.now+hourMS, expires-7*dayMS), expires), func() {
				if t.ended == "" && t.expires == expires && !p.blocked {
					t.expires = instant(expires).AddDate(0, tokenMonths[t.promise], 0).UnixMilli()
					p.consent(t, wire{tokenIs: "REFRESHED"})
				}
			})
		}
		p.at(expires, func() {
			if t.ended == "" && t.expires == expires {
				t.ended = "expired"
				if p.chance(0.2) {
					p.at(p.now+p.between(dayMS, 20*dayMS), func() { p.optIn(t.name) })
				}
			}
		})
	}
	if w.tokenIs == "REFRESHED" {
		return
	}
	if p.chance(consentModel.Changes) {
		p.at(p.now+p.between(5*dayMS, 60*dayMS), func() {
			if t == p.topics[t.name] && t.ended == "" && !p.blocked {
				t.ended = "changed"
				p.optIn(t.name)
			}
		})
	}
	p.plan(t)
}

// resume ends a stop.
func (p *consentPerson) resume(t *topic) {
	if t.ended == "stopped" && p.now < t.expires && !p.blocked {
		p.consent(t, wire{tokenIs: "NOT_REFRESHED", status: "RESUME NOTIFICATIONS"})
	}
}

// plan draws the messages of the promised period that runs, from now on, and comes back with the next one. The business
// goes on planning for a topic that has ended: what it then sends all the same is drawn when the time comes.
func (p *consentPerson) plan(t *topic) {
	if t != p.topics[t.name] || t.ended != "" && p.now > t.expires+60*dayMS {
		return
	}
	from, to := periodAround(p.now, t.promise, t.location)
	n := 1
	switch x := p.r.Float64(); {
	case x < consentModel.Exceeds[t.promise]:
		n = 2 + p.r.IntN(2)
	case x < consentModel.Exceeds[t.promise]+consentModel.Unused[t.promise]:
		n = 0
	}
	for range n {
		at := p.between(from, to)
		if p.chance(0.85) { // else at any hour, also around midnight
			at = daytime(at, t.location, 8+p.r.Float64()*13)
		}
		if at >= p.now {
			p.at(at, func() { p.sendTopic(t) })
		}
	}
	p.at(to, func() { p.plan(t) })
}

// daytime moves an instant to an hour of its local day.
func daytime(at int64, location *time.Location, hour float64) int64 {
	y, m, d := time.UnixMilli(at).In(location).Date()
	return time.Date(y, m, d, 0, 0, 0, int(hour*3600e6)*1000, location).UnixMilli()
}

// periodAround returns the promised period, [from, to), that an instant lies in.
func periodAround(at int64, promise string, location *time.Location) (from, to int64) {
	y, m, d := time.UnixMilli(at).In(location).Date()
	switch promise {
	case "daily":
		return dayBegins(y, m, d, location), dayBegins(y, m, d+1, location)
	case "weekly":
		weekday := (int(time.UnixMilli(at).In(location).Weekday()) + 6) % 7
		return dayBegins(y, m, d-weekday, location), dayBegins(y, m, d-weekday+7, location)
	}
	return dayBegins(y, m, 1, location), dayBegins(y, m+1, 1, location)
}

// dayBegins returns the first instant of a local day. Where the clocks skip midnight it is the instant after the gap.
func dayBegins(y int, m time.Month, d int, location *time.Location) int64 {
	t := time.Date(y, m, d, 0, 0, 0, 0, location)
	if t.Hour() == 0 && t.Minute() == 0 {
		return t.UnixMilli()
	}
	begins, ends := t.ZoneBounds()
	if t.Hour() > 12 { // of the day before
		begins = ends
	}
	return begins.UnixMilli()
}

// sendTopic sends the next message of a topic, if the business believes that it may or does not look.
func (p *consentPerson) sendTopic(t *topic) {
	if t != p.topics[t.name] {
		return
	}
	share := 1.0
	switch {
	case p.blockKnown:
		share = consentModel.AfterBlock
	case t.ended == "stopped":
		share = consentModel.AfterStop
	case t.ended == "expired":
		share = consentModel.AfterExpiry
	}
	if !p.chance(share) {
		return
	}
	now := instant(p.now)
	m := outgoing{topic: t, line: canonical.Line{Scope: t.name, CampaignID: "topic_" + t.promise, TemplateID: "tpl_" + t.promise, Purpose: "proactive"}}
	token := t.ended == "" && now.Before(recurringEnded)
	if !token && !p.standard() {
		if p.chance(0.85) && !now.Before(paidOnPage) {
			m.line.Category = "marketing" // paid, as after the end of recurring notifications
		} else if p.chance(consentModel.Refused) {
			m.code = "10/2018278"
		}
	}
	p.send(m)
}

// standard reports whether the contact did something less than 24 h ago.
func (p *consentPerson) standard() bool { return p.lastAction > 0 && p.now < p.lastAction+dayMS }

// outside refuses most messages that no window allows.
func (p *consentPerson) outside(m outgoing, code string) outgoing {
	if !p.standard() && p.chance(consentModel.Refused) {
		m.code = code
	}
	return m
}

// send sends a message, and what follows of it. It returns the message's id, and when it was sent; none if the platform refused it.
func (p *consentPerson) send(m outgoing) (mid string, sent int64) {
	l := m.line
	if p.blocked && m.code == "" && p.chance(consentModel.BlockLearnt) {
		m.code = "551"
	}
	if t := m.topic; t != nil && m.code == "" {
		from, _ := periodAround(p.now, t.promise, t.location)
		if from != t.period {
			t.period, t.sends = from, 0
		}
	}
	sent = p.free(p.now, 1)
	l.EventType, l.EventTime, l.Market = "send", instant(sent), p.market.Code
	if m.response && !m.silent {
		l.Purpose = "response"
	}
	if m.code != "" { // no webhook tells of it, and there is no id but the sender's
		l.MessageID = p.id("attempt-")
		p.tell(bySender, l, wire{}, nil)
		p.tell(bySender, canonical.Line{EventType: "failed", EventTime: l.EventTime, MessageID: l.MessageID, ErrorCode: m.code, Market: l.Market}, wire{}, nil)
		if m.code == "551" && !p.blockKnown && p.chance(0.5) {
			p.blockKnown = true
			p.tell(bySender, canonical.Line{EventType: "opt_out", EventTime: instant(sent + 1), EventID: p.id("optout-"), Reason: "block", Market: l.Market}, wire{}, nil)
		}
		return "", 0
	}
	mid = p.id("m_")
	l.MessageID = mid
	echo := canonical.Line{EventType: "send", EventTime: l.EventTime, MessageID: mid, CampaignID: l.CampaignID, Attributes: map[string]string{"app_id": ownApp}}
	if m.inbox {
		echo.Author, echo.Attributes["app_id"] = "human", inboxApp
	}
	p.tell(byMessenger, echo, wire{}, nil)
	if !m.silent {
		l.EventTime = instant(sent + p.r.Int64N(2*secondMS)) // when the answer of the Send API was there
		p.tell(bySender, l, wire{}, nil)
	}
	if p.blocked {
		return mid, sent
	}
	p.arrive(m, mid, sent)
	return mid, sent
}

// arrive delivers a message and lets the contact open it, answer it, leave.
func (p *consentPerson) arrive(m outgoing, mid string, sent int64) {
	extra := 0
	if t := m.topic; t != nil {
		extra = t.sends
		t.sends++
	}
	if p.chance(neverDelivered) {
		return
	}
	open := 0.9
	if !m.response {
		x := consentModel.OpenBase + consentModel.OpenEngaged*p.z + p.market.Open + consentModel.OpenExtra*float64(extra)
		if t := m.topic; t != nil && (t.promise != "daily" || p.z < consentModel.TiresBelow) {
			x += consentModel.OpenPromise[t.promise]
		}
		open = logistic(x)
	}
	opens := p.chance(open)
	leaves := m.topic != nil && p.chance(consentModel.Stop*(1+consentModel.StopExtra*float64(extra)))
	replies := p.chance(consentModel.Reply)
	delivered := sent + drawDelivery(p.r)*secondMS + p.r.Int64N(secondMS)
	p.at(delivered, func() {
		if p.blocked {
			return
		}
		p.arrived, p.lastMID = append(p.arrived, sent), mid
		receipt := canonical.Line{EventType: "delivered", EventTime: instant(p.now), MessageID: mid, Watermark: instant(sent), Method: "by_mid"}
		if p.chance(0.05) { // a receipt that names no message
			receipt.MessageID, receipt.Method = "", "by_watermark"
		}
		p.tell(byMessenger, receipt, wire{}, nil)
	})
	if !opens {
		return
	}
	p.at(max(delivered, sent+p.delayed(openDelay)), func() {
		if p.blocked {
			return
		}
		up := int64(0)
		for _, at := range p.arrived {
			up = max(up, at)
		}
		p.tell(byMessenger, canonical.Line{EventType: "open", EventTime: instant(p.now), Watermark: instant(up), Method: "by_watermark"}, wire{}, nil)
		switch {
		case leaves:
			p.at(p.now+p.delayed(clickDelay), func() { p.leave(m.topic) })
		case replies || m.response && p.chance(responseReplied):
			p.at(p.now+1+p.delayed(replyDelay), func() { p.say(mid, "") })
		}
	})
}

// leave ends a consent, in one of the ways there are.
func (p *consentPerson) leave(t *topic) {
	if p.blocked || t.ended != "" {
		return
	}
	if p.chance(consentModel.ByBlock) {
		p.blocked = true // and nobody tells
		return
	}
	t.ended = "stopped"
	out := canonical.Line{EventType: "opt_out", EventTime: instant(p.now), EventID: p.id("optout-"), Market: p.market.Code}
	switch x := p.r.Float64(); {
	case x < 0.12: // by a word, which the business understands a moment later
		p.say("", "STOP")
		out.EventTime = instant(p.now + secondMS)
		out.Scope, out.Reason = "all", "keyword"
		for _, other := range p.topics {
			other.ended = "stopped"
		}
		p.tell(bySender, out, wire{}, nil)
	case x < 0.24: // on the business's own page
		out.Scope, out.Reason = t.name, "link"
		p.tell(bySender, out, wire{}, nil)
	default:
		out.Market = ""
		out.Scope, out.Reason, out.PromisedFrequency, out.Zone, out.ExpiresAt = t.name, "preference", t.told, t.zone, instant(t.expires)
		out.Attributes = map[string]string{"token_status": "not_refreshed"}
		p.tell(byMessenger, out, wire{token: t.token, status: "STOP NOTIFICATIONS", tokenIs: "NOT_REFRESHED"}, nil)
		if p.chance(consentModel.Resumes) {
			p.at(p.now+p.between(3*dayMS, 25*dayMS), func() { p.resume(t) })
		}
	}
}

// write begins a conversation, and the next one.
func (p *consentPerson) write() {
	p.at(p.now+p.gap(consentModel.Writes), p.write)
	if !p.blocked {
		p.say("", "")
	}
}

// say is something that the contact does in the thread, and what the business makes of it. quoted is the message that it is
// about; said is what it says, if that matters.
func (p *consentPerson) say(quoted, said string) {
	texts := p.market.texts
	text := texts[p.r.IntN(len(texts))]
	if said != "" {
		text = said
	}
	l := canonical.Line{EventType: "reply", EventTime: instant(p.now), Kind: "text", TextChars: uint32(utf8.RuneCountInString(text))}
	w := wire{text: text}
	switch x := p.r.Float64(); {
	case said != "":
	case x < 0.15:
		l.Kind = "postback"
	case x < 0.25:
		l.Kind = "quick_reply"
	case x < 0.35 && p.lastMID != "":
		l = canonical.Line{EventType: "reaction", EventTime: l.EventTime, InReplyTo: p.lastMID, EventID: p.id("reaction-")}
	case x < 0.40:
		l = canonical.Line{EventType: "referral", EventTime: l.EventTime, EventID: p.id("referral-"), Attributes: map[string]string{"origin": "shortlink"}}
	case x < 0.70 && quoted != "":
		l.InReplyTo = quoted
	}
	if l.EventType == "reply" {
		l.MessageID = p.id("m_")
	}
	p.tell(byMessenger, l, w, nil)
	p.lastAction = p.now
	if said == "" {
		p.respond()
	}
}

// respond answers an action of the contact, mostly in time.
func (p *consentPerson) respond() {
	if !p.chance(consentModel.Responds) {
		return
	}
	m := outgoing{response: true, silent: p.chance(0.5)}
	wait := p.delayed(respondDelay)
	tagged := false
	if p.chance(consentModel.RespondsLate) {
		wait = p.between(dayMS, 9*dayMS)
		if tagged = p.chance(consentModel.HumanAgent); tagged {
			m.silent, m.line.MessageTag, m.line.Author = false, "HUMAN_AGENT", "human"
		}
	}
	m.inbox = p.chance(0.3)
	acted := p.lastAction
	p.at(p.now+wait, func() {
		if !tagged || p.now >= acted+7*dayMS {
			m = p.outside(m, "10/2018278")
		}
		if mid, _ := p.send(m); mid == "" || !p.standard() || p.neverAsked || !p.chance(consentModel.Asks) {
			return
		}
		p.at(p.now+p.between(30*secondMS, 10*minuteMS), p.ask)
	})
}

// ask asks for a consent to a topic that the contact has none of.
func (p *consentPerson) ask() {
	for _, name := range consentModel.Topics {
		if t := p.topics[name]; t != nil && t.ended == "" {
			continue
		}
		if !p.standard() || p.blocked {
			return
		}
		if _, sent := p.send(outgoing{line: canonical.Line{Category: "opt_in_request", Scope: name, CampaignID: "opt_in", TemplateID: "notification_messages", Purpose: "proactive"}}); sent == 0 || !p.chance(consentModel.Agrees) {
			return
		}
		wait := p.delayed(replyDelay)
		if p.chance(consentModel.AgreesLate) {
			wait = p.between(7*dayMS, 12*dayMS)
		}
		p.at(p.now+wait, func() { p.optIn(name) })
		return
	}
}

// campaign writes to a contact of whom no consent is known.
func (p *consentPerson) campaign() {
	p.at(p.now+p.gap(0.06), p.campaign)
	p.send(p.outside(outgoing{line: canonical.Line{CampaignID: "flash_sale", TemplateID: "tpl_sale", Purpose: "proactive"}}, "10/2018278"))
}

// orderUpdate is what the platform's tags are for.
func (p *consentPerson) orderUpdate() {
	p.at(p.now+p.gap(0.015), p.orderUpdate)
	tags := []string{"POST_PURCHASE_UPDATE", "CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "CUSTOMER_FEEDBACK"}
	m := outgoing{line: canonical.Line{CampaignID: "order_update", Purpose: "proactive", MessageTag: tags[p.r.IntN(len(tags))]}}
	if m.line.MessageTag != "CUSTOMER_FEEDBACK" && !instant(p.now).Before(tagsEnded) && !p.standard() {
		m.code = "100"
	}
	p.send(m)
}

// sponsored is a message that an advertising system sent: only the sender tells of it.
func (p *consentPerson) sponsored() {
	p.at(p.now+p.gap(0.004), p.sponsored)
	if p.lastAction == 0 {
		return
	}
	p.tell(bySender, canonical.Line{EventType: "send", EventTime: instant(p.free(p.now, 1)), MessageID: p.id("sponsored-"), CampaignID: "ad_77",
		Category: "sponsored", Purpose: "proactive", Market: p.market.Code}, wire{}, nil)
}

// byAd is an entry by an advertisement; the business greets at once, or days later.
func (p *consentPerson) byAd() {
	p.at(p.now+p.gap(0.005), p.byAd)
	if p.blocked {
		return
	}
	l := canonical.Line{EventType: "referral", EventTime: instant(p.now), EventID: p.id("referral-"), Attributes: map[string]string{"origin": "ad"}}
	w := wire{adID: "6000000000001"}
	if p.chance(0.4) { // with the first message
		w.text = p.market.texts[0]
		l = canonical.Line{EventType: "reply", EventTime: l.EventTime, MessageID: p.id("m_"), Kind: "text", TextChars: uint32(utf8.RuneCountInString(w.text)), Attributes: l.Attributes}
	}
	p.tell(byMessenger, l, w, nil)
	p.lastAction = p.now
	wait := p.delayed(respondDelay)
	if p.chance(0.3) {
		wait = p.between(dayMS, 8*dayMS)
	}
	entered := p.now
	p.at(p.now+wait, func() {
		m := outgoing{line: canonical.Line{CampaignID: "ad_greeting"}, response: true}
		if instant(p.now).Before(adWeek) || p.now >= entered+7*dayMS {
			m = p.outside(m, "10/2018278")
		}
		p.send(m)
	})
}

// askOnce asks for the consent to a single message, and sends it.
func (p *consentPerson) askOnce() {
	if p.blocked {
		return
	}
	p.tell(byMessenger, canonical.Line{EventType: "opt_in", EventTime: instant(p.now), EventID: p.id("optin-"), Scope: scopeOneTime}, wire{token: p.id("token-")}, nil)
	p.tokens++
	p.at(p.now+p.between(hourMS, 40*dayMS), func() {
		p.sendOnce()
		if p.chance(0.5) { // one more than the token allows
			p.at(p.now+p.between(hourMS, 5*dayMS), p.sendOnce)
		}
	})
}

func (p *consentPerson) sendOnce() {
	m := outgoing{line: canonical.Line{Scope: scopeOneTime, CampaignID: "back_in_stock", Purpose: "proactive"}}
	if p.tokens == 0 {
		m = p.outside(m, "10/2018278")
	}
	if _, sent := p.send(m); sent != 0 {
		p.tokens = max(0, p.tokens-1)
	}
}
