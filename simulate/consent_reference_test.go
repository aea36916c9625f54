package simulate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"drumbeat/ingest/canonical"
)

// story is a hand-made world of one contact on Messenger, or of a business beside it.
type story struct {
	channel string
	lines   []canonical.Line
	n       int
}

// tell adds an event at an instant as 2006-01-02T15:04:05.999Z; with names the fields that it has.
func (s *story) tell(at, what string, with canonical.Line) string {
	l := with
	l.EventType, l.EventTime = what, must(time.Parse(time.RFC3339Nano, at))
	s.n++
	if l.Channel == "" {
		l.Channel = s.channel
	}
	if l.AccountID == "" {
		l.AccountID = "page"
	}
	if l.Address == "" {
		l.Address = "ana"
	}
	id := fmt.Sprintf("%s-%02d", what, s.n)
	switch what {
	case "send", "reply":
		l.MessageID = id
	case "opt_in", "opt_out", "referral":
		l.EventID = id
	}
	s.lines = append(s.lines, l)
	return l.MessageID
}

// send is a proactive message of a topic.
func (s *story) send(at, topic string) string {
	return s.tell(at, "send", canonical.Line{Scope: topic, Purpose: "proactive"})
}

func (s *story) measure(rates ...Rate) ConsentReference {
	return MeasureConsent(slices.Values(s.lines), rates)
}

// long is a Messenger story of an account that is old enough, and told of an inbound message once.
func long() *story {
	s := &story{channel: "messenger"}
	s.tell("2025-01-01T00:00:00Z", "reply", canonical.Line{Address: "ben"})
	return s
}

func (ref ConsentReference) send(t *testing.T, id string) WindowedSend {
	t.Helper()
	i := slices.IndexFunc(ref.Sends, func(m WindowedSend) bool { return m.MessageID == id })
	if i < 0 {
		t.Fatalf("no message %s", id)
	}
	return ref.Sends[i]
}

func instantOf(text string) time.Time { return must(time.Parse(time.RFC3339Nano, text)) }

// The last instant of every window is inside it, the next outside.
func TestWindowEdges(t *testing.T) {
	f := func(name, inside, outside, state, otherwise string, begin func(*story), message canonical.Line) {
		t.Helper()
		for at, want := range map[string]string{inside: state, outside: otherwise} {
			s := long()
			begin(s)
			id := s.tell(at, "send", message)
			if got := s.measure().send(t, id).State; got != want {
				t.Errorf("%s at %s: %s, want %s", name, at, got, want)
			}
		}
	}
	acts := func(what, at string, with canonical.Line) func(*story) {
		return func(s *story) { s.tell(at, what, with) }
	}
	proactive := canonical.Line{Purpose: "proactive"}
	f("an inbound message", "2025-03-02T09:00:00.249Z", "2025-03-02T09:00:00.25Z", "standard", "none", acts("reply", "2025-03-01T09:00:00.25Z", canonical.Line{}), proactive)
	f("a reaction", "2025-03-01T09:00:00.25Z", "2025-03-01T09:00:00.249Z", "standard", "none", acts("reaction", "2025-03-01T09:00:00.25Z", canonical.Line{}), proactive)
	f("a referral", "2025-03-02T08:59:59.999Z", "2025-03-02T09:00:00Z", "standard", "none", acts("referral", "2025-03-01T09:00:00Z", canonical.Line{}), proactive)
	f("an agent", "2025-03-08T08:59:59.999Z", "2025-03-08T09:00:00Z", "human_agent", "none", acts("reply", "2025-03-01T09:00:00Z", canonical.Line{}), canonical.Line{MessageTag: "HUMAN_AGENT"})
	f("another account", "2025-03-01T10:00:00Z", "2025-03-03T10:00:00Z", "none", "none", acts("reply", "2025-03-01T09:00:00Z", canonical.Line{AccountID: "other"}), proactive)
	token := canonical.Line{Scope: "Shoes", PromisedFrequency: "weekly", ExpiresAt: instantOf("2025-09-01T07:00:00Z")}
	f("a token", "2025-09-01T06:59:59.999Z", "2025-09-01T07:00:00Z", "recurring_token", "none", acts("opt_in", "2025-03-01T07:00:00Z", token), canonical.Line{Scope: "Shoes", Purpose: "proactive"})
	unnamed := token
	unnamed.PromisedFrequency, unnamed.ExpiresAt = "", instantOf("2026-09-01T07:00:00Z")
	f("the end of recurring notifications", "2026-02-09T23:59:59.999Z", "2026-02-10T00:00:00Z", "recurring_token", "none", acts("opt_in", "2025-09-01T07:00:00Z", unnamed), canonical.Line{Scope: "Shoes", Purpose: "proactive"})
	f("the end of tags", "2026-04-26T23:59:59.999Z", "2026-04-27T00:00:00Z", "message_tag", "none", func(*story) {}, canonical.Line{MessageTag: "ACCOUNT_UPDATE", Purpose: "proactive"})
	f("feedback", "2026-04-26T23:59:59.999Z", "2026-04-27T00:00:00Z", "message_tag", "message_tag", func(*story) {}, canonical.Line{MessageTag: "CUSTOMER_FEEDBACK", Purpose: "proactive"})
	f("paid", "2025-09-01T00:00:00Z", "2025-08-31T23:59:59.999Z", "paid_template", "none", func(*story) {}, canonical.Line{Category: "marketing"})
	f("the first 7 days", "2025-01-07T23:59:59.999Z", "2025-01-08T00:00:00Z", "unknown", "none", func(*story) {}, proactive)
	f("a one-time token", "2025-04-01T00:00:00Z", "2025-03-01T08:59:59.999Z", "one_time_token", "none", acts("opt_in", "2025-03-01T09:00:00Z", canonical.Line{Scope: "one_time"}), canonical.Line{Scope: "one_time", Purpose: "proactive"})
	f("a one-time token's year", "2026-03-01T08:59:59.999Z", "2026-03-01T09:00:00Z", "one_time_token", "none", acts("opt_in", "2025-03-01T09:00:00Z", canonical.Line{Scope: "one_time"}), canonical.Line{Scope: "one_time", Purpose: "proactive"})
	ad := canonical.Line{Attributes: map[string]string{"origin": "ad"}}
	f("an ad", "2026-09-08T08:59:59.999Z", "2026-09-08T09:00:00Z", "ad_entry", "none", acts("referral", "2026-09-01T09:00:00Z", ad), canonical.Line{Purpose: "response"})
}

// The 72 h after the answer to an ad, and a token that one message uses.
func TestWindowsThatMessagesOpen(t *testing.T) {
	s := &story{channel: "whatsapp"}
	s.tell("2025-01-01T00:00:00Z", "reply", canonical.Line{Address: "ben"})
	s.tell("2025-03-01T09:00:00Z", "reply", canonical.Line{Attributes: map[string]string{"origin": "ad"}})
	answer := s.tell("2025-03-02T08:59:59Z", "send", canonical.Line{Purpose: "response"})
	inside := s.tell("2025-03-05T08:59:58Z", "send", canonical.Line{Purpose: "response"})
	outside := s.tell("2025-03-05T08:59:59Z", "send", canonical.Line{Purpose: "response"})
	template := s.tell("2025-03-06T08:59:59Z", "send", canonical.Line{TemplateID: "x"})
	ref := s.measure()
	for id, want := range map[string]string{answer: "standard", inside: "free_entry_point", outside: "none", template: "paid_template"} {
		if got := ref.send(t, id).State; got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}

	s = long()
	s.tell("2025-03-01T09:00:00Z", "opt_in", canonical.Line{Scope: "one_time"})
	failed := s.send("2025-03-02T09:00:00Z", "one_time")
	s.tell("2025-03-02T09:00:00Z", "failed", canonical.Line{MessageID: failed, ErrorCode: "10/2018278"})
	uses := s.send("2025-03-03T09:00:00Z", "one_time")
	late := s.send("2025-03-04T09:00:00Z", "one_time")
	ref = s.measure()
	if m := ref.send(t, uses); m.State != "one_time_token" || m.CoveredBy != "one_time" || m.Breach != "" {
		t.Errorf("the message that uses the token: %+v", m)
	}
	if m := ref.send(t, late); m.State != "none" || m.Breach != "without_opt_in" {
		t.Errorf("the message after it: %+v", m)
	}
	if m := ref.send(t, failed); m.State != "none" || !m.Refused || m.Breach != "" {
		t.Errorf("the refused message: %+v", m)
	}
	if x := ref.Spells; len(x) != 1 || x[0].Ended != "used" || x[0].UsedBy != uses {
		t.Errorf("spells %+v", x)
	}
}

func TestSpells(t *testing.T) {
	s := long()
	in := func(at, promise, expires string) {
		l := canonical.Line{Scope: "Shoes", PromisedFrequency: promise}
		if expires != "" {
			l.ExpiresAt = instantOf(expires)
		}
		s.tell(at, "opt_in", l)
	}
	out := func(at, scope, reason string) { s.tell(at, "opt_out", canonical.Line{Scope: scope, Reason: reason}) }
	in("2025-02-01T00:00:00Z", "daily", "2025-03-01T00:00:00Z")
	in("2025-02-20T00:00:00Z", "", "2025-04-01T00:00:00Z") // renews, and keeps the promise
	in("2025-03-10T00:00:00Z", "weekly", "")               // changes it
	out("2025-03-20T00:00:00Z", "Hats", "preference")      // another topic
	out("2025-03-21T00:00:00Z", "all", "keyword")
	in("2025-03-21T00:00:00Z", "weekly", "") // at the opt-out's instant: before it
	in("2025-04-01T00:00:00Z", "weekly", "2025-05-01T00:00:00Z")
	in("2025-05-01T00:00:00Z", "weekly", "2025-05-02T00:00:00Z") // at the expiry: after it
	in("2025-06-01T00:00:00Z", "weekly", "2025-05-31T00:00:00Z") // an expiry that is none
	out("2025-07-01T00:00:00Z", "Hats", "block")
	in("2025-07-02T00:00:00Z", "weekly", "")
	s.tell("2025-08-01T00:00:00Z", "reply", canonical.Line{Address: "ben"})
	var got []string
	for _, x := range s.measure().Spells {
		got = append(got, fmt.Sprint(x.Begun, " ", x.Promise, " ", x.From.Format(time.DateOnly), " ", x.To.Format(time.DateOnly), " ", x.Ended, " ", x.Renewals))
	}
	want := []string{
		"first daily 2025-02-01 2025-03-10 changed 1",
		"changed weekly 2025-03-10 2025-03-21 stopped 1",
		"resumed weekly 2025-04-01 2025-05-01 expired 0",
		"again weekly 2025-05-01 2025-05-02 expired 0",
		"again weekly 2025-06-01 2025-07-01 blocked 0",
		"resumed weekly 2025-07-02 2025-08-01 on 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("spells\n%q\nwant\n%q", got, want)
	}
}

func TestBreachEdges(t *testing.T) {
	s := long()
	s.tell("2025-02-01T00:00:00Z", "opt_in", canonical.Line{Scope: "Shoes", ExpiresAt: instantOf("2025-04-01T00:00:00Z")})
	s.tell("2025-02-01T00:00:00Z", "opt_in", canonical.Line{Scope: "Hats"})
	s.tell("2025-03-01T00:00:00Z", "opt_out", canonical.Line{Scope: "Shoes", Reason: "preference"})
	at := s.send("2025-03-01T00:00:00Z", "Shoes")
	after := s.send("2025-03-01T00:00:00.001Z", "Shoes")
	other := s.send("2025-03-01T00:00:00.001Z", "Hats")
	s.tell("2025-03-02T00:00:00Z", "opt_in", canonical.Line{Scope: "Shoes", ExpiresAt: instantOf("2025-04-01T00:00:00Z")})
	lifted := s.send("2025-03-02T00:00:00Z", "Shoes")
	before := s.send("2025-03-31T23:59:59.999Z", "Shoes")
	expired := s.send("2025-04-01T00:00:00Z", "Shoes")
	unknown := s.send("2025-04-01T00:00:00Z", "Bags")
	tagged := s.tell("2025-04-01T00:00:00Z", "send", canonical.Line{MessageTag: "ACCOUNT_UPDATE"})
	sponsored := s.tell("2025-04-02T00:00:00Z", "send", canonical.Line{Category: "sponsored", Purpose: "proactive"})
	s.tell("2025-05-01T00:00:00Z", "opt_out", canonical.Line{Scope: "Hats", Reason: "block"})
	s.tell("2025-05-01T00:00:00Z", "opt_out", canonical.Line{Scope: "all", Reason: "keyword"})
	blocked := s.send("2025-05-02T00:00:00Z", "Shoes")
	sponsoredLater := s.tell("2025-05-02T00:00:01Z", "send", canonical.Line{Category: "sponsored", Purpose: "proactive"})
	ref := s.measure()
	for id, want := range map[string][2]string{
		at: {"without_opt_in", ""}, after: {"after_opt_out", "preference"}, other: {}, lifted: {}, before: {}, expired: {"after_expiry", ""},
		unknown: {"without_opt_in", ""}, tagged: {}, sponsored: {}, blocked: {"after_opt_out", "keyword"}, sponsoredLater: {"after_opt_out", "keyword"},
	} {
		if m := ref.send(t, id); [2]string{m.Breach, m.Way} != want {
			t.Errorf("%s at %v: %q %q, want %q", id, m.Sent, m.Breach, m.Way, want)
		}
	}
}

// Periods begin with the local day of the token's zone, however long it is.
func TestPeriodsInTheZoneOfTheToken(t *testing.T) {
	f := func(name, zone, promise, from, to string, sends []string, want ...string) {
		t.Helper()
		s := long()
		s.tell(from, "opt_in", canonical.Line{Scope: "Shoes", PromisedFrequency: promise, Zone: zone})
		for _, at := range sends {
			s.send(at, "Shoes")
		}
		s.tell(to, "opt_out", canonical.Line{Scope: "Shoes", Reason: "preference"})
		var got []string
		for _, p := range s.measure().Periods {
			got = append(got, fmt.Sprint(p.FirstDay, " ", p.Messages, " ", p.State))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	f("a day of 25 hours", "America/New_York", "daily", "2025-11-01T04:00:00Z", "2025-11-04T05:00:00Z",
		[]string{"2025-11-02T03:59:59.999Z", "2025-11-02T04:00:00Z", "2025-11-03T04:59:59.999Z", "2025-11-03T05:00:00Z"},
		"2025-11-01 1 kept", "2025-11-02 2 exceeded", "2025-11-03 1 kept")
	f("a day of 23 hours", "America/New_York", "daily", "2025-03-09T05:00:00Z", "2025-03-11T04:00:00Z",
		[]string{"2025-03-09T05:00:00Z", "2025-03-10T03:59:59.999Z", "2025-03-10T04:00:00Z"},
		"2025-03-09 2 exceeded", "2025-03-10 1 kept")
	f("a day without midnight", "America/Santiago", "daily", "2025-09-06T04:00:00Z", "2025-09-09T03:00:00Z",
		[]string{"2025-09-07T03:59:59.999Z", "2025-09-07T04:00:00Z", "2025-09-08T02:59:59.999Z"},
		"2025-09-06 1 kept", "2025-09-07 2 exceeded", "2025-09-08 0 unused")
	f("half an hour", "Australia/Lord_Howe", "daily", "2025-10-03T13:30:00Z", "2025-10-05T13:00:00Z",
		[]string{"2025-10-04T13:29:59.999Z", "2025-10-04T13:30:00Z", "2025-10-05T12:59:59.999Z"},
		"2025-10-04 1 kept", "2025-10-05 2 exceeded")
	f("a week with a change, from Monday", "Australia/Sydney", "weekly", "2025-09-28T14:00:00Z", "2025-10-12T13:00:00Z",
		[]string{"2025-10-05T12:59:59.999Z", "2025-10-05T13:00:00Z"},
		"2025-09-29 1 kept", "2025-10-06 1 kept")
	f("months", "Asia/Kolkata", "monthly", "2025-09-30T18:30:00Z", "2025-11-30T18:30:00Z",
		[]string{"2025-10-31T18:29:59.999Z", "2025-10-01T00:00:00Z"},
		"2025-10-01 2 exceeded", "2025-11-01 0 unused")
	f("parts of days", "Asia/Manila", "daily", "2025-09-01T16:00:00.001Z", "2025-09-03T15:59:59.999Z", nil,
		"2025-09-02 0 partial", "2025-09-03 0 partial")
	f("a whole day to its last instant", "Asia/Manila", "daily", "2025-09-01T16:00:00Z", "2025-09-02T16:00:00Z", nil, "2025-09-02 0 unused")
}

func TestServiceWindows(t *testing.T) {
	s := long()
	s.tell("2025-03-01T00:00:00Z", "reply", canonical.Line{})
	s.tell("2025-03-01T23:59:59.999Z", "reply", canonical.Line{}) // keeps it open
	s.tell("2025-03-02T23:59:59.998Z", "send", canonical.Line{Purpose: "response"})
	s.tell("2025-03-02T23:59:59.999Z", "reply", canonical.Line{}) // the next
	s.tell("2025-03-03T23:59:59.999Z", "send", canonical.Line{Purpose: "response"})
	s.tell("2025-03-09T00:00:00Z", "reply", canonical.Line{})
	s.tell("2025-03-10T00:00:00Z", "opt_in", canonical.Line{Address: "ben", Scope: "Shoes"})
	var got []string
	for _, w := range s.measure().Windows {
		if w.Address == "ana" {
			got = append(got, fmt.Sprint(w.From.Day(), " ", w.To.Sub(w.From), " ", w.Over, " ", w.Answered))
		}
	}
	if want := []string{"1 47h59m59.999s true true", "2 24h0m0s true false", "9 24h0m0s true false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCharges(t *testing.T) {
	s := &story{channel: "whatsapp"}
	send := func(at string, with canonical.Line) string {
		with.Market = "PH"
		id := s.tell(at, "send", with)
		s.tell(at, "delivered", canonical.Line{MessageID: id})
		return id
	}
	first := send("2025-06-30T23:00:00Z", canonical.Line{PricingModel: "CBP", ConversationID: "c", Category: "marketing", Billable: "yes"})
	second := send("2025-06-30T23:30:00Z", canonical.Line{PricingModel: "CBP", ConversationID: "c", Category: "marketing", Billable: "yes"})
	unbilled := send("2025-06-30T23:30:01Z", canonical.Line{PricingModel: "CBP", ConversationID: "d", Category: "service", Billable: "no"})
	unmodelled := send("2025-06-30T23:59:59Z", canonical.Line{ConversationID: "e", Category: "utility"})
	untold := send("2025-07-01T00:00:00Z", canonical.Line{ConversationID: "f", Category: "utility"})
	regular := canonical.Line{PricingModel: "PMP", PricingType: "regular", Category: "marketing", Billable: "yes"}
	cheap, tier := send("2025-07-01T00:00:01Z", regular), send("2025-07-02T00:00:00Z", regular)
	month := send("2025-08-01T00:00:00Z", regular)
	free := send("2025-07-01T00:00:03Z", canonical.Line{PricingModel: "PMP", PricingType: "free_entry_point", Category: "marketing", Billable: "no"})
	lost := s.tell("2025-07-01T00:00:04Z", "send", regular)
	auth := send("2025-07-01T00:00:05Z", canonical.Line{PricingModel: "PMP", PricingType: "regular", Category: "authentication"})
	day := func(text string) time.Time { return must(time.Parse(time.DateOnly, text)) }
	rates := []Rate{
		{day("2025-01-01"), "whatsapp", "*", "*", "conversation", 0, 10, "USD"},
		{day("2025-01-01"), "whatsapp", "*", "marketing", "message", 0, 99, "USD"},
		{day("2025-01-01"), "whatsapp", "PH", "marketing", "message", 0, 98, "USD"},
		{day("2025-07-01"), "whatsapp", "PH", "marketing", "message", 0, 7, "PHP"},
		{day("2025-07-01"), "whatsapp", "PH", "marketing", "message", 1, 5, "PHP"},
	}
	ref := s.measure(rates...)
	for id, want := range map[string]string{
		first: "conversation 10 USD", second: "conversation same_conversation", unbilled: "conversation not_billable", unmodelled: "conversation 10 USD",
		untold: " not_told", cheap: "message 7 PHP", tier: "message 5 PHP", month: "message 7 PHP", free: "message free_entry_point",
		lost: "message not_delivered", auth: "message no price",
	} {
		m := ref.send(t, id)
		got := m.Unit + " " + m.Why
		switch {
		case m.HasPrice:
			got = fmt.Sprint(m.Unit, " ", m.Amount, " ", m.Currency)
		case m.Charged:
			got = m.Unit + " no price"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	if got := fmt.Sprint(ref.Spend()); got != "[{PHP 3 0.000000019} {USD 2 0.000000020}]" {
		t.Errorf("spend %s", got)
	}
}
