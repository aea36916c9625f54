-- spend_by_exposure: what does the n-th message of 7 days cost per open and per reply?
-- grain:   one row per (business_id, dimension, segment, currency, exposure bin)
-- reads:   messages (one row per message), message_costs (of the same run)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, identification String, currency String,
--          exposure_from UInt16, exposure_to UInt16, contacts UInt64, messages UInt64, charged UInt64, matured_without_price UInt64,
--          amount Decimal(38, 9), opened UInt64, replied UInt64, sum_a, sum_aa, sum_o, sum_oo, sum_ao, sum_r, sum_rr, sum_ar Float64
-- units:   matured proactive messages not known to have failed whose exposure is known, charged or not; amounts in the currency; sums as in
--          spend. exposure_to 65535 is no upper end. Figures and intervals are computed in Go
WITH
-- shared: costed
per_contact AS
(
    SELECT
        c.business_id AS business_id, max(c.loaded_to) AS cutoff_at, slice, c.contact_id AS contact_id, any(k.known) AS known,
        toUInt16(multiIf(c.exposure <= 5, assumeNotNull(c.exposure), c.exposure <= 7, 6, c.exposure <= 10, 8, 11)) AS bin,
        count() AS n, sum(c.charged) AS u, sum(c.no_price) AS p,
        sumForEach(arrayMap(x -> if(x = c.currency, c.nanos, 0), k.known)) AS a,
        toInt128(sum(c.opened)) AS o, toInt128(sum(c.replied)) AS r
    FROM costed AS c
    INNER JOIN currencies AS k ON k.business_id = c.business_id
    ARRAY JOIN [('all', ''), ('channel', c.channel), ('market', c.market)] AS slice
    WHERE c.counts
      AND c.matured
      AND c.exposure IS NOT NULL
    GROUP BY business_id, slice, bin, contact_id
)
SELECT
    business_id,
    max(cutoff_at)     AS cutoff,
    slice.1            AS dimension,
    slice.2            AS segment,
    'crude'            AS identification,
    known[i]           AS currency,
    bin                AS exposure_from,
    toUInt16(multiIf(bin <= 5, bin, bin = 6, 7, bin = 8, 10, 65535)) AS exposure_to,
    count()            AS contacts,
    sum(n)             AS messages,
    sum(u)             AS charged,
    sum(p)             AS matured_without_price,
    reinterpret(sum(a[i]), 'Decimal(38, 9)') AS amount,
    toUInt64(sum(o))   AS opened,
    toUInt64(sum(r))   AS replied,
    toFloat64(sum(a[i]))                       AS sum_a,
    toFloat64(sum(toInt256(a[i]) * a[i]))      AS sum_aa,
    toFloat64(sum(o))                          AS sum_o,
    toFloat64(sum(o * o))                      AS sum_oo,
    toFloat64(sum(a[i] * o))                   AS sum_ao,
    toFloat64(sum(r))                          AS sum_r,
    toFloat64(sum(r * r))                      AS sum_rr,
    toFloat64(sum(a[i] * r))                   AS sum_ar
FROM per_contact
ARRAY JOIN arrayEnumerate(known) AS i
GROUP BY business_id, slice, bin, known, i
QUALIFY currency != '' OR length(known) = 1
ORDER BY business_id, dimension, segment, currency, exposure_from
SETTINGS join_algorithm = 'grace_hash'
