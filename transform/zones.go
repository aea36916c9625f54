package transform

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed zones.txt
var zoneLines string

// mainZones returns markets in order, and beside each its main IANA zone.
func mainZones() (markets, zones []string) {
	for line := range strings.Lines(zoneLines) {
		if market, zone, ok := strings.Cut(strings.TrimSpace(line), " "); ok && market != "#" {
			markets, zones = append(markets, market), append(zones, zone)
		}
	}
	return markets, zones
}

// local replaces {{offset}} in a model by an expression for the UTC offset of `r.sent` in the zone `found_zone`, in
// seconds, and returns the parameters it takes. ClickHouse converts to constant zones only, so each zone of the data
// has a branch; names that the warehouse does not know are no zones.
func (r *run) local(ctx context.Context, sql string, w Window) (string, []any, error) {
	markets, marketZones := mainZones()
	var found []struct {
		Name  string `ch:"name"`
		Named bool   `ch:"named"`
	}
	err := r.db.Select(ctx, &found, `
WITH
seen AS
(
    SELECT DISTINCT toString(zone) AS zone, toString(market) AS market
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY AND sent_at < {to:DateTime64(3, 'UTC')}
),
names AS
(
    SELECT zone AS name, 1 AS named FROM seen
    UNION ALL
    SELECT DISTINCT zone AS name, 1 AS named FROM contact_facts WHERE zone != ''
    UNION ALL
    SELECT transform(market, {markets:Array(String)}, {market_zones:Array(String)}, '') AS name, 0 AS named
    FROM (SELECT market FROM seen UNION DISTINCT SELECT DISTINCT toString(market) FROM contact_facts)
)
SELECT name, max(named) = 1 AS named
FROM names
WHERE name IN (SELECT time_zone FROM system.time_zones)
GROUP BY name
ORDER BY name`, append(w.params(), clickhouse.Named("markets", markets), clickhouse.Named("market_zones", marketZones))...)
	if err != nil {
		return "", nil, fmt.Errorf("find the time zones: %w", err)
	}
	var zones, named []string
	for _, z := range found {
		zones = append(zones, z.Name)
		if z.Named {
			named = append(named, z.Name)
		}
	}
	var markets2, zones2 []string
	for i, zone := range marketZones {
		if slices.Contains(zones, zone) {
			markets2, zones2 = append(markets2, markets[i]), append(zones2, zone)
		}
	}
	offset := "toInt32(0)"
	var params []any
	if len(zones) > 0 {
		var branches strings.Builder
		for i, zone := range zones {
			name := fmt.Sprintf("zone_%d", i)
			fmt.Fprintf(&branches, "found_zone = {%s:String}, timezoneOffset(toTimeZone(r.sent, {%[1]s:String})), ", name)
			params = append(params, clickhouse.Named(name, zone))
		}
		offset = "multiIf(" + branches.String() + "0)"
	}
	params = append(params, clickhouse.Named("zones", named), clickhouse.Named("markets", markets2), clickhouse.Named("market_zones", zones2))
	return strings.ReplaceAll(sql, "{{offset}}", offset), params, nil
}
