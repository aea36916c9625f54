package simulate

import (
	"iter"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"drumbeat/ingest/canonical"
)

// businessMessage is a message to a contact on WhatsApp.
type businessMessage struct {
	category string // of its template; empty: no template
	campaign string
	response bool
}

// onWhatsApp plans a life on WhatsApp.
func (p *consentPerson) onWhatsApp() {
	joins := p.between(p.start, p.start+(p.end-p.start)/2)
	switch x := p.r.Float64(); {
	case x < 0.60:
		p.at(joins, func() { p.prefer("opt_in", "signup") })
	case x < 0.90: // on a web page, of which the platform knows nothing
		p.at(joins, func() {
			p.optedOut = false
			p.tell(bySender, canonical.Line{EventType: "opt_in", EventTime: p.second(p.now), EventID: p.id("optin-"), Scope: "all",
				Attributes: map[string]string{"origin": [...]string{"checkout", "landing_page"}[p.r.IntN(2)]}}, wire{}, nil)
		})
	default: // no consent is known
	}
	p.at(joins+p.gap(0.2), p.marketing)
	p.at(p.now+p.gap(0.05), p.utility)
	p.at(p.now+p.gap(consentModel.Writes), p.chatOn)
	p.at(p.now+p.gap(0.012), p.byAdOnWhatsApp)
}

// WhatsApp tells whole seconds.
func (p *consentPerson) second(ms int64) time.Time { return instant(ms / secondMS * secondMS) }

// prefer tells a preference by the platform.
func (p *consentPerson) prefer(what, status string) {
	p.optedOut = what == "opt_out"
	p.tell(byWhatsApp, canonical.Line{EventType: what, EventTime: p.second(p.now), EventID: p.id("preference-"), Scope: "marketing_messages", Reason: "preference"},
		wire{status: status}, nil)
}

// marketing sends a marketing template every fifth day or so.
func (p *consentPerson) marketing() {
	p.at(p.now+p.gap(0.2), p.marketing)
	if p.optedOut && !p.chance(0.10) {
		return
	}
	p.sendTemplate(businessMessage{category: "marketing", campaign: "weekly_offer"})
}

func (p *consentPerson) utility() {
	p.at(p.now+p.gap(0.05), p.utility)
	p.sendTemplate(businessMessage{category: "utility", campaign: "order_status"})
}

// chatOn begins a conversation, and the next one.
func (p *consentPerson) chatOn() {
	p.at(p.now+p.gap(consentModel.Writes), p.chatOn)
	p.sayOnWhatsApp("", "")
}

func (p *consentPerson) byAdOnWhatsApp() {
	p.at(p.now+p.gap(0.012), p.byAdOnWhatsApp)
	p.sayOnWhatsApp("", "ad")
}

func (p *consentPerson) sayOnWhatsApp(quoted, origin string) {
	if p.blocked {
		return
	}
	text := p.where.texts[p.r.IntN(len(p.where.texts))]
	l := canonical.Line{EventType: "reply", EventTime: p.second(p.now), MessageID: p.id("wamid."), InReplyTo: quoted, Kind: "text", TextChars: uint32(utf8.RuneCountInString(text))}
	w := wire{text: text}
	if origin != "" {
		l.Attributes = map[string]string{"origin": origin}
		w.adID = "6000000000002"
		if p.fromAd == 0 {
			p.fromAd = p.now / secondMS * secondMS
		}
	}
	p.tell(byWhatsApp, l, w, nil)
	p.lastAction = l.EventTime.UnixMilli()
	if !p.chance(consentModel.Responds) {
		return
	}
	wait := p.delayed(respondDelay)
	if p.chance(consentModel.RespondsLate) {
		wait = p.between(dayMS, 4*dayMS)
	}
	p.at(p.now+wait, func() { p.sendTemplate(businessMessage{response: true}) })
}

// charge is what the platform says of a message's cost: in conversations of 24 h until the middle of 2025, since then by
// the message; nothing is charged in the 72 h after the answer to an ad.
func (p *consentPerson) charge(l *canonical.Line, m businessMessage, at int64) (expiration int64) {
	category := m.category
	if category == "" {
		category = "service"
	}
	free := at < p.entry
	if !instant(at).Before(perMessage) {
		l.Category, l.PricingType, l.PricingModel, l.Billable = category, "regular", "PMP", "yes"
		switch {
		case free:
			l.PricingType, l.Billable = "free_entry_point", "no"
		case category != "marketing" && at < p.lastAction+dayMS && p.lastAction > 0:
			l.PricingType, l.Billable = "free_customer_service", "no"
		}
		if free {
			l.ConversationID, expiration = p.conversation("referral_conversion", at, p.entry), p.entry/secondMS
		}
		return expiration
	}
	if free {
		category = "referral_conversion"
	}
	ends := at + dayMS
	if free {
		ends = p.entry
	}
	l.Category, l.PricingModel, l.Billable = category, "CBP", "yes"
	if free || category == "service" {
		l.Billable = "no"
	}
	l.ConversationID = p.conversation(category, at, ends)
	return p.conversations[category].ends / secondMS
}

func (p *consentPerson) conversation(category string, at, ends int64) string {
	c := p.conversations[category]
	if at >= c.ends {
		c = chat{p.id("conversation-"), ends}
		p.conversations[category] = c
	}
	return c.id
}

// sendTemplate sends a message, with a template or, as a response, without one.
func (p *consentPerson) sendTemplate(m businessMessage) {
	at := p.free(p.now, secondMS)
	sent := canonical.Line{EventType: "send", EventTime: instant(at), MessageID: p.id("wamid."), CampaignID: m.campaign}
	failed := func(code string) canonical.Line {
		l := sent
		l.EventType, l.EventTime, l.ErrorCode = "failed", instant(at+p.r.Int64N(3)*secondMS), code
		return l
	}
	own := canonical.Line{EventType: "send", EventTime: sent.EventTime, MessageID: sent.MessageID, Purpose: "proactive"}
	if m.response {
		own.Purpose = "response"
	} else {
		own.TemplateID = "tpl_" + m.category
	}
	open := p.lastAction > 0 && at < p.lastAction+dayMS
	switch {
	case m.response && !open && at >= p.entry: // no template, and no window
		p.tell(bySender, own, wire{}, nil)
		p.tell(byWhatsApp, failed("131047"), wire{}, nil)
		return
	case m.category == "marketing" && p.optedOut && p.chance(0.6):
		p.tell(bySender, own, wire{}, nil)
		l := failed("131050")
		p.tell(byWhatsApp, l, wire{}, &canonical.Line{
			EventType: "opt_out", EventTime: l.EventTime, AccountID: p.account, Address: p.address, Provider: "meta", Channel: "whatsapp", Market: p.where.Code,
			MessageID: l.MessageID, EventID: "131050-" + l.MessageID, Scope: "marketing_messages", Reason: "error", ErrorCode: "131050",
		})
		return
	case m.category == "marketing" && p.chance(0.02): // the platform withholds it, and tells nothing else
		p.tell(byWhatsApp, failed("131049"), wire{}, nil)
		return
	}
	if p.fromAd > 0 {
		if at < p.fromAd+dayMS {
			p.entry = at + 3*dayMS
		}
		p.fromAd = 0
	}
	w := wire{expiration: p.charge(&sent, m, at)}
	priced := func(l canonical.Line) canonical.Line {
		l.Category, l.PricingType, l.PricingModel, l.Billable, l.ConversationID = sent.Category, sent.PricingType, sent.PricingModel, sent.Billable, sent.ConversationID
		return l
	}
	p.tell(byWhatsApp, sent, w, nil)
	p.tell(bySender, own, wire{}, nil)
	if p.chance(failUndeliverable) {
		l := failed("131026")
		l.Category, l.PricingType, l.PricingModel, l.Billable, l.ConversationID = "", "", "", "", ""
		p.tell(byWhatsApp, l, wire{}, nil)
		return
	}
	if p.blocked || p.chance(neverDelivered) {
		return
	}
	delivered := at + drawDelivery(p.r)*secondMS
	told := canonical.Line{EventType: "delivered", EventTime: instant(delivered), MessageID: sent.MessageID, CampaignID: m.campaign, Method: "by_mid"}
	opens := p.chance(logistic(consentModel.OpenBase + consentModel.OpenEngaged*p.z + p.where.Open))
	onScreen := opens && p.chance(chatOpen)
	if !onScreen {
		p.tell(byWhatsApp, priced(told), w, nil)
	}
	if !opens {
		return
	}
	opened := max(delivered, at+openDelay.draw(p.r)*secondMS)
	told.EventType, told.EventTime = "open", instant(opened)
	if onScreen {
		told = priced(told)
	}
	replies, leaves := p.chance(consentModel.Reply), !m.response && p.chance(2*consentModel.Stop)
	p.at(opened, func() {
		p.tell(byWhatsApp, told, w, nil)
		switch {
		case leaves && p.chance(consentModel.ByBlock):
			p.blocked = true
		case leaves && m.category == "marketing":
			p.at(p.now+p.delayed(clickDelay), func() { p.prefer("opt_out", "stop") })
			if p.chance(consentModel.Resumes) {
				p.at(p.now+p.between(3*dayMS, 25*dayMS), func() { p.prefer("opt_in", "resume") })
			}
		case replies:
			p.at(p.now+1+p.delayed(replyDelay), func() { p.sayOnWhatsApp(sent.MessageID, "") })
		}
	})
}

// WhatsApp tells what Meta's Cloud API would post of the world.
func (w *ConsentWorld) WhatsApp() iter.Seq[Post] {
	return w.posts(byWhatsApp, func(batch []*toldFact) []byte {
		var e encoder
		return e.consentPost(batch)
	})
}

// consentPost writes a batch as one request; each fact is a change of its own, save that statuses of one number share one.
func (e *encoder) consentPost(batch []*toldFact) []byte {
	e.b = append(e.b, `{"object":"whatsapp_business_account","entry":[{"id":"`+whatsAppBusinessAccount+`","changes":[`...)
	for i := 0; i < len(batch); {
		n := 1
		for i+n < len(batch) && n < changeMost && batch[i+n].line.AccountID == batch[i].line.AccountID && batch[i].isStatus() && batch[i+n].isStatus() {
			n++
		}
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.consentChange(batch[i : i+n])
		i += n
	}
	e.b = append(e.b, `]}]}`...)
	return slices.Clone(e.b)
}

func (f *toldFact) isStatus() bool {
	switch f.line.EventType {
	case "send", "delivered", "open", "failed":
		return true
	}
	return false
}

func (e *encoder) consentChange(facts []*toldFact) {
	e.b = append(e.b, `{"value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"`+facts[0].line.AccountID+`"},`...)
	field := "messages"
	switch {
	case facts[0].isStatus():
		e.b = append(e.b, `"statuses":[`...)
		for i, f := range facts {
			if i > 0 {
				e.b = append(e.b, ',')
			}
			e.consentStatus(f)
		}
	case facts[0].line.EventType == "reply":
		e.b = append(e.b, `"messages":[`...)
		e.consentMessage(facts[0])
	default:
		field = "user_preferences"
		l := facts[0].line
		e.b = append(e.b, `"user_preferences":[{"wa_id":"`+l.Address[1:]+`","category":"`+l.Scope+`","value":"`+facts[0].wire.status+`","timestamp":`...)
		e.b = strconv.AppendInt(e.b, l.EventTime.Unix(), 10)
		e.b = append(e.b, '}')
	}
	e.b = append(e.b, `]},"field":"`+field+`"}`...)
}

func (e *encoder) consentStatus(f *toldFact) {
	l := f.line
	status := map[string]string{"send": "sent", "delivered": "delivered", "open": "read", "failed": "failed"}[l.EventType]
	e.b = append(e.b, `{"id":"`+l.MessageID+`","status":"`+status+`","timestamp":"`...)
	e.b = strconv.AppendInt(e.b, l.EventTime.Unix(), 10)
	e.b = append(e.b, `","recipient_id":"`+l.Address[1:]+`"`...)
	if l.CampaignID != "" {
		e.b = append(e.b, `,"biz_opaque_callback_data":"`+l.CampaignID+`"`...)
	}
	if l.ConversationID != "" {
		e.b = append(e.b, `,"conversation":{"id":"`+l.ConversationID+`"`...)
		if l.EventType == "send" {
			e.b = append(e.b, `,"expiration_timestamp":"`...)
			e.b = strconv.AppendInt(e.b, f.wire.expiration, 10)
			e.b = append(e.b, '"')
		}
		origin := l.Category
		if l.PricingType == "free_entry_point" {
			origin = "referral_conversion"
		}
		e.b = append(e.b, `,"origin":{"type":"`+origin+`"}}`...)
	}
	if l.PricingModel != "" {
		e.b = append(e.b, `,"pricing":{"billable":`...)
		e.b = strconv.AppendBool(e.b, l.Billable == "yes")
		e.b = append(e.b, `,"pricing_model":"`+l.PricingModel+`","category":"`+l.Category+`"`...)
		if l.PricingType != "" {
			e.b = append(e.b, `,"type":"`+l.PricingType+`"`...)
		}
		e.b = append(e.b, '}')
	}
	if l.EventType == "failed" {
		e.b = append(e.b, `,"errors":[{"code":`+l.ErrorCode+`,"title":"Made-up title","href":`...)
		e.text(errorsPage)
		e.b = append(e.b, `}]`...)
	}
	e.b = append(e.b, '}')
}

func (e *encoder) consentMessage(f *toldFact) {
	l := f.line
	e.b = append(e.b, `{"from":"`+l.Address[1:]+`","id":"`+l.MessageID+`","timestamp":"`...)
	e.b = strconv.AppendInt(e.b, l.EventTime.Unix(), 10)
	e.b = append(e.b, '"')
	if l.InReplyTo != "" {
		e.b = append(e.b, `,"context":{"id":"`+l.InReplyTo+`"}`...)
	}
	if f.wire.adID != "" {
		e.b = append(e.b, `,"referral":{"source_type":"ad","source_id":"`+f.wire.adID+`","ctwa_clid":"made-up"}`...)
	}
	e.b = append(e.b, `,"type":"text","text":{"body":`...)
	e.text(f.wire.text)
	e.b = append(e.b, `}}`...)
}
