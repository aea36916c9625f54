package transform_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

func moment(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func send(at time.Time, contact, message string) event {
	e := newEvent(at, "send", contact, message)
	e["purpose"] = "proactive"
	return e
}

func count(t testing.TB, db *warehouse.DB, sql string) (n uint64) {
	t.Helper()
	if err := db.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRunRefuses(t *testing.T) {
	f := func(job string, w transform.Window, want error) {
		t.Helper()
		// It says so before it needs a warehouse.
		if _, err := transform.Run(t.Context(), nil, job, w); !errors.Is(err, want) {
			t.Errorf("%s %v: %v, want %v", job, w, err, want)
		}
	}
	day := date(t, "2025-03-01")
	f("frequenzy", transform.Window{}, transform.ErrUnknownJob)
	f("frequency", transform.Window{From: day}, transform.ErrWindow)
	f("frequency", transform.Window{To: day}, transform.ErrWindow)
	f("frequency", transform.Window{From: day, To: day}, transform.ErrWindow)
	f("frequency", transform.Window{From: day.Add(time.Hour), To: day.AddDate(0, 0, 1)}, transform.ErrWindow)
}

func TestRunWithoutData(t *testing.T) {
	db := warehousetest.New(t)
	if result := runCore(t, db, transform.Window{}); !result.Window.IsZero() || len(result.Steps) != 0 {
		t.Errorf("%+v", result)
	}
	// Consent alone is no day with a send either.
	insert(t, db, []event{newEvent(moment(t, "2025-03-01T10:00:00"), "opt_in", "c1", "")})
	if result := runCore(t, db, transform.Window{}); !result.Window.IsZero() || len(result.Steps) != 0 {
		t.Errorf("%+v", result)
	}
	// A named window runs, and finds nothing.
	w := transform.Window{From: date(t, "2025-03-01"), To: date(t, "2025-03-03")}
	result := runCore(t, db, w)
	if result.Window != w || len(result.Steps) < 4 {
		t.Errorf("%+v", result)
	}
	for _, step := range result.Steps {
		if step.Relation != "coverage" && step.Rows != 0 {
			t.Errorf("%+v", step)
		}
	}
}

func TestRunAgainIsTheSame(t *testing.T) {
	db := warehousetest.New(t)
	insertLines(t, db, "shop", simulate.New(simulate.Options{Seed: 2, Contacts: 80, Days: 35}).Lines())
	first := runCore(t, db, transform.Window{})
	again := runCore(t, db, transform.Window{})
	if !slices.Equal(prints(first), prints(again)) {
		t.Errorf("fingerprints %v, then %v", prints(first), prints(again))
	}
	for i, step := range first.Steps {
		if step.Rows == 0 || step.Fingerprint == 0 || again.Steps[i].Rows != step.Rows {
			t.Errorf("%+v, then %+v", step, again.Steps[i])
		}
	}
	if n := count(t, db, `SELECT count() FROM runs`); n != uint64(2*len(first.Steps)) {
		t.Errorf("%d rows in runs", n)
	}
	if n := count(t, db, `SELECT count() FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'staging_')`); n != 0 {
		t.Errorf("%d staging tables left", n)
	}
	// So do many passes over fewer contacts.
	defer func(n uint64) { *transform.SendsPerPass = n }(*transform.SendsPerPass)
	*transform.SendsPerPass = 50
	if passes := runCore(t, db, transform.Window{}); !slices.Equal(prints(first), prints(passes)) {
		t.Errorf("fingerprints %v, in passes %v", prints(first), prints(passes))
	}
	// Any window gives what all days give for its days.
	w := transform.Window{From: first.Window.From.AddDate(0, 0, 9), To: first.Window.From.AddDate(0, 0, 12)}
	before := count(t, db, `SELECT sum(cityHash64(tuple(*))) FROM messages`)
	runCore(t, db, w)
	if after := count(t, db, `SELECT sum(cityHash64(tuple(*))) FROM messages`); after != before {
		t.Errorf("a window changed the messages: %d, then %d", before, after)
	}
}

func TestLateEventRestates(t *testing.T) {
	db := warehousetest.New(t)
	day := func(n int) time.Time { return date(t, "2025-03-01").AddDate(0, 0, n).Add(12 * time.Hour) }
	insert(t, db, []event{newEvent(day(-60), "opt_in", "c9", ""), send(day(0), "c1", "m1"), send(day(2), "c1", "m3")})
	runCore(t, db, transform.Window{})
	if got, want := answer(t, db, `SELECT message_id, exposure FROM messages ORDER BY sent_at`), "message_id,exposure\nm1,1\nm3,2\n"; got != want {
		t.Fatal(got)
	}
	insert(t, db, []event{send(day(1), "c1", "m2")})
	w := transform.Window{From: date(t, "2025-03-02"), To: date(t, "2025-03-04")}
	runCore(t, db, w)
	if got, want := answer(t, db, `SELECT message_id, exposure FROM messages ORDER BY sent_at`), "message_id,exposure\nm1,1\nm2,2\nm3,3\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// An earlier copy of a send moves it to another day: the day it left must not keep it.
func TestDayThatBecomesEmpty(t *testing.T) {
	db := warehousetest.New(t)
	at := moment(t, "2025-03-05T00:00:10")
	insert(t, db, []event{send(at, "c1", "m1"), send(at.AddDate(0, 0, 2), "c1", "m2")})
	runCore(t, db, transform.Window{})
	insert(t, db, []event{send(at.Add(-time.Minute), "c1", "m1")})
	result := runCore(t, db, transform.Window{From: date(t, "2025-03-04"), To: date(t, "2025-03-06")})
	if got, want := answer(t, db, `SELECT message_id, toDate(sent_at) AS day FROM messages ORDER BY message_id`), "message_id,day\nm1,2025-03-04\nm2,2025-03-07\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if result.Steps[1].Rows != 1 {
		t.Errorf("%+v", result.Steps[1])
	}
}

// Sends younger than the window change no matured rate: they are in no cell.
func TestYoungSendsChangeNothing(t *testing.T) {
	var events []event
	start := moment(t, "2025-03-01T12:00:00")
	events = append(events, newEvent(start.AddDate(0, 0, -60), "opt_in", "c999", ""))
	for c := range 40 {
		name := "c" + string(rune('0'+c/10)) + string(rune('0'+c%10))
		for m := range 3 {
			at := start.AddDate(0, 0, m)
			message := "m" + name[1:] + string(rune('0'+m))
			events = append(events, send(at, name, message), newEvent(at.Add(time.Second), "delivered", name, message))
			if c%2 == 0 {
				events = append(events, newEvent(at.Add(time.Minute), "open", name, message))
			}
		}
	}
	end := start.AddDate(0, 0, 30)
	events = append(events, newEvent(end, "opt_in", "c998", ""))
	const cells = `SELECT channel, market, outcome, exposure_from, messages, outcomes, rate, lower, upper
FROM frequency_engagement WHERE outcome = 'open' ORDER BY ALL`
	db := warehousetest.New(t)
	w := transform.Window{From: date(t, "2025-03-01"), To: date(t, "2025-04-15")}
	insert(t, db, events)
	runCore(t, db, w)
	before := answer(t, db, cells)
	var young []event
	for c := range 40 {
		name := "c" + string(rune('0'+c/10)) + string(rune('0'+c%10))
		at := end.Add(-7*24*time.Hour + time.Millisecond)
		young = append(young, send(at, name, "m7"+name[1:]), newEvent(at.Add(time.Second), "delivered", name, "m7"+name[1:]))
	}
	insert(t, db, young)
	runCore(t, db, w)
	if after := answer(t, db, cells); after != before || len(before) < 200 {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	// One millisecond later they are old enough.
	insert(t, db, []event{newEvent(end.Add(time.Millisecond), "opt_in", "c997", "")})
	runCore(t, db, w)
	if after := answer(t, db, cells); after == before {
		t.Error("matured sends are not counted")
	}
}

// What a run that broke off leaves behind must neither stop the next one nor stay in its way; and runs that
// come at once go one after another.
func TestRunsThatBreakOffAndRunsAtOnce(t *testing.T) {
	db := warehousetest.New(t)
	insertLines(t, db, "shop", simulate.New(simulate.Options{Seed: 4, Contacts: 100, Days: 9}).Lines())
	want := runCore(t, db, transform.Window{})
	for _, wait := range []time.Duration{time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		transform.Run(ctx, db, transform.Core, transform.Window{}) // may or may not be done in time
		cancel()
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			got, err := transform.Run(t.Context(), db, transform.Core, transform.Window{})
			if err != nil || !slices.Equal(prints(got), prints(want)) {
				t.Errorf("fingerprints %v, want %v; %v", prints(got), prints(want), err)
			}
		})
	}
	wg.Wait()
	if n := count(t, db, `SELECT count() FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'staging_')`); n != 0 {
		t.Errorf("%d staging tables left", n)
	}
}

// In a world where nobody leaves because of messages, the hazard must not depend on the dose. Counting the
// messages of the week in which somebody leaves would show a falling curve, because leavers get no more of them.
func TestNullWorldIsFlat(t *testing.T) {
	const (
		contacts = 1500
		days     = 70
		hazard   = .012
	)
	r := rand.New(rand.NewPCG(21, 22))
	start := date(t, "2025-03-01")
	events := []event{newEvent(start.AddDate(0, 0, -30), "opt_in", "c0", "")}
	var naiveDays, naiveLeft [2]float64 // by whether the calendar week had few messages or many
	message := 0
	for c := 1; c <= contacts; c++ {
		contact := "c" + itoa(c)
		events = append(events, newEvent(start.Add(time.Duration(c)*time.Second), "opt_in", contact, ""))
		chance := .1 + .8*r.Float64()
		week, left := 0, false
		for d := 0; d < days && !left; d++ {
			if left = r.Float64() < hazard; left {
				events = append(events, newEvent(start.AddDate(0, 0, d).Add(time.Duration(c)*time.Millisecond+time.Hour), "opt_out", contact, ""))
			} else if r.Float64() < chance {
				message++
				week++
				events = append(events, send(start.AddDate(0, 0, d).Add(12*time.Hour), contact, "m"+itoa(message)))
			}
			if left || d%7 == 6 {
				many := 0
				if week >= 4 {
					many = 1
				}
				naiveDays[many]++
				if left {
					naiveLeft[many]++
				}
				week = 0
			}
		}
	}
	events = append(events, newEvent(start.AddDate(0, 0, days), "opt_in", "c0", ""))
	if ratio := (naiveLeft[1] / naiveDays[1]) / (naiveLeft[0] / naiveDays[0]); ratio > .5 {
		t.Fatalf("counting the same week would not mislead in this world: ratio %.2f", ratio)
	}
	db := warehousetest.New(t)
	insert(t, db, events)
	runCore(t, db, transform.Window{})

	var cells []struct {
		Market string   `ch:"market"`
		From   uint16   `ch:"dose_from"`
		Days   uint64   `ch:"person_days"`
		Left   uint64   `ch:"opt_outs"`
		Rate   *float64 `ch:"rate"`
		Error  *float64 `ch:"std_error"`
		Lower  *float64 `ch:"lower"`
		Upper  *float64 `ch:"upper"`
	}
	if err := db.Select(t.Context(), &cells, `
SELECT market, dose_from, person_days, opt_outs, rate, std_error, lower, upper
FROM frequency_opt_out WHERE market = 'all' ORDER BY dose_from`); err != nil {
		t.Fatal(err)
	}
	var sum, weight, spread float64
	for _, c := range cells {
		if c.Rate == nil {
			continue
		}
		w := 1 / (*c.Error * *c.Error)
		sum, weight = sum+w**c.Rate, weight+w
	}
	mean := sum / weight
	var shown int
	for _, c := range cells {
		if c.Rate == nil {
			continue
		}
		shown++
		z := (*c.Rate - hazard) / *c.Error
		spread += z * z
		t.Logf("dose %d: %d of %d days, rate %.5f in %.5f..%.5f", c.From, c.Left, c.Days, *c.Rate, *c.Lower, *c.Upper)
	}
	// Chi-square of about 7 cells: its .9999 quantile is 30.
	if shown < 6 || spread > 30 {
		t.Errorf("%d cells, chi-square %.1f about the true hazard: the curve is not flat", shown, spread)
	}
	if math.Abs(mean-hazard) > .001 {
		t.Errorf("mean hazard %.5f, true %.5f", mean, hazard)
	}
}

// Whether the warehouse has already merged the copies of a fact must not show. Here a send arrives before it was made, and
// again after: its clock is wrong.
func TestMergesDoNotShow(t *testing.T) {
	db := warehousetest.New(t)
	at := moment(t, "2025-03-20T10:00:00")
	early, late, earlier := send(at, "c1", "m1"), send(at, "c1", "m1"), send(at.Add(-time.Hour), "c2", "m2")
	early["ingest_delay_ms"] = int64(-60_000)
	late["ingest_delay_ms"] = int64(60_000)
	moved := send(at.Add(-2*time.Hour), "c2", "m2")
	test := newEvent(at.Add(-90*24*time.Hour), "open", "c3", "m3")
	flagged := newEvent(at.Add(-90*24*time.Hour), "open", "c3", "m3")
	flagged["is_test"] = uint8(1)
	for _, e := range []event{early, late, earlier, moved, test, flagged} {
		if err := db.Exec(t.Context(), "SYSTEM STOP MERGES event_log"); err != nil {
			t.Log(err)
		}
		insert(t, db, []event{e})
	}
	const coverage = `SELECT * FROM coverage`
	before := runCore(t, db, transform.Window{})
	if got, want := answer(t, db, coverage), "business_id,account_id,data_from,cutoff\nshop,page,2025-03-20 08:00:00,2025-03-20 08:00:00\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, table := range []string{"event_log", "message_facts", "contact_facts"} {
		if err := db.Exec(t.Context(), "SYSTEM START MERGES "+table); err != nil {
			t.Log(err)
		}
		if err := db.Exec(t.Context(), "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
			t.Fatal(err)
		}
	}
	if after := runCore(t, db, transform.Window{}); !slices.Equal(prints(before), prints(after)) {
		t.Errorf("fingerprints %v, after merging %v", prints(before), prints(after))
	}
}

func TestFingerprintSeesNulls(t *testing.T) {
	db := warehousetest.New(t)
	if n := count(t, db, `SELECT uniqExact(assumeNotNull(cityHash64(tuple(a, b)))) FROM values('a Nullable(UInt8), b Nullable(UInt8)', (NULL, NULL), (0, NULL), (NULL, 0), (0, 0))`); n != 4 {
		t.Errorf("4 different rows have %d hashes", n)
	}
}
