// Package cloudevents reads CloudEvents 1.0 as envelopes of Drumbeat's own event lines: what the attributes
// of an event say becomes fields of the line that its data is.
//
//	{"specversion":"1.0","id":"e-1","source":"//messenger/page-1","type":"msg.open.v1","subject":"7000000000000142","time":"2026-03-02T01:16:00Z","data":{"message_id":"m-1"}}
//
// docs/events.md describes the mapping. The SDK's own reader is not used for what strangers send: it panics where
// data_base64 is a number, quotes personal data in its errors, stops in silence at an empty key and does not undo the
// percent-encoding of headers. The tests let it write what is read here.
package cloudevents

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"drumbeat/ingest/jsontree"
)

// The media types of one event and of an array of events, with attributes and data in the body.
const (
	MediaType      = "application/cloudevents+json"
	BatchMediaType = "application/cloudevents-batch+json"
)

// maxIdentity is how long source and id may be together, in bytes: an event line has no longer event_id.
const maxIdentity = 1023

// attributes are what an event says about itself. Of a repeated attribute nobody knows which is meant, so it is an
// error; extensions are ignored, whatever they are.
type attributes struct {
	specVersion, id, source, eventType, subject, time, contentType string
}

// named returns where the attribute of a name belongs; nil for an extension.
func (a *attributes) named(name string) *string {
	switch name {
	case "specversion":
		return &a.specVersion
	case "id":
		return &a.id
	case "source":
		return &a.source
	case "type":
		return &a.eventType
	case "subject":
		return &a.subject
	case "time":
		return &a.time
	case "datacontenttype":
		return &a.contentType
	}
	return nil
}

// Structured returns the event line of one event in the JSON format. Its errors name the attribute or field and what is
// wrong with it, never its value.
func Structured(raw []byte) (line []byte, err error) {
	root, err := jsontree.Parse(raw)
	if err != nil {
		return nil, err
	}
	if root.Kind() != jsontree.Object {
		return nil, errors.New("not a JSON object")
	}
	var a attributes
	var data, encoded jsontree.Value
	for name, value := range root.Members() {
		switch name {
		case "data":
			err = once(name, value, &data)
		case "data_base64":
			err = once(name, value, &encoded)
		default:
			err = a.take(name, value)
		}
		if err != nil {
			return nil, err
		}
	}
	if !isAbsent(encoded) {
		if !isAbsent(data) {
			return nil, errors.New("data and data_base64 exclude each other")
		}
		plain, err := base64.StdEncoding.DecodeString(encoded.Text())
		if encoded.Kind() != jsontree.String || err != nil {
			return nil, errors.New("data_base64 is not base64 text")
		}
		if data, err = parseData(plain); err != nil {
			return nil, err
		}
	}
	if !IsJSON(a.contentType) {
		return nil, errors.New("datacontenttype is not JSON: data is a JSON object of event fields")
	}
	return a.line(data)
}

// IsBinary reports whether a request's headers hold an event's attributes, so that its body is the data alone.
func IsBinary(header http.Header) bool {
	for _, name := range []string{"Ce-Specversion", "Ce-Id", "Ce-Source", "Ce-Type"} {
		if _, ok := header[name]; ok {
			return true
		}
	}
	return false
}

// Binary returns the event line of one event whose attributes are headers and whose data is body. Errors are as those of
// Structured.
func Binary(header http.Header, body []byte) (line []byte, err error) {
	a := attributes{contentType: header.Get("Content-Type")}
	for name, values := range header {
		name, ok := strings.CutPrefix(name, "Ce-")
		if !ok {
			continue
		}
		name = strings.ToLower(name)
		to := a.named(name)
		switch {
		case name == "datacontenttype":
			return nil, errors.New("ce-datacontenttype is not allowed: Content-Type says it")
		case to == nil:
			continue
		case len(values) > 1:
			return nil, fmt.Errorf("ce-%s is there twice", name)
		}
		if *to, err = headerText(values[0]); err != nil {
			return nil, fmt.Errorf("ce-%s %w", name, err)
		}
	}
	if !IsJSON(a.contentType) {
		return nil, errors.New("the Content-Type is not JSON: the body is a JSON object of event fields")
	}
	var data jsontree.Value
	if len(body) > 0 {
		if data, err = parseData(body); err != nil {
			return nil, err
		}
	}
	return a.line(data)
}

// IsJSON reports whether data of a content type can be read; data without one is JSON.
func IsJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json"))
}

func parseData(raw []byte) (jsontree.Value, error) {
	data, err := jsontree.Parse(raw)
	if err != nil {
		err = fmt.Errorf("data: %w", err)
	}
	return data, err
}

// isAbsent reports whether an attribute or field says nothing: null is as good as leaving it out.
func isAbsent(value jsontree.Value) bool {
	return value.Kind() == jsontree.Missing || value.Kind() == jsontree.Null
}

func once(name string, value jsontree.Value, to *jsontree.Value) error {
	if !isAbsent(*to) {
		return fmt.Errorf("%s is there twice", name)
	}
	*to = value
	return nil
}

// take keeps an attribute. Ids come as numbers too.
func (a *attributes) take(name string, value jsontree.Value) error {
	to := a.named(name)
	if to == nil || isAbsent(value) {
		return nil
	}
	if value.Kind() != jsontree.String && value.Kind() != jsontree.Number {
		return fmt.Errorf("%s is not text", name)
	}
	if *to != "" {
		return fmt.Errorf("%s is there twice", name)
	}
	*to = value.Text()
	return nil
}

// headerText undoes what the HTTP binding of CloudEvents 1.0.2, section 3.1.3.2, does to a value: quotes, then one round
// of percent-encoding.
func headerText(value string) (string, error) {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		var plain strings.Builder
		quoted := value[1 : len(value)-1]
		for i := 0; i < len(quoted); i++ {
			if quoted[i] == '\\' && i+1 < len(quoted) {
				i++
			}
			plain.WriteByte(quoted[i])
		}
		value = plain.String()
	}
	plain, err := url.PathUnescape(value)
	if err != nil || !utf8.ValidString(plain) {
		return "", errors.New("is not percent-encoded UTF-8")
	}
	return plain, nil
}

// line returns the event line: the members of data, and what only the attributes say. Where both say what happened or to
// whom and differ, nobody knows which is meant. Of the times the data's counts: many clients stamp the envelope with
// the moment of posting.
func (a *attributes) line(data jsontree.Value) ([]byte, error) {
	if a.specVersion != "" && a.specVersion != "1.0" {
		return nil, errors.New("specversion is not 1.0")
	}
	for _, required := range []string{"specversion", "id", "source", "type"} {
		if *a.named(required) == "" {
			return nil, fmt.Errorf("%s is missing: a CloudEvent has one", required)
		}
	}
	if len(a.source)+len(a.id) > maxIdentity {
		return nil, fmt.Errorf("source and id are longer than %d bytes together", maxIdentity)
	}
	if !isAbsent(data) && data.Kind() != jsontree.Object {
		return nil, errors.New("data is not a JSON object")
	}
	eventType, err := canonicalType(a.eventType)
	if err != nil {
		return nil, err
	}
	channel, account, err := parties(a.source)
	if err != nil {
		return nil, err
	}

	said := [...]struct{ field, attribute, value string }{
		{"event_type", "type", eventType}, {"channel", "source", channel}, {"account_id", "source", account},
		{"address", "subject", a.subject}, {"event_id", "id", a.id},
	}
	line := append(make([]byte, 0, 512), '{')
	timeSaid := false
	for name, value := range data.Members() {
		if isAbsent(value) {
			continue
		}
		again := false
		for _, s := range said {
			if s.field == name && s.value != "" {
				if value.Text() != s.value {
					return nil, fmt.Errorf("%s of data contradicts the event's %s", name, s.attribute)
				}
				again = true
			}
		}
		if again {
			continue
		}
		timeSaid = timeSaid || name == "event_time"
		line = append(appendText(line, name), ':')
		line = append(append(line, value.Raw()...), ',')
	}
	// No URI holds a space, so no two pairs of source and id give one event_id.
	said[len(said)-1].value = a.source + " " + a.id
	for _, s := range said {
		if s.value != "" {
			line = appendMember(line, s.field, s.value)
		}
	}
	if a.time != "" && !timeSaid {
		line = appendMember(line, "event_time", a.time)
	}
	line[len(line)-1] = '}'
	return line, nil
}

func appendMember(line []byte, name, value string) []byte {
	line = append(appendText(line, name), ':')
	return append(appendText(line, value), ',')
}

func appendText(line []byte, text string) []byte {
	line, _ = jsontext.AppendQuote(line, text) // fails for broken UTF-8 alone, of which jsontree leaves none
	return line
}

// showable is what an answer may quote of a type: names, and no number that could be anybody's.
var showable = regexp.MustCompile(`^[a-z_-]{1,40}(\.[a-z_-]{1,40}[0-9]?){1,6}$`)

// canonicalType returns the event_type of a CloudEvents type.
func canonicalType(name string) (string, error) {
	rest, ok := strings.CutPrefix(name, "msg.")
	if ok {
		rest, ok = strings.CutSuffix(rest, ".v1")
	}
	if !ok || rest == "" {
		shown := ""
		if showable.MatchString(name) {
			shown = " " + name
		}
		return "", fmt.Errorf("unknown type%s: a type is msg, an event_type and v1, as msg.send.v1", shown)
	}
	return rest, nil
}

// parties reads a source of the form //channel/account. Of a source of another form both are empty; then the data says
// them.
func parties(source string) (channel, account string, err error) {
	u, err := url.Parse(source)
	if err != nil || strings.ContainsFunc(source, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", "", errors.New("source is not a URI reference")
	}
	account = strings.TrimPrefix(u.EscapedPath(), "/")
	if u.Scheme != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Host == "" || strings.Contains(account, "/") {
		return "", "", nil
	}
	account, err = url.PathUnescape(account)
	return u.Host, account, err
}
