-- frequency_curves: the sums behind the crude, the standardised and the within-person curves of engagement and opt-out.
-- grain:   one row per (business_id, unit, own_market, own_channel, outcome, kind, a, b); the second statement: one row per
--          sampled person-day or message
-- reads:   person_days (one row per contact and day), messages (one row per message), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of days, whole UTC days; chunk, chunks UInt32: the contacts
--          whose hash leaves chunk when divided by chunks; the sums of all chunks add up
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), unit String, own_market String, own_channel String, outcome String,
--          kind UInt8, a UInt8, b UInt8, sums Array(Int128); the second: business_id String, cutoff DateTime64(3, 'UTC'),
--          unit String, contact UInt64, week Int32, k UInt16, is_told Array(UInt8), with Array(UInt8)
-- units:   a unit is a person-day with its dose, or a matured message, sent on a day at risk, with its exposure. What is a ratio for
--          a contact (kinds 2, 3, 4) is rounded to 2^-20, so that the sums are of integers and depend on no order.
--          With n units, y of them with the outcome, dose or exposure k, sends of the day x, next dose z of one contact, the sums are
--          kind 0, cells a <= b (9 x group of prior engagement + bin): 1, n_a, y_a, n_a n_b, n_a y_b, y_a n_b, y_a y_b
--          kind 1: 1, then v and the products v_i v_j, i <= j, of v = (n, sum k, sum k^2, sum y, sum k y)
--          kind 2: 1, n, y, then v and its products of v = (S_kk, S_ky), where S is the sum of products less the means
--          kind 3: 1, n, y, then v and its products of v = (S_zz, S_zk, S_zx, S_kk, S_kx, S_xx, S_zy, S_ky, S_xy)
--          kind 5, bin a, or 9 any, 10 doses 1 to 3, 11 doses of 4 and more, 12 either: 1; kinds 0 and 5 are of units with known prior engagement
--          kind 4, bin a against bin 1 (dose 1): 1, n, y of both bins, then v and its products of
--          v = ((y_a n_1 - y_1 n_a) / (n_a + n_1), n_a n_1 / (n_a + n_1))
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
-- Few rows per contact: one per group of prior engagement and dose.
by_dose AS
(
    SELECT
        u.business_id AS business_id, unit, contact_id, market, channel, is_told,
        multiIf(prior_engaged IS NULL, 4, prior_engaged = 0, 0, prior_engaged <= t.cuts[1], 1, prior_engaged <= t.cuts[2], 2, 3) AS prior_group,
        toUInt64(k)                                                                     AS dose,
        multiIf(dose <= 5, dose, dose <= 7, 6, dose <= 10, 7, 8)                         AS bin,
        count()                                                                         AS n,
        sumForEach(with)                                                                AS y,
        countIf(z IS NOT NULL)                                                          AS z_n,
        sumForEach(arrayMap(w -> toUInt64(w AND z IS NOT NULL), with))                   AS z_y,
        ifNull(sum(z), 0)                                                               AS sum_z,
        ifNull(sum(toUInt64(z) * z), 0)                                                 AS sum_zz,
        ifNull(sum(toUInt64(z) * x), 0)                                                 AS sum_zx,
        sumIf(x, z IS NOT NULL)                                                         AS sum_x,
        sumIf(toUInt64(x) * x, z IS NOT NULL)                                           AS sum_xx,
        sumForEach(arrayMap(w -> w * toUInt64(ifNull(z, 0)), with))                     AS sum_zy,
        sumForEach(arrayMap(w -> if(z IS NULL, 0, w * toUInt64(x)), with))              AS sum_xy
    FROM units AS u
    LEFT JOIN thirds AS t ON t.business_id = u.business_id
    GROUP BY business_id, unit, contact_id, market, channel, is_told, prior_group, dose
),
per_contact AS
(
    SELECT
        business_id, unit, contact_id, market, channel, name,
        sumMapIf([toUInt8(9 * prior_group + bin)], [n], [of_y], prior_group < 4)    AS cells,
        sumForEach(arrayMap(i -> if(i = bin + 1, n, 0), range(1, 10)))              AS bin_n,
        sumForEach(arrayMap(i -> if(i = bin + 1, of_y, 0), range(1, 10)))           AS bin_y,
        sum(n) AS units, sum(n * dose) AS s_k, sum(n * dose * dose) AS s_kk, sum(of_y) AS s_y, sum(of_y * dose) AS s_ky,
        sum(z_n) AS m, sum(of_z_y) AS p_y,
        [sum(sum_z), sum(z_n * dose), sum(sum_x)]                                               AS means, -- of z, k, x
        [sum(sum_zz), sum(sum_z * dose), sum(sum_zx), sum(z_n * dose * dose), sum(sum_x * dose), sum(sum_xx)] AS squares,
        [sum(of_zy), sum(of_z_y * dose), sum(of_xy)]                                            AS with_y
    FROM by_dose
    ARRAY JOIN names AS name, is_told AS told, y AS of_y, z_y AS of_z_y, sum_zy AS of_zy, sum_xy AS of_xy
    WHERE told
    GROUP BY business_id, unit, contact_id, market, channel, name
),
vectors AS
(
    SELECT
        business_id, unit, market, channel, name,
        arrayZip(cells.1, cells.2, cells.3)              AS c,
        arrayDistinct(arrayMap(cell -> cell % 9, cells.1)) AS bins,
        hasAny(bins, [1, 2, 3])                          AS low,
        hasAny(bins, [4, 5, 6, 7, 8])                    AS high,
        arrayMap(v -> toInt128(v), [units, s_k, s_kk, s_y, s_ky]) AS crude,
        arrayMap(v -> toInt128(round(v * 1048576)), [s_kk - s_k * s_k / units, s_ky - s_k * s_y / units]) AS within,
        arrayMap(v -> toInt128(round(v * 1048576)), arrayConcat(
            arrayMap((s, i, j) -> s - means[i] * means[j] / greatest(m, 1), squares, [1, 1, 1, 2, 2, 3], [1, 2, 3, 2, 3, 3]),
            arrayMap((s, mean) -> s - mean * p_y / greatest(m, 1), with_y, means))) AS placebo,
        arrayFilter(i -> i != 2 AND bin_n[i] > 0 AND bin_n[2] > 0, range(1, 10)) AS others,
        arrayMap(i -> toInt128(round((toInt64(bin_y[i] * bin_n[2]) - toInt64(bin_y[2] * bin_n[i])) / (bin_n[i] + bin_n[2]) * 1048576)), others) AS difference,
        arrayMap(i -> toInt128(round(bin_n[i] * bin_n[2] / (bin_n[i] + bin_n[2]) * 1048576)), others) AS weight,
        arrayConcat(
            arrayFlatten(arrayMap((first, i) -> arrayMap(then -> (0, first.1, then.1, arrayMap(v -> toInt128(v),
                    [1, if(first.1 = then.1, first.2, 0), if(first.1 = then.1, first.3, 0), first.2 * then.2, first.2 * then.3, first.3 * then.2, first.3 * then.3])),
                arraySlice(c, i)), c, arrayEnumerate(c))),
            arrayMap(bin -> (5, bin, 0, [toInt128(1)]), arrayConcat(bins, if(empty(bins), [], [9]),
                if(low, [10], []), if(high, [11], []), if(low OR high, [12], []))),
            [(1, 0, 0, arrayConcat([toInt128(1)], crude, arrayFlatten(arrayMap((first, i) -> arrayMap(then -> first * then, arraySlice(crude, i)), crude, arrayEnumerate(crude)))))],
            if(name = 'opt_out' OR within[1] = 0, [],
                [(2, 0, 0, arrayConcat(arrayMap(v -> toInt128(v), [1, units, s_y]), within, [within[1] * within[1], within[1] * within[2], within[2] * within[2]]))]),
            -- A contact whose next dose does not vary still tells what the others go with, but is not counted.
            if(name = 'opt_out' OR m < 2, [],
                [(3, 0, 0, arrayConcat(arrayMap(v -> toInt128(if(placebo[1] = 0, 0, v)), [1, m, p_y]), placebo,
                    arrayFlatten(arrayMap((first, i) -> arrayMap(then -> first * then, arraySlice(placebo, i)), placebo, arrayEnumerate(placebo)))))]),
            if(name = 'opt_out', [], arrayMap((i, d, w) -> (4, i - 1, 1, arrayConcat(
                    arrayMap(v -> toInt128(v), [1, bin_n[i] + bin_n[2], bin_y[i] + bin_y[2]]), [d, w, d * d, d * w, w * w])),
                others, difference, weight))) AS items
    FROM per_contact
)
SELECT
    r.business_id AS business_id,
    v.loaded_to   AS cutoff,
    r.unit        AS unit,
    r.market      AS own_market,
    r.channel     AS own_channel,
    r.name        AS outcome,
    toUInt8(item.1) AS kind,
    toUInt8(item.2) AS a,
    toUInt8(item.3) AS b,
    sumForEach(item.4) AS sums
FROM vectors AS r
ARRAY JOIN items AS item
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS v ON v.business_id = r.business_id
GROUP BY business_id, cutoff, unit, own_market, own_channel, outcome, kind, a, b
ORDER BY business_id, unit, outcome, own_market, own_channel, kind, a, b
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
        is_told, with
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
    s.is_told     AS is_told,
    s.with        AS with
FROM sampled AS s
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS v ON v.business_id = s.business_id
ORDER BY business_id, unit, contact_id, week, k, is_told, with
