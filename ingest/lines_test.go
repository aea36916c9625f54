package ingest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
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
