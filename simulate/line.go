package simulate

import "time"

// Line is one event as POST /v1/events takes it.
type Line struct {
	EventType    string    `json:"event_type"`
	EventTime    time.Time `json:"event_time"`
	AccountID    string    `json:"account_id"`
	Channel      string    `json:"channel"`
	Provider     string    `json:"provider"`
	Address      string    `json:"address"`
	MessageID    string    `json:"message_id,omitempty"`
	InReplyTo    string    `json:"in_reply_to,omitempty"`
	EventID      string    `json:"event_id,omitempty"`
	Kind         string    `json:"kind,omitempty"`
	TextChars    uint32    `json:"text_chars,omitempty"`
	Method       string    `json:"method,omitempty"`
	Purpose      string    `json:"purpose,omitempty"`
	Category     string    `json:"category,omitempty"`
	CampaignID   string    `json:"campaign_id,omitempty"`
	Scope        string    `json:"scope,omitempty"`
	Reason       string    `json:"reason,omitempty"`
	Market       string    `json:"market,omitempty"`
	Zone         string    `json:"zone,omitempty"`
	PricingType  string    `json:"pricing_type,omitempty"`
	PricingModel string    `json:"pricing_model,omitempty"`
	Billable     string    `json:"billable,omitempty"`
	ErrorCode    string    `json:"error_code,omitempty"`
}
