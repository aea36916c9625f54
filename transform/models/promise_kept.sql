-- promise_kept: which share of promised periods was kept, exceeded or left unused?
-- grain:   one row per (business_id, dimension, segment, state)
-- reads:   promise_periods (of the same run)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on the first instant of the period, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, state String, partial UInt64,
--          contacts UInt64, periods UInt64, in_state UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   periods, those that are partial and had no message left out. Rate and interval are computed in Go
WITH
['kept', 'exceeded', 'unused'] AS states,
per_contact AS
(
    SELECT
        business_id, max(cutoff) AS cutoff_at, slice, contact_id,
        toUInt64(countIf(state != 'partial')) AS n, countIf(state = 'partial') AS p,
        sumForEach(arrayMap(s -> toUInt64(s = state), states)) AS y
    FROM promise_periods
    ARRAY JOIN [('all', ''), ('channel', toString(channel)), ('topic', toString(topic)), ('promised_frequency', toString(promised_frequency)), ('market', toString(market))] AS slice
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id, slice, contact_id
)
SELECT
    business_id,
    max(cutoff_at)   AS cutoff,
    slice.1          AS dimension,
    slice.2          AS segment,
    states[i]        AS state,
    sum(p)           AS partial,
    countIf(n > 0)   AS contacts,
    sum(n)           AS periods,
    sum(y[i])        AS in_state,
    sum(n * n)       AS sum_nn,
    sum(y[i] * y[i]) AS sum_yy,
    sum(n * y[i])    AS sum_ny
FROM per_contact
ARRAY JOIN arrayEnumerate(y) AS i
GROUP BY business_id, slice, i
ORDER BY business_id, dimension, segment, state
