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
at_risk AS
(
    SELECT
        p.business_id AS business_id, p.contact_id AS contact_id, toString(p.market) AS own_market, toString(p.channel) AS own_channel,
        toMonday(p.day) AS monday, l.first_monday AS first_monday, l.end_monday AS end_monday, p.sent AS sent, p.dose AS dose
    FROM person_days AS p
    INNER JOIN limits AS l ON l.business_id = p.business_id
    WHERE p.day >= l.first_monday
      AND p.day < l.end_monday
      AND p.contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
amounts AS
(
    SELECT
        business_id, contact_id, first_monday, end_monday, 'week' AS of_measure, monday,
        max(own_market) AS of_market, max(own_channel) AS of_channel, sum(sent) AS amount, 1 AS n
    FROM at_risk
    GROUP BY business_id, contact_id, first_monday, end_monday, monday
    HAVING count() = 7
    UNION ALL
    SELECT
        business_id, contact_id, first_monday, end_monday, '7_days' AS of_measure, first_monday AS monday,
        max(own_market), max(own_channel), dose AS amount, count() AS n
    FROM at_risk
    GROUP BY business_id, contact_id, first_monday, end_monday, amount
),
per_contact AS
(
    SELECT
        business_id, first_monday, end_monday, of_measure, span, contact_id,
        max(of_market)  AS own_market, -- one per contact, as the channel
        max(of_channel) AS own_channel,
        groupArray((toUInt64(amount), toUInt64(n)))   AS amounts_of,
        toUInt64(sum(n))                              AS units_n,
        toUInt64(sum(n * amount))                     AS units_y,
        toUInt64(sumIf(n, amount = 0))                AS units_none,
        arrayMap(v -> arraySum(a -> if(a.1 <= v, a.2, 0), amounts_of), range(33)) AS up_to,
        [units_n, toUInt64(sum(n * number)), toUInt64(sum(n * number * number)), units_y, toUInt64(sum(n * amount * number))] AS u
    FROM
    (
        SELECT *, intDiv(monday - first_monday, 7) AS number,
            if(of_measure = 'week', [('week', monday, monday + 7), ('window', first_monday, end_monday)],
                                    [('window', first_monday, end_monday)]) AS spans
        FROM amounts
    )
    ARRAY JOIN spans AS span
    GROUP BY business_id, first_monday, end_monday, of_measure, span, contact_id
),
-- A contact has one market and one channel: their sums add up to those of all.
summed AS
(
    SELECT
        business_id, of_measure, span, own_market, own_channel,
        [count(), sum(units_n), sum(units_y), sum(units_none), sum(units_n * units_n), sum(units_y * units_y), sum(units_n * units_y),
         sum(units_none * units_none), sum(units_n * units_none)] AS totals,
        sumForEach(up_to)                              AS up_to_n,
        sumForEach(arrayMap(x -> x * x, up_to))        AS up_to_yy,
        sumForEach(arrayMap(x -> x * units_n, up_to))  AS up_to_ny,
        sumForEach(u)                                  AS trend_n,
        sumForEach(arrayFlatten(arrayMap(a -> arrayMap(b -> a * b, u), u))) AS trend_nn
    FROM per_contact
    GROUP BY business_id, of_measure, span, own_market, own_channel
),
sliced AS
(
    SELECT
        business_id, of_measure, span, slice,
        sumForEach(totals) AS t,
        sumForEach(up_to_n) AS n, sumForEach(up_to_yy) AS yy, sumForEach(up_to_ny) AS ny,
        sumForEach(trend_n) AS trends, sumForEach(trend_nn) AS trends_nn
    FROM summed
    ARRAY JOIN [('all', ''), ('channel', own_channel), ('market', own_market)] AS slice
    GROUP BY business_id, of_measure, span, slice
)
SELECT
    p.business_id                     AS business_id,
    c.cutoff                          AS cutoff,
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
INNER JOIN (SELECT business_id, max(cutoff) AS cutoff FROM coverage GROUP BY business_id) AS c ON c.business_id = p.business_id
ORDER BY business_id, dimension, segment, measure, period, period_from
