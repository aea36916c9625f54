package simulate

import (
	"iter"
	"slices"
	"strconv"
	"time"
)

// Messenger tells what the Messenger Platform would post of the world: echoes, receipts, what contacts do, and consents.
func (w *ConsentWorld) Messenger() iter.Seq[Post] {
	return w.posts(byMessenger, func(batch []*toldFact) []byte {
		var e encoder
		return e.messengerPost(batch)
	})
}

// messengerPost writes a batch as one request, with an entry for each run of facts of one page.
func (e *encoder) messengerPost(batch []*toldFact) []byte {
	e.b = append(e.b, `{"object":"page","entry":[`...)
	for i, f := range batch {
		if i == 0 || f.line.AccountID != batch[i-1].line.AccountID {
			if i > 0 {
				e.b = append(e.b, `]},`...)
			}
			e.b = append(e.b, `{"id":"`+f.line.AccountID+`","time":`...)
			e.b = strconv.AppendInt(e.b, f.arrival, 10)
			e.b = append(e.b, `,"messaging":[`...)
		} else {
			e.b = append(e.b, ',')
		}
		e.messengerItem(f)
	}
	e.b = append(e.b, `]}]}`...)
	return slices.Clone(e.b)
}

func (e *encoder) messengerItem(f *toldFact) {
	l := f.line
	sender, recipient := l.Address, l.AccountID
	if l.EventType == "send" {
		sender, recipient = recipient, sender
	}
	e.b = append(e.b, `{"sender":{"id":"`+sender+`"},"recipient":{"id":"`+recipient+`"},"timestamp":`...)
	e.milliseconds(l.EventTime)
	switch l.EventType {
	case "send":
		e.b = append(e.b, `,"message":{"mid":"`+l.MessageID+`","is_echo":true,"app_id":`+l.Attributes["app_id"]+`,"text":"made-up text"`...)
		if l.CampaignID != "" {
			e.b = append(e.b, `,"metadata":"`+l.CampaignID+`"`...)
		}
		e.b = append(e.b, '}')
	case "delivered":
		e.b = append(e.b, `,"delivery":{`...)
		if l.MessageID != "" {
			e.b = append(e.b, `"mids":["`+l.MessageID+`"],`...)
		}
		e.b = append(e.b, `"watermark":`...)
		e.milliseconds(l.Watermark)
		e.b = append(e.b, '}')
	case "open":
		e.b = append(e.b, `,"read":{"watermark":`...)
		e.milliseconds(l.Watermark)
		e.b = append(e.b, '}')
	case "reply":
		e.inbound(f)
	case "reaction":
		e.b = append(e.b, `,"reaction":{"mid":"`+l.InReplyTo+`","action":"react","reaction":"love","emoji":"\u2764"}`...)
	case "referral":
		e.b = append(e.b, `,"referral":`...)
		e.referral(f)
	default:
		e.optIn(f)
	}
	e.b = append(e.b, '}')
}

func (e *encoder) inbound(f *toldFact) {
	l := f.line
	if l.Kind == "postback" {
		e.b = append(e.b, `,"postback":{"mid":"`+l.MessageID+`","payload":"made-up","title":`...)
		e.text(f.wire.text)
		e.b = append(e.b, '}')
		return
	}
	e.b = append(e.b, `,"message":{"mid":"`+l.MessageID+`","text":`...)
	e.text(f.wire.text)
	if l.Kind == "quick_reply" {
		e.b = append(e.b, `,"quick_reply":{"payload":"made-up"}`...)
	}
	if l.InReplyTo != "" {
		e.b = append(e.b, `,"reply_to":{"mid":"`+l.InReplyTo+`"}`...)
	}
	if l.Attributes["origin"] != "" {
		e.b = append(e.b, `,"referral":`...)
		e.referral(f)
	}
	e.b = append(e.b, '}')
}

func (e *encoder) referral(f *toldFact) {
	source := map[string]string{"ad": "ADS", "shortlink": "SHORTLINK"}[f.line.Attributes["origin"]]
	e.b = append(e.b, `{"source":"`+source+`","type":"OPEN_THREAD"`...)
	if f.wire.adID != "" {
		e.b = append(e.b, `,"ad_id":"`+f.wire.adID+`"`...)
	}
	e.b = append(e.b, '}')
}

func (e *encoder) optIn(f *toldFact) {
	l := f.line
	if l.Scope == scopeOneTime {
		e.b = append(e.b, `,"optin":{"type":"one_time_notif_req","one_time_notif_token":"`+f.wire.token+`","payload":"made-up"}`...)
		return
	}
	e.b = append(e.b, `,"optin":{"type":"notification_messages","title":"`+l.Scope+`","payload":"made-up","notification_messages_token":"`+f.wire.token+`"`...)
	for _, pair := range [...][2]string{
		{"notification_messages_frequency", map[string]string{"daily": "DAILY", "weekly": "WEEKLY", "monthly": "MONTHLY"}[l.PromisedFrequency]},
		{"notification_messages_timezone", l.Zone},
		{"notification_messages_status", f.wire.status},
		{"user_token_status", f.wire.tokenIs},
	} {
		if pair[1] != "" {
			e.b = append(e.b, `,"`+pair[0]+`":`...)
			e.text(pair[1])
		}
	}
	e.b = append(e.b, `,"token_expiry_timestamp":`...)
	e.milliseconds(l.ExpiresAt)
	e.b = append(e.b, '}')
}

func (e *encoder) milliseconds(t time.Time) { e.b = strconv.AppendInt(e.b, t.UnixMilli(), 10) }
