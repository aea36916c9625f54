package transform_test

import (
	"math/rand/v2"
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
	insert(t, db, append(threads.events, fortnightly.events...))
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
}
