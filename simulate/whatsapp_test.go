package simulate

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"drumbeat/ingest/canonical"
)

// payload is what Meta documents of a webhook, and no more.
type payload struct {
	Object string `json:"object"`
	Entry  []struct {
		ID      string `json:"id"`
		Changes []struct {
			Field string `json:"field"`
			Value struct {
				Product  string `json:"messaging_product"`
				Metadata struct {
					Display string `json:"display_phone_number"`
					ID      string `json:"phone_number_id"`
				} `json:"metadata"`
				Contacts []struct {
					Profile struct {
						Name string `json:"name"`
					} `json:"profile"`
					WaID string `json:"wa_id"`
				} `json:"contacts"`
				Statuses    []status     `json:"statuses"`
				Messages    []inMessage  `json:"messages"`
				Preferences []preference `json:"user_preferences"`
			} `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

type status struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"`
	Recipient string `json:"recipient_id"`
	Callback  string `json:"biz_opaque_callback_data"`
	Pricing   *struct {
		Billable bool   `json:"billable"`
		Model    string `json:"pricing_model"`
		Category string `json:"category"`
		Type     string `json:"type"`
	} `json:"pricing"`
	Errors []struct {
		Code    int    `json:"code"`
		Title   string `json:"title"`
		Message string `json:"message"`
		Data    struct {
			Details string `json:"details"`
		} `json:"error_data"`
		Href string `json:"href"`
	} `json:"errors"`
}

type inMessage struct {
	From      string `json:"from"`
	ID        string `json:"id"`
	Timestamp string `json:"timestamp"`
	Type      string `json:"type"`
	Context   *struct {
		From string `json:"from"`
		ID   string `json:"id"`
	} `json:"context"`
	Text *struct {
		Body string `json:"body"`
	} `json:"text"`
	Button *struct {
		Payload string `json:"payload"`
		Text    string `json:"text"`
	} `json:"button"`
	Interactive *struct {
		Type   string `json:"type"`
		Button *struct {
			ID    string `json:"id"`
			Title string `json:"title"`
		} `json:"button_reply"`
		List *struct {
			ID          string `json:"id"`
			Title       string `json:"title"`
			Description string `json:"description"`
		} `json:"list_reply"`
	} `json:"interactive"`
	Image *media `json:"image"`
	Audio *media `json:"audio"`
}

type media struct {
	Mime   string `json:"mime_type"`
	Digest string `json:"sha256"`
	ID     string `json:"id"`
}

type preference struct {
	WaID      string `json:"wa_id"`
	Detail    string `json:"detail"`
	Category  string `json:"category"`
	Value     string `json:"value"`
	Timestamp int64  `json:"timestamp"`
}

func strict(t *testing.T, body []byte) payload {
	t.Helper()
	var p payload
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return p
}

// Both forms tell the same: lines rebuilt from the payloads are the lines, but for zone and
// purpose, which no webhook tells.
func TestBothFormsTellTheSame(t *testing.T) {
	w := New(Options{Seed: 3, Contacts: 400, Days: 40})
	told := map[string]int{}
	purpose := map[string]string{}
	for l := range w.Lines() {
		if l.EventType == "send" {
			purpose[l.MessageID] = l.Purpose
		}
		told[bare(l)]++
	}
	posted, wrote := map[string]int{}, map[string][]time.Time{}
	var sends []canonical.Line
	for p := range w.WhatsApp() {
		for _, l := range read(t, p.Body) {
			posted[bare(l)]++
			switch l.EventType {
			case "send":
				sends = append(sends, l)
			case "reply":
				wrote[l.Address] = append(wrote[l.Address], l.EventTime)
			}
		}
	}
	if !maps.Equal(told, posted) {
		for l, n := range told {
			if posted[l] != n {
				t.Fatalf("told %d times, posted %d times: %s", n, posted[l], l)
			}
		}
		t.Fatal("the payloads tell more than the lines")
	}
	// By the payloads alone, in any order, the purpose follows as the lines state it: a send is
	// proactive if it names a campaign or lies outside 24 h after the contact's last message.
	for _, l := range sends {
		got := "proactive"
		if l.CampaignID == "" && slices.ContainsFunc(wrote[l.Address], func(at time.Time) bool {
			return !at.After(l.EventTime) && l.EventTime.Before(at.Add(24*time.Hour))
		}) {
			got = "response"
		}
		if want := purpose[l.MessageID]; got != want {
			t.Fatalf("a send of %v looks %s and is %s", l.EventTime, got, want)
		}
	}
}

// bare is a line without what no webhook tells.
func bare(l canonical.Line) string {
	l.Zone, l.Purpose = "", ""
	text, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func read(t *testing.T, body []byte) (lines []canonical.Line) {
	t.Helper()
	p := strict(t, body)
	if p.Object != "whatsapp_business_account" {
		t.Fatalf("object is %q", p.Object)
	}
	at := func(text string) time.Time {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Unix(n, 0).UTC()
	}
	for _, e := range p.Entry {
		for _, c := range e.Changes {
			v := c.Value
			market := ""
			for i := range markets {
				if markets[i].account == v.Metadata.ID && markets[i].display == v.Metadata.Display {
					market = markets[i].Code
				}
			}
			if market == "" || v.Product != "whatsapp" {
				t.Fatalf("no market has the metadata %+v of %q", v.Metadata, v.Product)
			}
			base := canonical.Line{AccountID: v.Metadata.ID, Channel: "whatsapp", Provider: "meta", Market: market}
			named := map[string]bool{}
			for _, x := range v.Contacts {
				if x.Profile.Name == "" || named[x.WaID] {
					t.Fatalf("contacts are %+v", v.Contacts)
				}
				named[x.WaID] = true
			}
			for _, s := range v.Statuses {
				l := base
				l.EventType = map[string]string{"sent": "send", "delivered": "delivered", "read": "open", "failed": "failed"}[s.Status]
				l.EventTime, l.Address, l.MessageID, l.CampaignID = at(s.Timestamp), "+"+s.Recipient, s.ID, s.Callback
				if l.EventType == "delivered" || l.EventType == "open" {
					l.Method = "by_mid"
				}
				if s.Pricing != nil {
					l.Category, l.PricingType, l.PricingModel = s.Pricing.Category, s.Pricing.Type, s.Pricing.Model
					l.Billable = map[bool]string{true: "yes", false: "no"}[s.Pricing.Billable]
				}
				if l.EventType == "failed" != (len(s.Errors) == 1) {
					t.Fatalf("status %s has %d errors", s.Status, len(s.Errors))
				}
				if len(s.Errors) == 1 {
					l.ErrorCode = strconv.Itoa(s.Errors[0].Code)
				}
				lines = append(lines, l)
			}
			for _, m := range v.Messages {
				if !named[m.From] {
					t.Fatal("a message of somebody who is not among the contacts")
				}
				l := base
				l.EventType, l.EventTime, l.Address, l.MessageID = "reply", at(m.Timestamp), "+"+m.From, m.ID
				if m.Context != nil {
					l.InReplyTo = m.Context.ID
				}
				text := ""
				switch {
				case m.Text != nil:
					l.Kind, text = "text", m.Text.Body
				case m.Button != nil:
					l.Kind, text = "quick_reply", m.Button.Text
				case m.Interactive != nil && m.Interactive.List != nil:
					l.Kind, text = "list", m.Interactive.List.Title
				case m.Interactive != nil && m.Interactive.Button != nil:
					l.Kind, text = "button", m.Interactive.Button.Title
				case m.Image != nil || m.Audio != nil:
					l.Kind = "media"
				default:
					t.Fatalf("message of type %q without content", m.Type)
				}
				l.TextChars = uint32(utf8.RuneCountInString(text))
				lines = append(lines, l)
			}
			for _, u := range v.Preferences {
				l := base
				l.EventType, l.Scope, l.Reason = "opt_in", u.Category, "preference"
				if u.Value == "stop" {
					l.EventType = "opt_out"
				}
				l.EventTime, l.Address = time.Unix(u.Timestamp, 0).UTC(), "+"+u.WaID
				lines = append(lines, l)
			}
			if want := map[bool]string{true: "user_preferences", false: "messages"}[v.Preferences != nil]; c.Field != want {
				t.Fatalf("field is %q, want %q", c.Field, want)
			}
		}
	}
	return lines
}

func TestPayloadsAreWrittenAsMetaDoes(t *testing.T) {
	bareSlash := regexp.MustCompile(`[^\\]/`)
	var severalChanges, severalStatuses, surrogates, facts, count int
	var last time.Time
	for p := range New(Options{Seed: 1, Contacts: 500, Days: 30}).WhatsApp() {
		count++
		if p.At.Before(last) {
			t.Fatal("posts go back in time")
		}
		last = p.At
		if i := bytes.IndexFunc(p.Body, func(r rune) bool { return r > '~' || r < ' ' }); i >= 0 {
			t.Fatalf("byte %d is not escaped: %s", i, p.Body)
		}
		if bareSlash.Match(p.Body) {
			t.Fatalf("a slash is not escaped: %s", p.Body)
		}
		if bytes.Contains(p.Body, []byte(`\ud83d\ude4f`)) {
			surrogates++
		}
		x := strict(t, p.Body)
		n := len(read(t, p.Body))
		if n != p.Facts || n > postMost {
			t.Fatalf("the post says %d facts and holds %d", p.Facts, n)
		}
		facts += n
		if len(x.Entry[0].Changes) > 1 {
			severalChanges++
		}
		for _, c := range x.Entry[0].Changes {
			if len(c.Value.Statuses) > 1 {
				severalStatuses++
				break
			}
		}
	}
	if severalChanges < count/10 || severalStatuses < count/10 || surrogates == 0 {
		t.Errorf("of %d posts %d have several changes, %d several statuses, %d an emoji", count, severalChanges, severalStatuses, surrogates)
	}
	t.Logf("%d facts in %d posts", facts, count)
}

// The value that RFC 4231 gives for its second case.
func TestSign(t *testing.T) {
	const want = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	if got := Sign([]byte("what do ya want for nothing?"), "Jefe"); got != want {
		t.Errorf("signature is %s, want %s", got, want)
	}
}

func TestTextIsEscaped(t *testing.T) {
	f := func(text string) {
		t.Helper()
		e := &encoder{}
		e.text(text)
		var back string
		if err := json.Unmarshal(e.b, &back); err != nil || back != text {
			t.Errorf("%q came back as %q from %s: %v", text, back, e.b, err)
		}
	}
	f("")
	f("a/b\\c\"d\x00\n\x1f\x7f~ é 한 🙏 \u2028")
	for i := range markets {
		for _, text := range slices.Concat(markets[i].texts, markets[i].names) {
			f(text)
		}
	}
}
