-- frequency_distribution: how many proactive messages contacts are sent in a week, and in 7 days.
-- grain:   one row per (business_id, dimension, segment, measure, period, period_from)
-- reads:   person_days (one row per contact and day at risk), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) of person-days; only whole ISO weeks of it are used
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, measure String, period String,
--          period_from Date, period_to Date, weeks UInt16, contacts UInt64, units UInt64, messages UInt64, none UInt64,
--          sum_nn UInt64, sum_yy UInt64, sum_ny UInt64, none_yy UInt64, none_ny UInt64, at_most Array(UInt64),
--          at_most_yy Array(UInt64), at_most_ny Array(UInt64), trend_sums Array(UInt64), trend_products Array(UInt64)
-- units:   measure `week`: units are contact-weeks, of contacts at risk on all 7 days; `7_days`: units are person-days, the
--          messages those of the 7 x 24 h before. at_most: units with up to 0, 1, ... 32 messages, their squares and products
--          with all units per contact. trend: sums over contacts of u, and of the products of any two of u, with
--          u = (weeks, sum of week numbers, of their squares, of messages, of week number times messages)
WITH
-- shared: loaded
toDate({from:DateTime64(3, 'UTC')}) AS first_day,
toDate({to:DateTime64(3, 'UTC')})   AS end_day,
limits AS
(
    SELECT
        business_id,
        toMonday(greatest(min(day), first_day) + 6)   AS first_monday,
        toMonday(least(max(day) + 1, end_day))        AS end_monday
    FROM person_days
    WHERE day >= first_day
      AND day < end_day
    GROUP BY business_id
),
-- shared: first_promises
-- Numbers take less time than names: of contacts, and of the lines they are in. A contact has one market, one channel and one promise.
lines AS
(
    SELECT DISTINCT
        business_id, market AS own_market, channel AS own_channel, toString(promised_frequency) AS own_promise,
        cityHash64(business_id, market, channel, promised_frequency) AS line
    FROM person_days
    WHERE day >= first_day
      AND day < end_day
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
days AS
(
    SELECT
        business_id, CAST(cityHash64(business_id, contact_id), 'UInt64') AS contact, day, toMonday(day) AS monday, sent, dose,
        cityHash64(business_id, market, channel, if(f.of_contact != 0, f.first_promise, promised_frequency)) AS line
    FROM person_days AS p
    LEFT JOIN first_promises AS f ON f.of_contact = CAST(cityHash64(p.business_id, p.contact_id), 'UInt64')
    WHERE day >= first_day
      AND day < end_day
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- The whole weeks of each contact, and the days by dose.
weeks AS
(
    SELECT contact, monday, any(line) AS line, sum(sent) AS amount
    FROM days
    GROUP BY contact, monday
    HAVING count() = 7
),
doses AS
(
    SELECT contact, dose, any(line) AS line, count() AS dose_days
    FROM days
    WHERE (business_id, monday) IN
      (
          SELECT business_id, first_monday + 7 * arrayJoin(range(greatest(end_monday - first_monday, 0) DIV 7)) FROM limits
      )
    GROUP BY contact, dose
),
-- Units and messages, Mondays, and the units by how many messages they are. In a single week each contact is one unit, and those alike
-- are one row.
amounts AS
(
    SELECT
        line, 'week' AS of_measure, 'week' AS of_period, 1 AS units_n, amount AS units_y, [monday] AS mondays, [amount] AS y,
        arrayPushBack(arrayWithConstant(least(amount, 33), toUInt64(0)), 1) AS units_of, count() AS alike
    FROM weeks
    GROUP BY line, monday, amount
    UNION ALL
    SELECT
        any(line), 'week', 'window', count(), sum(amount), groupArray(monday), groupArray(amount),
        sumForEach(arrayPushBack(arrayWithConstant(least(amount, 33), toUInt64(0)), 1)), 1
    FROM weeks
    GROUP BY contact
    UNION ALL
    SELECT
        any(line), '7_days', 'window', sum(dose_days), sum(dose * dose_days), [], [],
        sumForEach(arrayPushBack(arrayWithConstant(least(dose, 33), toUInt64(0)), dose_days)), 1
    FROM doses
    GROUP BY contact
),
per_contact AS
(
    SELECT
        n.business_id AS business_id, n.own_market AS own_market, n.own_channel AS own_channel, n.own_promise AS own_promise, a.of_measure AS of_measure, a.alike AS alike,
        if(a.of_period = 'week', ('week', a.mondays[1], a.mondays[1] + 7), ('window', l.first_monday, l.end_monday)) AS span,
        toUInt64(a.units_n)                         AS units_n,
        toUInt64(a.units_y)                         AS units_y,
        arrayCumSum(arrayResize(a.units_of, 33))    AS up_to,
        up_to[1]                                    AS units_none,
        arrayMap(monday -> toUInt64(intDiv(monday - l.first_monday, 7)), a.mondays) AS w,
        [units_n, arraySum(w), arraySum(w -> w * w, w), units_y, arraySum((w, y) -> w * y, w, a.y)] AS u
    FROM amounts AS a
    INNER JOIN lines AS n ON n.line = a.line
    INNER JOIN limits AS l ON l.business_id = n.business_id
),
summed AS
(
    SELECT
        business_id, of_measure, span, own_market, own_channel, own_promise,
        sumForEach(arrayMap(x -> alike * x, [1, units_n, units_y, units_none, units_n * units_n, units_y * units_y, units_n * units_y,
            units_none * units_none, units_n * units_none])) AS totals,
        sumForEach(arrayMap(x -> alike * x, up_to))            AS up_to_n,
        sumForEach(arrayMap(x -> alike * x * x, up_to))        AS up_to_yy,
        sumForEach(arrayMap(x -> alike * x * units_n, up_to))  AS up_to_ny,
        sumForEach(arrayMap(x -> alike * x, u))                AS trend_n,
        sumForEach(arrayFlatten(arrayMap(a -> arrayMap(b -> alike * a * b, u), u))) AS trend_nn
    FROM per_contact
    GROUP BY business_id, of_measure, span, own_market, own_channel, own_promise
),
sliced AS
(
    SELECT
        business_id, of_measure, span, slice,
        sumForEach(totals) AS t,
        sumForEach(up_to_n) AS n, sumForEach(up_to_yy) AS yy, sumForEach(up_to_ny) AS ny,
        sumForEach(trend_n) AS trends, sumForEach(trend_nn) AS trends_nn
    FROM summed
    ARRAY JOIN [('all', ''), ('channel', toString(own_channel)), ('market', toString(own_market)), ('promised_frequency', own_promise)] AS slice
    GROUP BY business_id, of_measure, span, slice
)
SELECT
    p.business_id                     AS business_id,
    c.loaded_to                       AS cutoff,
    slice.1                           AS dimension,
    slice.2                           AS segment,
    of_measure                        AS measure,
    span.1                            AS period,
    span.2                            AS period_from,
    span.3                            AS period_to,
    toUInt16(intDiv(period_to - period_from, 7)) AS weeks,
    t[1] AS contacts,
    t[2] AS units,
    t[3] AS messages,
    t[4] AS none,
    t[5] AS sum_nn,
    t[6] AS sum_yy,
    t[7] AS sum_ny,
    t[8] AS none_yy,
    t[9] AS none_ny,
    n         AS at_most,
    yy        AS at_most_yy,
    ny        AS at_most_ny,
    trends    AS trend_sums,
    trends_nn AS trend_products
FROM sliced AS p
INNER JOIN loaded AS c ON c.business_id = p.business_id
ORDER BY business_id, dimension, segment, measure, period, period_from
