package transform_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

const exampleRates = "../docs/rates-example.csv"

// The models must find what an implementation of the same definitions in plain Go finds, row by row.
func TestConsentAgreesWithTheReference(t *testing.T) {
	world := simulate.NewConsent(simulate.ConsentOptions{Seed: 3, Contacts: 400, Days: 60})
	card, err := os.ReadFile(exampleRates)
	if err != nil {
		t.Fatal(err)
	}
	rates, err := simulate.ReadRates(bytes.NewReader(card))
	if err != nil {
		t.Fatal(err)
	}
	want := simulate.MeasureConsent(world.Lines(), rates)
	db := consentWorld(t, world, string(card))
	result := runJob(t, db, "consent", transform.Window{})
	if !result.Cutoff.Equal(want.Cutoff) {
		t.Errorf("cutoff %v, want %v", result.Cutoff, want.Cutoff)
	}
	rows := func(what, sql string, want []string) {
		t.Helper()
		var got []struct {
			Row string `ch:"row"`
		}
		if err := db.Select(t.Context(), &got, sql); err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, g := range got {
			found = append(found, g.Row)
		}
		sameRows(t, what, found, want)
	}
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }
	number := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	var spells, periods, sends, costs, windows []string
	for _, s := range want.Spells {
		spells = append(spells, fmt.Sprint(s.Channel, "|", s.Topic, "|", s.Promise, "|", s.Source, "|", s.Market, "|", s.Zone, "|", number(s.ZoneTold), "|", s.Begun, "|", at(s.From), "|", at(s.To), "|", s.Ended, "|", s.Renewals))
	}
	rows("spells", `SELECT concat(channel, '|', topic, '|', promised_frequency, '|', source, '|', market, '|', zone, '|', toString(zone_told), '|', begun, '|',
		toString(from_at), '|', toString(to_at), '|', ended, '|', toString(renewals)) AS row FROM consents`, spells)
	for _, p := range want.Periods {
		zone, err := time.LoadLocation(p.Zone)
		if err != nil {
			t.Fatal(err)
		}
		first, err := time.ParseInLocation(time.DateOnly, p.FirstDay, zone)
		if err != nil {
			t.Fatal(err)
		}
		if first.Before(result.Window.From) { // of the window before
			continue
		}
		periods = append(periods, fmt.Sprint(p.Channel, "|", p.Topic, "|", p.Promise, "|", p.Zone, "|", p.FirstDay, "|", p.Messages, "|", p.State))
	}
	rows("periods", `SELECT concat(channel, '|', topic, '|', promised_frequency, '|', zone, '|', toString(period_from), '|', toString(messages), '|', state) AS row FROM promise_periods`, periods)
	for _, m := range want.Sends {
		id := fmt.Sprint(m.Channel, "|", m.Account, "|", at(m.Sent))
		sends = append(sends, fmt.Sprint(id, "|", fmt.Sprintf("%d%d%d", number(m.Failed), number(m.Proactive), number(m.Marketing)), "|", m.Topic, "|", m.State, "|", m.CoveredBy, "|", m.Breach, "|", m.Way))
		costs = append(costs, fmt.Sprintf("%s|%s|%s|%d|%s|%d|%d.%09d|%s", m.Channel, at(m.Sent), m.Unit, number(m.Charged), m.Why, number(m.HasPrice), m.Amount/1e9, m.Amount%1e9, m.Currency))
	}
	rows("sends", `SELECT concat(channel, '|', account_id, '|', toString(sent_at), '|', toString(failed), toString(proactive), toString(marketing), '|', topic, '|', state, '|',
		covered_by, '|', breach, '|', way) AS row FROM send_windows`, sends)
	rows("costs", `SELECT concat(channel, '|', toString(sent_at), '|', unit, '|', toString(charged), '|', why, '|', toString(has_price), '|', toDecimalString(amount, 9), '|', currency) AS row
		FROM message_costs`, costs)
	counts := map[string]int{}
	for _, w := range want.Windows {
		windows = append(windows, w.Account)
		counts[w.Account+" opened"]++
		counts[w.Account+" over"] += number(w.Over)
		counts[w.Account+" unanswered"] += number(w.Over && !w.Answered)
	}
	slices.Sort(windows)
	var counted []string
	for _, account := range slices.Compact(windows) {
		counted = append(counted, fmt.Sprint(account, "|", counts[account+" opened"], "|", counts[account+" over"], "|", counts[account+" unanswered"]))
	}
	rows("service windows", `SELECT concat(segment, '|', toString(opened), '|', toString(windows), '|', toString(unanswered)) AS row FROM service_windows WHERE dimension = 'account'`, counted)
	var spend []string
	for _, s := range want.Spend() {
		spend = append(spend, s.Currency+"|"+s.Amount)
	}
	rows("spend", `SELECT concat(currency, '|', toDecimalString(amount, 9)) AS row FROM spend WHERE dimension = 'all' AND month = '1970-01-01' AND currency != ''`, spend)
	asked, answered := 0, 0
	for _, a := range want.Asks {
		if !a.At.After(want.Cutoff.Add(-7 * 24 * time.Hour)) {
			asked, answered = asked+1, answered+number(a.Answered)
		}
	}
	rows("requests", `SELECT concat(toString(asked), '|', toString(answered)) AS row FROM opt_in_funnel WHERE dimension = 'all'`, []string{fmt.Sprint(asked, "|", answered)})
	// Each table has figures, and none that is no number.
	for _, table := range []string{"promise_kept", "breach_rates", "send_window_shares", "window_refusals", "service_windows", "delivery_funnel", "delivery_failures", "opt_in_funnel"} {
		var shown, odd uint64
		if err := db.QueryRow(t.Context(), "SELECT countIf(suppressed = 0 AND rate BETWEEN lower AND upper), countIf(NOT isFinite(rate) OR NOT isFinite(lower) OR NOT isFinite(upper)) FROM "+table).Scan(&shown, &odd); err != nil {
			t.Fatal(err)
		}
		if shown == 0 || odd > 0 {
			t.Errorf("%s: %d rows with figures, %d with odd ones", table, shown, odd)
		}
	}
	var perReply uint64
	if err := db.QueryRow(t.Context(), "SELECT countIf(per_reply BETWEEN per_reply_lower AND per_reply_upper AND abs(per_reply - toFloat64(matured_amount) / replied) < 1e-12) FROM spend WHERE dimension = 'channel'").Scan(&perReply); err != nil || perReply == 0 {
		t.Errorf("spend per reply: %d rows with figures, %v", perReply, err)
	}
}

// consentWorld is a warehouse with a world's lines, as drumbeat import would load them, and a rate card.
func consentWorld(t testing.TB, world *simulate.ConsentWorld, card string) *warehouse.DB {
	t.Helper()
	db := warehousetest.New(t)
	importConsents(t, db, "shop", world)
	prices, err := transform.ReadRateCard(strings.NewReader(card))
	if err == nil {
		_, err = transform.LoadRateCard(t.Context(), db, prices)
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func importConsents(t testing.TB, db *warehouse.DB, business string, world *simulate.ConsentWorld) {
	t.Helper()
	var text bytes.Buffer
	w := canonical.NewWriter(&text)
	for line := range world.Lines() {
		if err := w.Write(&line); err != nil {
			t.Fatal(err)
		}
	}
	pseudonym, err := ingest.NewPseudonymizer(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	result, err := ingest.Import(t.Context(), "world", &text, ingest.ImportOptions{BusinessID: business, Lines: canonical.NewDecoder(), Pseudonym: pseudonym, To: db, Refused: warehouse.RowsRefused})
	if err != nil || result.Rejected > 0 {
		t.Fatalf("import: %+v, %v", result, err)
	}
}

// Over several worlds the intervals of how many consents have ended by a day hold the share of a world of many more contacts,
// for each promise; so do those of how often promised periods are exceeded.
func TestConsentIntervalsHoldTheTruth(t *testing.T) {
	t.Parallel()
	options := simulate.ConsentOptions{Seed: 100, Contacts: 8000, Days: 60}
	many := simulate.MeasureConsent(simulate.NewConsent(options).Lines(), nil)
	const lastDay = 28
	ended := map[string][lastDay + 1]float64{} // share by promise and day
	for _, promise := range []string{"daily", "weekly", "monthly"} {
		var begun, over, ends [lastDay + 2]float64 // spells that last to the day, end on it, end on it by a cause
		for _, s := range many.Spells {
			if s.Promise != promise {
				continue
			}
			day := int(s.To.Sub(s.From) / (24 * time.Hour))
			begun[0]++
			if day > lastDay {
				continue
			}
			over[day]++
			if slices.Contains([]string{"stopped", "blocked", "expired", "used"}, s.Ended) {
				ends[day]++
			}
		}
		stay := 1.0
		var shares [lastDay + 1]float64
		for day := range shares {
			stay *= 1 - ends[day]/begun[day]
			shares[day] = 1 - stay
			begun[day+1] = begun[day] - over[day]
		}
		ended[promise] = shares
	}
	exceeded, periods := map[string]float64{}, map[string]float64{}
	for _, p := range many.Periods {
		if p.State != "partial" {
			periods[p.Promise]++
		}
		if p.State == "exceeded" {
			exceeded[p.Promise]++
		}
	}

	db := warehousetest.New(t)
	worlds := 8
	if n, err := strconv.Atoi(os.Getenv("DRUMBEAT_SOAK")); err == nil {
		worlds = min(max(8, n), 40)
	}
	for i := range worlds {
		options.Seed, options.Contacts = uint64(i+1), 300
		importConsents(t, db, fmt.Sprint("shop ", i+1), simulate.NewConsent(options))
	}
	runJob(t, db, "consent", transform.Window{})
	type interval struct {
		Business string  `ch:"business_id"`
		Promise  string  `ch:"segment"`
		Day      uint16  `ch:"day"`
		Lower    float64 `ch:"lower"`
		Upper    float64 `ch:"upper"`
	}
	held := func(what, sql string, want func(interval) float64) {
		t.Helper()
		var rows []interval
		if err := db.Select(t.Context(), &rows, sql); err != nil {
			t.Fatal(err)
		}
		holds := 0
		for _, r := range rows {
			if x := want(r); r.Lower <= x && x <= r.Upper {
				holds++
			} else {
				t.Logf("%s: %+v, in truth %v", what, r, x)
			}
		}
		t.Logf("%s: %d of %d intervals hold the truth", what, holds, len(rows))
		if len(rows) < worlds || float64(holds) < .88*float64(len(rows)) {
			t.Errorf("%s: %d of %d intervals hold the truth", what, holds, len(rows))
		}
	}
	held("consents that ended", `SELECT toString(business_id) AS business_id, segment, spell_day AS day, assumeNotNull(incidence_lower) AS lower, assumeNotNull(incidence_upper) AS upper
FROM consent_survival WHERE dimension = 'promised_frequency' AND segment IN ('daily', 'weekly', 'monthly') AND cause = 'any' AND spell_day IN (7, 28) AND from_day = 0 AND incidence_lower IS NOT NULL ORDER BY ALL`,
		func(r interval) float64 { return ended[r.Promise][r.Day] })
	held("periods exceeded", `SELECT toString(business_id) AS business_id, segment, toUInt16(0) AS day, lower, upper
FROM promise_kept WHERE dimension = 'promised_frequency' AND segment IN ('daily', 'weekly', 'monthly') AND state = 'exceeded' AND suppressed = 0 ORDER BY ALL`,
		func(r interval) float64 { return exceeded[r.Promise] / periods[r.Promise] })
}

// sameRows reports rows that one side has more often than the other.
func sameRows(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("%s: the world is too small", what)
	}
	balance := map[string]int{}
	for _, row := range got {
		balance[row]++
	}
	for _, row := range want {
		balance[row]--
	}
	var wrong []string
	for row, n := range balance {
		if n != 0 {
			wrong = append(wrong, fmt.Sprintf("%+d  %s", n, row))
		}
	}
	if len(wrong) == 0 {
		t.Logf("%s: %d rows alike", what, len(want))
		return
	}
	slices.SortFunc(wrong, func(a, b string) int { return strings.Compare(a[3:], b[3:]) })
	t.Errorf("%s: %d rows, want %d; of %d differing (+ ours, - the reference's):\n%s", what, len(got), len(want), len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
}
