package transform

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

// compute runs single models of the job over rows that the test has put into what they read.
func compute(t *testing.T, db *warehouse.DB, w Window, relations ...string) {
	t.Helper()
	r := &run{db: db, result: &Result{Job: "frequency", Window: w, Cutoff: w.To}, window: w}
	for _, relation := range relations {
		for _, m := range jobs["frequency"] {
			if m.relation != relation {
				continue
			}
			if _, err := r.step(t.Context(), m); err != nil {
				t.Fatalf("%s: %v", relation, err)
			}
		}
	}
}

func put(t *testing.T, db *warehouse.DB, table, columns string, rows []string) {
	t.Helper()
	if err := db.Exec(t.Context(), "INSERT INTO "+table+" ("+columns+") SETTINGS max_partitions_per_insert_block = 0 VALUES "+strings.Join(rows, ", ")); err != nil {
		t.Fatal(err)
	}
}

func contactUUID(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012x", n) }

// The market's recommendation applies, else that of all contacts; PH is told to send 3 to 5 a week, all 1 to 2.
func TestContactClasses(t *testing.T) {
	w := Window{From: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC)}
	cutoff := time.Date(2025, 4, 30, 12, 0, 0, 0, time.UTC)
	asOf := time.Date(2025, 4, 30, 0, 0, 0, 0, time.UTC)
	db := warehousetest.New(t)
	put(t, db, "coverage", "business_id, account_id, data_from, cutoff", []string{"('shop', 'page', '2025-01-01 00:00:00', '" + cutoff.Format(time.DateTime) + "')"})
	put(t, db, "frequency_recommendation", "business_id, window_from, window_to, dimension, segment, identification, headline, dose_from, dose_to, candidate, plausible, advice", []string{
		"('shop', '2025-03-01', '2025-05-01', 'market', 'PH', 'within', 1, 3, 3, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'PH', 'within', 1, 4, 4, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'PH', 'within', 1, 5, 5, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'PH', 'within', 1, 8, 10, 1, 0, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'PH', 'crude', 0, 11, 65535, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'all', '', 'randomised', 1, 0, 65535, 1, 1, 'recommended')", // of arms
		"('shop', '2025-03-01', '2025-05-01', 'all', '', 'within', 0, 1, 1, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'all', '', 'within', 0, 2, 2, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'all', '', 'within', 0, 0, 0, 1, 0, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'all', '', 'within', 0, 3, 3, 1, 0, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'PH', 'within', 1, 1, 1, 1, 0, 'recommended')",
		// Of ID nothing but 3 to 5 was compared, and all of it may be the best but 3.
		"('shop', '2025-03-01', '2025-05-01', 'market', 'ID', 'within', 1, 3, 3, 1, 0, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'ID', 'within', 1, 4, 4, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'ID', 'within', 1, 5, 5, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'ID', 'within', 1, 6, 7, 0, 0, 'recommended')",
		// And of MY nothing below.
		"('shop', '2025-03-01', '2025-05-01', 'market', 'MY', 'within', 1, 3, 3, 1, 1, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'MY', 'within', 1, 4, 4, 1, 0, 'recommended')",
		"('shop', '2025-03-01', '2025-05-01', 'market', 'VN', 'within', 1, 2, 2, 1, 1, 'no recommendation')",
	})
	var people, messages []string
	add := func(n int, market string, early, late, engagedEarly, engagedLate int) {
		people = append(people, fmt.Sprintf("('shop', '%s', '2025-04-29', '%s', 'whatsapp')", contactUUID(n), market))
		send := func(at time.Time, engaged bool) {
			opened := "NULL"
			if engaged {
				opened = "'" + at.Add(time.Hour).Format(time.DateTime) + "'"
			}
			messages = append(messages, fmt.Sprintf("('shop', 'page', 'whatsapp', '%s', %d, 'proactive', '%s', 1, '%s', '%s', %s)",
				contactUUID(n), len(messages)+1, market, at.Format(time.DateTime), at.Add(time.Minute).Format(time.DateTime), opened))
		}
		for i := range early { // 28 days from as_of - 49 days
			send(asOf.AddDate(0, 0, -49).Add(time.Duration(i)*28*24*time.Hour/time.Duration(early)), i < engagedEarly)
		}
		for i := range late { // 21 days from as_of - 21 days, of which 14 are matured
			send(asOf.AddDate(0, 0, -21).Add(time.Duration(i)*21*24*time.Hour/time.Duration(late)), i < engagedLate)
		}
	}
	add(1, "PH", 28, 21, 20, 0)  // 21 late and 7 early ones are in the 28 days: 28 in all, over 20
	add(2, "PH", 28, 21, 14, 10) // as much, and no decline
	add(3, "PH", 12, 10, 6, 3)   // 13 in 28 days
	add(4, "PH", 6, 5, 0, 0)     // 6 in 28 days
	add(5, "PH", 3, 2, 0, 0)     // too few to say
	add(6, "PH", 0, 0, 0, 0)     // never sent
	add(7, "VN", 6, 5, 0, 0)     // no recommendation for VN: that of all, 4 to 8
	add(8, "VN", 12, 10, 9, 8)   // 13, over 8
	add(9, "ID", 28, 21, 20, 0)  // 28, and nothing above 5 a week was compared
	add(10, "ID", 6, 5, 0, 0)    // 6, under 16
	add(11, "MY", 6, 5, 0, 0)    // 6, and nothing below 3 a week was compared
	add(12, "MY", 28, 21, 14, 10)
	for n := range 30 {
		add(100+n, "TH", 6, 5, 3, 3)
	}
	put(t, db, "person_days", "business_id, contact_id, day, market, channel", people)
	put(t, db, "messages", "business_id, account_id, channel, contact_id, message_id, purpose, market, exposure, sent_at, delivered_at, opened_at", messages)
	compute(t, db, w, "contact_classes", "contact_class_shares")

	var rows []struct {
		Contact   string   `ch:"contact"`
		Class     string   `ch:"class"`
		Messages  uint16   `ch:"messages_28_days"`
		Dimension string   `ch:"dimension"`
		Late      uint16   `ch:"late_messages"`
		Early     uint16   `ch:"early_messages"`
		P         *float64 `ch:"decline_p"`
	}
	if err := db.Select(t.Context(), &rows, `SELECT toString(contact_id) AS contact, class, messages_28_days, dimension, late_messages, early_messages, decline_p FROM contact_classes ORDER BY contact`); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"saturated_declining 28 market, 14 late, 28 early, tested",
		"saturated 28 market, 14 late, 28 early, tested",
		"on_target 13 market, 7 late, 12 early",
		"undersaturated 6 market, 4 late, 6 early",
		"too_little_data 2 market, 2 late, 3 early",
		"undersaturated 0 market, 0 late, 0 early",
		"on_target 6 all, 4 late, 6 early",
		"saturated 13 all, 7 late, 12 early, tested",
		"on_target 28 market, 14 late, 28 early",
		"undersaturated 6 market, 4 late, 6 early",
		"on_target 6 market, 4 late, 6 early",
		"saturated 28 market, 14 late, 28 early, tested",
	}
	if len(rows) != len(people) {
		t.Fatalf("%d contacts, want %d", len(rows), len(people))
	}
	for i, r := range rows[:len(want)] {
		got := fmt.Sprintf("%s %d %s, %d late, %d early", r.Class, r.Messages, r.Dimension, r.Late, r.Early)
		if r.P != nil {
			got += ", tested"
		}
		if got != want[i] {
			t.Errorf("contact %d: %s; want %s", i+1, got, want[i])
		}
	}
	var shares []struct {
		Class      string   `ch:"class"`
		Contacts   uint64   `ch:"contacts"`
		Base       uint64   `ch:"base"`
		Suppressed uint8    `ch:"suppressed"`
		Share      *float64 `ch:"share"`
		Lower      *float64 `ch:"lower"`
		Upper      *float64 `ch:"upper"`
	}
	if err := db.Select(t.Context(), &shares, `SELECT class, contacts, base, suppressed, share, lower, upper FROM contact_class_shares WHERE dimension = 'all' ORDER BY class`); err != nil {
		t.Fatal(err)
	}
	if len(shares) != 6 {
		t.Fatalf("shares %+v", shares)
	}
	for _, s := range shares {
		shown := s.Share != nil && s.Lower != nil && s.Upper != nil
		if s.Base != 42 || shown != (s.Class == onTarget) || shown == (s.Suppressed == 1) {
			t.Errorf("share %+v", s)
		}
		if shown && (s.Contacts != 34 || !(*s.Lower < *s.Share && *s.Share < *s.Upper && *s.Upper < 1)) {
			t.Errorf("share %+v", s)
		}
	}
}

// Where the dose does not matter, the log-rank test of many worlds must reject one in twenty; where a high dose doubles the
// hazard, it must mostly reject. The business messages the engaged more, and loses nobody for it.
func TestInitialDoseInAWorldWithoutFatigue(t *testing.T) {
	const worlds, contacts, length = 60, 240, 40
	w := Window{From: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 3, 1+length+20, 0, 0, 0, 0, time.UTC)}
	db := warehousetest.New(t)
	r := rand.New(rand.NewPCG(11, 12))
	var days, optIns, accounts []string
	for kind, factor := range []float64{1, 2} {
		for world := range worlds {
			business := fmt.Sprintf("k%dw%d", kind, world)
			accounts = append(accounts, fmt.Sprintf("('%s', 'page', '2025-01-01 00:00:00', '2025-06-01 00:00:00')", business))
			for n := range contacts {
				first := w.From.AddDate(0, 0, r.IntN(20))
				optIns = append(optIns, fmt.Sprintf("('%s', '%s', 'opt_in', %d, '%s')", business, contactUUID(n), n+1, first.Add(-time.Hour).Format(time.DateTime)))
				hazard, dose := .015, 2
				if r.IntN(2) == 1 {
					hazard, dose = hazard*factor, 6
				}
				for d := range length {
					out := 0
					if r.Float64() < hazard {
						out = 1
					}
					// Only the days that matter: the first, the seventh, the last.
					if d == 0 || d == 7 || out == 1 || d == length-1 {
						days = append(days, fmt.Sprintf("('%s', '%s', '%s', 1, %d, %d, %d)", business, contactUUID(n), first.AddDate(0, 0, d).Format(time.DateOnly), d, min(d, 1)*dose, out))
					}
					if out == 1 {
						break
					}
				}
			}
		}
	}
	put(t, db, "coverage", "business_id, account_id, data_from, cutoff", accounts)
	put(t, db, "contact_facts", "business_id, contact_id, event_type, fact_id, event_time", optIns)
	put(t, db, "person_days", "business_id, contact_id, day, spell, spell_day, dose, opted_out", days)
	compute(t, db, w, "opt_out_by_time", "days_stayed")
	rejected := func(kind int) (n uint64) {
		t.Helper()
		if err := db.QueryRow(t.Context(), fmt.Sprintf(`
SELECT countIf(p_value < .05) FROM days_stayed
WHERE startsWith(business_id, 'k%dw') AND dimension = 'initial_dose' AND segment = 'up to 3' AND horizon_days = 30 AND p_value IS NOT NULL
HAVING count() = %d`, kind, worlds)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// Of 60 at 5 %, more than 9 come once in a thousand times.
	if n := rejected(0); n > 9 {
		t.Errorf("%d of %d worlds without an effect are rejected", n, worlds)
	}
	if n := rejected(1); n < worlds*2/3 {
		t.Errorf("%d of %d worlds with a doubled hazard are rejected", n, worlds)
	}
}
