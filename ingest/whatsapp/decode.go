// Package whatsapp reads the webhooks of the WhatsApp Cloud API: statuses of messages that the
// business sent, messages of contacts, and their preferences.
package whatsapp

import (
	"strings"

	"drumbeat/ingest"
	"drumbeat/ingest/jsontree"
	"drumbeat/ingest/meta"
)

// Source is the WhatsApp Cloud API.
type Source struct{ meta.Hook }

// Reasons for which an item gives no event, beside those of all Meta webhooks.
const (
	skippedStatus     = "status without event"
	skippedMessage    = "message of unknown type"
	skippedPreference = "preference without event"
)

// marketing is the scope of WhatsApp's own opt-out, under the name that the platform gives it.
const marketing = "marketing_messages"

// stoppedMarketing is the error of a message that was not sent because its contact had stopped
// marketing messages: the only trace of a stop whose own webhook was missed.
const stoppedMarketing = "131050"

// maxOpaque is the platform's limit of biz_opaque_callback_data.
const maxOpaque = 512

// Decode reads a webhook body. It returns ErrBody, wrapped, if it is not JSON.
func (Source) Decode(body []byte, from ingest.Intake) (ingest.Decoded, error) {
	d := decoder{from: from}
	err := meta.Entries(body, "whatsapp_business_account", &d.out, d.entry)
	return d.out, err
}

type decoder struct {
	from ingest.Intake
	out  ingest.Decoded

	// Of the change that is being read:
	account  string
	fallback string // time of the envelope
	test     bool
	value    jsontree.Value
}

func (d *decoder) entry(entry jsontree.Value) {
	for change := range entry.Get("changes").Elements() {
		d.value = change.Get("value")
		d.fallback = entry.Get("time").Text()
		d.account = d.value.Get("metadata", "phone_number_id").Text()
		if d.account == "" {
			d.account = entry.Get("id").Text()
		}
		// What the dashboard's test button sends.
		d.test = entry.Get("id").Text() == "0"
		d.change(change.Get("field").Text())
	}
}

func (d *decoder) change(field string) {
	switch field {
	case "messages":
		for status := range d.value.Get("statuses").Elements() {
			d.status(status)
		}
		for message := range d.value.Get("messages").Elements() {
			d.message(message)
		}
	case "message_echoes", "smb_message_echoes":
		for echo := range d.value.Get("message_echoes").Elements() {
			d.echo(echo)
		}
	case "user_preferences":
		for preference := range d.value.Get("user_preferences").Elements() {
			d.preference(preference)
		}
	case "user_id_update":
		for update := range d.value.Get("user_id_update").Elements() {
			id := update.Get("user_id")
			previous, current := id.Get("previous"), id.Get("current")
			key := []string{"user_id_update", previous.Text(), current.Text()}
			if !d.aliases(update.Get("timestamp"), key, previous, current, update.Get("wa_id")) {
				d.out.Skip(meta.SkippedNoContact)
			}
		}
	default:
		// Templates, accounts, calls and groups are not events; `history` replays old chats.
		d.out.Skip(meta.SkippedField)
	}
}

func (d *decoder) draft(kind ingest.Type, at jsontree.Value) ingest.Draft {
	e := ingest.Draft{Event: ingest.Event{
		Type: kind, BusinessID: d.from.BusinessID, AccountID: d.account,
		Channel: "whatsapp", Provider: "meta",
		IngestedAt: d.from.Received, IsTest: d.test,
	}}
	e.Time, e.TimeFlag = ingest.EventTime(at.Text(), d.fallback, d.from.Received)
	return e
}

// add keeps a draft if it names a contact.
func (d *decoder) add(e ingest.Draft) {
	if e.Address.IsZero() {
		d.out.Skip(meta.SkippedNoContact)
		return
	}
	d.out.Drafts = append(d.out.Drafts, e)
}

// address picks the phone number, which is one and the same on every channel, before the id that
// stands for a contact who hides it. Either may stand in the place of a phone number.
func address(number, userID jsontree.Value) ingest.Address {
	text := number.Text()
	if !isUserID(text) {
		if a, err := ingest.ParseAddress(ingest.Phone, text); err == nil {
			return a
		}
		if id := userID.Text(); id != "" {
			text = id
		}
	}
	kind := ingest.Scoped // an id of a kind that we do not know
	if isUserID(text) {
		kind = ingest.BSUID
	}
	a, _ := ingest.ParseAddress(kind, text) // zero if there is none
	return a
}

// isUserID recognises a business-scoped user id: a country and a dot before the rest.
func isUserID(text string) bool {
	return len(text) > 3 && text[2] == '.' && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z'
}

func (d *decoder) status(status jsontree.Value) {
	var kind ingest.Type
	switch status.Get("status").Text() {
	case "sent":
		kind = ingest.Send
	case "delivered":
		kind = ingest.Delivered
	case "read":
		kind = ingest.Open
	case "failed":
		kind = ingest.Failed
	case "played":
		kind = "played"
	default: // deleted, warning, and what is still to come
		d.out.Skip(skippedStatus)
		return
	}
	e := d.draft(kind, status.Get("timestamp"))
	if e.MessageKey = status.Get("id").Text(); e.MessageKey == "" {
		d.out.Skip(meta.SkippedNoID)
		return
	}
	if status.Get("recipient_type").Text() == "group" {
		// One receipt of the same message for each participant.
		e.Address = address(status.Get("recipient_participant_id"), status.Get("recipient_participant_user_id"))
		e.PerRecipient = true
	} else {
		e.Address = address(status.Get("recipient_id"), status.Get("recipient_user_id"))
	}
	if kind == ingest.Open || kind == ingest.Delivered {
		e.Method = "by_mid"
	}
	if campaign := status.Get("biz_opaque_callback_data").Text(); len(campaign) <= maxOpaque {
		e.CampaignID = campaign
	}
	e.ConversationKey = status.Get("conversation", "id").Text()
	pricing := status.Get("pricing")
	e.Category = pricing.Get("category").Text()
	if e.Category == "" {
		e.Category = status.Get("conversation", "origin", "type").Text()
	}
	// The platform spells the same category both ways.
	e.Category = strings.ReplaceAll(e.Category, "-", "_")
	e.PricingType = pricing.Get("type").Text()
	e.PricingModel = pricing.Get("pricing_model").Text()
	if billable := pricing.Get("billable"); !billable.Empty() {
		e.Billable = "no"
		if billable.True() {
			e.Billable = "yes"
		}
	}
	if kind != ingest.Failed {
		d.add(e)
		return
	}
	stopped := false
	for problem := range status.Get("errors").Elements() {
		code := problem.Get("code").Text()
		if e.ErrorCode == "" {
			e.ErrorCode = code
		}
		stopped = stopped || code == stoppedMarketing
	}
	d.add(e)
	if stopped && !e.Address.IsZero() {
		out := d.draft(ingest.OptOut, status.Get("timestamp"))
		out.Address, out.MessageKey, out.PerRecipient = e.Address, e.MessageKey, e.PerRecipient
		out.EventKey = []string{"error", stoppedMarketing, e.MessageKey}
		out.Scope, out.Reason, out.ErrorCode = marketing, "error", stoppedMarketing
		d.add(out)
	}
}

// sender returns the contact who wrote a message. Where the message itself does not say it, the only
// contact of the change does.
func (d *decoder) sender(message jsontree.Value) ingest.Address {
	a := address(message.Get("from"), message.Get("from_user_id"))
	if !a.IsZero() {
		return a
	}
	var only jsontree.Value
	n := 0
	for contact := range d.value.Get("contacts").Elements() {
		only = contact
		n++
	}
	if n != 1 {
		return a
	}
	return address(only.Get("wa_id"), only.Get("user_id"))
}

func (d *decoder) message(message jsontree.Value) {
	name := messageType(message)
	kind, replyKind := ingest.Reply, ""
	quoted := message.Get("context", "id")
	switch name {
	case "text", "location", "contacts", "order":
		replyKind = name
	case "image", "video", "audio", "voice", "document", "sticker":
		replyKind = "media"
	case "button": // below a template
		replyKind = "quick_reply"
	case "interactive":
		replyKind = interactiveKind(message.Get("interactive"))
	case "unsupported", "unknown":
		replyKind = "unsupported"
	case "reaction":
		kind, quoted = "reaction", message.Get("reaction", "message_id")
	case "edit":
		kind, quoted = "edit", message.Get("edit", "original_message_id")
	case "revoke":
		kind, quoted = "unsend", message.Get("revoke", "original_message_id")
	case "system", "request_welcome":
		kind = ingest.Type(name)
	default:
		d.out.Skip(skippedMessage)
		return
	}
	e := d.draft(kind, message.Get("timestamp"))
	if e.MessageKey = message.Get("id").Text(); e.MessageKey == "" {
		d.out.Skip(meta.SkippedNoID)
		return
	}
	if name == "system" { // of a new number, or of a new id that came with it
		system, key := message.Get("system"), []string{"system", e.MessageKey}
		d.aliases(message.Get("timestamp"), key, message.Get("from"), message.Get("from_user_id"),
			system.Get("wa_id"), system.Get("new_wa_id"), system.Get("user_id"))
	}
	e.Address = d.sender(message)
	e.ReplyToKey = quoted.Text()
	// So that a quote finds this participant's copy of the business's message.
	e.PerRecipient = !message.Get("group_id").Empty()
	if kind == ingest.Reply {
		e.Kind = replyKind
		e.TextChars = uint32(textOf(name, message).Chars())
	}
	switch source := message.Get("referral", "source_type").Text(); source {
	case "ad", "post":
		e.Attributes = map[string]string{"origin": source}
	}
	d.add(e)
}

// aliases keeps that a contact's ids, phone numbers or user ids, are one person's, if there are two.
func (d *decoder) aliases(at jsontree.Value, key []string, ids ...jsontree.Value) bool {
	addresses := make([]ingest.Address, len(ids))
	for i, id := range ids {
		addresses[i] = address(id, jsontree.Value{})
	}
	aliases := meta.Aliases(d.draft(meta.Alias, at), key, addresses...)
	d.out.Drafts = append(d.out.Drafts, aliases...)
	return aliases != nil
}

// messageType returns a message's type, or the name of the object that it holds where old versions
// leave the type out.
func messageType(message jsontree.Value) string {
	if name := message.Get("type").Text(); name != "" {
		return name
	}
	for _, name := range []string{
		"text", "image", "video", "audio", "voice", "document", "sticker", "location", "contacts", "order",
		"button", "interactive", "reaction", "edit", "revoke", "system",
	} {
		if k := message.Get(name).Kind(); k == jsontree.Object || k == jsontree.Array {
			return name
		}
	}
	return ""
}

// interactiveKind names what a contact chose; it may come without a body.
func interactiveKind(interactive jsontree.Value) string {
	kinds := map[string]string{"button_reply": "button", "list_reply": "list", "nfm_reply": "form", "call_permission_reply": "call_permission"}
	if kind := kinds[interactive.Get("type").Text()]; kind != "" {
		return kind
	}
	for key := range interactive.Members() {
		if kind := kinds[key]; kind != "" {
			return kind
		}
	}
	return "interactive"
}

// textOf returns what a contact wrote, to be measured.
func textOf(name string, message jsontree.Value) jsontree.Value {
	switch name {
	case "text":
		return message.Get("text", "body")
	case "button":
		return message.Get("button", "text")
	case "interactive":
		interactive := message.Get("interactive")
		for _, kind := range []string{"button_reply", "list_reply"} {
			if title := interactive.Get(kind, "title"); !title.Empty() {
				return title
			}
		}
		return jsontree.Value{}
	}
	return message.Get(name, "caption")
}

// echo reads a message that a person of the business wrote in the WhatsApp Business app.
func (d *decoder) echo(echo jsontree.Value) {
	kind := ingest.Send
	quoted := echo.Get("context", "id")
	switch echo.Get("type").Text() {
	case "edit":
		kind, quoted = "edit", echo.Get("edit", "original_message_id")
	case "revoke":
		kind, quoted = "unsend", echo.Get("revoke", "original_message_id")
	case "reaction":
		kind, quoted = "reaction", echo.Get("reaction", "message_id")
	}
	e := d.draft(kind, echo.Get("timestamp"))
	if e.MessageKey = echo.Get("id").Text(); e.MessageKey == "" {
		d.out.Skip(meta.SkippedNoID)
		return
	}
	e.Address = address(echo.Get("to"), echo.Get("to_user_id"))
	e.ReplyToKey = quoted.Text()
	e.Author = "human"
	e.Attributes = map[string]string{"origin": "smb_app"}
	d.add(e)
}

func (d *decoder) preference(preference jsontree.Value) {
	category, value := preference.Get("category").Text(), preference.Get("value").Text()
	var kind ingest.Type
	switch {
	case category != marketing:
	case value == "stop":
		kind = ingest.OptOut
	case value == "resume", value == "signup":
		kind = ingest.OptIn
	}
	if kind == "" {
		d.out.Skip(skippedPreference)
		return
	}
	e := d.draft(kind, preference.Get("timestamp"))
	e.Address = address(preference.Get("wa_id"), preference.Get("user_id"))
	e.Scope, e.Reason = marketing, "preference"
	stamp := preference.Get("timestamp").Text()
	e.EventKey = []string{"preference", category, value, stamp}
	// As in an event line, so that one that is also imported is the same fact. The time of the envelope
	// is that of a delivery, and tells no fact from another.
	if stamp != "" && e.TimeFlag == "" {
		e.EventKey = ingest.ConsentKey(e.Time, e.Scope)
	}
	d.add(e)
}
