package canonical

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones are checked; the machine need not know them
	"unicode/utf8"

	"drumbeat/ingest"
	"drumbeat/ingest/jsontree"
)

// Limits of a line's values, in bytes. Ids of platforms stay under 300.
const (
	maxText = 256
	maxID   = 1024
)

// DefaultAttributes are the keys of `attributes` that are kept; every other key is dropped, because
// nobody can say what it would hold.
var DefaultAttributes = []string{"url_host", "url_path", "link_id", "origin", "device", "token_status"}

// Decoder decodes event lines. It is safe for concurrent use.
type Decoder struct {
	attributes map[string]bool
	parsers    sync.Pool // of *jsontree.Parser
}

// NewDecoder returns a decoder that keeps DefaultAttributes and the operator's own.
func NewDecoder(attributes ...string) *Decoder {
	d := &Decoder{attributes: map[string]bool{}, parsers: sync.Pool{New: func() any { return &jsontree.Parser{Strict: true} }}}
	for _, key := range append(attributes, DefaultAttributes...) {
		d.attributes[key] = true
	}
	return d
}

// Other event types that a line may have. They are kept and stay out of every count.
var otherTypes = []string{"assigned", "deferred", "edit", "played", "reaction", "referral", "unsend"}

var coreTypes = []ingest.Type{
	ingest.Send, ingest.Delivered, ingest.Open, ingest.Click, ingest.Reply, ingest.Failed, ingest.OptIn, ingest.OptOut, ingest.Complaint,
}

// meant gives the name that is right for one that senders often use.
var meant = map[string]string{
	"sent": "send", "deliver": "delivered", "delivery": "delivered", "read": "open", "opened": "open", "seen": "open",
	"clicked": "click", "replied": "reply", "received": "reply", "message": "reply", "inbound": "reply",
	"fail": "failed", "error": "failed", "bounce": "failed", "bounced": "failed", "undelivered": "failed",
	"optin": "opt_in", "subscribe": "opt_in", "optout": "opt_out", "unsubscribe": "opt_out", "spam": "complaint", "spamreport": "complaint",
}

// hints says what to do about fields that a line does not have.
var hints = map[string]string{
	"business_id": "the business belongs to the token or the import", "ingested_at": "it is set on arrival", "copies": "it is counted here",
	"time_flag": "it is set on arrival", "contact_id": "give the address, which is hashed here", "text": "no text is taken, give text_chars",
	"body": "no text is taken, give text_chars", "phone": "call it address", "email": "call it address", "to": "call it address",
	"from": "call it address", "type": "call it event_type", "event": "call it event_type", "status": "call it event_type",
	"timestamp": "call it event_time", "time": "call it event_time", "id": "call it message_id", "template": "call it template_id",
	"campaign": "call it campaign_id", "timezone": "call it zone", "country": "call it market", "locale": "call it language",
	"mid": "call it message_id", "psid": "call it address", "recipient": "call it address", "user": "call it address",
	"tag": "call it message_tag", "metadata": "call it campaign_id", "code": "call it error_code, as 10/2018278 with a subcode",
	"error_subcode": "call it error_code, as 10/2018278 with a subcode", "specversion": "post CloudEvents as application/cloudevents+json",
}

// values collects what of a line must be looked at together.
type values struct {
	address, kind, eventTime, watermark, expires, eventID string
}

// Decode reads one line as a draft of an event of business, received now at the clock of the
// collector. Errors name the field and what is wrong with it, never its value.
func (d *Decoder) Decode(line []byte, business string, received time.Time, draft *ingest.Draft) error {
	if !utf8.Valid(line) { // two ids that differ in broken bytes alone would become one
		return errors.New("not UTF-8")
	}
	parser := d.parsers.Get().(*jsontree.Parser)
	defer d.parsers.Put(parser)
	root, err := parser.Parse(line)
	if err != nil {
		return err
	}
	if root.Kind() != jsontree.Object {
		return errors.New("not a JSON object")
	}
	*draft = ingest.Draft{Event: ingest.Event{BusinessID: business, IngestedAt: received}}
	var v values
	for key, value := range root.Members() {
		if err := d.field(draft, &v, key, value); err != nil {
			return err
		}
	}
	return finish(draft, &v, received)
}

func (d *Decoder) field(e *ingest.Draft, v *values, key string, value jsontree.Value) error {
	switch key {
	case "event_type":
		return text("event_type", value, (*string)(&e.Type), maxText)
	case "event_time":
		return text("event_time", value, &v.eventTime, maxText)
	case "account_id":
		return text("account_id", value, &e.AccountID, maxText)
	case "channel":
		return text("channel", value, &e.Channel, maxText)
	case "provider":
		return text("provider", value, &e.Provider, maxText)
	case "address":
		return text("address", value, &v.address, maxID)
	case "address_kind":
		return text("address_kind", value, &v.kind, maxText)
	case "message_id":
		return text("message_id", value, &e.MessageKey, maxID)
	case "in_reply_to":
		return text("in_reply_to", value, &e.ReplyToKey, maxID)
	case "event_id":
		return text("event_id", value, &v.eventID, maxID)
	case "conversation_id":
		return text("conversation_id", value, &e.ConversationKey, maxID)
	case "kind":
		return text("kind", value, &e.Kind, maxText)
	case "text_chars":
		if value.Kind() == jsontree.Null {
			return nil
		}
		n, err := strconv.ParseUint(value.Text(), 10, 32)
		if err != nil {
			return errors.New("text_chars is not a whole number")
		}
		e.TextChars = uint32(n)
	case "method":
		return text("method", value, &e.Method, maxText)
	case "watermark":
		return text("watermark", value, &v.watermark, maxText)
	case "author":
		return text("author", value, &e.Author, maxText)
	case "purpose":
		return text("purpose", value, &e.Purpose, maxText)
	case "category":
		return text("category", value, &e.Category, maxText)
	case "template_id":
		return text("template_id", value, &e.TemplateID, maxText)
	case "campaign_id":
		return text("campaign_id", value, &e.CampaignID, maxText)
	case "message_tag":
		return text("message_tag", value, &e.MessageTag, maxText)
	case "arm":
		return text("arm", value, &e.Arm, maxText)
	case "scope":
		return text("scope", value, &e.Scope, maxText)
	case "promised_frequency":
		return text("promised_frequency", value, &e.PromisedFrequency, maxText)
	case "expires_at":
		return text("expires_at", value, &v.expires, maxText)
	case "reason":
		return text("reason", value, &e.Reason, maxText)
	case "market":
		return text("market", value, &e.Market, maxText)
	case "language":
		return text("language", value, &e.Language, maxText)
	case "zone":
		return text("zone", value, &e.Zone, maxText)
	case "pricing_type":
		return text("pricing_type", value, &e.PricingType, maxText)
	case "pricing_model":
		return text("pricing_model", value, &e.PricingModel, maxText)
	case "billable":
		if value.Kind() == jsontree.Bool {
			e.Billable = "no"
			if value.True() {
				e.Billable = "yes"
			}
			return nil
		}
		return text("billable", value, &e.Billable, maxText)
	case "error_code":
		return text("error_code", value, &e.ErrorCode, maxText)
	case "is_machine":
		return flag("is_machine", value, &e.IsMachine)
	case "standby":
		return flag("standby", value, &e.Standby)
	case "is_test":
		return flag("is_test", value, &e.IsTest)
	case "attributes":
		return d.keep(e, value)
	default:
		name := printable(key)
		if hint, ok := hints[key]; ok {
			return fmt.Errorf("unknown field %s: %s", name, hint)
		}
		return fmt.Errorf("unknown field %s", name)
	}
	return nil
}

// text takes a string, or a number digit by digit: many senders write ids as numbers. null is as
// good as absent.
func text(name string, value jsontree.Value, to *string, limit int) error {
	switch value.Kind() {
	case jsontree.Null:
		return nil
	case jsontree.String, jsontree.Number:
	default:
		return fmt.Errorf("%s is neither text nor a number", name)
	}
	text := value.Text()
	if len(text) > limit {
		return fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	*to = text
	return nil
}

func flag(name string, value jsontree.Value, to *bool) error {
	switch value.Kind() {
	case jsontree.Null:
	case jsontree.Bool:
		*to = value.True()
	default:
		switch value.Text() {
		case "0", "false":
		case "1", "true":
			*to = true
		default:
			return fmt.Errorf("%s is neither true nor false", name)
		}
	}
	return nil
}

func (d *Decoder) keep(e *ingest.Draft, value jsontree.Value) error {
	switch value.Kind() {
	case jsontree.Null:
		return nil
	case jsontree.Object:
	default:
		return errors.New("attributes is not an object")
	}
	for key, v := range value.Members() {
		if !d.attributes[key] {
			continue
		}
		var kept string
		if err := text("attributes."+key, v, &kept, maxText); err != nil {
			return err
		}
		if kept == "" {
			continue
		}
		if e.Attributes == nil {
			e.Attributes = map[string]string{}
		}
		e.Attributes[key] = kept
	}
	return nil
}

// printable returns a name as it may be shown: what does not look like the name of a field may be
// anything, a phone number included.
func printable(name string) string {
	if len(name) == 0 || len(name) > 40 {
		return "(name not shown)"
	}
	for _, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return "(name not shown)"
		}
	}
	return name
}

// closedFields are the fields with a closed list of values, in the order in which finish asks for them.
var closedFields = [...]struct {
	name    string
	allowed []string
}{
	{"method", []string{"by_mid", "by_watermark", "inferred"}},
	{"author", []string{"human", "bot", "unknown"}},
	{"purpose", []string{"proactive", "response"}},
	{"promised_frequency", []string{"daily", "weekly", "monthly"}},
	{"billable", []string{"yes", "no"}},
}

// finish checks the fields against each other and completes the draft.
func finish(e *ingest.Draft, v *values, received time.Time) error {
	core, err := checkType(string(e.Type))
	if err != nil {
		return err
	}
	switch {
	case e.AccountID == "":
		return errors.New("account_id is missing")
	case e.Channel == "":
		return errors.New("channel is missing")
	case !isName(e.Channel):
		return errors.New("channel is not a name of lower-case letters, digits and _")
	case e.Provider != "" && !isName(e.Provider):
		return errors.New("provider is not a name of lower-case letters, digits and _")
	case e.Kind != "" && !isName(e.Kind):
		return errors.New("kind is not a name of lower-case letters, digits and _")
	case v.address == "":
		return errors.New("address is missing")
	}
	if v.kind == "" {
		v.kind = string(defaultKind(e.Channel, v.address))
	}
	if v.kind == string(ingest.Phone) && e.Channel != "whatsapp" && !isInternational(v.address) {
		// Ten digits of one country are somebody else's number in another.
		return errors.New("address: a phone number begins with + and its country's calling code")
	}
	if e.Address, err = ingest.ParseAddress(ingest.AddressKind(v.kind), v.address); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	for i, value := range [...]string{e.Method, e.Author, e.Purpose, e.PromisedFrequency, e.Billable} {
		if closed := &closedFields[i]; value != "" && !oneOf(value, closed.allowed) {
			return fmt.Errorf("%s is none of %s", closed.name, strings.Join(closed.allowed, ", "))
		}
	}
	if e.Market != "" {
		if e.Market = strings.ToUpper(e.Market); len(e.Market) != 2 || !isUpper(e.Market[0]) || !isUpper(e.Market[1]) {
			return errors.New("market is not a two-letter country code (ISO 3166-1)")
		}
	}
	if e.Language != "" {
		if e.Language = strings.ReplaceAll(e.Language, "_", "-"); !isLanguage(e.Language) {
			return errors.New("language is not a language tag (BCP 47)")
		}
	}
	if e.Zone != "" && !isZone(e.Zone) {
		return errors.New("zone is not an IANA time zone, as Asia/Manila")
	}
	e.Time, e.TimeFlag = ingest.EventTime(v.eventTime, "", received)
	if v.expires != "" {
		if e.ExpiresAt, err = plausible(v.expires); err != nil {
			return errors.New("expires_at is not a time")
		}
	}
	if v.watermark != "" {
		if e.Type != ingest.Open && e.Type != ingest.Delivered {
			return errors.New("watermark belongs to open and delivered")
		}
		if e.Watermark, err = plausible(v.watermark); err != nil {
			return errors.New("watermark is not a time")
		}
	}
	return identify(e, v, core)
}

// plausible reads a time that has no stand-in, within what the warehouse can store.
func plausible(text string) (time.Time, error) {
	at, err := ingest.ParseTime(text)
	if err == nil && (at.Year() < 2004 || at.Year() > 2200) {
		err = ingest.ErrTime
	}
	return at, err
}

func checkType(name string) (core bool, err error) {
	if name == "" {
		return false, errors.New("event_type is missing")
	}
	for _, t := range coreTypes {
		if name == string(t) {
			return true, nil
		}
	}
	if oneOf(name, otherTypes) {
		return false, nil
	}
	names := make([]string, 0, len(coreTypes)+len(otherTypes))
	for _, t := range coreTypes {
		names = append(names, string(t))
	}
	if right := meant[strings.ToLower(name)]; right != "" {
		return false, fmt.Errorf("unknown event_type: did you mean %s?", right)
	}
	return false, fmt.Errorf("unknown event_type: it is none of %s", strings.Join(append(names, otherTypes...), ", "))
}

// identify sets what makes the fact the same fact when it comes again.
func identify(e *ingest.Draft, v *values, core bool) error {
	byID := func() []string { return []string{"id", v.eventID} }
	switch e.Type {
	case ingest.Send, ingest.Failed, ingest.Click:
		if e.MessageKey == "" {
			return fmt.Errorf("message_id is missing: every %s names its message", e.Type)
		}
		if e.Type == ingest.Click && v.eventID != "" { // one message may be clicked often
			e.EventKey = byID()
		}
	case ingest.Delivered, ingest.Open:
		switch {
		case e.MessageKey != "":
			if e.Type == ingest.Open && v.eventID != "" {
				e.EventKey = byID()
			}
			setDefault(&e.Method, "by_mid")
		case !e.Watermark.IsZero():
			e.EventKey = []string{"watermark", strconv.FormatInt(e.Watermark.UnixMilli(), 10)}
			setDefault(&e.Method, "by_watermark")
		default:
			return fmt.Errorf("message_id is missing: %s names its message, or has a watermark", e.Type)
		}
	case ingest.Reply:
		switch {
		case e.MessageKey != "":
		case v.eventID != "":
			e.EventKey = byID()
		default:
			return errors.New("message_id is missing: a reply has an id of its own")
		}
		setDefault(&e.Kind, "text")
	default:
		switch {
		case v.eventID != "":
			e.EventKey = byID()
		case e.TimeFlag == "": // a time that was made up on arrival differs between copies, so it identifies nothing
			e.EventKey = ingest.ConsentKey(e.Time, e.Scope)
		case core && e.MessageKey != "": // a consent or complaint of one message
		default:
			return fmt.Errorf("event_time is missing or unusable: %s needs it, or an event_id, to be known again", e.Type)
		}
	}
	return nil
}

func setDefault(to *string, value string) {
	if *to == "" {
		*to = value
	}
}

// defaultKind is the kind of address that a channel uses.
func defaultKind(channel, address string) ingest.AddressKind {
	switch channel {
	case "email":
		return ingest.Email
	case "sms", "mms", "whatsapp", "rcs", "voice":
		address = strings.TrimSpace(address)
		if len(address) > 3 && isUpper(address[0]) && isUpper(address[1]) && address[2] == '.' {
			return ingest.BSUID
		}
		return ingest.Phone
	}
	return ingest.Scoped
}

// isInternational reports whether a phone number says itself that it begins with its country.
// WhatsApp's ids always do, without the +.
func isInternational(number string) bool {
	return strings.Contains(number, "+") || strings.HasPrefix(strings.TrimSpace(number), "00")
}

func oneOf(value string, allowed []string) bool {
	for _, a := range allowed {
		if value == a {
			return true
		}
	}
	return false
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

func isLanguage(s string) bool {
	i := -1
	for part := range strings.SplitSeq(s, "-") {
		i++
		if len(part) == 0 || len(part) > 8 || i == 0 && len(part) < 2 {
			return false
		}
		for j := range len(part) {
			c := part[j] | 0x20
			if (c < 'a' || c > 'z') && (i == 0 || part[j] < '0' || part[j] > '9') {
				return false
			}
		}
	}
	return true
}

// zones remembers which names are IANA zones; loading one reads a file.
var zones sync.Map // string -> bool

func isZone(name string) bool {
	if known, ok := zones.Load(name); ok {
		return known.(bool)
	}
	_, err := time.LoadLocation(name)
	ok := err == nil && name != "Local"
	if ok { // unknown names are without number
		zones.Store(name, true)
	}
	return ok
}
