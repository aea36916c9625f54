// Package messenger reads the webhooks of Messenger: messages of contacts, echoes of the page's own,
// receipts and consents.
package messenger

import (
	"drumbeat/ingest"
	"drumbeat/ingest/meta"
)

// Source is the Messenger Platform.
type Source struct{ meta.Hook }

// The page's feed and other fields come in changes[]: none of them is a message.
var platform = meta.Messaging{Object: "page", Channel: "messenger"}

// Decode reads a webhook body. It returns ErrBody, wrapped, if it is not JSON.
func (Source) Decode(body []byte, from ingest.Intake) (ingest.Decoded, error) {
	return platform.Decode(body, from)
}
