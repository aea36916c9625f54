package transform_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// tally collects units and outcomes of contacts in cells.
type tally map[string]map[string][2]uint64

func (t tally) add(contact string, n, y bool, cell ...any) {
	if !n {
		return
	}
	key := strings.TrimSuffix(fmt.Sprintln(cell...), "\n")
	if t[key] == nil {
		t[key] = map[string][2]uint64{}
	}
	own := t[key][contact]
	own[0]++
	if y {
		own[1]++
	}
	t[key][contact] = own
}

// lines are "cell: contacts units outcomes sum_nn sum_yy sum_ny".
func (t tally) lines() (all []string) {
	for key, contacts := range t {
		var s [6]uint64
		for _, c := range contacts {
			for i, x := range []uint64{1, c[0], c[1], c[0] * c[0], c[1] * c[1], c[0] * c[1]} {
				s[i] += x
			}
		}
		all = append(all, fmt.Sprintln(key, s))
	}
	slices.Sort(all)
	return all
}

// cellLines reads the same from a relation; the cell is an expression for an array of texts.
func cellLines(t *testing.T, db *warehouse.DB, relation, cell, units, outcomes string) (all []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), fmt.Sprintf(`SELECT arrayStringConcat(arrayMap(x -> toString(x), [%s]), ' '), [contacts, %s, %s, sum_nn, sum_yy, sum_ny] FROM %s`,
		cell, units, outcomes, relation))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		var s []uint64
		if err := rows.Scan(&key, &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintln(key, s))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func same(t *testing.T, what string, got, want []string, least int) {
	t.Helper()
	if len(want) < least {
		t.Errorf("%s: only %d cells to compare", what, len(want))
	}
	wrong := 0
	for _, line := range want {
		if _, found := slices.BinarySearch(got, line); !found {
			wrong++
			if wrong < 5 {
				t.Errorf("%s: there is no %s", what, line)
			}
		}
	}
	if wrong > 0 || len(got) != len(want) {
		t.Errorf("%s: %d cells, %d of %d wanted are missing", what, len(got), wrong, len(want))
	}
}

type sentMessage struct {
	Contact  string     `ch:"contact"`
	ID       uint64     `ch:"message_id"`
	Account  string     `ch:"account_id"`
	Channel  string     `ch:"channel"`
	Market   string     `ch:"market"`
	Zone     string     `ch:"zone"`
	Category string     `ch:"category"`
	Topic    string     `ch:"scope"`
	Campaign string     `ch:"campaign_id"`
	Promise  string     `ch:"promised_frequency"`
	Exposure *uint16    `ch:"exposure"`
	Sent     time.Time  `ch:"sent_at"`
	Told     *time.Time `ch:"delivered_at"`
	Opened   *time.Time `ch:"opened_at"`
	Replied  *time.Time `ch:"replied_at"`
	Left     *time.Time `ch:"opted_out_at"`
}

// Gaps, positions and hours must be what plain Go finds in the same messages, with its own time zones, in each segment of each dimension. There are contacts
// with one and with several categories, topics, campaigns and promises, and more campaigns than have rows of their own.
func TestRatesAgreeWithPlainGo(t *testing.T) {
	db := warehousetest.New(t)
	var events []event
	zones := []string{"", "", "America/New_York", "Asia/Tokyo"}
	promised := map[string][]event{} // opt-ins in their order, by contact
	for l := range simulate.New(simulate.Options{Seed: 11, Contacts: 300, Days: 45}).Lines() {
		e := fromLine(l)
		e["zone"] = zones[hashed(l.Address)%uint64(len(zones))]
		if l.EventType == "send" {
			contact, message := hashed(l.Address), hashed(l.MessageID)
			e["campaign_id"] = fmt.Sprint("campaign ", uint64(math.Sqrt(float64(message%3600))))
			if contact%3 == 0 {
				e["campaign_id"] = fmt.Sprint("campaign ", contact%70)
			}
			if contact%2 == 0 {
				e["category"], e["scope"] = []string{"marketing", "utility", "service"}[message%3], []string{"news", "deals", ""}[message/3%3]
			}
			if contact%5 == 0 && message%2 == 0 {
				e["promised_frequency"] = "monthly"
			}
		}
		if l.EventType == "opt_in" {
			e["promised_frequency"] = []string{"daily", "weekly", ""}[hashed(l.EventID)%3]
		}
		events = append(events, e)
		if l.EventType == "opt_in" {
			promised[e["contact_id"].(string)] = append(promised[e["contact_id"].(string)], e)
			if l.EventTime.Day()%2 == 0 { // another promise later
				again := maps.Clone(e)
				again["event_time"], again["event_id"], again["promised_frequency"] = l.EventTime.Add(9*24*time.Hour), hashed(l.EventID+" again"), "hourly"
				events = append(events, again)
				promised[e["contact_id"].(string)] = append(promised[e["contact_id"].(string)], again)
			}
		}
	}
	insert(t, db, events)
	result := run(t, db, transform.Window{})

	var messages []sentMessage
	if err := db.Select(t.Context(), &messages, `
SELECT toString(contact_id) AS contact, message_id, account_id, channel, market, zone, category, scope, campaign_id, promised_frequency, exposure, sent_at, delivered_at, opened_at, replied_at, opted_out_at
FROM messages WHERE purpose = 'proactive' AND failed_at IS NULL`); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(messages, func(a, b sentMessage) int {
		return cmp.Or(cmp.Compare(a.Contact, b.Contact), a.Sent.Compare(b.Sent), cmp.Compare(a.ID, b.ID))
	})
	var accounts []struct {
		Account string    `ch:"account_id"`
		From    time.Time `ch:"data_from"`
		Opens   bool      `ch:"opens"`
		Replies bool      `ch:"replies"`
		Leaves  bool      `ch:"leaves"`
	}
	if err := db.Select(t.Context(), &accounts, `
SELECT c.account_id AS account_id, c.data_from AS data_from, count(m.opened_at) > 0 AS opens, count(m.replied_at) > 0 AS replies, count(m.opted_out_at) > 0 AS leaves
FROM coverage AS c INNER JOIN messages AS m ON m.account_id = c.account_id GROUP BY account_id, data_from`); err != nil {
		t.Fatal(err)
	}
	byAccount := map[string]int{}
	for i, a := range accounts {
		byAccount[a.Account] = i
	}
	mainZone := map[string]string{}
	text, err := os.ReadFile("zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if market, zone, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			mainZone[market] = zone
		}
	}
	local := func(m sentMessage) time.Time {
		location, err := time.LoadLocation(cmp.Or(m.Zone, mainZone[m.Market], "UTC"))
		if err != nil {
			t.Fatal(err)
		}
		return m.Sent.In(location)
	}
	const week = 7 * 24 * time.Hour
	within := func(at *time.Time, m sentMessage, window time.Duration) bool {
		return at != nil && at.Sub(m.Sent) <= window
	}
	// rates calls for each outcome that counts m: whether it happened.
	rates := func(m sentMessage, f func(outcome string, y bool)) {
		a := accounts[byAccount[m.Account]]
		if m.Exposure == nil || m.Told == nil && m.Opened == nil { // all accounts are of WhatsApp and tell deliveries
			return
		}
		age := result.Cutoff.Sub(m.Sent)
		if a.Opens && age >= week {
			f("open", within(m.Opened, m, week))
		}
		if a.Replies && age >= 24*time.Hour {
			f("reply", within(m.Replied, m, 24*time.Hour))
		}
		if a.Leaves && age >= week {
			f("opt_out", m.Left != nil)
		}
	}
	bin := func(exposure uint16) uint16 {
		switch {
		case exposure <= 5:
			return exposure
		case exposure <= 7:
			return 6
		case exposure <= 10:
			return 8
		}
		return 11
	}

	// A message's segments in each dimension, before the smallest are put together.
	promise := func(m sentMessage) (known string) {
		if m.Promise != "" {
			return m.Promise
		}
		var newest time.Time
		for _, e := range promised[m.Contact] {
			if at := e["event_time"].(time.Time); !at.After(m.Sent) && !at.Before(newest) {
				newest, known = at, e["promised_frequency"].(string)
			}
		}
		return known
	}
	slicesOf := func(m sentMessage) [][2]string {
		return [][2]string{{"all", ""}, {"channel", m.Channel}, {"market", m.Market}, {"category", m.Category}, {"topic", m.Topic}, {"campaign", m.Campaign},
			{"promised_frequency", promise(m)}}
	}
	sizes := map[string]map[string]int{}
	for _, m := range messages {
		if m.Exposure != nil && (m.Told != nil || m.Opened != nil) && !m.Sent.Before(result.Window.From) {
			for _, of := range slicesOf(m) {
				if sizes[of[0]] == nil {
					sizes[of[0]] = map[string]int{}
				}
				sizes[of[0]][of[1]]++
			}
		}
	}
	// name is that of a segment where so many of its dimension have one, with how many are pooled.
	name := func(of [2]string, most int) string {
		segments := slices.SortedFunc(maps.Keys(sizes[of[0]]), func(a, b string) int {
			return cmp.Or(cmp.Compare(sizes[of[0]][b], sizes[of[0]][a]), cmp.Compare(a, b))
		})
		if slices.Index(segments, of[1]) < most {
			return fmt.Sprint(of[0], " ", of[1], " ", 0)
		}
		return fmt.Sprint(of[0], " other ", len(segments)-most)
	}
	hourName := func(of [2]string) string {
		if slices.Contains([]string{"category", "topic", "campaign"}, of[0]) {
			return name(of, 10)
		}
		return name(of, 50)
	}

	gaps, hours, positions := tally{}, tally{}, tally{}
	type ownWeek struct{ contact, monday string }
	weeks := map[ownWeek][]sentMessage{}
	for i, m := range messages {
		at := local(m)
		monday := time.Date(at.Year(), at.Month(), at.Day()-(int(at.Weekday())+6)%7, 0, 0, 0, 0, at.Location())
		key := ownWeek{m.Contact, monday.Format(time.RFC3339)}
		weeks[key] = append(weeks[key], m)
		gap := 65535
		if i > 0 && messages[i-1].Contact == m.Contact {
			since := int(m.Sent.Sub(messages[i-1].Sent) / time.Hour)
			for _, from := range []int{0, 1, 3, 6, 12, 24, 48, 72, 168} {
				if since >= from {
					gap = from
				}
			}
		}
		rates(m, func(outcome string, y bool) {
			for _, of := range slicesOf(m) {
				hours.add(m.Contact, true, y, hourName(of), outcome, (int(at.Weekday())+6)%7+1, at.Hour())
				if gap < 168 {
					gaps.add(m.Contact, true, y, name(of, 50), outcome, 0, gap)
					gaps.add(m.Contact, true, y, name(of, 50), outcome, bin(*m.Exposure), gap)
				}
			}
		})
	}
	for key, own := range weeks {
		monday, err := time.Parse(time.RFC3339, key.monday)
		if err != nil {
			t.Fatal(err)
		}
		if len(own) < 2 || len(own) > 10 || monday.Before(result.Window.From) || monday.Add(week).After(result.Window.To) ||
			monday.Add(2*week).After(result.Cutoff) || slices.ContainsFunc(own, func(m sentMessage) bool {
			return monday.Before(accounts[byAccount[m.Account]].From.Add(week))
		}) {
			continue
		}
		for i, m := range own {
			rates(m, func(outcome string, y bool) {
				if outcome != "opt_out" {
					for _, of := range slicesOf(m) {
						positions.add(m.Contact, true, y, name(of, 50), outcome, len(own), i+1)
					}
				}
			})
		}
	}
	same(t, "hour", cellLines(t, db, "frequency_hour", "dimension, segment, toString(pooled), outcome, toString(weekday), toString(hour)", "messages", "outcomes"), hours.lines(), 2000)
	same(t, "gap", cellLines(t, db, "(SELECT * FROM frequency_gap WHERE gap_from < 168)", "dimension, segment, toString(pooled), outcome, toString(exposure_from), toString(gap_from)", "messages", "outcomes"), gaps.lines(), 2000)
	same(t, "position", cellLines(t, db, "frequency_position", "dimension, segment, toString(pooled), outcome, toString(week_total), toString(position)", "messages", "outcomes"), positions.lines(), 500)

	// One definition of a number: a segment of a channel or market is that of the curve.
	curve := cellLines(t, db, "(SELECT * FROM frequency_engagement WHERE channel = 'all')", "market, outcome, toString(exposure_from)", "messages", "outcomes")
	segments := cellLines(t, db, "(SELECT * FROM frequency_segments WHERE dimension IN ('all', 'market') AND outcome != 'opt_out')",
		"if(dimension = 'all', 'all', segment), outcome, toString(exposure_from)", "messages", "outcomes")
	same(t, "segments", segments, curve, 50)

	figures(t, db)
	curvesOfSegments(t, db, result)
}

// figures looks at every figure of the rates: it is there unless suppressed, and inside its limits.
func figures(t *testing.T, db *warehouse.DB) {
	t.Helper()
	for _, relation := range []string{"frequency_segments", "frequency_position", "frequency_gap", "frequency_hour", "frequency_withheld"} {
		outcomes := "outcomes"
		if relation == "frequency_withheld" {
			outcomes = "withheld"
		}
		var rows, wrong uint64
		if err := db.QueryRow(t.Context(), `
SELECT count(), countIf(NOT (identification != '' AND if(suppressed = 1,
    (contacts < 30 OR `+outcomes+` < 5) AND rate IS NULL AND lower IS NULL AND upper IS NULL AND std_error IS NULL,
    contacts >= 30 AND `+outcomes+` >= 5 AND ifNull(isFinite(rate) AND isFinite(lower) AND isFinite(upper) AND 0 <= lower AND lower <= rate AND rate <= upper AND upper <= 1, 0))))
FROM `+relation).Scan(&rows, &wrong); err != nil {
			t.Fatal(err)
		}
		if rows == 0 || wrong > 0 {
			t.Errorf("%s: %d of %d rows have a figure that cannot be", relation, wrong, rows)
		}
	}
}

// Beyond 50 campaigns the smallest are one row, which says how many they are, and in which a contact counts once.
func TestManySegments(t *testing.T) {
	db := warehousetest.New(t)
	events := []event{newEvent(date(t, "2025-01-01"), "opt_in", "c9999", ""), newEvent(date(t, "2025-04-20"), "opt_in", "c9999", "")}
	message := 0
	send := func(contact, campaign int, opened bool) {
		message++
		at := date(t, "2025-03-01").AddDate(0, 0, 8*(message%5)).Add(time.Duration(message) * time.Second)
		e := newEvent(at, "send", "c"+itoa(contact), "m"+itoa(message))
		e["campaign_id"] = fmt.Sprintf("campaign %02d", campaign)
		events = append(events, e)
		if opened {
			events = append(events, newEvent(at.Add(time.Minute), "open", "c"+itoa(contact), "m"+itoa(message)))
		}
	}
	for campaign := range 50 { // 40 contacts each, of its own
		for c := range 40 {
			send(1000+campaign*40+c, campaign, c%4 == 0)
		}
	}
	for c := range 35 { // each in two small campaigns
		send(c, 50+c%2, c%5 == 0)
		send(c, 60, false)
	}
	insert(t, db, events)
	run(t, db, transform.Window{})
	got := answer(t, db, `
SELECT segment, pooled, uniqExact(segment) OVER () AS segments, contacts, messages, outcomes, sum_nn, suppressed
FROM frequency_segments WHERE dimension = 'campaign' AND outcome = 'open' AND segment IN ('campaign 00', 'other', 'campaign 50', 'campaign 60')
ORDER BY segment`)
	want := "segment,pooled,segments,contacts,messages,outcomes,sum_nn,suppressed\ncampaign 00,0,2,40,40,10,40,0\nother,3,2,35,70,7,140,0\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var mean float64
	if err := db.QueryRow(t.Context(), `SELECT avg(rate) FROM frequency_segments WHERE dimension = 'campaign' AND segment != 'other'`).Scan(&mean); err != nil {
		t.Fatal(err)
	}
	if math.Abs(mean-.25) > 1e-12 {
		t.Errorf("mean rate %v", mean)
	}
}

// curvesOfSegments compares the curves within contacts by segment with slopes that plain SQL finds: of the messages of a segment, each contact with itself, and of
// the days of the contacts of one promise.
func curvesOfSegments(t *testing.T, db *warehouse.DB, result transform.Result) {
	t.Helper()
	var segments, estimated, wrong uint64
	if err := db.QueryRow(t.Context(), `
WITH
units AS
(
    SELECT
        'message' AS unit, m.contact_id AS contact, toFloat64(assumeNotNull(m.exposure)) AS k, ifNull(m.opened_at <= m.sent_at + INTERVAL 7 DAY, 0) AS y,
        [('category', toString(m.category)), ('topic', toString(m.scope)), ('campaign', toString(m.campaign_id))] AS own
    FROM messages AS m
    INNER JOIN person_days AS d ON d.contact_id = m.contact_id AND d.day = toDate(m.sent_at)
    WHERE m.purpose = 'proactive' AND m.failed_at IS NULL AND m.exposure IS NOT NULL AND (m.delivered_at IS NOT NULL OR m.opened_at IS NOT NULL)
      AND m.sent_at >= {from:DateTime64(3, 'UTC')} AND m.sent_at <= {cutoff:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND m.account_id IN (SELECT account_id FROM messages WHERE opened_at IS NOT NULL)
    UNION ALL
    SELECT 'person_day', contact_id, toFloat64(dose), opened > 0, [('promised_frequency', toString(first_promise))]
    FROM (SELECT *, argMin(promised_frequency, day) OVER (PARTITION BY contact_id) AS first_promise FROM person_days)
),
contacts AS
(
    SELECT unit, segment, contact, count() AS n, sum(y) AS n_y, sum(k * k) - sum(k) * sum(k) / n AS kk, sum(k * y) - sum(k) * sum(y) / n AS ky
    FROM units
    ARRAY JOIN own AS segment
    GROUP BY unit, segment, contact
),
want AS
(
    SELECT unit, segment, countIf(kk > 0) AS of_contacts, sumIf(n, kk > 0) AS of_units, sumIf(n_y, kk > 0) AS of_outcomes, sum(ky) / sum(kk) AS slope
    FROM contacts
    GROUP BY unit, segment
)
SELECT count(), countIf(estimate IS NOT NULL), countIf(contacts != of_contacts OR units != of_units OR outcomes != of_outcomes OR abs(estimate - slope) > 1e-6 + 1e-4 * abs(slope))
FROM (SELECT * FROM frequency_curves WHERE outcome = 'open' AND identification = 'within' AND measure = 'slope' AND dimension NOT IN ('all', 'channel', 'market')) AS c
LEFT JOIN want AS w ON w.unit = c.unit AND w.segment = (c.dimension, c.segment)
WHERE NOT (c.unit = 'message' AND c.dimension = 'promised_frequency')`,
		clickhouse.Named("from", result.Window.From), clickhouse.Named("cutoff", result.Cutoff)).Scan(&segments, &estimated, &wrong); err != nil {
		t.Fatal(err)
	}
	if segments < 15 || estimated < 8 || wrong > 0 {
		t.Errorf("curves within contacts: %d of %d segments are not what plain SQL finds; %d have an estimate", wrong, segments, estimated)
	}
}
