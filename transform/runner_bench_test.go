package transform_test

import (
	"fmt"
	"strconv"
	"testing"

	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// fillLarge makes sends over 90 days, and about 1.4 times as many receipts, replies and consents, inside the warehouse.
// Each contact has 20 sends; they are hashed, not drawn, so the same number gives the same table.
func fillLarge(b *testing.B, db *warehouse.DB, sends int) (events uint64) {
	b.Helper()
	ctx := clickhouse.Context(b.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_partitions_per_insert_block": 0}))
	sent := `toDateTime64('2025-03-01 00:00:00', 3, 'UTC') + toIntervalSecond(sipHash64(number, 'at') % 7776000)`
	for _, kind := range []struct{ what, share, delay, message string }{
		{"opt_in", "number % 20 = 0", "-toIntervalDay(10)", ""},
		{"send", "1", "toIntervalSecond(0)", "id"},
		{"delivered", "sipHash64(number, 'd') % 100 < 95", "toIntervalSecond(5)", "id"},
		{"open", "sipHash64(number, 'd') % 100 < 95 AND sipHash64(number, 'o') % 100 < 40", "toIntervalSecond(sipHash64(number, 'od') % 90000)", "id"},
		{"reply", "sipHash64(number, 'r') % 100 < 5", "toIntervalSecond(sipHash64(number, 'rd') % 90000)", "reply"},
		{"opt_out", "sipHash64(number, 'l') % 300 = 0", "toIntervalSecond(sipHash64(number, 'ld') % 500000)", ""},
	} {
		id := func(salt string) string {
			return fmt.Sprintf("sipHash64(number, '%s')", salt)
		}
		message, event := "0", id("e"+kind.what)
		if kind.message != "" {
			message, event = id(kind.message), "0"
		}
		err := db.Exec(ctx, fmt.Sprintf(`
INSERT INTO event_log (business_id, contact_id, message_id, event_type, event_id, event_time, ingest_delay_ms, account_id, channel, provider, market, purpose, campaign_id)
SELECT 'shop', reinterpretAsUUID(sipHash128(intDiv(number, 20), 'c')), %s, '%s', %s, %s + %s, 3000,
    'page', 'whatsapp', 'meta', ['PH', 'ID', 'VN', 'TH'][intDiv(number, 20) %% 4 + 1], '%s', 'campaign_' || toString(number %% 30)
FROM numbers(%d) WHERE %s`, message, kind.what, event, sent, kind.delay, map[bool]string{true: "proactive"}[kind.what == "send"], sends, kind.share))
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := db.QueryRow(ctx, "SELECT count() FROM event_log").Scan(&events); err != nil {
		b.Fatal(err)
	}
	return events
}

// go test ./transform -run '^$' -bench Run -benchtime 1x -count 6
func BenchmarkRun(b *testing.B) {
	for _, sends := range []int{200_000, 2_000_000} {
		b.Run("sends="+strconv.Itoa(sends), func(b *testing.B) {
			db := warehousetest.New(b)
			events := fillLarge(b, db, sends)
			for b.Loop() {
				result, err := transform.Run(b.Context(), db, "frequency", transform.Window{})
				if err != nil {
					b.Fatal(err)
				}
				for _, step := range result.Steps {
					b.ReportMetric(step.Took.Seconds(), step.Relation+"-s")
				}
			}
			b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
