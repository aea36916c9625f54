-- open_hours: when was each market open for business?
-- grain:   one row per (market, opens_at)
-- reads:   open_hours (a run replaces it, so nothing to deduplicate)
-- params:  market String =
-- returns: market String, opens_at DateTime64(3, 'UTC'), closes_at DateTime64(3, 'UTC'), open_ms_before Int64
-- units:   instants are UTC; open_ms_before is milliseconds; an empty market asks for every one; no rows where no calendar is configured
SELECT
    market,
    opens_at,
    closes_at,
    open_ms_before
FROM open_hours
WHERE ({market:String} = '' OR market = {market:String})
ORDER BY market, opens_at
