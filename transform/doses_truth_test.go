package transform_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"drumbeat/transform"
	"drumbeat/warehouse/warehousetest"
)

// Worlds in which counting what lies in the log would say something of the doses that is not so.
func TestDosesOfOddWorlds(t *testing.T) {
	t.Parallel()
	db := warehousetest.New(t)
	start := moment(t, "2025-01-01T00:00:00")
	at := func(d float64) time.Time {
		return start.Add(time.Duration(d * 24 * float64(time.Hour))).Truncate(time.Second)
	}

	// Everybody looks into the thread about once a week, whatever is sent, and each look opens all that waits.
	threads := &crowd{business: "threads"}
	{
		r := rand.New(rand.NewPCG(4, 4))
		threads.begin(at(0))
		for range 400 {
			p := threads.contact()
			threads.tell(at(8), "opt_in", p, "channel", "messenger")
			for week := 1; week < 12; week++ {
				for range 1 + r.IntN(6) {
					if d := float64(7*week+r.IntN(7)) + .3 + .4*r.Float64(); d > 8 {
						threads.tell(at(d), "send", p, "channel", "messenger")
					}
				}
			}
			for d := 8 + 7*r.ExpFloat64(); d < 84; d += 7 * r.ExpFloat64() {
				threads.tell(at(d), "open", p, "channel", "messenger")
				threads.messages++
				e := threads.events[len(threads.events)-1]
				e["watermark"], e["event_id"] = at(d-.001), id("w"+itoa(threads.messages))
			}
		}
		threads.end(at(85))
	}
	// A message every 14 days, and whoever leaves does so within two hours of it: on days of dose 0, all of them.
	fortnightly := &crowd{business: "fortnightly"}
	{
		r := rand.New(rand.NewPCG(3, 3))
		fortnightly.begin(at(0))
		for i := range 1000 {
			p := fortnightly.contact()
			first := 10 + i%14
			fortnightly.tell(at(float64(first)-.5), "opt_in", p)
			for d := float64(first) + .4; d < 80; d += 14 {
				fortnightly.tell(at(d), "send", p)
				if r.Float64() < .03 {
					fortnightly.tell(at(d+.05), "opt_out", p)
					break
				}
			}
		}
		fortnightly.end(at(81))
	}
	// Each contact is sent on random days. Under a cap, what is held back makes room for what comes later.
	capped := &crowd{business: "capped"}
	replayed, atRisk := map[int]float64{}, 0.0
	{
		const from, to = 8, 70 // the first day at risk, and the cutoff
		r := rand.New(rand.NewPCG(1, 1))
		capped.begin(at(0))
		for range 300 {
			p := capped.contact()
			capped.tell(at(8), "opt_in", p)
			often := .1 + .4*r.Float64()
			var sends []int
			for d := from; d < to; d++ {
				if r.Float64() < often {
					sends = append(sends, d)
					capped.tell(at(float64(d)).Add(10*time.Hour), "send", p)
				}
			}
			atRisk += to - from
			replayed[0] += float64(len(sends))
			for most := 1; most <= 5; most++ {
				var went []int
				for _, x := range sends {
					n := 0
					for _, y := range went {
						if y > x-7 {
							n++
						}
					}
					if n < most {
						went = append(went, x)
					}
				}
				replayed[most] += float64(len(went))
			}
		}
		capped.end(at(to))
	}
	insert(t, db, slices.Concat(threads.events, fortnightly.events, capped.events))
	run(t, db, transform.Window{})

	t.Run("a look is one engagement", func(t *testing.T) {
		t.Log(answer(t, db, `
SELECT dose_from, candidate, engagements, round(engagement_rate, 3) AS m, plausible, recommended, advice, why
FROM frequency_recommendation WHERE business_id = 'threads' AND identification = 'within' AND dimension = 'all' ORDER BY dose_from`))
		if n := count(t, db, `SELECT count() FROM frequency_recommendation WHERE business_id = 'threads' AND advice = 'recommended'`); n > 0 {
			t.Errorf("%d rows recommend by looks that would have been anyway", n)
		}
		// Of the looks of a day hardly more can be had by sending more; counted by message it was eight times as much at 8 to 10 a week.
		if n := count(t, db, `
SELECT count() FROM frequency_recommendation
WHERE business_id = 'threads' AND identification = 'within' AND dimension = 'all' AND engagement_rate > .16`); n > 0 {
			t.Errorf("%d doses bring more looks in a day than one in seven", n)
		}
		looks := count(t, db, `SELECT uniqExact(contact_id, channel, toStartOfMinute(opened_at)) FROM messages WHERE business_id = 'threads' AND opened_at IS NOT NULL`)
		if n := count(t, db, `SELECT sum(arraySum(open_y)) FROM contact_doses WHERE business_id = 'threads'`); n < looks*8/10 || n > looks {
			t.Errorf("%d engagements of %d looks", n, looks)
		}
	})

	t.Run("getting nothing costs no opt-outs", func(t *testing.T) {
		if n := count(t, db, `SELECT sum(opted_out) FROM person_days WHERE business_id = 'fortnightly' AND dose = 0`); n < 100 {
			t.Errorf("only %d opt-outs on days of dose 0", n)
		}
		if got, want := answer(t, db, `
SELECT identification, opt_outs, person_days = (SELECT count() FROM person_days WHERE business_id = 'fortnightly' AND dose = 0 AND sent = 0) AS quiet
FROM frequency_recommendation WHERE business_id = 'fortnightly' AND dimension = 'all' AND dose_from = 0 ORDER BY identification`),
			"identification,opt_outs,quiet\ncrude,0,1\nwithin,0,1\n"; got != want {
			t.Errorf("of dose 0: got\n%swant\n%s", got, want)
		}
		// What a cap changes is still held against all days and opt-outs.
		if n := count(t, db, `
SELECT countIf(days != (SELECT count() FROM person_days WHERE business_id = 'fortnightly'))
FROM (SELECT arraySum(days) AS days FROM (SELECT sumForEach(days) AS days FROM contact_doses WHERE business_id = 'fortnightly'))`); n != 0 {
			t.Error("contact_doses has lost days")
		}
		if n := count(t, db, `SELECT sum(arraySum(stratum_opt_outs)) FROM contact_doses WHERE business_id = 'fortnightly'`); n < 100 {
			t.Errorf("contact_doses has only %d opt-outs", n)
		}
	})

	t.Run("a cap is replayed", func(t *testing.T) {
		var rows []struct {
			Cap      uint8   `ch:"cap"`
			Observed float64 `ch:"was"`
			Capped   float64 `ch:"is"`
		}
		if err := db.Select(t.Context(), &rows, `
SELECT cap, assumeNotNull(observed) AS was, assumeNotNull(capped) AS is FROM frequency_what_if
WHERE business_id = 'capped' AND dimension = 'market' AND segment = 'PH' AND measure = 'send' AND cap <= 5 ORDER BY cap`); err != nil || len(rows) != 5 {
			t.Fatal(rows, err)
		}
		for _, r := range rows {
			t.Logf("cap %d: %.1f of %.1f", r.Cap, r.Capped, r.Observed)
			for _, x := range []struct{ got, want float64 }{{r.Observed, replayed[0]}, {r.Capped, replayed[int(r.Cap)]}} {
				if want := x.want / atRisk * 30_000; math.Abs(x.got-want) > 1e-9*want {
					t.Errorf("cap %d: %.2f sends, want %.2f", r.Cap, x.got, want)
				}
			}
		}
		// The standard error, by leaving out each group of contacts, is that of sends over days at risk, counted apart from the replay.
		ask := func(sql string) (x float64) {
			t.Helper()
			if err := db.QueryRow(t.Context(), sql).Scan(&x); err != nil {
				t.Fatal(err)
			}
			return x
		}
		want := ask(`
WITH
by_group AS
(
    SELECT cityHash64(contact_id) % 200 AS g, toFloat64(sum(sent)) AS sends, toFloat64(count()) AS days
    FROM person_days WHERE business_id = 'capped' GROUP BY g
),
(SELECT (sum(sends), sum(days), count()) FROM by_group) AS everybody
SELECT sqrt((everybody.3 - 1) / everybody.3 * sum(pow((everybody.1 - sends) / (everybody.2 - days) - everybody.1 / everybody.2, 2))) / (everybody.1 / everybody.2)
FROM by_group`)
		for _, dimension := range []string{"all", "market"} {
			got := ask(`
SELECT log(assumeNotNull(observed_upper) / assumeNotNull(observed_lower)) / 2 / 1.972 FROM frequency_what_if
WHERE business_id = 'capped' AND dimension = '` + dimension + `' AND measure = 'send' AND cap = 1`)
			if math.Abs(got-want) > .02*want {
				t.Errorf("%s: relative standard error of the sends is %.5f, want %.5f", dimension, got, want)
			}
		}
	})
}
