package transform_test

import (
	"hash/fnv"
	"iter"
	"reflect"
	"strconv"
	"testing"

	"drumbeat/ingest/canonical"
	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/google/uuid"
)

// fromLine is the event that a line of a simulated world stands for, as far as the models need it.
func fromLine(l canonical.Line) event {
	e := newEvent(l.EventTime, l.EventType, "c0", "m0")
	h := fnv.New128a()
	h.Write([]byte(l.Address))
	e["contact_id"] = uuid.Must(uuid.FromBytes(h.Sum(nil))).String()
	e["message_id"], e["in_reply_to"], e["event_id"] = hashed(l.MessageID), hashed(l.InReplyTo), hashed(l.EventID)
	e["account_id"], e["channel"], e["provider"], e["market"] = l.AccountID, l.Channel, l.Provider, l.Market
	e["purpose"], e["category"], e["campaign_id"] = l.Purpose, l.Category, l.CampaignID
	e["scope"], e["reason"], e["error_code"] = l.Scope, l.Reason, l.ErrorCode
	return e
}

func hashed(name string) uint64 {
	if name == "" {
		return noID
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// insertLines tells the lines of a world as those of a business.
func insertLines(t testing.TB, db *warehouse.DB, business string, lines iter.Seq[canonical.Line]) {
	t.Helper()
	var events []event
	for l := range lines {
		e := fromLine(l)
		e["business_id"], e["arm"] = business, l.Arm
		events = append(events, e)
	}
	insert(t, db, events)
}

// The models must find what an implementation of the same definitions in plain Go finds, cell by cell.
func TestModelsAgreeWithTheReference(t *testing.T) {
	world := simulate.New(simulate.Options{Seed: 5, Contacts: 400, Days: 45, Dead: .2})
	want := simulate.Measure(world.Lines())
	db := warehousetest.New(t)
	insertLines(t, db, "shop", world.Lines())
	result := runCore(t, db, transform.Window{})

	if !result.Cutoff.Equal(want.Cutoff) {
		t.Errorf("cutoff %v, want %v", result.Cutoff, want.Cutoff)
	}
	var engagement []struct {
		Market   string `ch:"market"`
		Outcome  string `ch:"outcome"`
		From     uint16 `ch:"exposure_from"`
		To       uint16 `ch:"exposure_to"`
		Contacts uint64 `ch:"contacts"`
		Units    uint64 `ch:"messages"`
		Outcomes uint64 `ch:"outcomes"`
		NN       uint64 `ch:"sum_nn"`
		YY       uint64 `ch:"sum_yy"`
		NY       uint64 `ch:"sum_ny"`
	}
	if err := db.Select(t.Context(), &engagement, `
SELECT market, outcome, exposure_from, exposure_to, contacts, messages, outcomes, sum_nn, sum_yy, sum_ny
FROM frequency_engagement WHERE channel = 'all' ORDER BY market, outcome, exposure_from`); err != nil {
		t.Fatal(err)
	}
	var got []simulate.RateCell
	for _, c := range engagement {
		got = append(got, simulate.RateCell{Market: c.Market, Outcome: c.Outcome, From: int(c.From), To: int(c.To),
			Sums: simulate.Sums{Contacts: int(c.Contacts), Units: int(c.Units), Outcomes: int(c.Outcomes), NN: int(c.NN), YY: int(c.YY), NY: int(c.NY)}})
	}
	if len(want.Engagement) < 20 {
		t.Errorf("the world is too small: %d cells", len(want.Engagement))
	}
	compare(t, "engagement", got, want.Engagement)

	var optOut []struct {
		Market   string `ch:"market"`
		From     uint16 `ch:"dose_from"`
		To       uint16 `ch:"dose_to"`
		Contacts uint64 `ch:"contacts"`
		Units    uint64 `ch:"person_days"`
		Outcomes uint64 `ch:"opt_outs"`
		NN       uint64 `ch:"sum_nn"`
		YY       uint64 `ch:"sum_yy"`
		NY       uint64 `ch:"sum_ny"`
	}
	if err := db.Select(t.Context(), &optOut, `
SELECT market, dose_from, dose_to, contacts, person_days, opt_outs, sum_nn, sum_yy, sum_ny
FROM frequency_opt_out ORDER BY market, dose_from`); err != nil {
		t.Fatal(err)
	}
	var hazards []simulate.DoseCell
	for _, c := range optOut {
		hazards = append(hazards, simulate.DoseCell{Market: c.Market, From: int(c.From), To: int(c.To),
			Sums: simulate.Sums{Contacts: int(c.Contacts), Units: int(c.Units), Outcomes: int(c.Outcomes), NN: int(c.NN), YY: int(c.YY), NY: int(c.NY)}})
	}
	compare(t, "opt-out", hazards, want.OptOut)

	var replies, failed uint64
	if err := db.QueryRow(t.Context(), `SELECT sum(replies), countIf(failed_at IS NOT NULL) FROM messages`).Scan(&replies, &failed); err != nil {
		t.Fatal(err)
	}
	if int(replies) != want.Replies || int(failed) != want.Failed {
		t.Errorf("replies %d, failed %d; want %d, %d", replies, failed, want.Replies, want.Failed)
	}
}

func compare[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("%s: no cell %+v", what, want[i])
		case i >= len(want):
			t.Errorf("%s: cell %+v is too many", what, got[i])
		case !reflect.DeepEqual(got[i], want[i]):
			t.Errorf("%s: got  %+v\nwant %+v", what, got[i], want[i])
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
