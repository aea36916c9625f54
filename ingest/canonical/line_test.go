package canonical

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest"
)

var received = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

func decode(t testing.TB, line string) (ingest.Draft, error) {
	t.Helper()
	var draft ingest.Draft
	err := NewDecoder("shop_floor").Decode([]byte(line), "acme", received, &draft)
	return draft, err
}

// with returns a good send with fields added or, as null, left out.
func with(fields string) string {
	line := map[string]any{"event_type": "send", "event_time": "2026-03-02T01:15:00Z", "account_id": "1", "channel": "sms", "address": "+12125550142", "message_id": "m-1"}
	var more map[string]any
	decoder := json.NewDecoder(strings.NewReader("{" + fields + "}"))
	decoder.UseNumber()
	if err := decoder.Decode(&more); err != nil {
		panic(err)
	}
	for key, value := range more {
		line[key] = value
	}
	out, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func address(t testing.TB, kind ingest.AddressKind, text string) ingest.Address {
	t.Helper()
	a, err := ingest.ParseAddress(kind, text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every field that can be written is read back to where it belongs.
func TestWhatIsWrittenIsRead(t *testing.T) {
	at := time.Date(2026, 3, 2, 1, 15, 0, 123e6, time.UTC)
	line := Line{
		EventType: "open", EventTime: at, AccountID: "111", Channel: "whatsapp", Provider: "meta",
		Address: "+63 917 555 0142", AddressKind: "phone", MessageID: "m-1", InReplyTo: "m-0", EventID: "e-1", ConversationID: "c-1",
		Kind: "media", TextChars: 12, Method: "inferred", Watermark: at.Add(time.Second), Author: "bot",
		Purpose: "proactive", Category: "marketing", TemplateID: "t", CampaignID: "spring <&>", MessageTag: "tag", Arm: "B",
		Scope: "all", PromisedFrequency: "weekly", ExpiresAt: at.Add(time.Hour), Reason: "link",
		Market: "PH", Language: "fil-PH", Zone: "Asia/Manila", PricingType: "regular", PricingModel: "PMP", Billable: "yes",
		ErrorCode: "131026", IsMachine: true, Standby: true, IsTest: true, Attributes: map[string]string{"origin": "ad", "shop_floor": "2"},
	}
	v := reflect.ValueOf(line)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("the test leaves %s empty", v.Type().Field(i).Name)
		}
	}
	var out bytes.Buffer
	if err := NewWriter(&out).Write(&line); err != nil {
		t.Fatal(err)
	}
	if bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Errorf("not one line: %s", &out)
	}
	got, err := decode(t, out.String())
	if err != nil {
		t.Fatal(err)
	}
	want := ingest.Draft{
		Event: ingest.Event{
			Type: ingest.Open, Time: at, IngestedAt: received, BusinessID: "acme", AccountID: "111", Channel: "whatsapp", Provider: "meta",
			Kind: "media", TextChars: 12, Method: "inferred", Watermark: at.Add(time.Second), Author: "bot",
			Purpose: "proactive", Category: "marketing", TemplateID: "t", CampaignID: "spring <&>", MessageTag: "tag", Arm: "B",
			Scope: "all", PromisedFrequency: "weekly", ExpiresAt: at.Add(time.Hour), Reason: "link",
			Market: "PH", Language: "fil-PH", Zone: "Asia/Manila", PricingType: "regular", PricingModel: "PMP", Billable: "yes",
			ErrorCode: "131026", IsMachine: true, Standby: true, IsTest: true, Attributes: map[string]string{"origin": "ad", "shop_floor": "2"},
		},
		Address: address(t, ingest.Phone, "+639175550142"), MessageKey: "m-1", ReplyToKey: "m-0", EventKey: []string{"id", "e-1"}, ConversationKey: "c-1",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got.Event, want.Event)
	}
}

func TestValuesInAllTheirForms(t *testing.T) {
	f := func(fields string, want any, of func(*ingest.Draft) any) {
		t.Helper()
		draft, err := decode(t, with(fields))
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			return
		}
		if got := of(&draft); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", fields, got, want)
		}
	}
	messageID := func(d *ingest.Draft) any { return d.MessageKey }
	f(`"message_id":9007199254740993123`, "9007199254740993123", messageID)
	f(`"message_id":"a=b$c:d._-\u00e4"`, "a=b$c:d._-ä", messageID)
	f(`"account_id":17841400000000001`, "17841400000000001", func(d *ingest.Draft) any { return d.AccountID })
	f(`"campaign_id":null`, "", func(d *ingest.Draft) any { return d.CampaignID })
	eventTime := func(d *ingest.Draft) any { return d.Time.Format(time.RFC3339Nano) + d.TimeFlag }
	f(`"event_time":1772415300`, "2026-03-02T01:35:00Z", eventTime)
	f(`"event_time":"1772415300123"`, "2026-03-02T01:35:00.123Z", eventTime)
	f(`"event_time":"2026-03-02T09:35:00.5+0800"`, "2026-03-02T01:35:00.5Z", eventTime)
	f(`"event_time":null`, "2026-03-02T02:00:00Zmissing", eventTime)
	f(`"event_time":"soon"`, "2026-03-02T02:00:00Zunreadable", eventTime)
	f(`"event_time":1`, "2026-03-02T02:00:00Zimplausible", eventTime)
	billable := func(d *ingest.Draft) any { return d.Billable }
	f(`"billable":true`, "yes", billable)
	f(`"billable":false`, "no", billable)
	f(`"billable":"no"`, "no", billable)
	f(`"market":"ph"`, "PH", func(d *ingest.Draft) any { return d.Market })
	f(`"language":"en_US"`, "en-US", func(d *ingest.Draft) any { return d.Language })
	f(`"is_test":1,"standby":"false"`, [2]bool{true, false}, func(d *ingest.Draft) any { return [2]bool{d.IsTest, d.Standby} })
	f(`"attributes":{"origin":"ad","name":"Ana","link_id":7,"device":null}`, map[string]string{"origin": "ad", "link_id": "7"}, func(d *ingest.Draft) any { return d.Attributes })

	addressed := func(d *ingest.Draft) any { return d.Address }
	f(`"address":"0012125550142"`, address(t, ingest.Phone, "+12125550142"), addressed)
	f(`"channel":"whatsapp","address":12125550142`, address(t, ingest.Phone, "+12125550142"), addressed)
	f(`"channel":"email","address":"Ana@Example.com"`, address(t, ingest.Email, "ana@example.com"), addressed)
	f(`"channel":"messenger","address":"12125550142"`, address(t, ingest.Scoped, "12125550142"), addressed)
	f(`"channel":"whatsapp","address":"US.1349"`, address(t, ingest.BSUID, "US.1349"), addressed)
	f(`"channel":"push","address":"ana@example.com","address_kind":"email"`, address(t, ingest.Email, "ana@example.com"), addressed)
}

// What identifies a fact decides whether it counts once or twice when it comes again.
func TestIdentity(t *testing.T) {
	f := func(fields string, wantMessage string, wantKey ...string) {
		t.Helper()
		draft, err := decode(t, with(fields))
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			return
		}
		if draft.MessageKey != wantMessage || !reflect.DeepEqual(draft.EventKey, wantKey) {
			t.Errorf("%s: message %q, key %q; want %q, %q", fields, draft.MessageKey, draft.EventKey, wantMessage, wantKey)
		}
	}
	const at = "1772414100000"
	f(`"event_id":"e1"`, "m-1") // a send is its message, whatever ids a retry makes up
	f(`"event_type":"failed","event_id":"e1"`, "m-1")
	f(`"event_type":"delivered","event_id":"e1"`, "m-1")
	f(`"event_type":"reply","event_id":"e1"`, "m-1")
	f(`"event_type":"open"`, "m-1")
	f(`"event_type":"open","event_id":"e1"`, "m-1", "id", "e1") // one message may be opened often
	f(`"event_type":"click","event_id":"e1"`, "m-1", "id", "e1")
	f(`"event_type":"open","message_id":null,"watermark":1772414100`, "", "watermark", at)
	f(`"event_type":"reply","message_id":null,"event_id":"e1"`, "", "id", "e1")
	f(`"event_type":"opt_out","message_id":null`, "", "at", at, "")
	f(`"event_type":"opt_out","message_id":null,"scope":"news"`, "", "at", at, "news")
	f(`"event_type":"opt_in","message_id":null,"event_id":"e1","event_time":null`, "", "id", "e1")
	f(`"event_type":"complaint"`, "m-1", "at", at, "")
	f(`"event_type":"complaint","event_time":null`, "m-1")
	f(`"event_type":"reaction"`, "m-1", "at", at, "")
}

func TestRejected(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		_, err := decode(t, line)
		if err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", line, err, want)
		}
	}
	f(`7`, "not a JSON object")
	f(`[]`, "not a JSON object")
	f("{\"event_type\":\"se\xffnd\"}", "not UTF-8")
	f(`{"event_type":"send","event_type":"open"}`, "not valid JSON: a key repeated at byte 21")
	f(`{}`, "event_type is missing")
	f(with(`"event_type":"sent"`), "unknown event_type: did you mean send?")
	f(with(`"event_type":"Read"`), "unknown event_type: did you mean open?")
	f(with(`"event_type":"12125550142"`), "unknown event_type: it is none of send, delivered, open, click, reply, failed, opt_in, opt_out, complaint, assigned, deferred, edit, played, reaction, referral, unsend")
	f(with(`"event_type":["send"]`), "event_type is neither text nor a number")
	f(with(`"acount_id":"1"`), "unknown field acount_id")
	f(with(`"12125550142":"1"`), "unknown field (name not shown)")
	f(with(`"contact_id":"00000000-0000-0000-0000-000000000001"`), "unknown field contact_id: give the address, which is hashed here")
	f(with(`"business_id":"other"`), "unknown field business_id: the business belongs to the token or the import")
	f(with(`"timestamp":1`), "unknown field timestamp: call it event_time")
	f(with(`"account_id":null`), "account_id is missing")
	f(with(`"channel":""`), "channel is missing")
	f(with(`"channel":"Whats App"`), "channel is not a name of lower-case letters, digits and _")
	f(with(`"provider":"+12125550142"`), "provider is not a name of lower-case letters, digits and _")
	f(with(`"kind":"Ana said"`), "kind is not a name of lower-case letters, digits and _")
	f(with(`"address":null`), "address is missing")
	f(with(`"address":"(212) 555-0142"`), "address: a phone number begins with + and its country's calling code")
	f(with(`"address":2125550142`), "address: a phone number begins with + and its country's calling code")
	f(with(`"address":"+0212 555 0142"`), "address: unusable address: a phone number begins with its country's calling code, not with 0")
	f(with(`"address":"+Ana"`), "address: unusable address: a phone number has digits, and nothing else but a leading + and separators")
	f(with(`"address_kind":"pigeon"`), "address: unusable address: its kind is none of phone, email, scoped, bsuid")
	f(with(`"message_id":null`), "message_id is missing: every send names its message")
	f(with(`"event_type":"click","message_id":""`), "message_id is missing: every click names its message")
	f(with(`"event_type":"open","message_id":null`), "message_id is missing: open names its message, or has a watermark")
	f(with(`"event_type":"reply","message_id":null`), "message_id is missing: a reply has an id of its own")
	f(with(`"event_type":"opt_out","event_time":null,"message_id":null`), "event_time is missing or unusable: opt_out needs it, or an event_id, to be known again")
	f(with(`"watermark":1772414100`), "watermark belongs to open and delivered")
	f(with(`"event_type":"open","watermark":"soon"`), "watermark is not a time")
	f(with(`"expires_at":1`), "expires_at is not a time")
	f(with(`"method":"guessed"`), "method is none of by_mid, by_watermark, inferred")
	f(with(`"author":"Ana"`), "author is none of human, bot, unknown")
	f(with(`"purpose":"spam"`), "purpose is none of proactive, response")
	f(with(`"promised_frequency":"hourly"`), "promised_frequency is none of daily, weekly, monthly")
	f(with(`"billable":"maybe"`), "billable is none of yes, no")
	f(with(`"market":"Philippines"`), "market is not a two-letter country code (ISO 3166-1)")
	f(with(`"language":"English please"`), "language is not a language tag (BCP 47)")
	f(with(`"zone":"Manila"`), "zone is not an IANA time zone, as Asia/Manila")
	f(with(`"zone":"Local"`), "zone is not an IANA time zone, as Asia/Manila")
	f(with(`"text_chars":-1`), "text_chars is not a whole number")
	f(with(`"is_test":"perhaps"`), "is_test is neither true nor false")
	f(with(`"attributes":"origin"`), "attributes is not an object")
	f(with(`"attributes":{"origin":{}}`), "attributes.origin is neither text nor a number")
	f(with(`"campaign_id":"`+strings.Repeat("x", 257)+`"`), "campaign_id is longer than 256 bytes")
}

// docs/events.md names every field, and every type, and its examples are good lines.
func TestDocsAreTrue(t *testing.T) {
	raw, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(raw)
	kind := reflect.TypeFor[Line]()
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if !strings.Contains(docs, "| `"+name+"` |") {
			t.Errorf("field %s is not described", name)
		}
	}
	for _, name := range append(otherTypes, "send", "delivered", "open", "click", "reply", "failed", "opt_in", "opt_out", "complaint") {
		if !strings.Contains(docs, "`"+name+"`") {
			t.Errorf("type %s is not described", name)
		}
	}
	for _, name := range DefaultAttributes {
		if !strings.Contains(docs, "`"+name+"`") {
			t.Errorf("attribute %s is not described", name)
		}
	}
	examples := regexp.MustCompile(`(?m)^\{"event_type".*\}$`).FindAllString(docs, -1)
	for _, line := range examples {
		if _, err := decode(t, line); err != nil {
			t.Errorf("example %s: %v", line, err)
		}
	}
	if len(examples) < 6 {
		t.Errorf("%d examples", len(examples))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(with("")))
	f.Add([]byte(with(`"event_type":"open","watermark":"1772414100","attributes":{"origin":"ad"},"zone":"Asia/Manila","billable":true`)))
	f.Add([]byte(with(`"event_type":"opt_out","message_id":null,"scope":"all","expires_at":1772414100,"language":"en_US"`)))
	p, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	d := NewDecoder()
	f.Fuzz(func(t *testing.T, line []byte) {
		var draft ingest.Draft
		if err := d.Decode(line, "acme", received, &draft); err != nil {
			return
		}
		e := p.Seal(&draft)
		if e.ContactID.IsZero() || e.MessageID.IsZero() && e.EventID.IsZero() || e.Time.Year() < 2004 || e.Time.After(received.Add(24*time.Hour)) {
			t.Fatalf("%s\n%+v", line, e)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	line := []byte(with(`"campaign_id":"spring","category":"marketing","market":"PH","zone":"Asia/Manila","purpose":"proactive"`))
	d := NewDecoder()
	var draft ingest.Draft
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(line, "acme", received, &draft); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleWriter() {
	var out bytes.Buffer
	NewWriter(&out).Write(&Line{EventType: "opt_out", EventTime: received, AccountID: "1", Channel: "sms", Address: "+12125550142", Scope: "all", Reason: "keyword"})
	fmt.Print(out.String())
	// Output: {"event_type":"opt_out","event_time":"2026-03-02T02:00:00Z","account_id":"1","channel":"sms","address":"+12125550142","scope":"all","reason":"keyword"}
}
