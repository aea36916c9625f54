// Package instagram reads the webhooks of Instagram's direct messages. The platform reports no
// deliveries; a read names its message.
package instagram

import (
	"drumbeat/ingest"
	"drumbeat/ingest/meta"
)

// Source is Instagram messaging.
type Source struct{ meta.Hook }

// Apps with Instagram login, and the dashboard's test button, get the same items in changes[], beside
// comments, mentions and story insights, which are no messages.
var platform = meta.Messaging{Object: "instagram", Channel: "instagram", Fields: []string{
	"messages", "message_edit", "message_reactions", "messaging_handover", "messaging_optins", "messaging_postbacks",
	"messaging_referral", "messaging_seen", "standby",
}}

// Decode reads a webhook body. It returns ErrBody, wrapped, if it is not JSON.
func (Source) Decode(body []byte, from ingest.Intake) (ingest.Decoded, error) {
	return platform.Decode(body, from)
}
