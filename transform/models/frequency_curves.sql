-- frequency_curves: the sums behind the crude, the standardised and the within-person curves of engagement and opt-out.
-- grain:   one row per (business_id, unit, own_market, own_channel, outcome, contact_group); the second statement: one row per
--          sampled person-day or message
-- reads:   person_days (one row per contact and day), messages (one row per message), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of days, whole UTC days; chunk, chunks UInt32: the contacts
--          whose hash leaves chunk when divided by chunks; the sums of all chunks add up
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), unit String, own_market String, own_channel String, outcome String,
--          contact_group UInt16, counts Array(UInt64), ratios Array(Float64); the second: business_id String,
--          cutoff DateTime64(3, 'UTC'), unit String, contact UInt64, week Int32, k UInt16, told UInt8, had UInt8
-- units:   a unit is a person-day with its dose, or a matured message, sent on a day at risk, with its exposure. Contacts are in 200
--          groups by hash: groups are independent as contacts are, so what differs between them tells how sure a number is.
--          With n units, y of them with the outcome, dose or exposure k, sends of the day x, next dose z, counts are sums over contacts of
--          1 if n, n [36], y, of units with known prior engagement, by cell (9 x group of prior engagement + bin): 3 x [36]
--          1 if n, of these units, by bin, of any, of doses 1 to 3, of 4 and more, of either: [13]
--          1, n, k, k^2, y, k y: [6]
--          1, n, y, of contacts whose dose varies: [3]; of those whose next dose varies, of units where it is known: [3]
--          1, n, y of bins a and 1 (dose 1), of contacts with both: 3 x [9] by a
--          and ratios are of what is rounded to 2^-20 for a contact, so that the sums are of integers and depend on no order, where
--          S is the sum of products less the means: S_kk, S_ky; S_zz, S_zk, S_zx, S_kk, S_kx, S_xx, S_zy, S_ky, S_xy;
--          (y_a n_1 - y_1 n_a) / (n_a + n_1) [9], n_a n_1 / (n_a + n_1) [9]
WITH
['open', 'click', 'reply', 'any', 'opt_out'] AS names,
-- shared: rated
-- shared: units
-- Thirds of those who were engaged at all; the others are a group of their own.
thirds AS
(
    SELECT business_id, quantilesExactLow(1 / 3, 2 / 3)(assumeNotNull(prior_engaged)) AS cuts
    FROM person_days
    WHERE prior_engaged > 0
      AND day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id
),
-- By cell; 36 to 44 are those without known prior engagement. What is measured may differ between a contact's messages.
by_told AS
(
    SELECT
        u.business_id AS business_id, u.unit AS unit, u.contact_id AS contact_id, u.told AS told, any(u.market) AS market, any(u.channel) AS channel,
        countResample(0, 45, 1)(cell) AS n,
        [sumResample(0, 45, 1)(open, cell), sumResample(0, 45, 1)(click, cell), sumResample(0, 45, 1)(reply, cell),
         sumResample(0, 45, 1)(either, cell), sumResample(0, 45, 1)(left, cell)] AS ys,
        [sum(dose), sum(dose * dose), sum(known), sum(next), sum(known * dose), sum(known * x),
         sum(next * next), sum(next * dose), sum(next * x), sum(known * dose * dose), sum(known * dose * x), sum(known * x * x)] AS moments,
        [[sum(open * dose), sum(open * known), sum(open * next), sum(open * known * dose), sum(open * known * x)],
         [sum(click * dose), sum(click * known), sum(click * next), sum(click * known * dose), sum(click * known * x)],
         [sum(reply * dose), sum(reply * known), sum(reply * next), sum(reply * known * dose), sum(reply * known * x)],
         [sum(either * dose), sum(either * known), sum(either * next), sum(either * known * dose), sum(either * known * x)],
         [sum(left * dose), 0, 0, 0, 0]] AS with_y
    FROM
    (
        SELECT
            u.*,
            toUInt64(k)            AS dose,
            z IS NOT NULL          AS known,
            toUInt64(ifNull(z, 0)) AS next,
            multiIf(prior_engaged IS NULL, 4, prior_engaged = 0, 0, prior_engaged <= t.cuts[1], 1, prior_engaged <= t.cuts[2], 2, 3) AS prior_group,
            toUInt8(9 * prior_group + multiIf(k <= 5, k, k <= 7, 6, k <= 10, 7, 8)) AS cell,
            bitTest(had, 0) AS open, bitTest(had, 1) AS click, bitTest(had, 2) AS reply, bitTest(had, 3) AS either, bitTest(had, 4) AS left
        FROM units AS u
        LEFT JOIN thirds AS t ON t.business_id = u.business_id
    ) AS u
    GROUP BY business_id, unit, contact_id, told
),
per_contact AS
(
    SELECT
        business_id, unit, contact_id, name,
        any(market)  AS own_market,
        any(channel) AS own_channel,
        sumForEach(n)            AS cells_n,
        sumForEach(y)            AS cells_y,
        sumForEach(moments)      AS of_k,
        sumForEach(moments_of_y) AS of_y
    FROM by_told
    ARRAY JOIN names AS name, arrayEnumerate(names) AS place, ys AS y, with_y AS moments_of_y
    WHERE bitTest(told, place - 1)
    GROUP BY business_id, unit, contact_id, name
),
vectors AS
(
    SELECT
        business_id, unit, own_market, own_channel, name, cityHash64(contact_id) % 200 AS contact_group,
        name != 'opt_out'                                                     AS compared, -- leaving ends a contact's history
        arrayMap(i -> cells_n[i] + cells_n[i + 9] + cells_n[i + 18] + cells_n[i + 27], range(1, 10)) AS known_n,
        arrayMap((n, i) -> n + cells_n[i + 36], known_n, range(1, 10))        AS bin_n,
        arrayMap(i -> cells_y[i] + cells_y[i + 9] + cells_y[i + 18] + cells_y[i + 27] + cells_y[i + 36], range(1, 10)) AS bin_y,
        arrayMap(n -> compared AND n > 0 AND bin_n[2] > 0, bin_n)             AS both,
        arraySum(arraySlice(known_n, 2, 3)) > 0                               AS low,
        arraySum(arraySlice(known_n, 5)) > 0                                  AS high,
        arraySum(bin_n) AS units, arraySum(bin_y) AS s_y, of_k[1] AS s_k, of_k[2] AS s_kk, of_y[1] AS s_ky,
        of_k[3] AS m, of_y[2] AS p_y,
        if(compared, [s_kk - s_k * s_k / units, s_ky - s_k * s_y / units], [0., 0.]) AS within,
        if(compared AND m > 1,
            [of_k[7] - of_k[4] * of_k[4] / m, of_k[8] - of_k[4] * of_k[5] / m, of_k[9] - of_k[4] * of_k[6] / m,
             of_k[10] - of_k[5] * of_k[5] / m, of_k[11] - of_k[5] * of_k[6] / m, of_k[12] - of_k[6] * of_k[6] / m,
             of_y[3] - of_k[4] * p_y / m, of_y[4] - of_k[5] * p_y / m, of_y[5] - of_k[6] * p_y / m],
            arrayResize([0.], 9))                                             AS placebo,
        arrayConcat(
            arrayMap(n -> toUInt64(n > 0), arraySlice(cells_n, 1, 36)), arraySlice(cells_n, 1, 36), arraySlice(cells_y, 1, 36),
            arrayMap(n -> toUInt64(n > 0), known_n), [toUInt64(arraySum(known_n) > 0), low, high, low OR high],
            [1, units, s_k, s_kk, s_y, s_ky],
            if(round(within[1] * 1048576) = 0, [0, 0, 0], [1, units, s_y]),
            -- A contact whose next dose does not vary still tells what the others go with, but is not counted.
            if(round(placebo[1] * 1048576) = 0, [0, 0, 0], [1, m, p_y]),
            both, arrayMap((n, b) -> if(b, n + bin_n[2], 0), bin_n, both), arrayMap((y, b) -> if(b, y + bin_y[2], 0), bin_y, both)) AS counts,
        arrayMap(v -> toInt128(round(v * 1048576)), arrayConcat(
            within, placebo,
            arrayMap((n, y, b) -> if(b, (toInt64(y * bin_n[2]) - toInt64(bin_y[2] * n)) / (n + bin_n[2]), 0), bin_n, bin_y, both),
            arrayMap((n, b) -> if(b, n * bin_n[2] / (n + bin_n[2]), 0), bin_n, both))) AS ratios
    FROM per_contact
)
SELECT
    r.business_id AS business_id,
    v.loaded_to   AS cutoff,
    r.unit        AS unit,
    r.own_market  AS own_market,
    r.own_channel AS own_channel,
    r.name        AS outcome,
    toUInt16(r.contact_group)                                        AS contact_group,
    sumForEach(r.counts)                                             AS counts,
    arrayMap(s -> toFloat64(s) / 1048576, sumForEach(r.ratios))      AS ratios
FROM vectors AS r
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS v ON v.business_id = r.business_id
GROUP BY business_id, cutoff, unit, own_market, own_channel, outcome, contact_group
ORDER BY business_id, unit, outcome, own_market, own_channel, contact_group
SETTINGS max_block_size = 8192
-- statement
WITH
-- shared: rated
-- shared: units
sampled AS
(
    SELECT
        business_id, unit, contact_id,
        intDiv(toInt32(day), 7) AS week,
        toUInt16(k)             AS k,
        told, had
    FROM units
    WHERE unit = 'message'
       OR toInt32(day) % 7 = cityHash64(contact_id) % 7
)
SELECT
    s.business_id AS business_id,
    v.loaded_to   AS cutoff,
    s.unit        AS unit,
    s.contact_id  AS contact_id,
    s.week        AS week,
    s.k           AS k,
    s.told        AS told,
    s.had         AS had
FROM sampled AS s
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS v ON v.business_id = s.business_id
ORDER BY business_id, unit, contact_id, week, k, told, had
