package ingest

import "encoding/binary"

// Contact is the contact_id that [Pseudonymizer.Seal] gives an address. account counts for [Scoped] ones only.
func (p *Pseudonymizer) Contact(business, account string, a Address) ID {
	return p.Seal(&Draft{Event: Event{BusinessID: business, AccountID: account}, Address: a}).ContactID
}

// Respondent is the keyed hash of an id, of this kind, that stands in a survey's file.
func (p *Pseudonymizer) Respondent(business, survey, kind, id string) uint64 {
	m := p.macs.Get().(*mac)
	defer p.macs.Put(m)
	hash := m.hash("survey", business, survey, kind, id)
	return binary.BigEndian.Uint64(hash[8:])
}
