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
-- shared: loaded
-- shared: measured_days
-- shared: five_counts
by_dose AS
(
    SELECT
        -- Numbers take less time than names and ids.
        CAST(cityHash64(business_id, contact_id), 'UInt64')  AS contact,
        CAST(cityHash64(promised_frequency), 'UInt64')       AS promise,
        toUInt8(multiIf(dose <= 5, dose, dose <= 7, 6, dose <= 10, 7, 8)) AS bin,
        any(business_id)        AS of_business,
        any(market)             AS of_market,
        any(channel)            AS of_channel,
        any(promised_frequency) AS of_promise,
        count()                 AS days,
        sum(dose)               AS doses,
        sum(side_by_side[1 + (opened > 0) + 2 * (clicked > 0) + 4 * (replied > 0) + 8 * (opened + clicked + replied > 0) + 16 * opted_out]) AS with
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY contact, promise, bin
),
-- All days of a contact, and those under each promise.
per_contact AS
(
    SELECT
        is_promised,
        any(of_business) AS own_business, any(of_market) AS own_market, any(of_channel) AS own_channel, -- one market and channel per contact
        if(is_promised, any(of_promise), '') AS own_promise,
        cityHash64(own_business, own_market, own_channel, is_promised, own_promise) AS place,
        sumResample(0, 9, 1)(days, bin) AS ns, sumResample(0, 9, 1)(doses, bin) AS ds, sumResample(0, 9, 1)(with, bin) AS ys -- arrays by bin
    FROM by_dose
    ARRAY JOIN [0, 1] AS is_promised
    GROUP BY contact, is_promised, is_promised * promise
),
-- A bin of a contact beside the one before it.
neighbours AS
(
    SELECT
        place, is_promised, own_business, own_market, own_channel, own_promise, i, n, d, n_before,
        [one_of(w, 0), one_of(w, 1), one_of(w, 2), one_of(w, 3), one_of(w, 4)] AS y,
        [one_of(w_before, 0), one_of(w_before, 1), one_of(w_before, 2), one_of(w_before, 3), one_of(w_before, 4)] AS y_before
    FROM per_contact
    ARRAY JOIN
        arrayEnumerate(ns) AS i, ns AS n, ds AS d, ys AS w,
        arrayPushFront(arrayPopBack(ns), 0) AS n_before, arrayPushFront(arrayPopBack(ys), 0) AS w_before
    WHERE n > 0
),
by_place AS
(
    SELECT
        is_promised, i,
        any(own_business) AS of_business, any(own_market) AS of_market, any(own_channel) AS of_channel, any(own_promise) AS of_promise,
        count() AS contacts, sum(n) AS days, sum(d) AS doses, sum(n * n) AS nn, sum(n * n_before) AS before_nn,
        sumForEach(y)                                      AS outcomes,
        sumForEach(arrayMap(a -> a * a, y))                AS yy,
        sumForEach(arrayMap(a -> n * a, y))                AS ny,
        sumForEach(arrayMap((a, b) -> a * b, y, y_before)) AS before_yy,
        sumForEach(arrayMap(b -> n * b, y_before))         AS before_ny,
        sumForEach(arrayMap(a -> n_before * a, y))         AS before_yn
    FROM neighbours
    GROUP BY place, is_promised, i
)
SELECT
    t.of_business  AS business_id,
    v.loaded_to    AS cutoff,
    of.1           AS dimension,
    of.2           AS segment,
    name           AS outcome,
    toUInt16([0, 1, 2, 3, 4, 5, 6, 8, 11][i])      AS dose_from,
    toUInt16([0, 1, 2, 3, 4, 5, 7, 10, 65535][i])  AS dose_to,
    sum(t.contacts)    AS contacts,
    sum(t.days)        AS person_days,
    sum(own_outcomes)  AS outcomes,
    sum(t.doses)       AS sum_dose,
    sum(t.nn)          AS sum_nn,
    sum(own_yy)        AS sum_yy,
    sum(own_ny)        AS sum_ny,
    sum(t.before_nn)   AS cross_nn,
    sum(own_before_yy) AS cross_yy,
    sum(own_before_ny) AS cross_ny,
    sum(own_before_yn) AS cross_yn
FROM by_place AS t
ARRAY JOIN
    ['open', 'click', 'reply', 'any', 'opt_out'] AS name, range(5) AS o,
    t.outcomes AS own_outcomes, t.yy AS own_yy, t.ny AS own_ny, t.before_yy AS own_before_yy, t.before_ny AS own_before_ny, t.before_yn AS own_before_yn
ARRAY JOIN if(t.is_promised, [('promised_frequency', t.of_promise)], [('all', ''), ('market', t.of_market), ('channel', t.of_channel)]) AS of
INNER JOIN measured_days AS m ON m.business_id = t.of_business AND m.channel = t.of_channel
INNER JOIN loaded AS v ON v.business_id = t.of_business
WHERE bitTest(m.told, o)
GROUP BY business_id, cutoff, dimension, segment, outcome, i
ORDER BY business_id, dimension, segment, outcome, dose_from
