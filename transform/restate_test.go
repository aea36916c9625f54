package transform_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

// A run after new, late and repeated events must leave what a run over everything leaves, though it computes less.
func TestRestatingEqualsComputingAll(t *testing.T) {
	db := warehousetest.New(t)
	r := rand.New(rand.NewPCG(31, 32))
	var events []event
	for l := range simulate.New(simulate.Options{Seed: 8, Contacts: 80, Days: 45}).Lines() {
		e := fromLine(l)
		if r.IntN(3) == 0 {
			e["purpose"], e["campaign_id"], e["category"] = "", "", "" // what came before decides
		}
		events = append(events, e)
	}
	at := func(e event) time.Time { return e["event_time"].(time.Time) }
	slices.SortStableFunc(events, func(a, b event) int { return at(a).Compare(at(b)) })
	// The last fifth comes in loads of about three days, and of all but the very first a fiftieth in a later load than its own.
	const loads = 4
	first := len(events) * 8 / 10
	batches := make([][]event, loads+1)
	for i, e := range events {
		n := 0
		if i >= first {
			n = 1 + (i-first)*loads/(len(events)-first)
		}
		if i > 10 && at(e).After(at(events[first]).AddDate(0, 0, -7)) && r.IntN(50) == 0 {
			n = min(loads, n+1)
		}
		batches[n] = append(batches[n], e)
	}
	some := func(what string) event {
		for {
			if e := events[first-1-r.IntN(first/6)]; e["event_type"] == what {
				return copyOf(e)
			}
		}
	}
	batches[1] = append(batches[1], some("reply"), some("send")) // told again
	// A receipt up to a watermark, long after.
	receipt := some("send")
	receipt["event_type"], receipt["message_id"], receipt["event_id"] = "open", noID, id("e77")
	receipt["watermark"], receipt["event_time"] = at(receipt).Add(time.Minute), at(receipt).AddDate(0, 0, 5)
	batches[2] = append(batches[2], receipt)
	// An earlier copy moves a send; another turns out to be a test, a third to have failed.
	moved := some("send")
	moved["event_time"] = at(moved).AddDate(0, 0, -2)
	test := some("send")
	test["is_test"] = uint8(1)
	failed := some("send")
	failed["event_type"], failed["event_time"] = "failed", at(failed).Add(time.Second)
	batches[3] = append(batches[3], moved, test, failed)

	insert(t, db, batches[0])
	runCore(t, db, transform.Window{})
	fewer := 0
	for n, batch := range batches[1:] {
		insert(t, db, batch)
		got := messagesStep(t, runCore(t, db, transform.Window{}))
		all := messagesStep(t, everything(t, db))
		if got.Rows != all.Rows || got.Fingerprint != all.Fingerprint || all.Rows == 0 {
			t.Errorf("load %d: %d rows with fingerprint %d; of all days %d, %d", n+1, got.Rows, got.Fingerprint, all.Rows, all.Fingerprint)
		}
		var days time.Duration
		for _, w := range got.Restated {
			days += w.To.Sub(w.From)
		}
		if !got.All && days > 0 && days < got.Window.To.Sub(got.Window.From)*2/3 {
			fewer++
		}
	}
	if fewer < loads-1 {
		t.Errorf("only %d of %d runs computed less than all", fewer, loads)
	}
	// The same again says nothing new.
	insert(t, db, batches[loads])
	if got := messagesStep(t, runCore(t, db, transform.Window{})); got.All || len(got.Restated) > 0 {
		t.Errorf("copies restate %v", got.Restated)
	}
}

// What a clock ahead of ours dated tomorrow is known before tomorrow is one of the days.
func TestRestatingWhatWasAhead(t *testing.T) {
	db := warehousetest.New(t)
	at := moment(t, "2025-03-01T10:00:00")
	ahead := send(at.AddDate(0, 0, 1), "c1", "m2")
	ahead["ingest_delay_ms"] = int64(-10 * time.Hour / time.Millisecond)
	insert(t, db, []event{send(at, "c1", "m1"), ahead})
	if got := messagesStep(t, runCore(t, db, transform.Window{})); got.Rows != 1 {
		t.Errorf("%d messages before tomorrow, want 1", got.Rows)
	}
	insert(t, db, []event{send(at.AddDate(0, 0, 2), "c2", "m3")})
	got := messagesStep(t, runCore(t, db, transform.Window{}))
	if all := messagesStep(t, everything(t, db)); got.All || got.Rows != 3 || got.Fingerprint != all.Fingerprint {
		t.Errorf("%d rows with fingerprint %d; of all days %d, %d", got.Rows, got.Fingerprint, all.Rows, all.Fingerprint)
	}
}

// An earlier copy of a reply, or of an opt-out, leaves the message that had it.
func TestRestatingWhatLeaves(t *testing.T) {
	for _, what := range []string{"reply", "opt_out"} {
		t.Run(what, func(t *testing.T) {
			db := warehousetest.New(t)
			at := moment(t, "2025-03-20T10:00:00")
			told := newEvent(at.Add(time.Hour), what, "c1", "")
			told["event_id"] = id("e1")
			insert(t, db, []event{send(at.AddDate(0, 0, -30), "c2", "m0"), send(at.AddDate(0, 0, -14), "c1", "m1"), send(at, "c1", "m2"), told})
			was := messagesStep(t, runCore(t, db, transform.Window{}))
			earlier := copyOf(told)
			earlier["event_time"] = at.Add(time.Hour).AddDate(0, 0, -14)
			insert(t, db, []event{earlier})
			got := messagesStep(t, runCore(t, db, transform.Window{}))
			if all := messagesStep(t, everything(t, db)); got.All || got.Fingerprint == was.Fingerprint || got.Fingerprint != all.Fingerprint {
				t.Errorf("was %d, is %d, of all days %d", was.Fingerprint, got.Fingerprint, all.Fingerprint)
			}
		})
	}
}

// A send that was told twice, eleven days apart, has two rows until they merge: in the week around what arrives
// stands only the later one, which counts for nothing.
func TestRestatingBesideAnUnmergedCopy(t *testing.T) {
	db := warehousetest.New(t)
	if err := db.Exec(t.Context(), "SYSTEM STOP MERGES message_facts"); err != nil {
		t.Fatal(err)
	}
	at := moment(t, "2025-03-20T10:00:00")
	insert(t, db, []event{send(at, "c1", "m1"), send(at.AddDate(0, 0, -30), "c2", "m0")})
	insert(t, db, []event{send(at.AddDate(0, 0, -11), "c1", "m1")})
	runCore(t, db, transform.Window{})
	insert(t, db, []event{send(at.Add(time.Hour), "c1", "m2")})
	got := messagesStep(t, runCore(t, db, transform.Window{}))
	if all := messagesStep(t, everything(t, db)); got.All || got.Rows != 3 || got.Fingerprint != all.Fingerprint {
		t.Errorf("%d rows with fingerprint %d; of all days %d, %d", got.Rows, got.Fingerprint, all.Rows, all.Fingerprint)
	}
}

func copyOf(e event) event {
	c := event{}
	for name, value := range e {
		c[name] = value
	}
	return c
}

// everything runs over all days as if there had been no run before, and puts the records of the earlier ones back.
func everything(t *testing.T, db *warehouse.DB) transform.Result {
	t.Helper()
	for _, statement := range []string{"RENAME TABLE runs TO kept_runs", "CREATE TABLE runs AS kept_runs"} {
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	result := runCore(t, db, transform.Window{})
	for _, statement := range []string{"DROP TABLE runs", "RENAME TABLE kept_runs TO runs"} {
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return result
}

func messagesStep(t *testing.T, result transform.Result) transform.Step {
	t.Helper()
	for _, step := range result.Steps {
		if step.Relation == "messages" {
			return step
		}
	}
	t.Fatalf("no messages in %+v", result)
	return transform.Step{}
}

// Each run over all days ends a day later than the one of the day before. Of these windows only the last is kept, and all that were named.
func TestWindowsThatNobodyNamedAreReplaced(t *testing.T) {
	db := warehousetest.New(t)
	insertLines(t, db, "shop", simulate.New(simulate.Options{Seed: 2, Contacts: 60, Days: 14}).Lines())
	first := runCore(t, db, transform.Window{}).Window
	named := transform.Window{From: first.From, To: first.To.AddDate(0, 0, -3)}
	runCore(t, db, named)
	insert(t, db, []event{send(first.To.Add(30*time.Hour), "c1", "m1")})
	last := runCore(t, db, transform.Window{}).Window
	got := answer(t, db, `SELECT DISTINCT window_from, window_to FROM frequency_engagement ORDER BY ALL`)
	want := "window_from,window_to\n" + named.From.Format(time.DateOnly) + "," + named.To.Format(time.DateOnly) + "\n" +
		last.From.Format(time.DateOnly) + "," + last.To.Format(time.DateOnly) + "\n"
	if last == first || got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// What is touched may lie in two places, of which one holds all that there was.
func TestRestatingInTwoPlaces(t *testing.T) {
	db := warehousetest.New(t)
	at := moment(t, "2025-03-01T10:00:00")
	insert(t, db, []event{send(at, "c1", "m1")})
	runCore(t, db, transform.Window{})
	insert(t, db, []event{newEvent(at.Add(time.Hour), "open", "c1", "m1"), send(at.AddDate(0, 0, 60), "c1", "m2")})
	got := messagesStep(t, runCore(t, db, transform.Window{}))
	if got.All || len(got.Restated) != 2 {
		t.Errorf("restated %v, want two places", got.Restated)
	}
	if all := messagesStep(t, everything(t, db)); got.Rows != 2 || got.Rows != all.Rows || got.Fingerprint != all.Fingerprint {
		t.Errorf("%d rows with fingerprint %d; of all days %d, %d", got.Rows, got.Fingerprint, all.Rows, all.Fingerprint)
	}
}
