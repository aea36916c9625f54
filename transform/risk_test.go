package transform_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

// Each part tells a business of its own, whose contacts are compared without looking ahead, and returns what is to be checked; one run computes all.
func TestRiskLooksBackOnly(t *testing.T) {
	db := warehousetest.New(t)
	var checks []func(t *testing.T)
	parts := []struct {
		name string
		tell func(t *testing.T, db *warehouse.DB, c *crowd) (check func(t *testing.T))
	}{
		{"an opt-in that comes late takes no days away", lateConsent},
		{"a contact is of its first channel and promise", firstChannel},
		{"more messages make nobody more engaged", promisesByLot},
		{"new contacts are not those who engage with nothing", welcomeSeries},
		{"what belongs to a message after the window is not left otherwise", leftAfterTheWindow}, // runs another window
	}
	for i, part := range parts {
		c := crowd{business: "b" + itoa(i)}
		checks = append(checks, part.tell(t, db, &c))
		insert(t, db, c.events)
	}
	runJob(t, db, transform.Risk, transform.Window{})
	for i, part := range parts {
		t.Run(part.name, checks[i])
	}
}

// since returns instants in days from the beginning of a world.
func since(t *testing.T, begins string) func(d float64) time.Time {
	start := moment(t, begins+"T00:00:00")
	return func(d float64) time.Time {
		return start.Add(time.Duration(d * 24 * float64(time.Hour))).Truncate(time.Second)
	}
}

// Sixty contacts, first sent something on day 10 and then every week. Half leave on day 30; of those still there on day 70, half confirm.
func lateConsent(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	day := since(t, "2025-01-01")
	c.begin(day(0))
	for i := range 60 {
		contact, leaves := c.contact(), i%2 == 0
		for d := 10.4; d < 90 && (!leaves || d < 30); d += 7 {
			c.tell(day(d), "send", contact)
		}
		switch {
		case leaves:
			c.tell(day(30.5), "opt_out", contact)
		case i%4 == 1:
			c.tell(day(70.5), "opt_in", contact)
		}
	}
	// And one who opts in before the week is over.
	early := c.contact()
	c.tell(day(10.4), "reply", early, "market", "ID")
	c.tell(day(12.5), "opt_in", early, "market", "ID")
	c.end(day(90))
	return func(t *testing.T) {
		got := answer(t, db, "SELECT market, sum(person_days), sum(opt_outs) FROM frequency_opt_out WHERE business_id = '"+c.business+"' AND market IN ('PH', 'ID') GROUP BY market ORDER BY market")
		want := fmt.Sprintf("market,sum(person_days),sum(opt_outs)\nID,%d,0\nPH,%d,30\n", 90-13, 30*(31-18)+30*(90-18))
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		if first := messageSteps(t, db, "business_id = '"+c.business+"' AND dimension = 'market' AND segment = 'PH'")[0]; first.AtRisk != 60 {
			t.Errorf("%d contacts at risk of the first message, want 60", first.AtRisk)
		}
		if n := count(t, db, "SELECT toUInt64(max(spell_day)) FROM opt_out_by_time WHERE business_id = '"+c.business+"' AND dimension = 'market' AND segment = 'PH'"); n != 89-11 {
			t.Errorf("the curve ends on day %d after first contact, want 78", n)
		}
	}
}

// Forty contacts are sent something every two weeks, and leave within hours of it: each opt-out belongs to a message. Ten leave without any, after eight days of silence.
func leftAfterTheWindow(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	day := since(t, "2025-01-01")
	c.begin(day(0))
	for i := range 50 {
		contact := c.contact()
		c.tell(day(9.5), "opt_in", contact)
		switch {
		case i < 10: // in the window, by a message of its last day, and by one sent after it
			c.tell(day(10.4), "send", contact)
			c.tell(day(10.5), "opt_out", contact)
		case i < 20:
			c.tell(day(10.4), "send", contact)
			c.tell(day(23.9), "send", contact)
			c.tell(day(24.1), "opt_out", contact)
		case i < 40:
			c.tell(day(10.4), "send", contact)
			c.tell(day(24.4), "send", contact)
			c.tell(day(24.5), "opt_out", contact)
		default:
			c.tell(day(10.4), "send", contact)
			c.tell(day(18.4), "opt_out", contact)
		}
	}
	c.end(day(60))
	return func(t *testing.T) {
		f := func(where string, want ...string) {
			t.Helper()
			var got []string
			for _, s := range messageSteps(t, db, "business_id = '"+c.business+"' AND dimension = 'all' AND "+where) {
				got = append(got, fmt.Sprintf("%d of %d, otherwise %d, censored %d", s.OptOuts, s.AtRisk, s.LeftOtherwise, s.Censored))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v, want %v", got, want)
			}
		}
		f("window_to > '2025-02-01'", "10 of 50, otherwise 10, censored 0", "30 of 30, otherwise 0, censored 0")
		runJob(t, db, transform.OptOutByMessage, transform.Window{From: day(0), To: day(24)})
		f("window_to = '2025-01-25'", "10 of 50, otherwise 10, censored 20")
	}
}

// Forty contacts are promised weekly messages on WhatsApp, of whom ten leave before the others are sent one by SMS and promised daily ones; and thirty who opt in by SMS,
// where nothing is ever sent to them.
func firstChannel(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	day := since(t, "2025-01-01")
	c.begin(day(0))
	for i := range 40 {
		contact := c.contact()
		c.tell(day(10.3), "opt_in", contact, "promised_frequency", "weekly")
		c.tell(day(10.4), "send", contact)
		if i < 10 {
			c.tell(day(20.5), "opt_out", contact)
			continue
		}
		c.tell(day(30.3), "opt_in", contact, "promised_frequency", "daily")
		c.tell(day(30.4), "send", contact, "channel", "sms")
	}
	for range 30 {
		contact := c.contact()
		c.tell(day(10.2), "opt_in", contact, "channel", "sms")
		c.tell(day(10.4), "send", contact)
	}
	c.end(day(40))
	return func(t *testing.T) {
		f := func(sql, want string) {
			t.Helper()
			got := answer(t, db, fmt.Sprintf(sql, "business_id = '"+c.business+"' AND dimension IN ('channel', 'promised_frequency') AND segment != 'whatsapp' AND segment != 'weekly'"))
			if got != "dimension,segment,n\n"+want {
				t.Errorf("%s: got\n%s", sql, got)
			}
		}
		// c0, who begins the data, has no promise either.
		f("SELECT dimension, segment, sum(person_days) AS n FROM frequency_dose WHERE %s AND outcome = 'opt_out' GROUP BY ALL ORDER BY ALL",
			"channel,sms,870\npromised_frequency,,903\npromised_frequency,daily,270\n")
		f("SELECT dimension, segment, max(at_risk) AS n FROM opt_out_by_message WHERE %s GROUP BY ALL ORDER BY ALL", "channel,sms,30\npromised_frequency,,30\n")
		f("SELECT dimension, segment, max(contacts) AS n FROM frequency_distribution WHERE %s AND measure = '7_days' GROUP BY ALL ORDER BY ALL",
			"channel,sms,30\npromised_frequency,,31\n")
		f("SELECT dimension, segment, max(units) AS n FROM frequency_curves WHERE %s AND unit = 'person_day' GROUP BY ALL ORDER BY ALL",
			"channel,sms,870\npromised_frequency,,903\n")
		if got := answer(t, db, "SELECT channel, promised_frequency, count() FROM contact_doses WHERE business_id = '"+c.business+"' GROUP BY ALL ORDER BY ALL"); got != "channel,promised_frequency,count()\nsms,,30\nwhatsapp,,1\nwhatsapp,weekly,40\n" {
			t.Errorf("contacts:\n%s", got)
		}
	}
}

// Promises drawn by lot, a message a day or every third, and people who leave the sooner the less they open, whatever they are sent: standardising must not make harm of it.
func promisesByLot(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	const last = 90
	day, r := since(t, "2025-01-01"), rand.New(rand.NewPCG(9, 9))
	c.begin(day(0))
	for i := range 900 {
		contact, step, shift := c.contact(), 1+i%2*2, i/2%3
		z := r.NormFloat64()
		opens, leaves := 1/(1+math.Exp(1.2-1.5*z)), .006*math.Exp(-z)
		c.tell(day(8), "opt_in", contact)
		for d := 9; d < last; d++ {
			if (d+shift)%step == 0 {
				c.tell(day(float64(d)+.4), "send", contact)
				if r.Float64() < opens {
					c.tellOf(day(float64(d)+.42), "open", contact)
				}
			}
			if r.Float64() < leaves {
				c.tell(day(float64(d)+.6), "opt_out", contact)
				break
			}
		}
	}
	c.end(day(last))
	return func(t *testing.T) { noEffect(t, db, c.business) }
}

// New contacts get a message on five days of the week for three weeks, and often leave in these; later they get one a week or five, by lot, which makes nobody leave.
func welcomeSeries(t *testing.T, db *warehouse.DB, c *crowd) func(t *testing.T) {
	const last = 120
	day, r := since(t, "2025-01-01"), rand.New(rand.NewPCG(5, 5))
	c.begin(day(0))
	for i := range 900 {
		contact, first, most := c.contact(), 8+i%10, 5
		if i >= 300 {
			first = 20 + i%60
		}
		c.tell(day(float64(first)-.5), "opt_in", contact)
		for d := first; d < last; d++ {
			at, leaves := d-first, .02
			if at >= 21 {
				leaves = .004
			}
			if at%7 == 0 && at >= 21 {
				most = 1 + 4*r.IntN(2)
			}
			if at%7 < most {
				c.tell(day(float64(d)+.4), "send", contact)
			}
			if r.Float64() < leaves {
				c.tell(day(float64(d)+.6), "opt_out", contact)
				break
			}
		}
	}
	c.end(day(last))
	return func(t *testing.T) { noEffect(t, db, c.business) }
}

// noEffect holds the standardised risk ratio of opting out, after 4 and more messages against after 1 to 3, to be 1.
func noEffect(t *testing.T, db *warehouse.DB, business string) {
	t.Helper()
	var ratio, lower, upper *float64
	if err := db.QueryRow(t.Context(), `SELECT estimate, lower, upper FROM frequency_curves WHERE business_id = '`+business+`' AND dimension = 'all'
AND unit = 'person_day' AND outcome = 'opt_out' AND identification = 'standardised' AND measure = 'risk_ratio'`).Scan(&ratio, &lower, &upper); err != nil {
		t.Fatal(err)
	}
	if t.Logf("risk ratio %.3f [%.3f, %.3f]", orNaN(ratio), orNaN(lower), orNaN(upper)); !(orNaN(lower) < 1 && 1 < orNaN(upper) && *upper < 2) {
		t.Errorf("risk ratio %.3f [%.3f, %.3f], want 1", orNaN(ratio), orNaN(lower), orNaN(upper))
	}
}

// tellOf tells something of the message just sent.
func (c *crowd) tellOf(at time.Time, what, contact string) {
	message := c.events[len(c.events)-1]["message_id"]
	c.tell(at, what, contact)
	c.events[len(c.events)-1]["message_id"], c.events[len(c.events)-1]["event_id"] = message, noID
}

// What a named window says is what a run over all days says of its days: prior engagement looks back 35 days.
func TestPriorEngagementOfANamedWindow(t *testing.T) {
	db := warehousetest.New(t)
	r := rand.New(rand.NewPCG(3, 1))
	day, c := since(t, "2025-01-01"), crowd{business: "shop"}
	c.begin(day(0))
	for range 40 {
		contact := c.contact()
		c.tell(day(3.5), "opt_in", contact)
		for d := 4.2; d < 80; d += 1 + 4*r.Float64() {
			c.tell(day(d), "send", contact)
			if r.IntN(2) == 0 {
				c.tellOf(day(d+8*r.Float64()), "open", contact)
			}
		}
	}
	c.end(day(90))
	insert(t, db, c.events)
	named := transform.Window{From: day(60), To: day(70)}
	hash := func() string {
		return answer(t, db, "SELECT count(), uniqExact(prior_engaged), sum(cityHash64(tuple(* EXCEPT (next_dose)))) FROM person_days WHERE day >= '2025-03-02' AND day < '2025-03-12'")
	}
	runCore(t, db, named)
	got := hash()
	runCore(t, db, transform.Window{})
	if want := hash(); got != want {
		t.Errorf("of a named window\n%sof all days\n%s", got, want)
	}
	// Plain SQL: of the messages of the 28 days before the dose's week, those engaged with in these days.
	if wrong := answer(t, db, `
WITH by_day AS
(
    SELECT d.contact_id AS contact_id, d.day AS day, any(d.prior_engaged) AS told,
        countIf(toDate(m.sent_at) BETWEEN d.day - 35 AND d.day - 8) AS n,
        countIf(toDate(m.sent_at) BETWEEN d.day - 35 AND d.day - 8 AND m.opened_at <= m.sent_at + INTERVAL 7 DAY AND toDate(m.opened_at) < d.day - 7) AS y
    FROM person_days AS d
    INNER JOIN messages AS m ON m.contact_id = d.contact_id
    GROUP BY contact_id, day
)
SELECT countIf(told IS NOT NULL) > 1000 AS enough, uniqExact(told) > 20 AS unlike, countIf(told IS NULL AND day >= '2025-02-10') AS unknown, countIf(abs(told - y / n) > 1e-6 OR told IS NOT NULL AND day < '2025-02-08') AS wrong
FROM by_day WHERE contact_id != '`+contactID("c0")+`'`); wrong != "enough,unlike,unknown,wrong\n1,1,0,0\n" {
		t.Error(wrong)
	}
}
