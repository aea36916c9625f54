package ingest

import (
	"testing"
	"time"
)

// A machine whose clock was never set must not replace good times by its own.
func TestOurClockWasNeverSet(t *testing.T) {
	at, flag := EventTime("1772414100", "", time.Unix(120, 0).UTC())
	if want := time.Unix(1772414100, 0).UTC(); at != want || flag != "" {
		t.Errorf("%v %q, want %v", at, flag, want)
	}
	if at, flag := EventTime("1772414100", "", written); at != written || flag != TimeImplausible {
		t.Errorf("%v %q, want our time, as the source's clock is weeks ahead", at, flag)
	}
}
