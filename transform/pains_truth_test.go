package transform_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse/warehousetest"
)

// Over worlds, intervals of the excess opt-out of pains hold what the pain was made to cause. A soak asks for 93 in a hundred.
func TestExcessHoldsTheTruth(t *testing.T) {
	t.Parallel()
	worlds, least := 3, .8
	if n, err := strconv.Atoi(os.Getenv("DRUMBEAT_SOAK")); err == nil {
		worlds, least = min(max(20, n), 40), .93
	}
	db := warehousetest.New(t)
	truth := map[string]float64{} // by business and pain
	for seed := 1; seed <= worlds; seed++ {
		world := simulate.New(simulate.Options{Seed: uint64(seed), Contacts: 900, Days: 60, Support: true})
		business := fmt.Sprint("shop ", seed)
		for _, p := range world.Truth().Support.Pains {
			truth[business+" "+p.Pain] = p.Excess
		}
		var events []event
		for l := range world.Lines() {
			e := fromLine(l)
			e["business_id"], e["author"], e["message_tag"], e["template_id"], e["zone"] = business, l.Author, l.MessageTag, l.TemplateID, l.Zone
			if l.EventType == "opt_in" || l.EventType == "opt_out" {
				e["event_id"] = hashed(l.EventTime.String() + l.Scope) // as ingest does, where the source tells no id
			}
			events = append(events, e)
		}
		insert(t, db, events)
	}
	var hours bytes.Buffer
	path := filepath.Join(t.TempDir(), "calendars.yaml")
	if err := simulate.WriteCalendars(&hours); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, hours.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	calendars, err := transform.ReadCalendars(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transform.RunWith(t.Context(), db, "conversations", transform.Window{}, transform.DefaultValues(), calendars...); err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Business string  `ch:"business"`
		Pain     string  `ch:"pain"`
		Excess   float64 `ch:"value"`
		Lower    float64 `ch:"low"`
		Upper    float64 `ch:"high"`
	}
	if err := db.Select(t.Context(), &rows, `
SELECT toString(business_id) AS business, toString(pain) AS pain, assumeNotNull(excess) AS value, assumeNotNull(excess_lower) AS low, assumeNotNull(excess_upper) AS high
FROM pain_points
WHERE dimension = 'all' AND excess_lower IS NOT NULL AND pain IN ('no_reply', 'slow_reply', 'repeat_contact', 'failed_delivery', 'night_message')
ORDER BY ALL`); err != nil {
		t.Fatal(err)
	}
	holds := 0
	for _, r := range rows {
		want := truth[r.Business+" "+r.Pain]
		if r.Lower <= want && want <= r.Upper {
			holds++
			continue
		}
		t.Logf("%s of %s: %.4f (%.4f to %.4f), in truth %.4f", r.Pain, r.Business, r.Excess, r.Lower, r.Upper, want)
	}
	t.Logf("%d of %d intervals hold the truth", holds, len(rows))
	if len(rows) < 3*worlds || float64(holds) < least*float64(len(rows)) {
		t.Errorf("%d of %d intervals hold the truth", holds, len(rows))
	}
}
