-- spend: what did messages cost, and what did an open, a reply and an engaged contact cost?
-- grain:   one row per (business_id, dimension, segment, month or all, currency)
-- reads:   messages (one row per message), message_costs (of the same run)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, month Date, currency String,
--          messages UInt64, charged UInt64, without_price UInt64, not_told UInt64, amount Decimal(38, 9), contacts UInt64,
--          matured_amount Decimal(38, 9), matured_without_price UInt64, opened UInt64, replied UInt64, engaged_contacts UInt64,
--          sum_a, sum_aa, sum_o, sum_oo, sum_ao, sum_r, sum_rr, sum_ar, sum_e, sum_ee, sum_ae Float64
-- units:   amounts in the currency; sums are over contacts, a in thousand millionths of it. Counts are the same for every currency of a segment.
--          Figures and intervals are computed in Go
WITH
-- shared: costed
per_contact AS
(
    SELECT
        c.business_id AS business_id, max(c.loaded_to) AS cutoff_at, slice, of_month, c.contact_id AS contact_id, any(k.known) AS known,
        count() AS n, sum(c.charged) AS u, sum(c.no_price) AS p, sum(c.not_told) AS t,
        sumForEach(arrayMap(x -> if(x = c.currency, c.nanos, 0), k.known)) AS amounts,
        sumForEach(arrayMap(x -> toUInt64(x = c.currency AND c.charged = 1), k.known)) AS units,
        max(c.matured) AS is_in, sum(c.no_price AND c.matured) AS pm,
        sumForEach(arrayMap(x -> if(x = c.currency AND c.matured, c.nanos, 0), k.known)) AS a,
        toInt128(sum(c.opened)) AS o, toInt128(sum(c.replied)) AS r, toInt128(max(c.opened OR c.clicked OR c.replied)) AS e
    FROM costed AS c
    INNER JOIN currencies AS k ON k.business_id = c.business_id
    ARRAY JOIN
        [('all', ''), ('channel', c.channel), ('market', c.market), ('category', c.category), ('campaign', c.campaign)] AS slice
    ARRAY JOIN [toStartOfMonth(c.sent), toDate('1970-01-01')] AS of_month
    GROUP BY business_id, slice, of_month, contact_id
)
SELECT
    business_id,
    max(cutoff_at)     AS cutoff,
    slice.1            AS dimension,
    slice.2            AS segment,
    of_month           AS month,
    known[i]           AS currency,
    sum(n)             AS messages,
    sum(u)             AS charged,
    sum(p)             AS without_price,
    sum(t)             AS not_told,
    reinterpret(sum(amounts[i]), 'Decimal(38, 9)') AS amount,
    countIf(is_in)     AS contacts,
    reinterpret(sum(a[i]), 'Decimal(38, 9)') AS matured_amount,
    sum(pm)            AS matured_without_price,
    toUInt64(sum(o))   AS opened,
    toUInt64(sum(r))   AS replied,
    toUInt64(sum(e))   AS engaged_contacts,
    toFloat64(sum(a[i]))                       AS sum_a,
    toFloat64(sum(toInt256(a[i]) * a[i]))      AS sum_aa,
    toFloat64(sum(o))                          AS sum_o,
    toFloat64(sum(o * o))                      AS sum_oo,
    toFloat64(sum(a[i] * o))                   AS sum_ao,
    toFloat64(sum(r))                          AS sum_r,
    toFloat64(sum(r * r))                      AS sum_rr,
    toFloat64(sum(a[i] * r))                   AS sum_ar,
    toFloat64(sum(e))                          AS sum_e,
    toFloat64(sum(e * e))                      AS sum_ee,
    toFloat64(sum(a[i] * e))                   AS sum_ae
FROM per_contact
ARRAY JOIN arrayEnumerate(known) AS i
GROUP BY business_id, slice, of_month, known, i
-- The empty currency is for segments without any other.
QUALIFY sum(units[i]) > 0 AND currency != '' OR currency = '' AND max(currency != '' AND sum(units[i]) > 0) OVER (PARTITION BY business_id, slice, of_month) = 0
ORDER BY business_id, dimension, segment, month, currency
SETTINGS join_algorithm = 'grace_hash'
