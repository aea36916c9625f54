package meta

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// The signature was computed with another implementation:
// printf '%s' '{"a":"\u00e4"}' | openssl dgst -sha256 -hmac secret
const (
	body      = `{"a":"\u00e4"}`
	signature = "b78ab4033415318a0fa14a82d6f5ca348bb74e377eed416f314566864d116718"
)

func TestVerify(t *testing.T) {
	f := func(want bool, header, body string, secrets ...string) {
		t.Helper()
		r := httptest.NewRequest("POST", "/", nil)
		if header != "" {
			r.Header.Set("X-Hub-Signature-256", header)
		}
		if got := (Hook{}).Verify(r, []byte(body), secrets); got != want {
			t.Errorf("signature %q, secrets %q: %t, want %t", header, secrets, got, want)
		}
	}
	good := "sha256=" + signature
	f(true, good, body, "secret")
	f(true, good, body, "new", "secret")
	f(true, good, body, "secret", "new")
	f(true, "sha256="+strings.ToUpper(signature), body, "secret")
	f(false, good, body, "other")
	f(false, good, body)
	f(false, Sign([]byte(body), ""), body, "")
	f(false, good, `{"a":"ä"}`, "secret") // decoded and encoded again is not what was signed
	f(false, good, body+"\n", "secret")
	f(false, signature, body, "secret")
	f(false, "sha1="+signature, body, "secret")
	f(false, "sha256=", body, "secret")
	f(false, good[:len(good)-2], body, "secret")
	f(false, good+"00", body, "secret")
	f(false, "", body, "secret")
	if got := Sign([]byte(body), "secret"); got != good {
		t.Errorf("sign: %s, want %s", got, good)
	}
}

func TestHandshake(t *testing.T) {
	f := func(query, token, want string, wantOK bool) {
		t.Helper()
		got, ok := (Hook{}).Handshake(httptest.NewRequest("GET", "/?"+query, nil), token)
		if got != want || ok != wantOK {
			t.Errorf("%s: %q %t, want %q %t", query, got, ok, want, wantOK)
		}
	}
	f("hub.mode=subscribe&hub.verify_token=tok&hub.challenge=1158201444", "tok", "1158201444", true)
	f("hub.mode=subscribe&hub.verify_token=no&hub.challenge=1", "tok", "", false)
	f("hub.mode=unsubscribe&hub.verify_token=tok&hub.challenge=1", "tok", "", false)
	f("hub.mode=subscribe&hub.verify_token=&hub.challenge=1", "", "", false)
	f("", "tok", "", false)
}
