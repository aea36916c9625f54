package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/warehouse/warehousetest"
)

func line(id string, more string) string {
	return fmt.Sprintf(`{"event_type":"send","event_time":"2026-03-02T01:15:00Z","account_id":"1","channel":"sms","address":"+12125550142","message_id":%q%s}`, id, more)
}

func TestEventsAnswers(t *testing.T) {
	f := func(name, body string, wantCode int, want ingest.Answer, headers ...string) {
		t.Helper()
		to := &memory{}
		r := request("POST", "/v1/events", body, append([]string{"Authorization", "Bearer " + bearer}, headers...)...)
		w := do(newServer(t, to, nil), r)
		var got ingest.Answer
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != wantCode {
			t.Fatalf("%s: %d %q, want %d (%v)", name, w.Code, w.Body, wantCode, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if (to.records > 0) != (want.Accepted > 0) {
			t.Errorf("%s: %d records", name, to.records)
		}
	}
	rejected := func(line int, err string) ingest.RejectedLine { return ingest.RejectedLine{Line: line, Error: err} }
	f("lines", line("1", "")+"\n"+line("2", ""), 200, ingest.Answer{Accepted: 2})
	f("lines with all kinds of ends", "\xef\xbb\xbf\r\n"+line("1", "")+"\r\n\n  "+line("2", "")+"  \n\n", 200, ingest.Answer{Accepted: 2})
	f("array", " [\n"+line("1", "")+",\n"+line("2", "")+"]\n", 200, ingest.Answer{Accepted: 2})
	f("array, whatever its type says", "["+line("1", "")+"]", 200, ingest.Answer{Accepted: 1}, "Content-Type", "application/x-ndjson")
	f("one object over several lines", strings.ReplaceAll("["+line("1", "")+"]", ",", ",\n"), 200, ingest.Answer{Accepted: 1})
	f("gzip", zipped(line("1", "")), 200, ingest.Answer{Accepted: 1}, "Content-Encoding", "gzip")
	f("a bad line among good ones", line("1", "")+"\n\n{\"event_type\":\n"+line("2", ",\"text\":\"hi\"")+"\n"+line("3", ""), 200, ingest.Answer{Accepted: 2, Rejected: 2, Errors: []ingest.RejectedLine{
		rejected(3, "not valid JSON at byte 14"), rejected(4, "unknown field text: no text is taken, give text_chars")}})
	f("a bad element", "["+line("1", "")+`,"x",7,null,{}]`, 200, ingest.Answer{Accepted: 1, Rejected: 4, Errors: []ingest.RejectedLine{
		rejected(2, "not a JSON object"), rejected(3, "not a JSON object"), rejected(4, "not a JSON object"), rejected(5, "event_type is missing")}})
	f("a string that holds an event", `[`+string(must(json.Marshal(line("1", ""))))+`]`, 400, ingest.Answer{Rejected: 1, Errors: []ingest.RejectedLine{rejected(1, "not a JSON object")}})
	f("none good", "{}", 400, ingest.Answer{Rejected: 1, Errors: []ingest.RejectedLine{rejected(1, "event_type is missing")}})
	f("lines with ends of two characters", line("1", "")+"\r\n"+line("2", "")+"\r\n", 200, ingest.Answer{Accepted: 2})
	f("comments", "// sent by the shop\n# and more\n"+line("1", ""), 200, ingest.Answer{Accepted: 1, Rejected: 2, Errors: []ingest.RejectedLine{
		rejected(1, "not valid JSON at byte 0"), rejected(2, "not valid JSON at byte 0")}})
	f("garbage after a line", line("1", "")+"x\n"+line("2", "")+line("3", ""), 400, ingest.Answer{Rejected: 2, Errors: []ingest.RejectedLine{
		rejected(1, "not valid JSON at byte 132"), rejected(2, "not valid JSON at byte 133")}})
	f("broken UTF-8 in a line", strings.Replace(line("1", ""), "12", "\xff", 1)+"\n"+line("2", ""), 200, ingest.Answer{Accepted: 1, Rejected: 1, Errors: []ingest.RejectedLine{rejected(1, "not UTF-8")}})
	f("broken UTF-8 in an element", "["+line("1", "")+","+strings.Replace(line("2", ""), "12", "\xed\xa0\x80", 1)+"]", 200, ingest.Answer{Accepted: 1, Rejected: 1, Errors: []ingest.RejectedLine{rejected(2, "not UTF-8")}})
	f("a huge id", line(strings.Repeat("9", 1<<20), "")+"\n"+line("2", ""), 200, ingest.Answer{Accepted: 1, Rejected: 1, Errors: []ingest.RejectedLine{rejected(1, "message_id is longer than 1024 bytes")}})
	f("a huge number", line("1", `,"event_id":1e`+strings.Repeat("9", 2000)), 400, ingest.Answer{Rejected: 1, Errors: []ingest.RejectedLine{rejected(1, "event_id is longer than 1024 bytes")}})
	f("too deep a line", strings.Repeat(`{"a":`, 1e6)+"\n"+line("1", ""), 200, ingest.Answer{Accepted: 1, Rejected: 1, Errors: []ingest.RejectedLine{rejected(1, "not valid JSON at byte 50000")}})
	f("too deep an array", strings.Repeat("[", 1e6), 400, ingest.Answer{Error: "not valid JSON at byte 10000"})
	f("spaces and nothing else", " \r\n\t\n", 400, ingest.Answer{Error: "no event in the body"})
	f("a byte order mark and nothing else", "\xef\xbb\xbf", 400, ingest.Answer{Error: "no event in the body"})
	f("nothing", "", 400, ingest.Answer{Error: "no event in the body"})
	f("empty array", "[]", 400, ingest.Answer{Error: "no event in the body"})

	to := &memory{}
	w := do(newServer(t, to, nil), request("POST", "/v1/events", "["+line("1", "")+","+line("2", ""), "Authorization", "Bearer "+bearer))
	if w.Code != 400 || to.records != 0 || !strings.Contains(w.Body.String(), "not valid JSON") {
		t.Errorf("broken array: %d %q, %d records", w.Code, w.Body, to.records)
	}
	many := strings.Repeat("{}\n", 1500)
	var got ingest.Answer
	w = do(newServer(t, to, nil), request("POST", "/v1/events", many, "Authorization", "Bearer "+bearer))
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Rejected != 1500 || len(got.Errors)+got.LeftOut != 1500 || got.LeftOut == 0 {
		t.Errorf("many bad lines: %d rejected, %d named, %d left out", got.Rejected, len(got.Errors), got.LeftOut)
	}
}

func TestEventsNeedTheirToken(t *testing.T) {
	f := func(authorization, body string, want int) {
		t.Helper()
		to := &memory{}
		r := request("POST", "/v1/events", body)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := do(newServer(t, to, nil), r)
		if w.Code != want || (to.records > 0) != (want == 200) {
			t.Errorf("%q: %d %q, want %d", authorization, w.Code, w.Body, want)
		}
		if want == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%q: no WWW-Authenticate", authorization)
		}
	}
	f("", line("1", ""), 401)
	f("Bearer", line("1", ""), 401)
	f("Bearer ", line("1", ""), 401)
	f("Bearer guess", line("1", ""), 401)
	f("Basic "+bearer, line("1", ""), 401)
	f(bearer, line("1", ""), 401)
	f("bearer "+bearer, line("1", ""), 200)
	f("Bearer token-of-one-account", line("1", ""), 200)
	f("Bearer token-of-one-account", strings.Replace(line("1", ""), `"account_id":"1"`, `"account_id":"2"`, 1), 400)
	if w := do(newServer(t, &memory{}, nil), request("GET", "/v1/events", "")); w.Code != 405 || w.Header().Get("Allow") != "OPTIONS, POST" {
		t.Errorf("GET: %d", w.Code)
	}
	if w := do(newServer(t, &memory{}, nil), request("POST", "/v1/events", strings.Repeat(" ", ingest.MaxEvents+1), "Authorization", "Bearer "+bearer)); w.Code != 413 {
		t.Errorf("too large: %d", w.Code)
	}
}

func TestContentTypes(t *testing.T) {
	f := func(want int, contentType string, headers ...string) {
		t.Helper()
		r := request("POST", "/v1/events", line("1", ""), append([]string{"Authorization", "Bearer " + bearer}, headers...)...)
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		if w := do(newServer(t, &memory{}, nil), r); w.Code != want {
			t.Errorf("%q %q: %d %s, want %d", contentType, headers, w.Code, w.Body, want)
		}
	}
	f(200, "")
	f(200, "application/json")
	f(200, "Application/JSON ; charset=utf-8")
	f(200, "application/x-ndjson")
	f(200, "application/ndjson; charset")
	f(200, "application/jsonl")
	f(200, "text/plain;charset=UTF-8")
	f(200, "application/octet-stream")
	f(200, "application/x-www-form-urlencoded") // curl, unless told otherwise
	f(415, "application/xml")
	f(415, "text/csv")
	f(415, "multipart/form-data; boundary=x")
	f(415, "application/msgpack")
	f(415, "application/cloudevents")
	f(415, "application/cloudevents+avro")
	f(415, "application/cloudevents+avro", "Ce-Id", "1")
	f(415, "application/cloudevents-batch+protobuf")
	f(415, "text/plain", "Ce-Specversion", "1.0") // binary, and its data no JSON
	f(400, "application/json", "Ce-Specversion", "1.0")
}

// A token in the address is for senders that can set no header; it is in no log and no answer.
func TestTokenInTheAddress(t *testing.T) {
	var logged bytes.Buffer
	to := &memory{}
	s := newServer(t, to, func(o *ingest.ServerOptions) { o.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
	f := func(query string, want int, headers ...string) *httptest.ResponseRecorder {
		t.Helper()
		w := do(s, request("POST", "/v1/events"+query, line("1", ""), headers...))
		if w.Code != want {
			t.Errorf("%s %q: %d %s, want %d", query, headers, w.Code, w.Body, want)
		}
		if text := fmt.Sprint(w.Header(), w.Body, logged.String()); strings.Contains(text, bearer) {
			t.Errorf("%s: the token is in the answer or log: %s", query, text)
		}
		return w
	}
	if w := f("?p=q&access_token="+bearer, 200); !strings.Contains(w.Header().Get("Cache-Control"), "private") {
		t.Errorf("Cache-Control %q", w.Header().Get("Cache-Control"))
	}
	f("?access_token=guess", 401)
	f("?access_token=", 401)
	f("?token="+bearer, 401)
	f("?access_token="+bearer, 401, "Authorization", "Bearer guess") // one of two is wrong
	f("?access_token="+bearer, 401, "Authorization", "Basic "+bearer)
	to.err = errors.New("disk gone")
	if w := f("?access_token="+bearer, 503); w.Header().Get("Retry-After") == "" || logged.Len() == 0 {
		t.Errorf("%v, log %q", w.Header(), logged.String())
	}
}

// The validation handshake of the CloudEvents webhook profile.
func TestEventsHandshake(t *testing.T) {
	to := &memory{}
	s := newServer(t, to, nil)
	f := func(target string, want int, headers ...string) http.Header {
		t.Helper()
		w := do(s, request("OPTIONS", target, line("1", ""), headers...))
		granted := w.Header().Get("WebHook-Allowed-Origin") != "" || w.Header().Get("WebHook-Allowed-Rate") != ""
		if w.Code != want || granted != (want == 200) || to.records > 0 {
			t.Errorf("%s %q: %d %v, want %d", target, headers, w.Code, w.Header(), want)
		}
		return w.Header()
	}
	const origin = "WebHook-Request-Origin"
	h := f("/v1/events?access_token="+bearer, 200, origin, "emitter.example.com", "WebHook-Request-Rate", "120", "WebHook-Request-Callback", "https://emitter.example.com/confirm")
	if h.Get("WebHook-Allowed-Origin") != "*" || h.Get("WebHook-Allowed-Rate") != "*" || !strings.Contains(h.Get("Allow"), "POST") {
		t.Error(h)
	}
	f("/v1/events", 200, origin, "emitter.example.com", "Authorization", "Bearer "+bearer)
	f("/v1/events", 401, origin, "emitter.example.com")
	f("/v1/events?access_token=guess", 401, origin, "emitter.example.com")
	f("/v1/events", 400, "Authorization", "Bearer "+bearer)
}

func cloudEvent(t testing.TB, id, source, eventType string, data map[string]any) event.Event {
	t.Helper()
	e := event.New()
	e.SetID(id)
	e.SetSource(source)
	e.SetType(eventType)
	e.SetSubject("+12125550142")
	e.SetTime(time.Date(2026, 3, 2, 1, 15, 0, 0, time.UTC))
	e.SetExtension("traceparent", "00-ab")
	if err := e.SetData(event.ApplicationJSON, data); err != nil {
		t.Fatal(err)
	}
	return e
}

// drafting remembers all that it decoded.
type drafting struct {
	ingest.LineDecoder
	drafts []ingest.Draft
}

func (d *drafting) Decode(line []byte, business string, received time.Time, draft *ingest.Draft) error {
	err := d.LineDecoder.Decode(line, business, received, draft)
	if err == nil {
		d.drafts = append(d.drafts, *draft)
	}
	return err
}

// What the CloudEvents SDK sends, in every mode it has, says what the same event line says.
func TestCloudEventsSayWhatLinesSay(t *testing.T) {
	lines := &drafting{LineDecoder: canonical.NewDecoder()}
	s := newServer(t, &memory{}, func(o *ingest.ServerOptions) { o.Lines = lines })
	post := func(r *http.Request) ingest.Draft {
		t.Helper()
		r.Header.Set("Authorization", "Bearer "+bearer)
		n := len(lines.drafts)
		w := do(s, r)
		if w.Code != 200 || w.Body.String() != `{"accepted":1,"rejected":0}`+"\n" || len(lines.drafts) != n+1 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return lines.drafts[n]
	}
	want := post(request("POST", "/v1/events", line("m-1", `,"arm":"B","text_chars":7,"event_id":"//sms/1 e-1"`)))
	e := cloudEvent(t, "e-1", "//sms/1", "msg.send.v1", map[string]any{"message_id": "m-1", "arm": "B", "text_chars": 7})
	asBytes := e.Clone()
	if err := asBytes.SetData(event.ApplicationJSON, []byte(`{"message_id":"m-1","arm":"B","text_chars":7}`)); err != nil { // makes data_base64
		t.Fatal(err)
	}
	write := func(e event.Event, ctx context.Context) *http.Request {
		r := request("POST", "/v1/events", "")
		if err := cehttp.WriteRequest(ctx, binding.ToMessage(&e), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	batch := func(e event.Event) *http.Request {
		r, err := cehttp.NewHTTPRequestFromEvents(t.Context(), "/v1/events", []event.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for name, r := range map[string]*http.Request{
		"binary":                     write(e, binding.WithForceBinary(t.Context())),
		"binary, of bytes":           write(asBytes, binding.WithForceBinary(t.Context())),
		"structured":                 write(e, binding.WithForceStructured(t.Context())),
		"structured, data in base64": write(asBytes, binding.WithForceStructured(t.Context())),
		"batch":                      batch(e),
		"batch, data in base64":      batch(asBytes),
	} {
		if got := post(r); !reflect.DeepEqual(got, want) {
			t.Errorf("%s (%s): %+v\nwant %+v", name, r.Header.Get("Content-Type"), got.Event, want.Event)
		}
	}
}

func TestCloudEventsAnswers(t *testing.T) {
	good := string(must(json.Marshal(cloudEvent(t, "e-1", "//sms/1", "msg.send.v1", map[string]any{"message_id": "m-1"}))))
	change := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	const one, batch = "application/cloudevents+json", "application/cloudevents-batch+json; charset=utf-8"
	f := func(contentType, body string, wantCode int, want string) {
		t.Helper()
		to := &memory{}
		w := do(newServer(t, to, nil), request("POST", "/v1/events", body, "Authorization", "Bearer token-of-one-account", "Content-Type", contentType))
		if got := strings.TrimSpace(w.Body.String()); w.Code != wantCode || got != want || (to.records > 0) != strings.Contains(got, `"accepted":1`) {
			t.Errorf("%s\n got %d %s with %d records\nwant %d %s", body, w.Code, got, to.records, wantCode, want)
		}
	}
	f(one, good, 200, `{"accepted":1,"rejected":0}`)
	f(one, "\xef\xbb\xbf\r\n"+good+"\r\n", 200, `{"accepted":1,"rejected":0}`)
	f(batch, "["+good+"]", 200, `{"accepted":1,"rejected":0}`)
	f(one, "["+good+"]", 200, `{"accepted":1,"rejected":0}`) // what it is can be seen
	f(batch, good, 200, `{"accepted":1,"rejected":0}`)
	f(batch, "[]", 200, `{"accepted":0,"rejected":0}`) // the specification lets a batch be empty
	f(batch, "", 400, `{"accepted":0,"rejected":0,"error":"no event in the body"}`)
	f(batch, "["+good+",", 400, `{"accepted":0,"rejected":0,"error":"not valid JSON at byte 216"}`)
	f(one, good+good, 400, `{"accepted":0,"rejected":1,"errors":[{"line":1,"error":"not valid JSON at byte 215"}]}`)
	f(one, line("1", ""), 400, `{"accepted":0,"rejected":1,"errors":[{"line":1,"error":"specversion is missing: a CloudEvent has one"}]}`)
	f("application/json", good, 400, `{"accepted":0,"rejected":1,"errors":[{"line":1,"error":"unknown field specversion: post CloudEvents as application/cloudevents+json"}]}`)
	f(one, change("//sms/1", "//sms/2"), 400, `{"accepted":0,"rejected":1,"errors":[{"line":1,"error":"account_id is not one of the token's accounts"}]}`)

	// One bad event of a batch loses no other.
	f(batch, "["+strings.Join([]string{
		change("msg.send.v1", "msg.read.v1"), change("msg.send.v1", "com.example.sent"), good, change(`"e-1"`, `null`), "7",
		change("{\"message_id\":\"m-1\"}", `{"text":"hi"}`), change("m-1", "\xff"), change("+12125550142", "2125550142"),
	}, ",")+"]", 200, `{"accepted":1,"rejected":7,"errors":[{"line":1,"error":"unknown event_type: did you mean open?"},`+
		`{"line":2,"error":"unknown type com.example.sent: a type is msg, an event_type and v1, as msg.send.v1"},{"line":4,"error":"id is missing: a CloudEvent has one"},`+
		`{"line":5,"error":"not a JSON object"},{"line":6,"error":"unknown field text: no text is taken, give text_chars"},{"line":7,"error":"not UTF-8"},`+
		`{"line":8,"error":"address: a phone number begins with + and its country's calling code"}]}`)
}

// What is wrong with an event is said without quoting it.
func TestErrorsOfCloudEventsHoldNothingPersonal(t *testing.T) {
	var logged bytes.Buffer
	s := newServer(t, &memory{}, func(o *ingest.ServerOptions) { o.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
	good := string(must(json.Marshal(cloudEvent(t, "order-4711-ana", "//sms/1", "msg.send.v1", map[string]any{"message_id": "m-1"}))))
	var bad []string
	for _, change := range [][2]string{
		{`"1.0"`, `"12125550142"`}, {"//sms/1", "%zz 12125550142"}, {"msg.send.v1", "Ana Secretperson"}, {"msg.send.v1", "ana.secret@example.com"}, {"msg.send.v1", "msg.12125550142.v1"},
		{"+12125550142", "+1 212 555-0142 x"}, {`"application/json"`, `"Ana Secretperson"`}, {`"m-1"`, `"m-1","address":"Ana Secretperson"`}, {`"m-1"`, `"m-1","12125550142":1`},
		{`"m-1"`, `"m-1","event_id":"evt-99-ana"`}, {`{"message_id":"m-1"}`, `"how are you today"`}, {`"data":`, `"data_base64":"how are you today","x":`},
	} {
		bad = append(bad, strings.Replace(good, change[0], change[1], 1))
	}
	find := searcher()
	w := do(s, request("POST", "/v1/events", "["+strings.Join(bad, ",")+"]", "Authorization", "Bearer "+bearer, "Content-Type", "application/cloudevents-batch+json"))
	if found := find(append(w.Body.Bytes(), logged.Bytes()...)); found != "" || w.Code != 400 || !strings.Contains(w.Body.String(), fmt.Sprintf(`"rejected":%d`, len(bad))) {
		t.Errorf("%d, holds %q: %s %s", w.Code, found, w.Body, &logged)
	}
	for _, header := range []string{"Ce-Specversion", "Ce-Source", "Ce-Type", "Ce-Id", "Ce-Subject"} {
		r := request("POST", "/v1/events", `{"message_id":"m-1"}`, "Authorization", "Bearer "+bearer, "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "//sms/1", "Ce-Type", "msg.send.v1", "Ce-Subject", "+12125550142")
		r.Header.Set(header, "Ana Secretperson 12125550142 %")
		if w := do(s, r); w.Code != 400 || find(w.Body.Bytes()) != "" {
			t.Errorf("%s: %d %s", header, w.Code, w.Body)
		}
	}
}

// A fact that its message names is one fact, whatever ids its copies have; one that only its id names is known by source and id.
func TestCopiesOfCloudEvents(t *testing.T) {
	db := warehousetest.New(t)
	p := collect(t, db, t.TempDir())
	post := func(events ...event.Event) {
		t.Helper()
		r := must(cehttp.NewHTTPRequestFromEvents(t.Context(), "/v1/events", events))
		r.Header.Set("Authorization", "Bearer "+bearer)
		if w := do(p.server, r); w.Code != 200 || !strings.Contains(w.Body.String(), `"rejected":0`) {
			t.Fatal(w.Code, w.Body)
		}
	}
	message := map[string]any{"message_id": "m-1"}
	for range 2 {
		post(
			cloudEvent(t, "d-1", "//sms/1", "msg.delivered.v1", message), cloudEvent(t, "d-2", "//sms/1", "msg.delivered.v1", message),
			cloudEvent(t, "c-1", "//sms/1", "msg.click.v1", message), cloudEvent(t, "c-2", "//sms/1", "msg.click.v1", message),
			cloudEvent(t, "c-1", "//sms/1", "msg.click.v1", map[string]any{"message_id": "m-1", "event_time": "2026-03-02T01:30:00Z", "language": "en"}),
			cloudEvent(t, "o-1", "//sms/1", "msg.opt_out.v1", map[string]any{"scope": "all"}), cloudEvent(t, "o-1", "//sms/1", "msg.opt_out.v1", nil),
			cloudEvent(t, "o-1", "https://crm.example.com/", "msg.opt_out.v1", map[string]any{"channel": "sms", "account_id": "1"}),
		)
		line := strings.Replace(line("m-1", ""), `"send"`, `"delivered"`, 1)
		if w := do(p.server, request("POST", "/v1/events", line, "Authorization", "Bearer "+bearer)); w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
	}
	p.drain(t)
	got := map[string]uint64{}
	rows, err := db.Query(t.Context(), "SELECT toString(event_type), count() FROM events GROUP BY event_type")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		got[name] = n
	}
	if want := map[string]uint64{"delivered": 1, "click": 2, "opt_out": 2}; !reflect.DeepEqual(got, want) || rows.Err() != nil {
		t.Errorf("%v (%v), want %v", got, rows.Err(), want)
	}
}

// The examples of docs/events.md are taken, as lines and as CloudEvents.
func TestExamplesOfTheDocsAreTaken(t *testing.T) {
	docs := string(must(os.ReadFile("../docs/events.md")))
	for contentType, example := range map[string]string{"application/x-ndjson": `(?m)^\{"event_type".*\}$`, "application/cloudevents+json": `(?m)^\{"specversion".*\}$`} {
		found := regexp.MustCompile(example).FindAllString(docs, -1)
		if len(found) < 3 {
			t.Errorf("%d examples of %s", len(found), contentType)
		}
		for _, body := range found {
			w := do(newServer(t, &memory{}, nil), request("POST", "/v1/events", body, "Authorization", "Bearer "+bearer, "Content-Type", contentType))
			if w.Code != 200 {
				t.Errorf("%s\n%d %s", body, w.Code, w.Body)
			}
		}
	}
}

// What one sender may store is not what all may store.
func TestAttributesOfOneSenderAreDroppedFromAnother(t *testing.T) {
	const other = "token-of-beta-0142"
	line := func(business string) string {
		return `{"event_type":"send","event_time":"2026-03-02T01:15:00Z","account_id":"a","channel":"sms","address":"+12125550142","message_id":"m-` + business + `","attributes":{"store":"north"}}`
	}
	lines := map[string]*recording{}
	server := newServer(t, &memory{}, func(o *ingest.ServerOptions) {
		lines["acme"], lines["beta"] = &recording{LineDecoder: canonical.NewDecoder("store")}, &recording{LineDecoder: canonical.NewDecoder()}
		o.Tokens = []ingest.Token{{Secret: bearer, BusinessID: "acme", Lines: lines["acme"]}, {Secret: other, BusinessID: "beta"}}
		o.Lines = lines["beta"]
	})
	for business, token := range map[string]string{"acme": bearer, "beta": other} {
		request := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(line(business)))
		request.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", business, answer.Code, answer.Body)
		}
	}
	if got := lines["acme"].last["store"]; got != "north" {
		t.Errorf("acme's store = %q", got)
	}
	if got := lines["beta"].last; len(got) != 0 {
		t.Errorf("beta stores %v", got)
	}
}

// recording remembers the attributes of the last line.
type recording struct {
	ingest.LineDecoder
	last map[string]string
}

func (r *recording) Decode(line []byte, business string, received time.Time, draft *ingest.Draft) error {
	err := r.LineDecoder.Decode(line, business, received, draft)
	r.last = draft.Attributes
	return err
}
