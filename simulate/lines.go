package simulate

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"drumbeat/ingest/canonical"
)

// acknowledgement is the tag of an automatic one.
const acknowledgement = "auto_acknowledgement"

// Lines tells the world as our own event lines, in the order of arrival.
func (w *World) Lines() iter.Seq[canonical.Line] {
	return func(yield func(canonical.Line) bool) {
		b := w.book()
		var buf []byte
		w.facts(func(f fact) bool { return yield(b.line(f, &buf)) })
	}
}

// line says in our own words what status, message and preference say in the platform's, and adds
// what only the sender knows: zone, purpose, author and template.
func (b *book) line(f fact, buf *[]byte) canonical.Line {
	m := &markets[b.market[f.contact]]
	id := func(message uint32, inbound bool) string {
		*buf = b.wamid((*buf)[:0], f.contact, message, inbound)
		return string(*buf)
	}
	l := canonical.Line{
		EventTime: time.Unix(f.at, 0).UTC(),
		AccountID: m.account,
		Channel:   "whatsapp",
		Provider:  b.provider,
		Address:   "+" + b.number[f.contact],
		Market:    m.Code,
		Zone:      m.Zone,
	}
	switch f.what {
	case factInbound:
		l.EventType, l.MessageID, l.Kind = "reply", id(f.message, true), inbound[f.kind].kind
		if f.quoted != 0 {
			l.InReplyTo = id(f.quoted, false)
		}
		if l.Kind != "media" {
			l.TextChars = uint32(utf8.RuneCountInString(m.texts[f.text]))
		}
		return l
	case factOptIn, factOptOut:
		l.EventType, l.Scope, l.Reason = "opt_in", "marketing_messages", "preference"
		if f.what == factOptOut {
			l.EventType = "opt_out"
		}
		return l
	}
	l.EventType = [...]string{factSent: "send", factDelivered: "delivered", factRead: "open", factFailed: "failed", factClicked: "click"}[f.what]
	l.MessageID = id(f.message, false)
	if f.what == factSent {
		l.Arm = b.arm[f.contact]
		l.Purpose = "proactive"
		if f.campaign == response {
			l.Purpose = "response"
			l.Author = [...]string{"", authorHuman: "human", authorBot: "bot"}[f.author]
		}
		if f.acknowledges {
			l.MessageTag = acknowledgement
		}
		if f.template {
			l.TemplateID = "conversation_reopened"
		}
	}
	if f.what == factDelivered || f.what == factRead {
		l.Method = "by_mid"
	}
	if f.campaign != response {
		l.CampaignID = campaigns[f.campaign]
	}
	if p, ok := f.price(); ok {
		l.Category, l.PricingType, l.PricingModel = p.category, p.kind, "PMP"
		l.Billable = "no"
		if p.billable {
			l.Billable = "yes"
		}
	}
	if f.what == factFailed {
		l.ErrorCode = strconv.Itoa(int(f.code))
	}
	return l
}

// observe reads a line for the reference. A fact that names neither a message nor itself is known
// by its time.
func observe(l canonical.Line) observation {
	key := factKey{l.EventType, l.MessageID, l.EventID}
	unknown := l.Provider == "twilio" && slices.Contains([]string{"21211", "21614", "30005", "30006"}, l.ErrorCode) ||
		l.Channel == "email" && slices.Contains([]string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}, l.ErrorCode)
	if key.message == "" && key.event == "" {
		key.event = l.EventTime.Format(time.RFC3339Nano)
	}
	return observation{
		address: l.Address, account: l.AccountID, market: l.Market, zone: l.Zone, channel: l.Channel,
		factKey: key, told: told{l.EventTime, l.InReplyTo, l.Purpose, l.Reason, unknown, sending{
			author:       l.Author,
			acknowledges: strings.ReplaceAll(l.MessageTag, "-", "_") == acknowledgement || strings.ReplaceAll(l.Category, "-", "_") == acknowledgement,
			marketing:    l.MessageTag == "" && isMarketing(l.Category),
			broadcast:    broadcasts(l.Category, l.CampaignID, l.TemplateID, l.MessageTag, l.Scope, l.PromisedFrequency),
		}},
	}
}
