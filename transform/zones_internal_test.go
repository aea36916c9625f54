package transform

import (
	"slices"
	"testing"
)

// Every market has one zone, and the text holds nothing else.
func TestMainZones(t *testing.T) {
	markets, zones := mainZones()
	for i, market := range markets {
		if len(market) != 2 || slices.Index(markets, market) != i || zones[i] == "" {
			t.Errorf("%q %q", market, zones[i])
		}
	}
	if len(markets) < 240 {
		t.Errorf("%d markets", len(markets))
	}
}
