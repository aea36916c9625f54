package meta

import (
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are checked; the machine need not know them

	"drumbeat/ingest"
	"drumbeat/ingest/jsontree"
)

// Messaging reads the webhooks of Messenger and Instagram, which have one shape: entries of a page or
// account with items of one event each, in messaging[] or, for apps that do not control the thread, in
// standby[].
type Messaging struct {
	Object  string   // what the webhook is about: page, instagram
	Channel string   // of the events
	Fields  []string // of changes[]: those whose value is such an item
}

// Reasons for which an item gives no event, beside those of all Meta webhooks.
const (
	skippedItem        = "item without event"
	skippedReceipt     = "receipt without message or watermark"
	skippedOptInType   = "opt-in of unknown type"
	skippedOptInStatus = "opt-in of unknown status"
)

// Scopes of consents that name no topic.
const (
	scopeTopic   = "notification_messages"
	scopeOneTime = "one_time"
	scopePlugin  = "plugin"
)

// Limits of texts that are kept; a longer one is left out. Metadata has the platform's own limit.
const (
	maxMetadata = 1000
	maxScope    = 256
)

// inboxes are the app ids of the page's inbox, where people of the business write by hand. The
// second is how the platform's reference prints the first.
var inboxes = []string{"263902037430900", "26390203743090"}

// Decode reads a webhook body. It returns ingest.ErrBody, wrapped, if it is not JSON.
func (m Messaging) Decode(body []byte, from ingest.Intake) (ingest.Decoded, error) {
	d := decoder{channel: m.Channel, from: from}
	err := Entries(body, m.Object, &d.out, func(entry jsontree.Value) {
		for value := range entry.Get("messaging").Elements() {
			d.read(item{Value: value, entry: entry})
		}
		for value := range entry.Get("standby").Elements() {
			d.read(item{Value: value, entry: entry, standby: true})
		}
		for change := range entry.Get("changes").Elements() {
			field := change.Get("field").Text()
			if !slices.Contains(m.Fields, field) {
				d.out.Skip(SkippedField)
				continue
			}
			d.read(item{Value: change.Get("value"), entry: entry, standby: field == "standby"})
		}
	})
	return d.out, err
}

type decoder struct {
	channel string
	from    ingest.Intake
	out     ingest.Decoded
}

// item is one element of messaging[] or standby[].
type item struct {
	jsontree.Value
	entry   jsontree.Value
	standby bool
}

// readers tells how each event key of an item is read. What is not here, or not about a contact, is no event.
var readers = map[string]func(d *decoder, it item, key string, value jsontree.Value){
	"message":      (*decoder).message,
	"message_edit": (*decoder).edit,
	"reaction":     (*decoder).reaction,
	"delivery":     (*decoder).receipt,
	"read":         (*decoder).receipt,
	"postback":     (*decoder).postback,
	"optin":        (*decoder).optIn,
	"referral":     (*decoder).referral,

	// Kept under their own names; no figure reads them.
	"account_linking":        (*decoder).other,
	"app_roles":              (*decoder).other,
	"checkout_update":        (*decoder).other,
	"feedback":               (*decoder).other,
	"game_play":              (*decoder).other,
	"messaging_feedback":     (*decoder).other,
	"pass_thread_control":    (*decoder).other,
	"payment":                (*decoder).other,
	"policy-enforcement":     (*decoder).other,
	"request_thread_control": (*decoder).other,
	"take_thread_control":    (*decoder).other,
}

func (d *decoder) read(it item) {
	known := false
	for key, value := range it.Members() {
		reader := readers[key]
		if reader == nil || value.Kind() != jsontree.Object {
			continue
		}
		known = true
		reader(d, it, key, value)
	}
	if !known {
		d.out.Skip(skippedItem)
	}
}

// outbound reports whether the business sent the item's message.
func (it item) outbound() bool {
	if it.Get("message", "is_echo").True() {
		return true
	}
	id := it.entry.Get("id").Text()
	return id != "" && it.Get("sender", "id").Text() == id
}

// account is the page or account: the entry's, else the business's party of the item.
func (it item) account() string {
	if id := it.entry.Get("id").Text(); id != "" {
		return id
	}
	if it.outbound() {
		return it.Get("sender", "id").Text()
	}
	return it.Get("recipient", "id").Text()
}

// contact is the party that is not the account; for what the business sent the recipient. One who has
// not written yet has no id but the reference that the business's web page made up.
func (it item) contact() ingest.Address {
	account := it.account()
	party := func(name string) ingest.Address {
		if id := it.Get(name, "id").Text(); id != "" {
			if id == account {
				return ingest.Address{}
			}
			a, _ := ingest.ParseAddress(ingest.Scoped, id)
			return a
		}
		return referenced(it.Get(name, "user_ref").Text())
	}
	if it.outbound() {
		return party("recipient")
	}
	for _, a := range []ingest.Address{party("sender"), referenced(it.Get("optin", "user_ref").Text()), party("recipient")} {
		if !a.IsZero() {
			return a
		}
	}
	return ingest.Address{}
}

// referenced is the address of a contact who is known by a reference only. The prefix keeps it apart
// from the ids that the platform gives.
func referenced(ref string) ingest.Address {
	if ref == "" {
		return ingest.Address{}
	}
	a, _ := ingest.ParseAddress(ingest.Scoped, "user_ref:"+ref)
	return a
}

// stamp is the item's own time as part of an identity: the same however it is written. The entry's
// time is not, because it is that of a delivery.
func (it item) stamp() string {
	text := it.Get("timestamp").Text()
	if at, err := ingest.ParseTime(text); err == nil {
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	return text
}

func (d *decoder) draft(it item, kind ingest.Type) ingest.Draft {
	account := it.account()
	e := ingest.Draft{Event: ingest.Event{
		Type: kind, BusinessID: d.from.BusinessID, AccountID: account,
		Channel: d.channel, Provider: "meta", IngestedAt: d.from.Received,
		Standby: it.standby,
		IsTest:  account == "0", // what the dashboard's test button sends
	}}
	e.Time, e.TimeFlag = ingest.EventTime(it.Get("timestamp").Text(), it.entry.Get("time").Text(), d.from.Received)
	e.Address = it.contact()
	return e
}

// add keeps a draft if it names a contact.
func (d *decoder) add(e ingest.Draft) {
	if e.Address.IsZero() {
		d.out.Skip(SkippedNoContact)
		return
	}
	d.out.Drafts = append(d.out.Drafts, e)
}

func (d *decoder) message(it item, _ string, message jsontree.Value) {
	kind := ingest.Reply
	switch {
	case message.Get("is_deleted").True():
		kind = "unsend"
	case it.outbound():
		kind = ingest.Send
	}
	e := d.draft(it, kind)
	if e.MessageKey = message.Get("mid").Text(); e.MessageKey == "" {
		d.out.Skip(SkippedNoID)
		return
	}
	e.ReplyToKey = message.Get("reply_to", "mid").Text()
	switch kind {
	case ingest.Send:
		if metadata := message.Get("metadata").Text(); len(metadata) <= maxMetadata {
			e.CampaignID = metadata
		}
		if app := message.Get("app_id").Text(); isNumber(app) {
			e.Attributes = map[string]string{"app_id": app}
			// Whether another app is a machine or lets people write, nobody says.
			if slices.Contains(inboxes, app) {
				e.Author = "human"
			}
		}
	case ingest.Reply:
		e.Kind = replyKind(message)
		e.TextChars = uint32(message.Get("text").Chars())
		setOrigin(&e, message.Get("referral"))
	}
	d.add(e)
	if ref := it.Get("prior_message", "identifier").Text(); ref != "" {
		// Who is first known by a reference gets an id with the first message.
		alias := d.draft(it, Alias)
		d.out.Drafts = append(d.out.Drafts, Aliases(alias, []string{"user_ref", ref}, alias.Address, referenced(ref))...)
	}
}

// attachmentKinds names what a contact sent by the type of the attachment.
var attachmentKinds = map[string]string{
	"image": "media", "audio": "media", "video": "media", "file": "media", "sticker": "media", "animated_image": "media",
	"reel": "media", "ig_reel": "media",
	"location": "location",
	"fallback": "share", "share": "share", "post": "share", "ig_post": "share", "ig_story": "share",
	"template": "template", "story_mention": "story_mention", "like_heart": "like_heart", "unsupported_type": "unsupported",
}

// replyKind names what a message holds; an attachment says more than the text beside it, save for the
// preview of a link in the text.
func replyKind(message jsontree.Value) string {
	text := message.Get("text")
	switch {
	case message.Get("is_unsupported").True():
		return "unsupported"
	case !message.Get("quick_reply").Empty():
		return "quick_reply"
	case !message.Get("reply_to", "story").Empty():
		return "story_reply"
	}
	for attachment := range message.Get("attachments").Elements() {
		name := attachment.Get("type").Text()
		if name == "" || name == "fallback" && !text.Empty() {
			continue
		}
		if kind := attachmentKinds[name]; kind != "" {
			return kind
		}
		return "attachment"
	}
	if text.Empty() {
		return "unsupported"
	}
	return "text"
}

// setOrigin keeps how a contact came into the thread. The reference of the link is not kept: senders
// put what they like in it.
func setOrigin(e *ingest.Draft, referral jsontree.Value) {
	source := strings.ToLower(referral.Get("source").Text())
	if source == "ads" {
		source = "ad"
	}
	if isWord(source) {
		e.Attributes = map[string]string{"origin": source}
	}
}

func (d *decoder) edit(it item, _ string, edit jsontree.Value) {
	e := d.draft(it, "edit")
	if e.MessageKey = edit.Get("mid").Text(); e.MessageKey == "" {
		d.out.Skip(SkippedNoID)
		return
	}
	e.EventKey = []string{"edit", edit.Get("num_edit").Text()}
	d.add(e)
}

// reaction has no id of its own: mid is of the message that it is about.
func (d *decoder) reaction(it item, _ string, reaction jsontree.Value) {
	e := d.draft(it, "reaction")
	if e.ReplyToKey = reaction.Get("mid").Text(); e.ReplyToKey == "" {
		d.out.Skip(SkippedNoID)
		return
	}
	e.EventKey = []string{"reaction", e.ReplyToKey, reaction.Get("action").Text(), it.stamp()}
	d.add(e)
}

// receipt reads a delivery or a read. Where it names messages, each has reached the contact, and the
// watermark stays beside it; else the watermark is the fact: all sent up to then has.
func (d *decoder) receipt(it item, key string, receipt jsontree.Value) {
	kind := ingest.Delivered
	if key == "read" {
		kind = ingest.Open
	}
	e := d.draft(it, kind)
	if watermark, flag := ingest.EventTime(receipt.Get("watermark").Text(), "", d.from.Received); flag == "" {
		e.Watermark = watermark
	}
	mids := []string{receipt.Get("mid").Text()}
	for mid := range receipt.Get("mids").Elements() {
		mids = append(mids, mid.Text())
	}
	named := false
	for _, mid := range mids {
		if mid == "" {
			continue
		}
		named = true
		e.MessageKey, e.Method = mid, "by_mid"
		d.add(e)
	}
	if named {
		return
	}
	if e.Watermark.IsZero() {
		d.out.Skip(skippedReceipt)
		return
	}
	// As in an event line, so that one that is also imported is the same fact.
	e.EventKey = []string{"watermark", strconv.FormatInt(e.Watermark.UnixMilli(), 10)}
	e.Method = "by_watermark"
	d.add(e)
}

func (d *decoder) postback(it item, _ string, postback jsontree.Value) {
	e := d.draft(it, ingest.Reply)
	if e.MessageKey = postback.Get("mid").Text(); e.MessageKey == "" { // in old versions
		e.EventKey = []string{"postback", it.stamp(), postback.Get("payload").Text()}
	}
	e.Kind = "postback"
	e.TextChars = uint32(postback.Get("title").Chars())
	setOrigin(&e, postback.Get("referral"))
	d.add(e)
}

// optIn reads a consent. Its identity is the token or reference, which are secrets of one contact and
// are kept as a hash only; its scope is what people call the topic.
func (d *decoder) optIn(it item, _ string, optIn jsontree.Value) {
	e := d.draft(it, ingest.OptIn)
	var id string
	name := optIn.Get("type").Text()
	status := strings.ToLower(strings.ReplaceAll(optIn.Get("notification_messages_status").Text(), "_", " "))
	switch name {
	case "notification_messages":
		id = optIn.Get("notification_messages_token").Text()
		d.topic(&e, optIn)
	case "one_time_notif_req":
		id = optIn.Get("one_time_notif_token").Text()
		e.Scope = scopeOneTime
	case "": // a plugin on the business's web page
		id = optIn.Get("ref").Text()
		e.Scope = scopePlugin
	default:
		d.out.Skip(skippedOptInType)
		return
	}
	switch status {
	case "", "resume notifications":
	case "stop notifications":
		e.Type, e.Reason = ingest.OptOut, "preference"
	default:
		d.out.Skip(skippedOptInStatus)
		return
	}
	if source := strings.ToLower(optIn.Get("source").Text()); isWord(source) { // where in the platform it was given
		if e.Attributes == nil {
			e.Attributes = map[string]string{}
		}
		e.Attributes["origin"] = source
	}
	e.EventKey = []string{"optin", name, id, status, it.stamp()}
	d.add(e)
}

// topic fills in what a consent to messages about a topic says.
func (d *decoder) topic(e *ingest.Draft, optIn jsontree.Value) {
	e.Scope = scopeTopic
	for _, key := range []string{"title", "notification_messages_topic"} {
		if topic := strings.TrimSpace(optIn.Get(key).Text()); topic != "" && len(topic) <= maxScope {
			e.Scope = topic
			break
		}
	}
	switch frequency := strings.ToLower(optIn.Get("notification_messages_frequency").Text()); frequency {
	case "daily", "weekly", "monthly":
		e.PromisedFrequency = frequency
	}
	if zone := optIn.Get("notification_messages_timezone").Text(); isZone(zone) {
		e.Zone = zone
	}
	// Within what the warehouse can store.
	if at, err := ingest.ParseTime(optIn.Get("token_expiry_timestamp").Text()); err == nil && at.Year() >= 2004 && at.Year() <= 2200 {
		e.ExpiresAt = at
	}
	switch status := strings.ToLower(optIn.Get("user_token_status").Text()); status {
	case "refreshed", "not_refreshed":
		e.Attributes = map[string]string{"token_status": status}
	}
}

func (d *decoder) referral(it item, _ string, referral jsontree.Value) {
	e := d.draft(it, "referral")
	e.EventKey = []string{"referral", it.stamp(), referral.Get("source").Text(), referral.Get("ref").Text()}
	setOrigin(&e, referral)
	d.add(e)
}

func (d *decoder) other(it item, key string, _ jsontree.Value) {
	e := d.draft(it, ingest.Type(strings.ReplaceAll(key, "-", "_")))
	e.EventKey = []string{"at", it.stamp()}
	d.add(e)
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

// isWord reports whether text is one of a platform's own words rather than what somebody filled in.
func isWord(text string) bool {
	for _, c := range text {
		if c != '_' && c != '-' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return text != "" && len(text) <= 40
}

func isZone(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}
