// Package meta holds what the webhooks of all Meta platforms share: the handshake and the
// signature.
package meta

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"
)

// Hook is the part of a source that is the same for every Meta platform; embed it.
type Hook struct{}

// Verify checks X-Hub-Signature-256, the HMAC-SHA256 of the raw body under the app's secret.
// Several secrets are valid while one is being replaced, or where several apps deliver here.
func (Hook) Verify(r *http.Request, body []byte, secrets []string) bool {
	text, ok := strings.CutPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=")
	if !ok {
		return false
	}
	given, err := hex.DecodeString(text)
	if err != nil || len(given) != sha256.Size {
		return false
	}
	valid := 0
	for _, secret := range secrets {
		if secret == "" { // anyone can sign with nothing
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		valid |= subtle.ConstantTimeCompare(given, mac.Sum(nil))
	}
	return valid == 1
}

// Handshake answers the GET with which Meta checks a new endpoint: the challenge, as it came.
func (Hook) Handshake(r *http.Request, verifyToken string) (answer string, ok bool) {
	query := r.URL.Query()
	if verifyToken == "" || query.Get("hub.mode") != "subscribe" ||
		subtle.ConstantTimeCompare([]byte(query.Get("hub.verify_token")), []byte(verifyToken)) != 1 {
		return "", false
	}
	return query.Get("hub.challenge"), true
}

// Sign returns the value of X-Hub-Signature-256 for a body.
func Sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
