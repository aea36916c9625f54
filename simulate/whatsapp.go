package simulate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Post is one webhook request.
type Post struct {
	At    time.Time // when the platform would send it; no part of the body
	Facts int       // statuses, messages and preferences in it, copies included
	Body  []byte    // the caller's to keep
}

// Sign returns the value of the header X-Hub-Signature-256 for a body.
func Sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

const (
	whatsAppBusinessAccount = "100000000000001"

	postLeast    = 1
	postMost     = 60  // facts in one post
	postWait     = 900 // seconds that a fact waits for others
	changeMost   = 20  // statuses in one change
	errorsPage   = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
	stopDetail   = "User requested to stop marketing messages"
	resumeDetail = "User requested to resume marketing messages"
	signupDetail = "User signed up for marketing messages"
)

// WhatsApp tells the world as the requests that Meta's Cloud API would post, in the order of
// arrival. It says what a webhook can say: no zone, market or purpose.
func (w *World) WhatsApp() iter.Seq[Post] {
	return func(yield func(Post) bool) {
		size := rand.New(rand.NewPCG(mix(w.Options.Seed), mix(w.Options.Seed^0x905705)))
		e := &encoder{book: w.book()}
		var batch []fact
		full := 0
		send := func() bool {
			post := Post{
				At:    time.Unix(batch[len(batch)-1].arrival, 0).UTC(),
				Facts: len(batch),
				Body:  slices.Clone(e.post(batch)),
			}
			batch = batch[:0]
			return yield(post)
		}
		w.facts(func(f fact) bool {
			if f.what == factClicked {
				return true // no webhook of the platform tells of links
			}
			if len(batch) > 0 && (len(batch) >= full || f.arrival > batch[0].arrival+postWait) && !send() {
				return false
			}
			if len(batch) == 0 {
				full = postLeast + size.IntN(postMost)
			}
			batch = append(batch, f)
			return true
		})
		if len(batch) > 0 {
			send()
		}
	}
}

// encoder writes payloads as Meta does: escaped unicode and slashes, times of messages as
// strings of seconds.
type encoder struct {
	*book
	b []byte
}

func (e *encoder) post(batch []fact) []byte {
	// Changes are of one number and one kind; inside, facts keep their order.
	slices.SortStableFunc(batch, func(a, b fact) int { return e.change(a) - e.change(b) })
	e.b = append(e.b[:0], `{"object":"whatsapp_business_account","entry":[{"id":"`+whatsAppBusinessAccount+`","changes":[`...)
	for i := 0; i < len(batch); {
		n := 1
		for i+n < len(batch) && n < changeMost && e.change(batch[i+n]) == e.change(batch[i]) {
			n++
		}
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.value(batch[i : i+n])
		i += n
	}
	e.b = append(e.b, `]}]}`...)
	return e.b
}

// The kinds of change.
const (
	changeStatuses = iota
	changeMessages
	changePreferences
	changeKinds
)

func (e *encoder) change(f fact) int {
	kind := changeStatuses
	switch f.what {
	case factInbound:
		kind = changeMessages
	case factOptIn, factOptOut:
		kind = changePreferences
	}
	return int(e.market[f.contact])*changeKinds + kind
}

func (e *encoder) value(facts []fact) {
	m := &markets[e.market[facts[0].contact]]
	e.b = append(e.b, `{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"`...)
	e.b = append(e.b, m.display...)
	e.b = append(e.b, `","phone_number_id":"`...)
	e.b = append(e.b, m.account...)
	e.b = append(e.b, `"},`...)
	field := "messages"
	switch e.change(facts[0]) % changeKinds {
	case changeStatuses:
		e.list("statuses", facts, e.status)
	case changeMessages:
		e.contacts(facts)
		e.list("messages", facts, e.message)
	case changePreferences:
		field = "user_preferences"
		e.contacts(facts)
		e.list("user_preferences", facts, e.preference)
	}
	e.b = append(e.b, `},"field":"`...)
	e.b = append(e.b, field...)
	e.b = append(e.b, `"}`...)
}

func (e *encoder) list(name string, facts []fact, item func(fact)) {
	e.b = append(e.b, '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, `":[`...)
	for i, f := range facts {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		item(f)
	}
	e.b = append(e.b, ']')
}

// contacts names each contact of the change once.
func (e *encoder) contacts(facts []fact) {
	e.b = append(e.b, `"contacts":[`...)
	for i, f := range facts {
		if slices.ContainsFunc(facts[:i], func(g fact) bool { return g.contact == f.contact }) {
			continue
		}
		if i > 0 {
			e.b = append(e.b, ',')
		}
		names := markets[e.market[f.contact]].names
		e.b = append(e.b, `{"profile":{"name":`...)
		e.text(names[int(f.contact)%len(names)])
		e.b = append(e.b, `},"wa_id":"`...)
		e.b = append(e.b, e.number[f.contact]...)
		e.b = append(e.b, `"}`...)
	}
	e.b = append(e.b, `],`...)
}

func (e *encoder) status(f fact) {
	e.b = append(e.b, `{"id":"`...)
	e.b = e.wamid(e.b, f.contact, f.message, false)
	e.b = append(e.b, `","status":"`...)
	e.b = append(e.b, [...]string{factSent: "sent", factDelivered: "delivered", factRead: "read", factFailed: "failed"}[f.what]...)
	e.b = append(e.b, `","timestamp":"`...)
	e.b = strconv.AppendInt(e.b, f.at, 10)
	e.b = append(e.b, `","recipient_id":"`...)
	e.b = append(e.b, e.number[f.contact]...)
	e.b = append(e.b, '"')
	if f.campaign != response {
		e.b = append(e.b, `,"biz_opaque_callback_data":"`...)
		e.b = append(e.b, campaigns[f.campaign]...)
		e.b = append(e.b, '"')
	}
	if p, ok := f.price(); ok {
		e.b = append(e.b, `,"pricing":{"billable":`...)
		e.b = strconv.AppendBool(e.b, p.billable)
		e.b = append(e.b, `,"pricing_model":"PMP","category":"`...)
		e.b = append(e.b, p.category...)
		e.b = append(e.b, `","type":"`...)
		e.b = append(e.b, p.kind...)
		e.b = append(e.b, `"}`...)
	}
	if f.what == factFailed {
		title, details := "Message undeliverable", "Message Undeliverable."
		code := int64(f.code)
		switch f.code {
		case failUnknown:
			code = 131026 // the platform does not tell why
		case 131047:
			title, details = "Re-engagement message", "The contact's last message is older than 24 hours."
		case 131049:
			title = "This message was not delivered to maintain healthy ecosystem engagement."
			details = "In order to maintain a healthy ecosystem engagement, the message failed to be delivered."
		}
		e.b = append(e.b, `,"errors":[{"code":`...)
		e.b = strconv.AppendInt(e.b, code, 10)
		e.b = append(e.b, `,"title":`...)
		e.text(title)
		e.b = append(e.b, `,"message":`...)
		e.text(title)
		e.b = append(e.b, `,"error_data":{"details":`...)
		e.text(details)
		e.b = append(e.b, `},"href":`...)
		e.text(errorsPage)
		e.b = append(e.b, `}]`...)
	}
	e.b = append(e.b, '}')
}

func (e *encoder) message(f fact) {
	m := &markets[e.market[f.contact]]
	text := m.texts[f.text]
	e.b = append(e.b, '{')
	if f.quoted != 0 {
		e.b = append(e.b, `"context":{"from":"`...)
		e.b = append(e.b, m.display...)
		e.b = append(e.b, `","id":"`...)
		e.b = e.wamid(e.b, f.contact, f.quoted, false)
		e.b = append(e.b, `"},`...)
	}
	e.b = append(e.b, `"from":"`...)
	e.b = append(e.b, e.number[f.contact]...)
	e.b = append(e.b, `","id":"`...)
	e.b = e.wamid(e.b, f.contact, f.message, true)
	e.b = append(e.b, `","timestamp":"`...)
	e.b = strconv.AppendInt(e.b, f.at, 10)
	e.b = append(e.b, `","type":"`...)
	e.b = append(e.b, inbound[f.kind].wire...)
	e.b = append(e.b, `",`...)
	switch k := inbound[f.kind]; {
	case k.wire == "text":
		e.b = append(e.b, `"text":{"body":`...)
		e.text(text)
		e.b = append(e.b, '}')
	case k.wire == "button":
		e.b = append(e.b, `"button":{"payload":`...)
		e.text(text)
		e.b = append(e.b, `,"text":`...)
		e.text(text)
		e.b = append(e.b, '}')
	case k.kind == "list":
		e.b = append(e.b, `"interactive":{"type":"list_reply","list_reply":{"id":"row-1","title":`...)
		e.text(text)
		e.b = append(e.b, `,"description":""}}`...)
	case k.wire == "interactive":
		e.b = append(e.b, `"interactive":{"type":"button_reply","button_reply":{"id":"button-1","title":`...)
		e.text(text)
		e.b = append(e.b, `}}`...)
	case k.wire == "image":
		e.media(f, k.wire, "image/jpeg")
	default:
		e.media(f, k.wire, "audio/ogg; codecs=opus")
	}
	e.b = append(e.b, '}')
}

func (e *encoder) media(f fact, wire, mime string) {
	id := mix(uint64(f.contact)<<32 | uint64(f.message))
	digest := sha256.Sum256(strconv.AppendUint(nil, id, 10))
	e.b = append(e.b, '"')
	e.b = append(e.b, wire...)
	e.b = append(e.b, `":{"mime_type":`...)
	e.text(mime)
	e.b = append(e.b, `,"sha256":`...)
	e.text(base64.StdEncoding.EncodeToString(digest[:]))
	e.b = append(e.b, `,"id":"`...)
	e.b = strconv.AppendUint(e.b, 1e15+id%9e14, 10)
	e.b = append(e.b, `"}`...)
}

func (e *encoder) preference(f fact) {
	value, detail := "stop", stopDetail
	switch {
	case f.returns:
		value, detail = "resume", resumeDetail
	case f.what == factOptIn:
		value, detail = "signup", signupDetail
	}
	e.b = append(e.b, `{"wa_id":"`...)
	e.b = append(e.b, e.number[f.contact]...)
	e.b = append(e.b, `","detail":"`...)
	e.b = append(e.b, detail...)
	e.b = append(e.b, `","category":"marketing_messages","value":"`...)
	e.b = append(e.b, value...)
	e.b = append(e.b, `","timestamp":`...)
	e.b = strconv.AppendInt(e.b, f.at, 10)
	e.b = append(e.b, '}')
}

// text appends a JSON string in ASCII with escaped slashes: the form that Meta signs.
func (e *encoder) text(s string) {
	const hexDigits = "0123456789abcdef"
	unit := func(u uint16) {
		e.b = append(e.b, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
	}
	e.b = append(e.b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || r == '/':
			e.b = append(e.b, '\\', byte(r))
		case r >= ' ' && r < utf8.RuneSelf-1:
			e.b = append(e.b, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			unit(uint16(high))
			unit(uint16(low))
		default:
			unit(uint16(r))
		}
	}
	e.b = append(e.b, '"')
}
