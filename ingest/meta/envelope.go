package meta

import (
	"fmt"

	"drumbeat/ingest"
	"drumbeat/ingest/jsontree"
)

// Reasons for which a part of any Meta webhook gives no event.
const (
	SkippedObject    = "other object"
	SkippedField     = "field without events"
	SkippedNoContact = "no contact named"
	SkippedNoID      = "no id"
)

// Entries calls each with every entry of a webhook body about object; what is about another object is
// counted in out. It returns ingest.ErrBody, wrapped, if body is not JSON.
func Entries(body []byte, object string, out *ingest.Decoded, each func(entry jsontree.Value)) error {
	root, err := jsontree.Parse(body)
	if err != nil {
		return fmt.Errorf("%w: %w", ingest.ErrBody, err)
	}
	document := func(root jsontree.Value) {
		if root.Get("object").Text() != object {
			out.Skip(SkippedObject)
			return
		}
		for entry := range root.Get("entry").Elements() {
			each(entry)
		}
	}
	if root.Kind() != jsontree.Array {
		document(root)
		return nil
	}
	for element := range root.Elements() { // printed so in the vendor's documentation
		document(element)
	}
	return nil
}

// Alias is the type of the events that tell that several addresses reach one person.
const Alias ingest.Type = "alias"

// Aliases returns an alias for each of addresses, made like like. All have one event id, so that a query
// can join the contacts: key must be of this one person. There are none unless two addresses differ.
func Aliases(like ingest.Draft, key []string, addresses ...ingest.Address) []ingest.Draft {
	var out []ingest.Draft
	seen := map[ingest.Address]bool{{}: true}
	for _, address := range addresses {
		if seen[address] {
			continue
		}
		seen[address] = true
		e := like
		e.Type, e.Address, e.EventKey = Alias, address, key
		out = append(out, e)
	}
	if len(out) < 2 {
		return nil
	}
	return out
}
