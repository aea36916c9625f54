// Package canonical reads and writes Drumbeat's own event lines: the JSON objects that senders
// post to /v1/events, that `drumbeat import` reads and that a simulated world consists of.
//
//	{"event_type":"send","event_time":"2026-03-02T01:15:00Z","account_id":"111222333","channel":"sms","address":"+12125550142","message_id":"m-1"}
//
// docs/events.md describes every field.
package canonical

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Line is one event as its sender tells it: the fields of the warehouse's event_log, but with the
// address in clear text and the sender's own ids. The business is not in it: it belongs to the token or
// file that brings the line.
type Line struct {
	EventType string    `json:"event_type"`
	EventTime time.Time `json:"event_time,omitzero"`

	AccountID string `json:"account_id"`
	Channel   string `json:"channel"`
	Provider  string `json:"provider,omitempty"`

	Address        string `json:"address"`
	AddressKind    string `json:"address_kind,omitempty"` // phone, email, scoped, bsuid; default by channel
	MessageID      string `json:"message_id,omitempty"`
	InReplyTo      string `json:"in_reply_to,omitempty"`
	EventID        string `json:"event_id,omitempty"`
	ConversationID string `json:"conversation_id,omitempty"`

	Kind      string    `json:"kind,omitempty"`
	TextChars uint32    `json:"text_chars,omitempty"`
	Method    string    `json:"method,omitempty"`
	Watermark time.Time `json:"watermark,omitzero"`
	Author    string    `json:"author,omitempty"`

	Purpose    string `json:"purpose,omitempty"`
	Category   string `json:"category,omitempty"`
	TemplateID string `json:"template_id,omitempty"`
	CampaignID string `json:"campaign_id,omitempty"`
	MessageTag string `json:"message_tag,omitempty"`
	Arm        string `json:"arm,omitempty"`

	Scope             string    `json:"scope,omitempty"`
	PromisedFrequency string    `json:"promised_frequency,omitempty"`
	ExpiresAt         time.Time `json:"expires_at,omitzero"`
	Reason            string    `json:"reason,omitempty"`

	Market   string `json:"market,omitempty"`
	Language string `json:"language,omitempty"`
	Zone     string `json:"zone,omitempty"`

	PricingType  string `json:"pricing_type,omitempty"`
	PricingModel string `json:"pricing_model,omitempty"`
	Billable     string `json:"billable,omitempty"`

	ErrorCode string `json:"error_code,omitempty"`
	IsMachine bool   `json:"is_machine,omitempty"`
	Standby   bool   `json:"standby,omitempty"`
	IsTest    bool   `json:"is_test,omitempty"`

	Attributes map[string]string `json:"attributes,omitempty"`
}

// Writer writes lines as NDJSON. Buffer what it writes to.
type Writer struct {
	encoder *json.Encoder
	n       int
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return &Writer{encoder: encoder}
}

// Write writes one line.
func (w *Writer) Write(line *Line) error {
	w.n++
	if err := w.encoder.Encode(line); err != nil {
		return fmt.Errorf("write event line %d: %w", w.n, err)
	}
	return nil
}
