-- frequency_curves: the sums behind the crude, the standardised and the within-person curves of engagement and opt-out.
-- grain:   six statements. The first: one row per unit of a pass, which stand as {{units}} in the others. The second: one
--          row per place, the contacts of one business, market, channel and group. The next three: one row per (place, is_day, outcome)
--          and: cell; nothing; bin. The sixth: one row per sampled unit
-- reads:   person_days (one row per contact and day), messages (one row per message), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of days, whole UTC days; first_contact,
--          last_contact UUID: the contacts of one pass, both included; the sums of all passes add up; share UInt32: one contact in so many is sampled
-- returns: integers, in the order of the selects; the fourth: counts Array(UInt64), ratios Array(Float64)
-- units:   a unit is a person-day with its dose (is_day), or a matured message, sent on a day at risk, with its exposure. Contacts are in
--          200 groups by hash: groups are independent as contacts are, so what differs between them tells how sure a number is.
--          A cell is 9 x group of prior engagement + bin of dose or exposure; those from 36 on are without known prior engagement.
--          With n units, y of them with the outcome, dose or exposure k, sends of the day x, next dose z, outcomes open, click, reply,
--          any, opt_out as 1 to 5, counts are sums over contacts of
--          1 if n, of units with known prior engagement, by bin, of any, of doses 1 to 3, of 4 and more, of either: [13]
--          1, n, k, k^2, y, k y: [6]
--          1, n, y, of contacts whose dose varies: [3]; of those whose next dose varies, of units where it is known: [3]
--          and ratios are of what is rounded to 2^-20 for a contact, so that the sums are of integers and depend on no order, where
--          S is the sum of products less the means: S_kk, S_ky; S_zz, S_zk, S_zx, S_kk, S_kx, S_xx, S_zy, S_ky, S_xy.
--          The fifth: of contacts with units in the bin (n, y) and in that of 1 (n1, y1): contacts, n + n1, y + y1, and in 2^-20
--          (y n1 - y1 n) / (n + n1), n n1 / (n + n1)
WITH
-- shared: rated
-- shared: measured_days
-- shared: thirds
-- shared: units
SELECT
    u.business_id  AS business_id,
    u.market       AS own_market, -- one per contact, as the channel
    u.channel      AS own_channel,
    toUInt8(cityHash64(u.contact_id) % 200) AS contact_group,
    -- Numbers take less time and memory than names and ids.
    CAST(cityHash64(u.business_id, u.contact_id), 'UInt64')                          AS contact,
    CAST(cityHash64(u.business_id, own_market, own_channel, contact_group), 'UInt64') AS place,
    u.is_day       AS is_day,
    u.told         AS told,
    u.had          AS had,
    multiIf(u.prior_engaged IS NULL, 4, u.prior_engaged = 0, 0, u.prior_engaged <= t.cuts[1], 1, u.prior_engaged <= t.cuts[2], 2, 3) AS prior_group,
    toUInt8(9 * prior_group + multiIf(u.k <= 5, u.k, u.k <= 7, 6, u.k <= 10, 7, 8)) AS cell,
    u.k            AS k,
    u.x            AS x,
    u.z IS NOT NULL AS known,
    ifNull(u.z, 0) AS z,
    intDiv(toInt32(u.day), 7) AS week,
    cityHash64(u.contact_id) % {share:UInt32} = 0
        AND (u.is_day = 0 OR toInt32(u.day) % 7 = cityHash64(u.contact_id) % 7) AS sampled -- the weeks before such days do not overlap
FROM units AS u
LEFT JOIN thirds AS t ON t.business_id = u.business_id
-- statement
SELECT p.place, p.business_id, p.own_market, p.own_channel, p.contact_group, v.loaded_to
FROM (SELECT DISTINCT place, business_id, own_market, own_channel, contact_group FROM {{units}}) AS p
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS v ON v.business_id = p.business_id
-- statement
WITH
per_contact AS
(
    SELECT
        any(place) AS of_place, is_day, cell,
        countIf(bitTest(told, 0)) AS open_n,    countIf(bitTest(had, 0)) AS open_y,
        countIf(bitTest(told, 1)) AS click_n,   countIf(bitTest(had, 1)) AS click_y,
        countIf(bitTest(told, 2)) AS reply_n,   countIf(bitTest(had, 2)) AS reply_y,
        countIf(bitTest(told, 3)) AS any_n,     countIf(bitTest(had, 3)) AS any_y,
        countIf(bitTest(told, 4)) AS opt_out_n, countIf(bitTest(had, 4)) AS opt_out_y
    FROM {{units}} AS u
    WHERE cell < 36
    GROUP BY contact, is_day, cell
),
summed AS
(
    SELECT
        of_place, is_day, cell,
        countIf(open_n > 0)    AS open_c,    sum(open_n)    AS open_ns,    sum(open_y)    AS open_ys,
        countIf(click_n > 0)   AS click_c,   sum(click_n)   AS click_ns,   sum(click_y)   AS click_ys,
        countIf(reply_n > 0)   AS reply_c,   sum(reply_n)   AS reply_ns,   sum(reply_y)   AS reply_ys,
        countIf(any_n > 0)     AS any_c,     sum(any_n)     AS any_ns,     sum(any_y)     AS any_ys,
        countIf(opt_out_n > 0) AS opt_out_c, sum(opt_out_n) AS opt_out_ns, sum(opt_out_y) AS opt_out_ys
    FROM per_contact
    GROUP BY of_place, is_day, cell
)
SELECT of_place, is_day, outcome, cell, contacts, n, y
FROM summed
ARRAY JOIN
    [1, 2, 3, 4, 5]                                        AS outcome,
    [open_c, click_c, reply_c, any_c, opt_out_c]           AS contacts,
    [open_ns, click_ns, reply_ns, any_ns, opt_out_ns]      AS n,
    [open_ys, click_ys, reply_ys, any_ys, opt_out_ys]      AS y
WHERE n > 0
-- statement
WITH
moments AS
(
    SELECT
        any(place) AS of_place,
        contact, is_day, told,
        groupBitOr(if(cell < 36, bitShiftLeft(toUInt16(1), cell % 9), 0)) AS bins,
        count() AS n, sum(dose) AS s_k, sum(dose * dose) AS s_kk,
        sum(known) AS m, sum(next) AS m_z, sum(known * dose) AS m_k, sum(known * sends) AS m_x,
        sum(next * next) AS m_zz, sum(next * dose) AS m_zk, sum(next * sends) AS m_zx,
        sum(known * dose * dose) AS m_kk, sum(known * dose * sends) AS m_kx, sum(known * sends * sends) AS m_xx,
        sumIf(1, open) AS open_y, sumIf(dose, open) AS open_ky, sumIf(known, open) AS open_m, sumIf(next, open) AS open_mz, sumIf(known * dose, open) AS open_mk, sumIf(known * sends, open) AS open_mx,
        sumIf(1, click) AS click_y, sumIf(dose, click) AS click_ky, sumIf(known, click) AS click_m, sumIf(next, click) AS click_mz, sumIf(known * dose, click) AS click_mk, sumIf(known * sends, click) AS click_mx,
        sumIf(1, reply) AS reply_y, sumIf(dose, reply) AS reply_ky, sumIf(known, reply) AS reply_m, sumIf(next, reply) AS reply_mz, sumIf(known * dose, reply) AS reply_mk, sumIf(known * sends, reply) AS reply_mx,
        sumIf(1, either) AS any_y, sumIf(dose, either) AS any_ky, sumIf(known, either) AS any_m, sumIf(next, either) AS any_mz, sumIf(known * dose, either) AS any_mk, sumIf(known * sends, either) AS any_mx,
        sumIf(1, opt_out) AS opt_out_y, sumIf(dose, opt_out) AS opt_out_ky
    FROM
    (
        SELECT *, toUInt64(k) AS dose, toUInt64(x) AS sends, toUInt64(z) AS next,
            bitTest(had, 0) AS open, bitTest(had, 1) AS click, bitTest(had, 2) AS reply, bitTest(had, 3) AS either, bitTest(had, 4) AS opt_out
        FROM {{units}}
    )
    GROUP BY contact, is_day, told
),
-- What is measured may differ between a contact's messages.
per_contact AS
(
    SELECT
        any(of_place) AS own_place, is_day, outcome,
        outcome != 5       AS compared, -- leaving ends a contact's history
        groupBitOr(bins)   AS known_bins,
        sum(n)       AS units,    sum(s_k)  AS k,       sum(s_kk) AS kk,       sum(y.1)  AS ys, sum(y.2) AS ky,
        sum(m)       AS known,    sum(m_z)  AS z,       sum(m_k)  AS known_k,  sum(m_x)  AS x,
        sum(m_zz)    AS zz,       sum(m_zk) AS zk,      sum(m_zx) AS zx,
        sum(m_kk)    AS known_kk, sum(m_kx) AS kx,      sum(m_xx) AS xx,
        sum(y.3)     AS known_y,  sum(y.4)  AS zy,      sum(y.5)  AS known_ky, sum(y.6)  AS xy
    FROM moments
    ARRAY JOIN [1, 2, 3, 4, 5] AS outcome,
        [(open_y, open_ky, open_m, open_mz, open_mk, open_mx), (click_y, click_ky, click_m, click_mz, click_mk, click_mx),
         (reply_y, reply_ky, reply_m, reply_mz, reply_mk, reply_mx), (any_y, any_ky, any_m, any_mz, any_mk, any_mx),
         (opt_out_y, opt_out_ky, 0, 0, 0, 0)] AS y
    WHERE bitTest(told, outcome - 1)
    GROUP BY contact, is_day, outcome
),
centred AS
(
    SELECT
        own_place, is_day, outcome, known_bins, units, k, kk, ys, ky, known, known_y,
        arrayMap(v -> toInt128(round(v * 1048576)), if(compared, [kk - k * k / units, ky - k * ys / units], [0., 0.])) AS within,
        arrayMap(v -> toInt128(round(v * 1048576)), if(compared AND known > 1,
            [zz - z * z / known, zk - z * known_k / known, zx - z * x / known,
             known_kk - known_k * known_k / known, kx - known_k * x / known, xx - x * x / known,
             zy - z * known_y / known, known_ky - known_k * known_y / known, xy - x * known_y / known],
            arrayResize([0.], 9))) AS placebo
    FROM per_contact
)
SELECT
    c.own_place, c.is_day, c.outcome,
    arrayConcat(
        sumForEach(arrayMap(bins -> toUInt64(bitAnd(c.known_bins, bins) != 0), [1, 2, 4, 8, 16, 32, 64, 128, 256, 511, 14, 496, 510])),
        [count(), sum(c.units), sum(c.k), sum(c.kk), sum(c.ys), sum(c.ky)],
        [countIf(c.within[1] != 0), sumIf(c.units, c.within[1] != 0), sumIf(c.ys, c.within[1] != 0)],
        -- A contact whose next dose does not vary still tells what the others go with, but is not counted.
        [countIf(c.placebo[1] != 0), sumIf(c.known, c.placebo[1] != 0), sumIf(c.known_y, c.placebo[1] != 0)]) AS counts,
    arrayMap(s -> toFloat64(s) / 1048576, arrayConcat(sumForEach(c.within), sumForEach(c.placebo))) AS ratios
FROM centred AS c
GROUP BY c.own_place, c.is_day, c.outcome
-- statement
WITH
by_bin AS
(
    SELECT
        any(place) AS of_place,
        contact, is_day, cell % 9 AS own_bin,
        [countIf(bitTest(told, 0)), countIf(bitTest(told, 1)), countIf(bitTest(told, 2)), countIf(bitTest(told, 3))] AS n,
        [countIf(bitTest(had, 0)), countIf(bitTest(had, 1)), countIf(bitTest(had, 2)), countIf(bitTest(had, 3))]     AS y
    FROM {{units}} AS u
    GROUP BY contact, is_day, own_bin
),
per_contact AS
(
    SELECT
        any(of_place) AS own_place, is_day,
        anyIf(n, own_bin = 1) AS one_n,
        anyIf(y, own_bin = 1) AS one_y,
        groupArrayIf((own_bin, n, y), own_bin != 1) AS others
    FROM by_bin
    GROUP BY contact, is_day
    HAVING notEmpty(one_n)
)
SELECT
    own_place, is_day, outcome,
    other.1 AS bin,
    count(), sum(n1 + n), sum(y1 + y),
    toFloat64(sum(toInt128(round((toInt64(y * n1) - toInt64(y1 * n)) / (n + n1) * 1048576)))) / 1048576,
    toFloat64(sum(toInt128(round(n * n1 / (n + n1) * 1048576)))) / 1048576
FROM per_contact
ARRAY JOIN others AS other
ARRAY JOIN [1, 2, 3, 4] AS outcome, one_n AS n1, one_y AS y1, other.2 AS n, other.3 AS y
WHERE n > 0 AND n1 > 0
GROUP BY own_place, is_day, outcome, bin
-- statement
SELECT place, is_day, contact, week, k AS dose, told, had
FROM {{units}}
WHERE sampled
ORDER BY contact, is_day, week, dose, told, had
