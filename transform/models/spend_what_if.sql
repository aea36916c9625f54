-- spend_what_if: what would a cap on the sends of any 7 days have saved?
-- grain:   one row per (business_id, dimension, segment, cap, currency)
-- reads:   messages (one row per message), message_costs (of the same run), frequency_what_if (of the same window, by the job frequency)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, cap UInt8, currency String, contacts UInt64,
--          messages UInt64, without_price UInt64, sum_n, sum_nn, sum_a, sum_aa, sum_an Float64, observed_sends Nullable(Float64),
--          capped_sends Nullable(Float64), change_sends Nullable(Float64), change_sends_std_error Nullable(Float64)
-- units:   sends per 1,000 contacts at risk and 30 days; sums over contacts of matured proactive messages not known to have failed, n, and of
--          their amount in thousand millionths, a. Savings and intervals are computed in Go
WITH
-- shared: costed
per_contact AS
(
    SELECT
        c.business_id AS business_id, max(c.loaded_to) AS cutoff_at, slice, c.contact_id AS contact_id, any(k.known) AS known,
        toInt128(count()) AS n, sum(c.no_price OR c.not_told) AS p,
        sumForEach(arrayMap(x -> if(x = c.currency, c.nanos, 0), k.known)) AS a
    FROM costed AS c
    INNER JOIN currencies AS k ON k.business_id = c.business_id
    ARRAY JOIN [('all', ''), ('channel', c.channel), ('market', c.market)] AS slice
    WHERE c.counts
      AND c.old_enough
    GROUP BY business_id, slice, contact_id
),
means AS
(
    SELECT
        business_id, max(cutoff_at) AS cutoff, slice.1 AS dimension, slice.2 AS segment, known[i] AS currency,
        count() AS contacts, toUInt64(sum(n)) AS messages, sum(p) AS without_price,
        toFloat64(sum(n)) AS sum_n, toFloat64(sum(n * n)) AS sum_nn, toFloat64(sum(a[i])) AS sum_a,
        toFloat64(sum(toInt256(a[i]) * a[i])) AS sum_aa, toFloat64(sum(a[i] * n)) AS sum_an
    FROM per_contact
    ARRAY JOIN arrayEnumerate(known) AS i
    GROUP BY business_id, slice, known, i
    QUALIFY currency != '' AND sum_a > 0
)
SELECT
    w.business_id      AS business_id,
    m.cutoff           AS cutoff,
    w.dimension        AS dimension,
    w.segment          AS segment,
    w.cap              AS cap,
    m.currency         AS currency,
    m.contacts         AS contacts,
    m.messages         AS messages,
    m.without_price    AS without_price,
    m.sum_n            AS sum_n,
    m.sum_nn           AS sum_nn,
    m.sum_a            AS sum_a,
    m.sum_aa           AS sum_aa,
    m.sum_an           AS sum_an,
    w.observed         AS observed_sends,
    w.capped           AS capped_sends,
    w.change           AS change_sends,
    w.change_std_error AS change_sends_std_error
FROM frequency_what_if AS w
INNER JOIN means AS m ON m.business_id = w.business_id AND m.dimension = w.dimension AND m.segment = w.segment
WHERE w.window_from = toDate({from:DateTime64(3, 'UTC')})
  AND w.window_to = toDate({to:DateTime64(3, 'UTC')})
  AND w.measure = 'send'
ORDER BY business_id, dimension, segment, currency, cap
