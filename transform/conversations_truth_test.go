package transform_test

import (
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse/warehousetest"

	"github.com/google/uuid"
)

// The models must find what an implementation of the same definitions in plain Go finds, case by case and week by week.
func TestConversationsAgreeWithTheReference(t *testing.T) {
	world := simulate.New(simulate.Options{Seed: 11, Contacts: 400, Days: 60, Support: true})
	want := simulate.Measure(world.Lines()).Conversations
	db := warehousetest.New(t)
	var events []event
	for l := range world.Lines() {
		e := fromLine(l)
		e["author"], e["message_tag"], e["template_id"], e["promised_frequency"], e["zone"] = l.Author, l.MessageTag, l.TemplateID, l.PromisedFrequency, l.Zone
		if l.EventType == "opt_in" || l.EventType == "opt_out" {
			e["event_id"] = hashed(l.EventTime.String() + l.Scope) // as ingest does, where the source tells no id
		}
		events = append(events, e)
	}
	insert(t, db, events)
	first, err := time.Parse(time.DateOnly, events[0]["event_time"].(time.Time).UTC().Format(time.DateOnly))
	if err != nil {
		t.Fatal(err)
	}
	last := first
	for _, e := range events {
		at := e["event_time"].(time.Time)
		if at.Before(first) {
			first = at.UTC().Truncate(24 * time.Hour)
		}
		if at.After(last) {
			last = at
		}
	}
	runJob(t, db, "conversations", transform.Window{From: first, To: last.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)})

	contact := func(address string) uuid.UUID {
		h := fnv.New128a()
		h.Write([]byte(address))
		return uuid.Must(uuid.FromBytes(h.Sum(nil)))
	}
	type row struct {
		Contact       uuid.UUID `ch:"contact_id"`
		Market        string    `ch:"market"`
		StartedBy     string    `ch:"started_by"`
		Started       time.Time `ch:"started_at"`
		Ended         time.Time `ch:"ended_at"`
		Closed        time.Time `ch:"closed_at"`
		Turns         uint32    `ch:"turns"`
		Inbound       uint32    `ch:"inbound"`
		Outbound      uint32    `ch:"outbound"`
		Nudges        uint32    `ch:"nudges"`
		Nudged        time.Time `ch:"nudged"`
		Answered      time.Time `ch:"answered"`
		HumanAnswered time.Time `ch:"human_answered"`
		BotAnswered   time.Time `ch:"bot_answered"`
		Observed      time.Time `ch:"observed_to"`
		InWindow      uint8     `ch:"answered_in_window"`
		Expired       time.Time `ch:"expired"`
		Later         uint32    `ch:"later_windows_expired"`
		RepeatKnown   uint8     `ch:"repeat_known"`
		Repeated      time.Time `ch:"repeated"`
	}
	flag := func(b bool) uint8 {
		if b {
			return 1
		}
		return 0
	}
	at := func(x time.Time) time.Time { // what is not told is 1970
		if x.IsZero() {
			return time.UnixMilli(0).UTC()
		}
		return x.UTC()
	}
	var got, wanted []row
	if err := db.Select(t.Context(), &got, `
SELECT contact_id, market, started_by, started_at, ended_at, closed_at, turns, inbound, outbound, nudges, ifNull(nudged_at, toDateTime64(0, 3, 'UTC')) AS nudged,
    ifNull(answered_at, toDateTime64(0, 3, 'UTC')) AS answered, ifNull(human_answered_at, toDateTime64(0, 3, 'UTC')) AS human_answered, ifNull(bot_answered_at, toDateTime64(0, 3, 'UTC')) AS bot_answered,
    observed_to, answered_in_window, ifNull(window_expired_at, toDateTime64(0, 3, 'UTC')) AS expired, later_windows_expired, repeat_known, ifNull(repeated_at, toDateTime64(0, 3, 'UTC')) AS repeated
FROM conversations`); err != nil {
		t.Fatal(err)
	}
	for _, c := range want.Cases {
		by := "business"
		if c.ByContact {
			by = "contact"
		}
		wanted = append(wanted, row{contact(c.Address), c.Market, by, at(c.Began), at(c.Ended), at(c.Closed), uint32(c.Turns), uint32(c.Inbound), uint32(c.Outbound),
			uint32(c.Nudges), at(c.FirstNudge), at(c.Answered), at(c.ByHuman), at(c.ByBot), at(c.Observed), flag(c.InWindow), at(c.Expired), uint32(c.Later),
			flag(c.RepeatKnown), at(c.Repeated)})
	}
	byContact := func(a, b row) int {
		if c := strings.Compare(a.Contact.String(), b.Contact.String()); c != 0 {
			return c
		}
		return a.Started.Compare(b.Started)
	}
	slices.SortFunc(got, byContact)
	slices.SortFunc(wanted, byContact)
	if len(wanted) < 300 {
		t.Errorf("the world is too small: %d cases", len(wanted))
	}
	compare(t, "case", got, wanted)

	type week struct {
		Contact uuid.UUID         `ch:"contact_id"`
		Week    time.Time         `ch:"week"`
		Market  string            `ch:"market"`
		AtRisk  map[string]uint32 `ch:"at_risk"`
		Hits    map[string]uint32 `ch:"hits"`
	}
	var weeks, wantedWeeks []week
	if err := db.Select(t.Context(), &weeks, `SELECT contact_id, week, market, at_risk, hits FROM pain_contacts`); err != nil {
		t.Fatal(err)
	}
	for _, w := range want.Weeks {
		one := week{contact(w.Address), w.Week, w.Market, map[string]uint32{}, map[string]uint32{}}
		for i, pain := range simulate.Pains {
			if w.AtRisk[i] > 0 {
				one.AtRisk[pain] = uint32(w.AtRisk[i])
			}
			if w.Hits[i] > 0 {
				one.Hits[pain] = uint32(w.Hits[i])
			}
		}
		wantedWeeks = append(wantedWeeks, one)
	}
	byWeek := func(a, b week) int {
		if c := strings.Compare(a.Contact.String(), b.Contact.String()); c != 0 {
			return c
		}
		return a.Week.Compare(b.Week)
	}
	slices.SortFunc(weeks, byWeek)
	slices.SortFunc(wantedWeeks, byWeek)
	compare(t, "week", weeks, wantedWeeks)

	var points, wantedPoints []simulate.Pain
	var found []struct {
		Market   string `ch:"market"`
		Pain     string `ch:"pain"`
		Contacts uint64 `ch:"contacts"`
		Hit      uint64 `ch:"hit"`
		Units    uint64 `ch:"units"`
		UnitHits uint64 `ch:"unit_hits"`
	}
	if err := db.Select(t.Context(), &found, `SELECT if(dimension = 'all', 'all', segment) AS market, pain, contacts, hit, units, unit_hits FROM pain_points WHERE dimension IN ('all', 'market')`); err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		points = append(points, simulate.Pain{Market: p.Market, Pain: p.Pain, Contacts: int(p.Contacts), Hit: int(p.Hit), Units: int(p.Units), UnitHits: int(p.UnitHits)})
	}
	wantedPoints = slices.Clone(want.Pains)
	byPain := func(a, b simulate.Pain) int { return strings.Compare(a.Market+a.Pain, b.Market+b.Pain) }
	slices.SortFunc(points, byPain)
	slices.SortFunc(wantedPoints, byPain)
	compare(t, "pain", points, wantedPoints)

	var categories, wantedCategories []simulate.Frequency
	var counted []struct {
		Market   string `ch:"market"`
		Category string `ch:"category"`
		Contacts uint64 `ch:"contacts"`
	}
	if err := db.Select(t.Context(), &counted, `SELECT if(dimension = 'all', 'all', segment) AS market, category, contacts FROM conversation_frequency WHERE contacts > 0`); err != nil {
		t.Fatal(err)
	}
	for _, c := range counted {
		categories = append(categories, simulate.Frequency{Market: c.Market, Category: c.Category, Contacts: int(c.Contacts)})
	}
	wantedCategories = slices.Clone(want.Frequency)
	byCategory := func(a, b simulate.Frequency) int { return strings.Compare(a.Market+a.Category, b.Market+b.Category) }
	slices.SortFunc(categories, byCategory)
	slices.SortFunc(wantedCategories, byCategory)
	compare(t, "frequency", categories, wantedCategories)
}
