package transform_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse/warehousetest"
)

// Randomised tests of a known truth: contacts are assigned at random to a number of weekly messages.
var (
	tested = simulate.Options{Contacts: 500, Days: 36, Clicks: true, Arms: []simulate.Arm{{Name: "a_one", Weekly: 1}, {Name: "b_seven", Weekly: 7}}}
	// broken: the last arm loses a third of its contacts, of about 340; at p < .001 that is missed about once in ten times.
	broken = simulate.Options{Contacts: 750, Days: 24, Mismatch: true, Arms: []simulate.Arm{{Name: "a_one", Weekly: 1}, {Name: "b_two", Weekly: 2}}}
)

// armTruth is what is to be expected of a day in an arm, from very many contacts.
type armTruth struct {
	days    map[string]float64 // with the outcome, per day as assigned
	counted float64            // opt-outs per day as assigned
	leaving float64            // opt-outs per day at risk
	opened  float64            // messages opened per day as assigned
}

func (a armTruth) utility() float64 { return a.opened - 10*a.counted }

// trueArm is the arm with a world of its own: being in a test changes nothing about a contact. The days of a world end with its sends.
func trueArm(o simulate.Options, arm simulate.Arm) (truth armTruth) {
	o.Seed, o.Contacts, o.Arms = 1_000_000, 3000, []simulate.Arm{arm}
	if worlds() > 20 {
		o.Contacts = 30_000
	}
	world := simulate.New(o)
	end := world.Options.Start.Add(time.Duration(o.Days) * 24 * time.Hour)
	panel, steady := world.Panel(), world.Steady()
	// Of messages the last days count only as far as they are old enough.
	var told time.Time
	for _, m := range panel.Messages {
		if day := m.Sent.Truncate(24 * time.Hour); day.After(told) {
			told = day
		}
	}
	var assigned, measured, risk, opened, clicked, left float64
	first := map[int]time.Time{}
	for _, d := range panel.Days {
		if !d.Day.Before(end) {
			continue
		}
		if _, known := first[d.Contact]; !known {
			first[d.Contact] = d.Day
			assigned += end.Sub(d.Day).Hours() / 24
			measured += max(0, told.Sub(d.Day).Hours()/24)
		}
		risk++
		opened += d.Expected.Opened
		clicked += d.Expected.Clicked
		left += steady[min(d.Dose, len(steady)-1)].OptOut
	}
	var openedMessages float64
	for _, m := range panel.Messages {
		if from, known := first[m.Contact]; known && !m.Sent.Before(from) && m.Sent.Before(told) {
			openedMessages += m.Expected.Opened
		}
	}
	return armTruth{
		days:    map[string]float64{"open": opened / assigned, "click": clicked / assigned, "opt_out": left / assigned},
		counted: left / assigned, leaving: left / risk, opened: openedMessages / measured,
	}
}

func TestKnownArms(t *testing.T) {
	t.Parallel()
	truth := map[string]armTruth{}
	for _, arm := range tested.Arms {
		truth[arm.Name] = trueArm(tested, arm)
	}
	one, seven := truth["a_one"], truth["b_seven"]
	differences, counts := map[string]*outOf{"open": {}, "click": {}, "opt_out": {}}, map[string]*mean{"open": {}, "click": {}, "opt_out": {}}
	rates := map[string]*outOf{"messages opened": {}, "opt-outs of those at risk": {}, "utility": {}}
	var quoted, blocked, silent outOf

	const atOnce = 20
	for first := 1; first <= worlds(); first += atOnce {
		db := warehousetest.New(t)
		live(t, db, "tested", tested, first, atOnce)
		live(t, db, "broken", broken, first, atOnce)
		if _, err := transform.Run(t.Context(), db, transform.Arms, transform.Window{}); err != nil {
			t.Fatal(err)
		}
		for _, r := range ask[armRow](t, db, "tested", armRows) {
			counts[r.Outcome].add(r.Counted) // also where it is suppressed: those that are not have more opt-outs in the first arm than others
			if r.Difference == nil {
				continue
			}
			caused := seven.days[r.Outcome] - one.days[r.Outcome]
			differences[r.Outcome].add(*r.Lower <= caused && caused <= *r.Upper)
		}
		for _, r := range ask[armRow](t, db, "broken", armRows) {
			blocked.add(r.Identification == "blocked" && r.Difference == nil)
		}
		for _, r := range ask[armAdvice](t, db, "tested", armAdvices) {
			a := truth[r.Arm]
			inside := func(what string, lower, upper *float64, of float64) {
				if lower != nil && upper != nil {
					rates[what].add(*lower <= of && of <= *upper)
				}
			}
			inside("messages opened", r.EngagementLower, r.EngagementUpper, a.opened)
			inside("opt-outs of those at risk", r.OptOutLower, r.OptOutUpper, a.leaving)
			inside("utility", r.Lower, r.Upper, a.utility())
			quoted.add(r.Headline == 1)
		}
		for _, r := range ask[armAdvice](t, db, "broken", armAdvices) {
			silent.add(r.Headline == 0 && r.Advice == "no recommendation" && strings.Contains(r.Why, "sizes"))
		}
	}
	for outcome, c := range differences {
		c.covers(t, "difference of arms, "+outcome, .025, 1)
		caused := seven.days[outcome] - one.days[outcome]
		// The arm of opt-outs begins when it is known, of which the truth knows nothing; so a little more than chance is allowed.
		if m := counts[outcome]; math.Abs(m.value()-caused) > 3*m.stdError()+.03*math.Abs(caused) {
			t.Errorf("difference of arms, %s: %.5f on average, standard error %.5f, want %.5f", outcome, m.value(), m.stdError(), caused)
		}
	}
	for what, c := range rates {
		c.covers(t, "arms, "+what, .03, len(tested.Arms))
	}
	quoted.most(t, "a test is what is quoted", .95)
	least := .9 - 3*math.Sqrt(.9*.1/float64(worlds()))
	blocked.most(t, "a broken test gives no difference", least)
	silent.most(t, "a broken test recommends nothing and is not quoted", least)
}

// mean gathers numbers of independent worlds.
type mean struct{ n, sum, squares float64 }

func (m *mean) add(x float64) {
	m.n++
	m.sum += x
	m.squares += x * x
}

func (m *mean) value() float64 { return m.sum / m.n }

func (m *mean) stdError() float64 {
	return math.Sqrt((m.squares - m.sum*m.sum/m.n) / (m.n - 1) / m.n)
}

// armRow is the difference of a world's arms.
type armRow struct {
	Outcome        string   `ch:"outcome"`
	Identification string   `ch:"identified"`
	Counted        float64  `ch:"counted"`
	Difference     *float64 `ch:"found"`
	Lower          *float64 `ch:"lower"`
	Upper          *float64 `ch:"upper"`
}

const armRows = `
SELECT
    outcome, any(identification) AS identified, sum(if(arm LIKE 'b%', 1, -1) * outcomes / person_days) AS counted,
    any(difference) AS found, any(difference_lower) AS lower, any(difference_upper) AS upper
FROM frequency_arms
WHERE startsWith(business_id, {kind:String}) AND outcome IN ('open', 'click', 'opt_out')
GROUP BY business_id, outcome
ORDER BY business_id, outcome`

// armAdvice is an arm of a world as frequency_recommendation has it.
type armAdvice struct {
	Arm             string   `ch:"arm"`
	Headline        uint8    `ch:"headline"`
	EngagementLower *float64 `ch:"engagement_lower"`
	EngagementUpper *float64 `ch:"engagement_upper"`
	OptOutLower     *float64 `ch:"opt_out_lower"`
	OptOutUpper     *float64 `ch:"opt_out_upper"`
	Lower           *float64 `ch:"utility_lower"`
	Upper           *float64 `ch:"utility_upper"`
	Advice          string   `ch:"advice"`
	Why             string   `ch:"why"`
}

const armAdvices = `
SELECT arm, headline, engagement_lower, engagement_upper, opt_out_lower, opt_out_upper, utility_lower, utility_upper, advice, why
FROM frequency_recommendation
WHERE startsWith(business_id, {kind:String}) AND dimension = 'all' AND identification = 'randomised'
ORDER BY business_id, arm`
