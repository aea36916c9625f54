package cloudevents

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"drumbeat/ingest/jsontree"
)

// envelope returns a good event with members put in place of its own; null leaves one out.
func envelope(members string) string {
	event := map[string]json.RawMessage{}
	for _, text := range []string{`{"specversion":"1.0","id":"e-1","source":"//sms/shop","type":"msg.send.v1","subject":"+12125550142","time":"2026-03-02T01:15:00Z","data":{"message_id":"m-1"}}`, "{" + members + "}"} {
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			panic(err)
		}
	}
	out, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func TestEnvelopeBecomesLine(t *testing.T) {
	f := func(event, want string) {
		t.Helper()
		got, err := Structured([]byte(event))
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s (%v)\nwant %s", event, got, err, want)
		}
	}
	const (
		who  = `"event_type":"send","channel":"sms","account_id":"shop","address":"+12125550142","event_id":"//sms/shop e-1"`
		when = `,"event_time":"2026-03-02T01:15:00Z"}`
	)
	f(envelope(``), `{"message_id":"m-1",`+who+when)
	f(envelope(`"data":null`), `{`+who+when)
	f(envelope(`"specversion":1.0,"data":null`), `{`+who+when)
	f(envelope(`"data":{}`), `{`+who+when)
	f(envelope(`"data":null,"data_base64":"eyJtZXNzYWdlX2lkIjo5MDA3MTk5MjU0NzQwOTkzMTIzfQ=="`), `{"message_id":9007199254740993123,`+who+when)
	f("\xef\xbb\xbf "+envelope(``)+"\r\n", `{"message_id":"m-1",`+who+when)

	// The data is free to repeat what the attributes say.
	f(envelope(`"data":{"event_type":"send","channel":"sms","account_id":"shop","address":"+12125550142","event_id":"e-1","arm":"B"}`), `{"arm":"B",`+who+when)
	f(envelope(`"data":{"address":null,"attributes":{"a":[1,"é"]}}`), `{"attributes":{"a":[1,"é"]},`+who+when)
	f(envelope(`"data":{"event_time":1772414100}`), `{"event_time":1772414100,`+who+`}`)
	f(envelope(`"data":{"event_time":null}`), `{`+who+when)

	// A source of another form says nothing, and is part of the identity all the same.
	f(envelope(`"source":"/crm","data":{"channel":"sms","account_id":"shop"}`),
		`{"channel":"sms","account_id":"shop","event_type":"send","address":"+12125550142","event_id":"/crm e-1"`+when)
	f(envelope(`"source":"//sms/a%2Fb","subject":null,"time":null,"data":{}`), `{"event_type":"send","channel":"sms","account_id":"a/b","event_id":"//sms/a%2Fb e-1"}`)
	f(envelope(`"source":"//sms/a/b","subject":"","data":{}`), `{"event_type":"send","event_id":"//sms/a/b e-1"`+when)
	f(envelope(`"id":9007199254740993123,"data":{"event_id":9007199254740993123}`), strings.Replace(`{`+who+when, "e-1", "9007199254740993123", 1))

	// Extensions, of any type, and what describes the data.
	f(envelope(`"traceparent":"00-ab","my_ext":{"a":[1]},"":"x","dataschema":"x:y","datacontenttype":"application/json; charset=utf-8"`), `{"message_id":"m-1",`+who+when)
	f(envelope(`"datacontenttype":"application/vnd.example+json"`), `{"message_id":"m-1",`+who+when)
}

func TestRejected(t *testing.T) {
	f := func(event, want string) {
		t.Helper()
		if line, err := Structured([]byte(event)); err == nil || err.Error() != want {
			t.Errorf("%s\n got %v (%s)\nwant %s", event, err, line, want)
		}
	}
	f(`7`, "not a JSON object")
	f(envelope(``)+"x", "not valid JSON at byte 158")
	f(envelope(`"specversion":null`), "specversion is missing: a CloudEvent has one")
	f(envelope(`"specversion":"0.3"`), "specversion is not 1.0")
	f(envelope(`"id":null`), "id is missing: a CloudEvent has one")
	f(envelope(`"id":""`), "id is missing: a CloudEvent has one")
	f(envelope(`"id":{"a":1}`), "id is not text")
	f(envelope(`"id":"`+strings.Repeat("x", maxIdentity)+`"`), "source and id are longer than 1023 bytes together")
	f(envelope(`"source":null`), "source is missing: a CloudEvent has one")
	f(envelope(`"source":"//sms/+1 212 555 0142"`), "source is not a URI reference")
	f(envelope(`"source":"//sms/%zz"`), "source is not a URI reference")
	f(envelope(`"type":null`), "type is missing: a CloudEvent has one")
	f(envelope(`"type":"com.example.order-created.v2"`), "unknown type com.example.order-created.v2: a type is msg, an event_type and v1, as msg.send.v1")
	f(envelope(`"type":"msg.send.v2"`), "unknown type msg.send.v2: a type is msg, an event_type and v1, as msg.send.v1")
	f(envelope(`"type":"msg..v1"`), "unknown type: a type is msg, an event_type and v1, as msg.send.v1")
	f(envelope(`"type":"call 12125550142"`), "unknown type: a type is msg, an event_type and v1, as msg.send.v1")
	f(envelope(`"type":"12125550142"`), "unknown type: a type is msg, an event_type and v1, as msg.send.v1")
	f(envelope(`"data":"{}"`), "data is not a JSON object")
	f(envelope(`"data":[]`), "data is not a JSON object")
	f(envelope(`"data_base64":"e30="`), "data and data_base64 exclude each other")
	f(envelope(`"data":null,"data_base64":1`), "data_base64 is not base64 text")
	f(envelope(`"data":null,"data_base64":"e30"`), "data_base64 is not base64 text")
	f(envelope(`"data":null,"data_base64":"e30x"`), "data: not valid JSON at byte 3")
	f(envelope(`"datacontenttype":"application/xml","data":"<a/>"`), "datacontenttype is not JSON: data is a JSON object of event fields")
	f(envelope(`"datacontenttype":";"`), "datacontenttype is not JSON: data is a JSON object of event fields")
	f(envelope(`"data":{"event_type":"open"}`), "event_type of data contradicts the event's type")
	f(envelope(`"data":{"channel":"whatsapp"}`), "channel of data contradicts the event's source")
	f(envelope(`"data":{"account_id":"another"}`), "account_id of data contradicts the event's source")
	f(envelope(`"data":{"address":"+12125550143"}`), "address of data contradicts the event's subject")
	f(envelope(`"data":{"address":{}}`), "address of data contradicts the event's subject")
	f(envelope(`"data":{"event_id":"e-2"}`), "event_id of data contradicts the event's id")
	twice := strings.Replace(envelope(``), `"id":"e-1"`, `"id":"e-1","id":"e-2"`, 1)
	f(twice, "id is there twice")
	f(strings.Replace(envelope(``), `"data":`, `"data":{},"data":`, 1), "data is there twice")
	f(strings.Replace(envelope(``), `{"message_id":"m-1"}`, `{"address":"+12125550142","address":"+12125550143"}`, 1), "address of data contradicts the event's subject")
}

func header(pairs ...string) http.Header {
	h := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"e-1"}, "Ce-Source": {"//sms/shop"}, "Ce-Type": {"msg.send.v1"}, "Ce-Subject": {"+12125550142"}}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestHeadersBecomeLine(t *testing.T) {
	const line = `{"message_id":"m-1","event_type":"send","channel":"sms","account_id":"shop","address":"+12125550142","event_id":"//sms/shop e-1"}`
	f := func(h http.Header, body, want, wantErr string) {
		t.Helper()
		got, err := Binary(h, []byte(body))
		if string(got) != want || wantErr == "" && err != nil || wantErr != "" && (err == nil || err.Error() != wantErr) {
			t.Errorf("%v %s\n got %s (%v)\nwant %s (%s)", h, body, got, err, want, wantErr)
		}
	}
	set := func(name, value string) http.Header {
		h := header()
		h.Set(name, value)
		return h
	}
	const body = `{"message_id":"m-1"}`
	f(header(), body, line, "")
	f(header("Content-Type", "application/json", "Ce-Traceparent", "00-ab", "Ce-Traceparent", "%zz"), body, line, "")
	f(header("Ce-Time", "2026-03-02T01:15:00Z"), "", `{"event_type":"send","channel":"sms","account_id":"shop","address":"+12125550142","event_id":"//sms/shop e-1","event_time":"2026-03-02T01:15:00Z"}`, "")
	f(set("Ce-Subject", "%2B12125550142"), body, line, "")
	f(set("Ce-Subject", `"\+12125550142"`), body, line, "")
	f(set("Ce-Id", `caf%C3%A9%20%2525`), body, strings.Replace(line, "e-1", "café %25", 1), "")
	f(set("Ce-Id", `100%`), body, "", "ce-id is not percent-encoded UTF-8")
	f(set("Ce-Id", `%C0%A0`), body, "", "ce-id is not percent-encoded UTF-8")
	f(header("Ce-Id", "e-2"), body, "", "ce-id is there twice")
	f(set("Ce-Type", ""), body, "", "type is missing: a CloudEvent has one")
	f(header("Content-Type", "text/plain"), body, "", "the Content-Type is not JSON: the body is a JSON object of event fields")
	f(header("Ce-Datacontenttype", "application/json"), body, "", "ce-datacontenttype is not allowed: Content-Type says it")
	f(header(), body+"x", "", "data: not valid JSON at byte 20")
	f(header(), `[]`, "", "data is not a JSON object")
}

// Whatever comes in, what goes out is one JSON object that names its event once.
func FuzzStructured(f *testing.F) {
	f.Add(envelope(``))
	f.Add(envelope(`"data":null,"data_base64":"eyJtZXNzYWdlX2lkIjoxfQ==","source":"https://crm.example.com"`))
	f.Add(envelope(`"data_base64":1,"data":null`))
	f.Add(envelope(`"data":{"event_id":"e-1","a":"\ud800","b":{}}`))
	f.Fuzz(func(t *testing.T, event string) {
		line, err := Structured([]byte(event))
		if err != nil {
			return
		}
		root, err := jsontree.Parse(line)
		if err != nil || root.Kind() != jsontree.Object || root.Get("event_type").Text() == "" || root.Get("event_id").Text() == "" {
			t.Fatalf("%s\n%s: %v", event, line, err)
		}
		ids := 0
		for name := range root.Members() {
			if name == "event_id" {
				ids++
			}
		}
		if ids != 1 {
			t.Fatalf("%s\n%s: %d event ids", event, line, ids)
		}
	})
}

func FuzzBinary(f *testing.F) {
	f.Add("e-1", "+12125550142", "application/json", `{"message_id":"m-1"}`)
	f.Add(`"\`, "%2", ";", "")
	f.Fuzz(func(t *testing.T, id, subject, contentType, body string) {
		h := header()
		h["Ce-Id"], h["Ce-Subject"], h["Content-Type"] = []string{id}, []string{subject}, []string{contentType}
		if line, err := Binary(h, []byte(body)); err == nil && !json.Valid(line) {
			t.Fatalf("%s", line)
		}
	})
}
