-- breach_rates: which share of marketing messages broke a consent, and how had the contact refused?
-- grain:   one row per (business_id, dimension, segment, breach, way)
-- reads:   send_windows (of the same run)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, breach String, way String,
--          contacts UInt64, messages UInt64, broken UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   messages; of without_opt_in those whose opt-in would be on record. Rate and interval are computed in Go
WITH
['any', 'after_opt_out', 'after_expiry', 'without_opt_in', 'after_opt_out', 'after_opt_out', 'after_opt_out', 'after_opt_out', 'after_opt_out', 'after_opt_out', 'after_opt_out'] AS kinds,
['any', 'any', '', '', 'keyword', 'block', 'link', 'preference', 'error', 'other', 'not_told'] AS ways,
per_contact AS
(
    SELECT
        business_id, max(cutoff) AS cutoff_at, slice, contact_id,
        sumForEach(arrayMap(k -> toUInt64(k != 'without_opt_in' OR needs_opt_in), kinds)) AS n,
        sumForEach(arrayMap((k, w) -> toUInt64(breach != '' AND (k = 'any' OR k = breach AND (w = 'any' OR w = '' OR w = known_way))), kinds, ways)) AS y
    FROM
    (
        SELECT *, multiIf(way = '', 'not_told', way IN ('keyword', 'block', 'link', 'preference', 'error'), toString(way), 'other') AS known_way
        FROM send_windows
        WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
          AND window_to = toDate({to:DateTime64(3, 'UTC')})
          AND marketing = 1
    )
    ARRAY JOIN [('all', ''), ('channel', toString(channel)), ('topic', toString(topic)), ('market', toString(market)), ('campaign', toString(campaign_id))] AS slice
    GROUP BY business_id, slice, contact_id
)
SELECT
    business_id,
    max(cutoff_at)      AS cutoff,
    slice.1             AS dimension,
    slice.2             AS segment,
    kinds[i]            AS breach,
    ways[i]             AS way,
    countIf(n[i] > 0)   AS contacts,
    sum(n[i])           AS messages,
    sum(y[i])           AS broken,
    sum(n[i] * n[i])    AS sum_nn,
    sum(y[i] * y[i])    AS sum_yy,
    sum(n[i] * y[i])    AS sum_ny
FROM per_contact
ARRAY JOIN arrayEnumerate(n) AS i
GROUP BY business_id, slice, i
HAVING messages > 0
-- A way that the business never met has no rows.
QUALIFY i <= 4 OR sum(broken) OVER (PARTITION BY business_id, i) > 0
ORDER BY business_id, dimension, segment, breach, way
