package transform_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"drumbeat/transform"
	"drumbeat/transform/stats"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

// crowd tells a business's events, and invents contacts and messages with names not used before.
type crowd struct {
	business           string
	contacts, messages int
	events             []event
}

func (c *crowd) contact() string {
	c.contacts++
	return "c" + itoa(c.contacts)
}

func (c *crowd) tell(at time.Time, what, contact string, set ...string) {
	message := ""
	if what == "send" {
		c.messages++
		message = "m" + itoa(c.messages)
	}
	e := newEvent(at, what, contact, message)
	if what == "send" {
		e["purpose"] = "proactive"
	}
	if what == "opt_in" || what == "opt_out" { // one instant may hold many
		c.messages++
		e["event_id"] = id("e" + itoa(c.messages))
	}
	e["business_id"] = c.business
	for i := 0; i < len(set); i += 2 {
		e[set[i]] = set[i+1]
	}
	c.events = append(c.events, e)
}

// begin starts the data with a contact who may have been there before, and end puts the cutoff.
func (c *crowd) begin(at time.Time) { c.tell(at, "send", "c0", "market", "XX") }
func (c *crowd) end(at time.Time)   { c.tell(at, "reply", "c0", "market", "XX") }

type messageStep struct {
	Number        uint16   `ch:"number"`
	AtRisk        uint64   `ch:"at_risk"`
	Contacts      uint64   `ch:"contacts"`
	OptOuts       uint64   `ch:"opt_outs"`
	LeftOtherwise uint64   `ch:"left_otherwise"`
	Censored      uint64   `ch:"censored"`
	Suppressed    uint8    `ch:"suppressed"`
	Hazard        *float64 `ch:"hazard"`
	Survival      *float64 `ch:"survival"`
	StdError      *float64 `ch:"survival_std_error"`
	Lower         *float64 `ch:"survival_lower"`
	Upper         *float64 `ch:"survival_upper"`
}

func messageSteps(t *testing.T, db *warehouse.DB, where string) (rows []messageStep) {
	t.Helper()
	if err := db.Select(t.Context(), &rows, `
SELECT number, at_risk, contacts, opt_outs, left_otherwise, censored, suppressed, hazard, survival, survival_std_error, survival_lower, survival_upper
FROM opt_out_by_message WHERE `+where+` ORDER BY number`); err != nil {
		t.Fatal(err)
	}
	return rows
}

// orNaN is NaN, which is close to nothing, where there is no figure.
func orNaN(figure *float64) float64 {
	if figure == nil {
		return math.NaN()
	}
	return *figure
}

// Each part tells a business of its own and returns what is to be checked; one run computes all.
func TestSurvival(t *testing.T) {
	db := warehousetest.New(t)
	var checks []func(t *testing.T)
	parts := []struct {
		name string
		tell func(t *testing.T, db *warehouse.DB, c *crowd) (check func(t *testing.T))
	}{
		{"hazard by message has the reference values", referenceHazard},
		{"curve by time has the reference values", referenceCurve},
		{"what ends a spell", spellEnds},
		{"which message an opt-out counts for", countedMessages}, // runs another window
	}
	for i, part := range parts {
		c := crowd{business: "b" + itoa(i)}
		checks = append(checks, part.tell(t, db, &c))
		insert(t, db, c.events)
	}
	run(t, db, transform.Window{})
	for i, part := range parts {
		t.Run(part.name, checks[i])
	}
}

// Risk sets and opt-outs of six messages, whose hazards and survival are known.
func referenceHazard(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	risk, optOuts := []int{1000, 950, 880, 790, 690, 560, 0}, []int{10, 12, 14, 17, 19, 20}
	start := moment(t, "2025-03-10T12:00:00")
	c.begin(start.AddDate(0, 0, -8))
	living := make([]string, risk[0])
	for i := range living {
		living[i] = c.contact()
		c.tell(start, "opt_in", living[i])
	}
	for n, out := range optOuts {
		at := start.AddDate(0, 0, n).Add(time.Hour)
		for i, contact := range living {
			c.tell(at, "send", contact)
			if i < out {
				c.tell(at.Add(time.Minute), "opt_out", contact)
			}
		}
		living = living[len(living)-risk[n+1]:] // the others got no further message
	}
	c.end(start.AddDate(0, 0, 20))
	return func(t *testing.T) {
		steps := messageSteps(t, db, "business_id = '"+c.business+"' AND dimension = 'all'")
		if len(steps) != len(optOuts) {
			t.Fatalf("steps %+v", steps)
		}
		hazards := []float64{.01, .0126315789, .0159090909, .0215189873, .0275362319, .0357142857}
		for n, s := range steps {
			if int(s.AtRisk) != risk[n] || int(s.Contacts) != risk[n] || int(s.OptOuts) != optOuts[n] ||
				int(s.Censored) != risk[n]-optOuts[n]-risk[n+1] || s.LeftOtherwise != 0 {
				t.Errorf("step %+v", s)
			}
			transform.CloseTo(t, "hazard", orNaN(s.Hazard), hazards[n], 5e-11)
		}
		last := steps[5]
		transform.CloseTo(t, "survival", orNaN(last.Survival), .8826351371, 5e-11)
		transform.CloseTo(t, "standard error", orNaN(last.StdError), .0117410955, 5e-11)
		transform.CloseTo(t, "lower limit", orNaN(last.Lower), .8574111662, 5e-11)
		transform.CloseTo(t, "upper limit", orNaN(last.Upper), .9036495089, 5e-11)
		if n := count(t, db, "SELECT any(unknown_start) FROM opt_out_by_message WHERE dimension = 'all' AND business_id = '"+c.business+"'"); n != 1 {
			t.Errorf("%d spells of unknown start, want that of the one who begins the data", n)
		}
	}
}

// Lives, each lived by 40 contacts in a market of its own, and what they add to the risk sets.
func countedMessages(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	const lived = 40
	start := moment(t, "2025-03-10T12:00:00")
	day := func(d float64) time.Time { return start.Add(time.Duration(d * 24 * float64(time.Hour))) }
	c.begin(day(-20))
	live := func(market string, life func(contact string, tell func(at float64, what string, set ...string))) {
		for range lived {
			contact := c.contact()
			life(contact, func(at float64, what string, set ...string) {
				c.tell(day(at), what, contact, append([]string{"market", market}, set...)...)
			})
		}
	}
	type tell = func(at float64, what string, set ...string)
	live("returns", func(_ string, tell tell) { // two spells: the count begins anew
		tell(0, "opt_in")
		tell(1, "send")
		tell(2, "send")
		tell(3, "opt_out")
		tell(3.5, "send") // in spite of it: in no spell
		tell(4, "opt_out")
		tell(5, "opt_in")
		tell(6, "send")
		tell(7, "opt_out")
	})
	live("response", func(_ string, tell tell) { // the opt-out belongs to the response behind the message
		tell(0, "opt_in")
		tell(1, "send")
		tell(1.1, "send", "purpose", "response")
		tell(2, "opt_out")
	})
	live("late", func(_ string, tell tell) { // it belongs to none
		tell(0, "opt_in")
		tell(1, "send")
		tell(9, "opt_out")
	})
	live("young", func(_ string, tell tell) { // the second message is not matured, whatever became of it
		tell(0, "opt_in")
		tell(1, "send")
		tell(33.5, "send")
		tell(34, "opt_out")
	})
	live("failed", func(contact string, tell tell) {
		tell(0, "opt_in")
		tell(1, "send")
		c.tell(day(1.1), "failed", contact, "market", "failed")
		c.events[len(c.events)-1]["message_id"] = c.events[len(c.events)-2]["message_id"]
		tell(2, "send")
		tell(3, "opt_out")
	})
	live("unasked", func(_ string, tell tell) { // no opt-in was told: from first contact on
		tell(0, "send")
		tell(1, "send")
		tell(2, "opt_out")
	})
	live("other channel", func(_ string, tell tell) { // it belongs to the first message: nobody is at risk of the second
		tell(0, "opt_in")
		tell(1, "send", "channel", "sms")
		tell(2, "send")
		tell(3, "opt_out", "channel", "sms")
	})
	c.end(day(40))
	return func(t *testing.T) {

		f := func(market string, want ...string) {
			t.Helper()
			var got []string
			for _, s := range messageSteps(t, db, "business_id = '"+c.business+"' AND dimension = 'market' AND segment = '"+market+"'") {
				got = append(got, fmt.Sprintf("%d of %d by %d, otherwise %d, censored %d", s.OptOuts, s.AtRisk, s.Contacts, s.LeftOtherwise, s.Censored))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", market, got, want)
			}
		}
		f("returns", "40 of 80 by 40, otherwise 0, censored 0", "40 of 40 by 40, otherwise 0, censored 0")
		f("response", "0 of 40 by 40, otherwise 40, censored 0")
		f("late", "0 of 40 by 40, otherwise 40, censored 0")
		f("young", "0 of 40 by 40, otherwise 0, censored 40")
		f("failed", "40 of 40 by 40, otherwise 0, censored 0")
		f("unasked", "0 of 40 by 40, otherwise 0, censored 0", "40 of 40 by 40, otherwise 0, censored 0")
		f("other channel", "40 of 40 by 40, otherwise 0, censored 0")
		f("XX", "0 of 0 by 0, otherwise 0, censored 0")

		// In a window that begins later, only what is complete in it has numbers.
		run(t, db, transform.Window{From: day(4).Truncate(24 * time.Hour), To: day(41).Truncate(24 * time.Hour)})
		in := "business_id = '" + c.business + "' AND window_from = '2025-03-14' AND dimension = 'market' AND segment = "
		if got := messageSteps(t, db, in+"'returns'"); len(got) != 1 || got[0].AtRisk != 40 || got[0].OptOuts != 40 {
			t.Errorf("the second spells: %+v", got)
		}
		if got := messageSteps(t, db, in+"'young'"); len(got) != 0 {
			t.Errorf("their first message lies before the window: %+v", got)
		}
	}
}

// The remission times of Miller 1997, each lived by 30 contacts, one week for a day: survival, limits and hazard are
// those of the subjects.
func referenceCurve(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	const lived, longest = 30, 161
	end := moment(t, "2025-09-01T00:00:00")
	times := []struct {
		days int
		left bool
	}{{9, true}, {13, true}, {13, false}, {18, true}, {23, true}, {28, false}, {31, true}, {34, true}, {45, false}, {48, true}, {longest, false}}
	c.begin(end.AddDate(0, 0, -longest-20))
	var subjects []stats.Subject
	for _, s := range times {
		for range lived {
			contact := c.contact()
			subject := stats.Subject{Exit: float64(s.days)}
			first := end.AddDate(0, 0, -s.days) // who is not seen to leave came later
			if s.left {
				first = end.AddDate(0, 0, -longest)
				subject.Cause = 1
				c.tell(first.AddDate(0, 0, s.days-1).Add(time.Hour), "opt_out", contact)
			}
			c.tell(first.Add(-time.Hour), "opt_in", contact)
			subjects = append(subjects, subject)
		}
	}
	c.end(end.Add(time.Hour))
	return func(t *testing.T) {

		curve, err := stats.KaplanMeier(subjects)
		if err != nil {
			t.Fatal(err)
		}
		survival := map[float64]float64{9: .909091, 13: .818182, 18: .715909, 23: .613636, 31: .490909, 34: .368182, 48: .184091}
		var days []struct {
			Day      uint16   `ch:"spell_day"`
			AtRisk   uint64   `ch:"at_risk"`
			Share    *float64 `ch:"incidence"`
			StdError *float64 `ch:"incidence_std_error"`
			Lower    *float64 `ch:"incidence_lower"`
			Upper    *float64 `ch:"incidence_upper"`
			Hazard   *float64 `ch:"cumulative_hazard"`
		}
		if err := db.Select(t.Context(), &days, `
SELECT spell_day, at_risk, incidence, incidence_std_error, incidence_lower, incidence_upper, cumulative_hazard
FROM opt_out_by_time WHERE business_id = '`+c.business+`' AND dimension = 'all' AND cause = 'any' ORDER BY spell_day`); err != nil {
			t.Fatal(err)
		}
		if len(days) != longest {
			t.Fatalf("%d days, want %d", len(days), longest)
		}
		for _, s := range curve.Steps {
			d := days[int(s.Time)-1]
			if want, ok := survival[s.Time]; !ok || math.Abs(s.Share-want) > 5e-7 || d.AtRisk != s.Risk {
				t.Errorf("day %d: %d at risk, survival %g; want %d, %g", d.Day, d.AtRisk, s.Share, s.Risk, want)
			}
			transform.CloseTo(t, "incidence", orNaN(d.Share), 1-s.Share, 1e-12)
			transform.CloseTo(t, "standard error", orNaN(d.StdError), s.StdError, 1e-12)
			transform.CloseTo(t, "lower", orNaN(d.Lower), 1-s.Upper, 1e-12)
			transform.CloseTo(t, "upper", orNaN(d.Upper), 1-s.Lower, 1e-12)
			transform.CloseTo(t, "cumulative hazard", orNaN(d.Hazard), s.CumulativeHazard, 1e-12)
		}
		for _, horizon := range []float64{30, 90} {
			want, stdError, _ := curve.RestrictedMean(horizon)
			var mean, se, lower, upper *float64
			if err := db.QueryRow(t.Context(), fmt.Sprintf(`
SELECT mean_days, mean_std_error, mean_lower, mean_upper FROM days_stayed WHERE business_id = '%s' AND dimension = 'all' AND horizon_days = %g`, c.business, horizon)).Scan(&mean, &se, &lower, &upper); err != nil {
				t.Fatal(err)
			}
			transform.CloseTo(t, "mean", orNaN(mean), want, 1e-10)
			transform.CloseTo(t, "its standard error", orNaN(se), stdError, 1e-10)
			if !(*lower < want && want < *upper && *upper < horizon && math.Abs((*upper-*lower)/(2*stats.Z*stdError)-1) < .02) {
				t.Errorf("mean %g of %g in %g to %g", want, horizon, *lower, *upper)
			}
		}
	}
}

// Causes compete; a number that does not exist is away until a sign of life, and its spell ends if none follows; first contact enters on its 7th day.
func spellEnds(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	const lived = 40
	start := moment(t, "2025-03-10T12:00:00")
	day := func(d float64) time.Time { return start.Add(time.Duration(d * 24 * float64(time.Hour))) }
	c.begin(day(-20))
	live := func(market string, life func(tell func(at float64, what string, set ...string))) {
		for range lived {
			contact := c.contact()
			life(func(at float64, what string, set ...string) {
				c.tell(day(at), what, contact, append([]string{"market", market}, set...)...)
				if what == "failed" || what == "delivered" { // of the message before
					c.events[len(c.events)-1]["message_id"] = id("m" + itoa(c.messages))
				}
			})
		}
	}
	type tell = func(at float64, what string, set ...string)
	live("leaves", func(tell tell) { tell(0, "opt_in"); tell(4, "opt_out", "reason", "keyword") })
	live("blocks", func(tell tell) { tell(0, "opt_in"); tell(4, "opt_out", "reason", "block") })
	gone := []string{"provider", "twilio", "error_code", "30005"}
	live("gone", func(tell tell) {
		tell(0, "opt_in")
		tell(2, "send", "channel", "sms", "provider", "twilio")
		tell(2.1, "failed", gone...)
		tell(5, "send", "channel", "sms", "provider", "twilio")
		tell(5.1, "failed", gone...)
	})
	live("revived", func(tell tell) {
		tell(0, "opt_in")
		tell(2, "send", "channel", "sms", "provider", "twilio")
		tell(2.1, "failed", gone...)
		tell(5, "send", "channel", "sms", "provider", "twilio")
		tell(5.1, "delivered")
	})
	live("other code", func(tell tell) {
		tell(0, "opt_in")
		tell(2, "send")
		tell(2.1, "failed", "error_code", "131026")
	})
	live("unasked", func(tell tell) { tell(0, "send"); tell(10, "opt_out") })
	c.end(day(31))
	return func(t *testing.T) {

		f := func(market, want string) {
			t.Helper()
			got := answer(t, db, `
SELECT cause, from_day AS f, maxIf(t.spell_day, t.outcomes > 0) AS day, sum(t.entered) AS entered, sum(t.censored) AS censored, sum(t.outcomes) AS outcomes,
       round(max(t.incidence), 3) AS incidence
FROM opt_out_by_time AS t WHERE business_id = '`+c.business+`' AND dimension = 'market' AND segment = '`+market+`' GROUP BY cause, f ORDER BY cause`)
			if got != "cause,f,day,entered,censored,outcomes,incidence\n"+want {
				t.Errorf("%s: got\n%s", market, got)
			}
		}
		f("leaves", "any,0,3,40,0,40,1\nopt_out,0,3,40,0,40,1\n")
		f("blocks", "any,0,3,40,0,40,1\nblock,0,3,40,0,40,1\nopt_out,0,0,40,0,0,\n")
		f("gone", "any,0,1,40,0,40,1\nopt_out,0,0,40,0,0,\nunreachable,0,1,40,0,40,1\n")
		f("revived", "any,0,0,40,40,0,\nopt_out,0,0,40,40,0,\n")
		f("other code", "any,0,0,40,40,0,\nopt_out,0,0,40,40,0,\n")
		f("unasked", "any,7,9,40,0,40,1\nopt_out,7,9,40,0,40,1\n")
		f("XX", "any,7,0,0,0,0,\n")
		// One fifth is gone on day 1. Of those of whom it is not known then that they come back, one third each leaves and blocks on day 3: two in 15 of all were away.
		var incidence [3]float64
		for i, cause := range []string{"block", "opt_out", "unreachable"} {
			var share *float64
			if err := db.QueryRow(t.Context(), `SELECT incidence FROM opt_out_by_time WHERE business_id = '`+c.business+`' AND dimension = 'all' AND spell_day = 6 AND cause = '`+cause+`'`).Scan(&share); err != nil {
				t.Fatal(err)
			}
			incidence[i] = *share
		}
		if want := [3]float64{4. / 15, 4. / 15, .2}; math.Abs(incidence[0]-want[0])+math.Abs(incidence[1]-want[1])+math.Abs(incidence[2]-want[2]) > 1e-12 {
			t.Errorf("of 200 with an opt-in, by cause: %v", incidence)
		}
	}
}
