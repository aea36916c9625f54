-- frequency_dose: what happens on a day at risk by the dose of the week before, and what one bin adds to the bin before it.
-- grain:   one row per (business_id, dimension, segment, outcome, dose bin)
-- reads:   person_days (one row per contact and day), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) of person-days, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, outcome String,
--          dose_from UInt16, dose_to UInt16, contacts UInt64, person_days UInt64, outcomes UInt64, sum_dose UInt64,
--          sum_nn UInt64, sum_yy UInt64, sum_ny UInt64, cross_nn UInt64, cross_yy UInt64, cross_ny UInt64, cross_yn UInt64
-- units:   an outcome is a person-day with at least one of them; sums are over contacts, cross sums over those with days in this
--          bin and in the one before; dose_to 65535 is no upper end. Rates, differences and intervals are computed in Go
--
-- Contacts of a channel that does not measure an outcome are in no row of it.
WITH
-- shared: measured_days
['open', 'click', 'reply', 'any', 'opt_out'] AS names,
by_dose AS
(
    SELECT
        business_id,
        contact_id,
        promised_frequency,
        multiIf(dose <= 5, dose, dose <= 7, 6, dose <= 10, 7, 8) + 1 AS bin,
        any(market)  AS own_market,
        any(channel) AS own_channel,
        count()      AS days,
        sum(dose)    AS doses,
        [countIf(opened > 0), countIf(clicked > 0), countIf(replied > 0), countIf(opened + clicked + replied > 0), countIf(opted_out = 1)] AS with
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY business_id, contact_id, promised_frequency, bin
),
-- Per contact and segment, by dose bin and then outcome.
per_contact AS
(
    SELECT
        b.business_id AS business_id,
        arrayJoin([('all', ''), ('market', b.own_market), ('channel', b.own_channel), ('promised_frequency', b.promised_frequency)]) AS of,
        b.contact_id AS contact_id,
        arrayMap(o -> bitTest(any(m.told), o), range(5)) AS is_measured,
        sumForEach(arrayMap(i -> if(i = bin, days, 0), range(1, 10)))  AS n,
        sumForEach(arrayMap(i -> if(i = bin, doses, 0), range(1, 10))) AS d,
        arrayMap(o -> arraySlice(flat, 9 * o - 8, 9), range(1, 6))     AS ys,
        sumForEach(arrayFlatten(arrayMap(y -> arrayMap(i -> if(i = bin, y, 0), range(1, 10)), with))) AS flat
    FROM by_dose AS b
    INNER JOIN measured_days AS m ON m.business_id = b.business_id AND m.channel = b.own_channel
    GROUP BY business_id, of, contact_id
),
by_outcome AS
(
    SELECT
        business_id, of.1 AS dimension, of.2 AS segment, name,
        n, d, y,
        arrayPushFront(arrayPopBack(n), 0) AS n_before,
        arrayPushFront(arrayPopBack(y), 0) AS y_before
    FROM per_contact
    ARRAY JOIN names AS name, ys AS y, is_measured AS told
    WHERE told
),
totals AS
(
    SELECT
        business_id, dimension, segment, name,
        sumForEach(arrayMap(x -> toUInt64(x > 0), n))              AS contacts,
        sumForEach(n)                                              AS days,
        sumForEach(y)                                              AS outcomes,
        sumForEach(d)                                              AS doses,
        sumForEach(arrayMap(x -> x * x, n))                        AS nn,
        sumForEach(arrayMap(x -> x * x, y))                        AS yy,
        sumForEach(arrayMap((a, b) -> a * b, n, y))                AS ny,
        sumForEach(arrayMap((a, b) -> a * b, n, n_before))         AS before_nn,
        sumForEach(arrayMap((a, b) -> a * b, y, y_before))         AS before_yy,
        sumForEach(arrayMap((a, b) -> a * b, n, y_before))         AS before_ny,
        sumForEach(arrayMap((a, b) -> a * b, y, n_before))         AS before_yn
    FROM by_outcome
    GROUP BY business_id, dimension, segment, name
)
SELECT
    t.business_id  AS business_id,
    v.loaded_to    AS cutoff,
    t.dimension    AS dimension,
    t.segment      AS segment,
    t.name         AS outcome,
    toUInt16([0, 1, 2, 3, 4, 5, 6, 8, 11][i])      AS dose_from,
    toUInt16([0, 1, 2, 3, 4, 5, 7, 10, 65535][i])  AS dose_to,
    c     AS contacts,
    days[i]      AS person_days,
    outcomes[i]  AS outcomes,
    doses[i]     AS sum_dose,
    nn[i]        AS sum_nn,
    yy[i]        AS sum_yy,
    ny[i]        AS sum_ny,
    before_nn[i] AS cross_nn,
    before_yy[i] AS cross_yy,
    before_ny[i] AS cross_ny,
    before_yn[i] AS cross_yn
FROM totals AS t
ARRAY JOIN contacts AS c, arrayEnumerate(contacts) AS i
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS v ON v.business_id = t.business_id
WHERE c > 0
ORDER BY business_id, dimension, segment, outcome, dose_from
