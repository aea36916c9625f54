package reports

import (
	"path/filepath"
	"strings"
	"testing"

	"drumbeat/queries"
	"drumbeat/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

// Every question of every page can be asked of a real warehouse, and the pages say what it holds.
func TestRealWarehouse(t *testing.T) {
	db := warehousetest.New(t)
	for _, sql := range []string{
		`INSERT INTO frequency_opt_out (business_id, window_from, window_to, cutoff, market, dose_from, dose_to, contacts, person_days, opt_outs, suppressed, rate, lower, upper)
		VALUES ('Quiet Books', '2026-03-01', '2026-05-30', '2026-05-29 23:58:12', 'all', 0, 0, 400, 9000, 9, 0, 0.001, 0.0005, 0.002)`,
		`INSERT INTO messages (business_id, contact_id, message_id, channel, market, purpose, sent_at, failed_at, exposure) VALUES
		('Quiet Books', generateUUIDv4(), rand64(), 'sms', 'PH', 'proactive', '2026-03-20 10:00:00', NULL, 1),
		('Quiet Books', generateUUIDv4(), rand64(), 'sms', 'PH', 'proactive', '2026-03-21 10:00:00', '2026-03-21 10:00:05', NULL),
		('Quiet Books', generateUUIDv4(), rand64(), 'sms', 'PH', 'response', '2026-03-24 10:00:00', NULL, NULL)`,
		`INSERT INTO event_log (business_id, contact_id, message_id, event_type, event_time, ingest_delay_ms, channel, copies) VALUES
		('Quiet Books', generateUUIDv4(), rand64(), 'send', '2026-03-02 10:00:00', 88 * 86400000, 'sms', 3)`,
		`INSERT INTO runs (job, window_from, window_to, cutoff, started_at, finished_at, relation, rows, fingerprint, asked, restated, why) VALUES
		('frequency', '2026-03-01', '2026-05-30', '2026-05-29 23:58:12', '2026-06-01 00:00:00', '2026-06-01 00:01:00', 'messages', 2, 7, 0, [], 'all days'),
		('frequency', '2026-03-01', '2026-05-30', '2026-05-29 23:58:12', '2026-06-02 00:00:00', '2026-06-02 00:01:00', 'messages', 3, 8, 0, ['2026-03-20', '2026-03-24'], 'arrivals')`,
	} {
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	rendered, err := Render(t.Context(), queries.NewRunner(db), Options{Dir: t.TempDir(), Echarts: library(t)})
	if err != nil {
		t.Fatal(err)
	}
	quality := read(t, filepath.Join(filepath.Dir(rendered.Report), "quality.html"))
	for _, want := range []string{
		"3 events arrived, 2 of them copies of facts already known",
		"1 of 3 messages can enter the curves", "87 of 90 days of the window have no message",
		"<td class=\"text\">arrivals</td><td>2</td><td class=\"text\">2026-03-20</td><td class=\"text\">2026-03-24</td><td>3</td><td>2</td>",
	} {
		if !strings.Contains(quality, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if html := read(t, filepath.Join(filepath.Dir(rendered.Report), "frequency.html")); !strings.Contains(html, "9 opt-outs in 9,000 person-days") {
		t.Error("the page lacks the opt-outs")
	}
}
