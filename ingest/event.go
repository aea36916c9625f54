// Package ingest turns what platforms and senders tell into canonical events and
// keeps every acknowledged one: bytes -> drafts -> events -> spool -> warehouse.
package ingest

import (
	"encoding/hex"
	"fmt"
	"time"
)

// Type says what happened. The core types are counted by metrics; every other kind of
// fact (reaction, edit, unsend, referral, ...) keeps its own name and stays out of every count.
type Type string

// The core event types. A platform's "read" is our Open.
const (
	Send      Type = "send"      // the platform accepted or sent a message of the business
	Delivered Type = "delivered" // it reached the contact's device or mail server
	Open      Type = "open"      // it was shown to the contact
	Click     Type = "click"     // the contact followed a tracked link in it
	Reply     Type = "reply"     // any message from the contact
	Failed    Type = "failed"    // it will not arrive; ErrorCode says why
	OptIn     Type = "opt_in"    // the contact agreed to messages of Scope
	OptOut    Type = "opt_out"   // the contact refused messages of Scope; Reason says how
	Complaint Type = "complaint" // the contact reported spam
)

// ID is a 128-bit keyed hash. The zero ID means "none".
type ID [16]byte

// IsZero reports whether id stands for "none".
func (id ID) IsZero() bool { return id == ID{} }

// String returns the UUID form of id, as the warehouse prints it.
func (id ID) String() string {
	h := hex.EncodeToString(id[:])
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// Event is one canonical, pseudonymised fact: what the spool keeps and the warehouse stores.
// It holds no address, name, text or platform id. Its identity is
// (BusinessID, ContactID, MessageID, Type, EventID); two events of one identity are copies of
// one fact. The cbor key numbers are the spool's format (codec.go): never reuse one.
type Event struct {
	Type       Type      `cbor:"1,keyasint"`           // what happened
	Time       time.Time `cbor:"2,keyasint"`           // the source's clock, UTC, whole milliseconds
	IngestedAt time.Time `cbor:"3,keyasint"`           // our clock, UTC, whole milliseconds
	TimeFlag   string    `cbor:"4,keyasint,omitempty"` // "" if the source's time was used, else why not: missing, unreadable, implausible

	BusinessID string `cbor:"5,keyasint"` // the tenant
	AccountID  string `cbor:"6,keyasint"` // the sending page, number or account
	Channel    string `cbor:"7,keyasint"` // messenger, whatsapp, instagram, sms, rcs, email, line, ...
	Provider   string `cbor:"8,keyasint"` // who carried it: meta, twilio, sendgrid, ...

	ContactID ID `cbor:"9,keyasint"`           // keyed hash of (business, kind of address, normalised address)
	MessageID ID `cbor:"10,keyasint,omitzero"` // keyed hash of (account, the platform's id); zero if the fact names no message
	InReplyTo ID `cbor:"11,keyasint,omitzero"` // the message that a reply quotes
	EventID   ID `cbor:"12,keyasint,omitzero"` // keyed hash of the identity key; zero where (MessageID, Type) already says it

	Kind      string    `cbor:"13,keyasint,omitempty"` // of a reply: text, media, quick_reply, button, list, postback, form, ...
	TextChars uint32    `cbor:"14,keyasint,omitempty"` // length of a reply's text, in characters; never the text
	Method    string    `cbor:"15,keyasint,omitempty"` // how an open or delivery is known: by_mid, by_watermark, inferred
	Watermark time.Time `cbor:"16,keyasint,omitzero"`  // of a receipt: everything sent up to this instant
	Author    string    `cbor:"17,keyasint,omitempty"` // of a send: human, bot, unknown

	Purpose        string `cbor:"18,keyasint,omitempty"` // proactive or response, where the source says it
	Category       string `cbor:"19,keyasint,omitempty"` // as the platform names it: marketing, utility, service, ...
	TemplateID     string `cbor:"20,keyasint,omitempty"`
	CampaignID     string `cbor:"21,keyasint,omitempty"`
	MessageTag     string `cbor:"22,keyasint,omitempty"`
	Arm            string `cbor:"23,keyasint,omitempty"` // of a randomised test
	ConversationID ID     `cbor:"24,keyasint,omitzero"`  // keyed hash; a conversation is charged once

	Scope             string    `cbor:"25,keyasint,omitempty"` // of a consent or send: topic, marketing_messages, keyword, group, all
	PromisedFrequency string    `cbor:"26,keyasint,omitempty"` // daily, weekly, monthly
	ExpiresAt         time.Time `cbor:"27,keyasint,omitzero"`  // end of the consent token
	Reason            string    `cbor:"28,keyasint,omitempty"` // how an opt-out came: keyword, block, link, preference, error

	Market   string `cbor:"29,keyasint,omitempty"` // ISO 3166-1 alpha-2
	Language string `cbor:"30,keyasint,omitempty"` // BCP 47
	Zone     string `cbor:"31,keyasint,omitempty"` // IANA time zone, if the event names one

	PricingType  string `cbor:"32,keyasint,omitempty"` // regular, free_customer_service, ...
	PricingModel string `cbor:"33,keyasint,omitempty"` // CBP, PMP
	Billable     string `cbor:"34,keyasint,omitempty"` // yes, no, or "" where the platform did not say

	ErrorCode string `cbor:"35,keyasint,omitempty"` // failure cause, as the platform numbers it
	IsMachine bool   `cbor:"36,keyasint,omitempty"` // an open or click made by a scanner or privacy proxy
	Standby   bool   `cbor:"37,keyasint,omitempty"` // seen as secondary receiver
	IsTest    bool   `cbor:"38,keyasint,omitempty"` // a dashboard's test traffic

	Attributes map[string]string `cbor:"39,keyasint,omitempty"` // allow-listed extras
}
