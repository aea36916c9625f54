package transform

import "drumbeat/transform/stats"

// A cell of fewer contacts or outcomes says too little, and may tell of single persons.
const (
	fewestContacts = 30
	fewestOutcomes = 5
)

// sums are the sufficient statistics of a cell, as both frequency models return them.
type sums struct {
	Contacts uint64
	Units    uint64
	Outcomes uint64
	NN       uint64
	YY       uint64
	NY       uint64
}

func (s sums) clustered() stats.Clustered {
	return stats.Clustered{Clusters: s.Contacts, Units: s.Units, Outcomes: s.Outcomes, NN: s.NN, YY: s.YY, NY: s.NY}
}

func (s sums) suppressed() bool { return s.Contacts < fewestContacts || s.Outcomes < fewestOutcomes }

// rates returns the values of rateColumns.
func (s sums) rates() []any {
	var rate, stdError, lower, upper, effect *float64
	suppressed := uint8(1)
	if estimate, ok := s.clustered().Ratio(); ok && !s.suppressed() {
		suppressed = 0
		rate, lower, upper = &estimate.Rate, &estimate.Lower, &estimate.Upper
		if estimate.Varies {
			stdError, effect = &estimate.StdError, &estimate.DesignEffect
		}
	}
	return []any{suppressed, rate, stdError, lower, upper, effect}
}
