package reports

import (
	"fmt"
	"strings"
	"testing"

	"drumbeat/queries"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

// fill puts the rows of spring into a real warehouse, with events and messages to count.
func fill(t *testing.T, db *warehouse.DB) {
	t.Helper()
	exec := func(sql string) {
		t.Helper()
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	null := func(v *float64) string {
		if v == nil {
			return "NULL"
		}
		return fmt.Sprint(*v)
	}
	window := fmt.Sprintf("'Northwind Coffee', '%s', '%s', '%s'", windowFrom.Format("2006-01-02"), windowTo.Format("2006-01-02"), cutoff.Format("2006-01-02 15:04:05"))
	var values []string
	for _, r := range spring()["frequency_engagement"].([]engagementRow) {
		values = append(values, fmt.Sprintf("(%s, '%s', '%s', '%s', %d, %d, %d, %d, %d, %d, %s, %s, %s, %s)", window, r.Channel, r.Market, r.Outcome, r.From, r.To,
			r.Contacts, r.Messages, r.Outcomes, r.Suppressed, null(r.Rate), null(r.Lower), null(r.Upper), null(r.DesignEffect)))
	}
	exec("INSERT INTO frequency_engagement (business_id, window_from, window_to, cutoff, channel, market, outcome, exposure_from, exposure_to, contacts, messages, outcomes, suppressed, rate, lower, upper, design_effect) VALUES " + strings.Join(values, ", "))
	values = nil
	for _, r := range spring()["frequency_opt_out"].([]optOutRow) {
		values = append(values, fmt.Sprintf("(%s, '%s', %d, %d, %d, %d, %d, %d, %s, %s, %s, %s)", window, r.Market, r.From, r.To,
			r.Contacts, r.PersonDays, r.OptOuts, r.Suppressed, null(r.Rate), null(r.Lower), null(r.Upper), null(r.DesignEffect)))
	}
	exec("INSERT INTO frequency_opt_out (business_id, window_from, window_to, cutoff, market, dose_from, dose_to, contacts, person_days, opt_outs, suppressed, rate, lower, upper, design_effect) VALUES " + strings.Join(values, ", "))
	exec(`INSERT INTO messages (business_id, contact_id, message_id, purpose, sent_at, failed_at, exposure) VALUES
		('Northwind Coffee', generateUUIDv4(), rand64(), 'proactive', '2026-03-02 10:00:00', NULL, NULL),
		('Northwind Coffee', generateUUIDv4(), rand64(), 'proactive', '2026-03-22 10:00:00', '2026-03-22 10:00:01', NULL),
		('Northwind Coffee', generateUUIDv4(), rand64(), 'proactive', '2026-03-23 10:00:00', NULL, 1),
		('Northwind Coffee', generateUUIDv4(), rand64(1), 'response', '2026-03-24 10:00:00', NULL, NULL)`)
	exec(`INSERT INTO event_log (business_id, contact_id, message_id, event_type, event_time, ingest_delay_ms, channel, copies) VALUES
		('Northwind Coffee', generateUUIDv4(), rand64(), 'send', '2026-03-02 10:00:00', 88 * 86400000, 'whatsapp', 3)`)
}

// What the page says of rows is the same, whether a hand made them or a warehouse answered with them.
func TestRealWarehouse(t *testing.T) {
	db := warehousetest.New(t)
	fill(t, db)
	real, got := render(t, queries.NewRunner(db), Options{})
	made, want := render(t, spring(), Options{})
	if real.Answer != made.Answer || real.Index != "" {
		t.Errorf("the answer is\n%s\nwant\n%s", real.Answer, made.Answer)
	}
	until := func(page string) string {
		head, rest, _ := strings.Cut(page, `<dl class="figures">`)
		_, tail, _ := strings.Cut(rest, "</dl>")
		charts, _, ok := strings.Cut(tail, `<h2 id="definitions">`)
		if !ok {
			t.Fatal("the page has no definitions")
		}
		return head + charts
	}
	if until(got) != until(want) {
		t.Error("charts and tables differ from those of the same rows made by hand")
	}
	for _, want := range []string{
		"<dt>contacts messaged</dt><dd>3</dd>",
		"is unknown: 1. Failed: 1. Responses to contacts: 1.",
		`<td class="text">send</td><td>3</td><td>1</td><td>2</td><td>0</td>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if _, again := render(t, queries.NewRunner(db), Options{}); again != got {
		t.Error("the same warehouse gave two pages")
	}
}
