-- frequency_curves: the sums behind the crude, the standardised and the within-person curves of engagement and opt-out.
-- grain:   eight statements. The first two: one row per unit of a pass and number under which it is told, first the days, then the messages; they stand as
--          {{units}} in the others. The third: one row per (contact, is_day, cell), which stand as {{tallies}}. The fourth: one row per place, the contacts of
--          one business, market, channel, group and number. The next three: one row per (place, is_day, outcome) and: cell; nothing; bin. The eighth: one row per sampled unit
-- reads:   person_days (one row per contact and day), messages (one row per message), contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of days, whole UTC days; first_contact,
--          last_contact UUID: the contacts of one pass, both included; the sums of all passes add up; share UInt32: one contact in so many is sampled
-- returns: integers, in the order of the selects; the fourth: names, the last two arrays of dimensions and segments; the sixth: counts Array(UInt64),
--          ratios Array(Float64)
-- units:   a unit is a person-day with its dose (is_day), or a matured message, sent on a day at risk, with its exposure. Contacts are in
--          200 groups by hash: groups are independent as contacts are, so what differs between them tells how sure a number is.
--          A unit is told once, under a number, for all the segments that its contact's units are all of: of days, these are all, market, channel and the
--          promised frequency of its first day; of messages, see the shared part kinds. Where a contact's messages are of several segments, those of each are told
--          again, as if of another contact (is_part), for a segment compares a contact with itself by its own messages. Parts are in 50 groups, because they are
--          of many segments, and in no sample.
--          Bits of told: the outcome is measured; of had: the unit has it; from the lowest open, click, reply, any, opt_out. k is dose or exposure,
--          x the day's sends (of a message 0), z the next dose. before_told and before_had are told and had of the contact's message before, of the base
--          and the segment; of days of the day before, which is found where it is used; 0 where that is not known. A contact is sampled if its
--          sampled_on is under 7, on that day of the week.
--          A cell is 9 x group of prior engagement + bin of dose or exposure; those from 36 on are without known prior engagement.
--          n and y of a tally are five_counts.
--          With n units, y of them with the outcome, dose or exposure k, sends of the day x, next dose z, outcomes open, click, reply,
--          any, opt_out as 1 to 5, counts are sums over contacts of
--          1 if n, of units with known prior engagement, by bin, of any, of doses 1 to 3, of 4 and more, of either: [13]
--          1, n, k, k^2, y, k y: [6]
--          1, n, y, of contacts whose dose varies: [3]; of those whose next dose varies, of units where it is known: [3]; of those whose dose varies, of
--          units whose outcome before, b, is known: [3]
--          and ratios are of what is rounded to 2^-20 for a contact, so that the sums are of integers and depend on no order, where
--          S is the sum of products less the means: S_kk, S_ky; S_zz, S_zk, S_zx, S_kk, S_kx, S_xx, S_zy, S_ky, S_xy; S_kk, S_kb, S_bb, S_ky, S_by.
--          The seventh: of contacts with units in the bin (n, y) and in that of 1 (n1, y1): contacts, n + n1, y + y1, and in 2^-20
--          (y n1 - y1 n) / (n + n1), n n1 / (n + n1)
WITH
-- shared: measured_days
-- shared: thirds
-- shared: first_promises
rules AS
(
    SELECT cityHash64(m.business_id, m.channel) AS of_channel, toUInt8(m.told) AS told, t.cuts[1] AS first_cut, t.cuts[2] AS second_cut
    FROM measured_days AS m
    LEFT JOIN thirds AS t ON t.business_id = m.business_id
)
SELECT
    p.business_id AS business_id,
    p.market      AS own_market, -- one per contact, as the channel
    p.channel     AS own_channel,
    -- Numbers take less time and memory than names and ids.
    toUInt8(cityHash64(p.contact_id) % 200)                                           AS contact_group,
    CAST(cityHash64(p.business_id, p.contact_id), 'UInt64')                           AS contact,
    toUInt8(0)    AS is_part,
    CAST(cityHash64(p.business_id, 'promised_frequency', if(f.of_contact != 0, f.first_promise, p.promised_frequency)), 'UInt64') AS number,
    CAST(cityHash64(contact_group, number, own_market, own_channel), 'UInt64')        AS place,
    p.day         AS own_day,
    toUInt8(1)    AS is_day,
    r.told        AS told,
    toUInt8((p.opened > 0) + 2 * (p.clicked > 0) + 4 * (p.replied > 0) + 8 * (p.opened + p.clicked + p.replied > 0) + 16 * p.opted_out) AS had,
    toUInt8(9 * multiIf(p.prior_engaged IS NULL, 4, p.prior_engaged = 0, 0, p.prior_engaged <= r.first_cut, 1, p.prior_engaged <= r.second_cut, 2, 3)
        + multiIf(p.dose <= 5, p.dose, p.dose <= 7, 6, p.dose <= 10, 7, 8)) AS cell,
    p.dose        AS k,
    p.sent        AS x,
    p.next_dose IS NOT NULL  AS known,
    ifNull(p.next_dose, 0)   AS z,
    toUInt8(if(cityHash64(p.contact_id) % {share:UInt32} = 0, cityHash64(p.contact_id) % 7, 7)) AS sampled_on,
    toUInt8(0)    AS before_told,
    toUInt8(0)    AS before_had
FROM person_days AS p
INNER JOIN rules AS r ON r.of_channel = cityHash64(p.business_id, p.channel)
LEFT JOIN first_promises AS f ON f.of_contact = CAST(cityHash64(p.business_id, p.contact_id), 'UInt64')
WHERE p.day >= toDate({from:DateTime64(3, 'UTC')})
  AND p.day < toDate({to:DateTime64(3, 'UTC')})
  AND p.contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
-- statement
WITH
-- shared: told
-- shared: segment_ranks
exposed AS
(
    SELECT
        contact AS of_contact, message_id, sent, assumeNotNull(exposure) AS k, rates % 8 AS measured, intDiv(rates, 16) % 8 AS was_had,
        toUInt8(measured + 8 * (measured != 0)) AS told, toUInt8(was_had + 8 * (was_had != 0)) AS had,
        arrayJoin(arrayFilter((number, place) -> place = 1 OR number IN (SELECT told_as FROM segment_ranks WHERE dimension IN ('category', 'topic', 'campaign', 'promised_frequency') AND place <= 10), numbers, arrayEnumerate(numbers))) AS number,
        number != numbers[1] AS is_part
    FROM told
    WHERE old_enough
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
followed AS
(
    SELECT
        of_contact, toDate(sent) AS sent_on, k, told, had, number, is_part,
        lagInFrame(told, 1, 0) OVER messages_before AS before_told,
        lagInFrame(had, 1, 0) OVER messages_before  AS before_had
    FROM exposed
    WINDOW messages_before AS (PARTITION BY of_contact, number ORDER BY sent, message_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
)
SELECT
    d.* REPLACE (
        0         AS is_day,
        e.told    AS told,
        e.had     AS had,
        e.is_part AS is_part,
        e.number  AS number,
        toUInt8(if(e.is_part, d.contact_group % 50, d.contact_group))                      AS contact_group,
        if(e.is_part, CAST(cityHash64(d.contact, e.number), 'UInt64'), d.contact)          AS contact,
        CAST(cityHash64(if(e.is_part, 200 + d.contact_group % 50, d.contact_group), e.number, d.own_market, d.own_channel), 'UInt64') AS place,
        toUInt8(d.cell - d.cell % 9 + multiIf(e.k <= 5, e.k, e.k <= 7, 6, e.k <= 10, 7, 8)) AS cell,
        e.k       AS k,
        0         AS x,
        toUInt8(if(e.is_part, 7, d.sampled_on)) AS sampled_on,
        e.before_told AS before_told,
        e.before_had  AS before_had)
FROM (SELECT * FROM {{units}} WHERE x > 0 AND NOT is_part) AS d
INNER JOIN followed AS e ON e.of_contact = d.contact AND e.sent_on = d.own_day
-- statement
WITH
-- shared: five_counts
bits -> side_by_side[1 + bits] AS one_each
SELECT
    contact, is_day, cell,
    any(place)                 AS own_place,
    one_each(groupBitOr(told)) AS is_told,
    sum(one_each(told))        AS n,
    sum(one_each(had))         AS y
FROM {{units}}
GROUP BY contact, is_day, cell
-- statement
WITH
-- shared: loaded
-- shared: segment_ranks
names AS
(
    SELECT number, groupArray(dimension) AS dimensions, groupArray(segment) AS segments
    FROM
    (
        SELECT told_as AS number, dimension, segment FROM segment_ranks WHERE dimension IN ('category', 'topic', 'campaign', 'promised_frequency') AND place <= 10
        UNION DISTINCT
        SELECT cityHash64(business_id, 'promised_frequency', promised_frequency), 'promised_frequency', promised_frequency
        FROM person_days
        WHERE day >= toDate({from:DateTime64(3, 'UTC')})
          AND day < toDate({to:DateTime64(3, 'UTC')})
    )
    GROUP BY number
)
SELECT
    p.place, p.of_business, p.market, p.channel, p.own_group, v.loaded_to,
    arrayConcat(if(p.part, [], ['all', 'market', 'channel']), n.dimensions), arrayConcat(if(p.part, [], ['', p.market, p.channel]), n.segments)
FROM
(
    SELECT
        place, any(business_id) AS of_business, any(own_market) AS market, any(own_channel) AS channel, any(contact_group) AS own_group,
        any(is_part) AS part, any(number) AS own_number
    FROM {{units}}
    GROUP BY place
) AS p
INNER JOIN loaded AS v ON v.business_id = p.of_business
LEFT JOIN names AS n ON n.number = p.own_number
-- statement
WITH
-- shared: five_counts
by_cell AS
(
    SELECT own_place, is_day, cell, sum(is_told) AS contacts, sum(n) AS units, sum(y) AS outcomes
    FROM {{tallies}}
    WHERE cell < 36
    GROUP BY own_place, is_day, cell
)
SELECT own_place, is_day, toUInt8(o + 1) AS outcome, cell, one_of(contacts, o), one_of(units, o) AS known, one_of(outcomes, o)
FROM by_cell
ARRAY JOIN range(5) AS o
WHERE known > 0
-- statement
WITH
v -> toInt128(round(v * 1048576)) AS exact,
-- What a contact's units had is one of a few combinations, so that this leaves fewer rows to take sums by outcome of.
by_had AS
(
    SELECT
        any(place) AS of_place, contact, is_day, told, had, before_told, before_had,
        groupBitOr(if(cell < 36, bitShiftLeft(toUInt16(1), cell % 9), 0)) AS bins,
        count()    AS n, sum(k)         AS n_k, sum(k * k) AS n_kk,
        sum(known) AS m, sum(known * k) AS m_k, sum(known * k * k) AS m_kk,
        sum(z)     AS m_z, sum(z * z) AS m_zz, sum(z * k) AS m_zk, sum(z * x) AS m_zx,
        sum(known * x) AS m_x, sum(known * k * x) AS m_kx, sum(known * x * x) AS m_xx
    FROM
    (
        SELECT place, contact, is_day, told, had, before_told, before_had, cell, k, x, known, z
        FROM {{units}}
        WHERE is_day = 0
        UNION ALL
        -- Here, where a row is numbers only: they are sorted.
        SELECT
            place, contact, is_day, told, had,
            toUInt8(if(lagInFrame(own_day, 1, toDate(0)) OVER days_before = own_day - 1, told, 0)) AS before_told,
            lagInFrame(had, 1, 0) OVER days_before AS before_had,
            cell, k, x, known, z
        FROM {{units}}
        WHERE is_day = 1
        WINDOW days_before AS (PARTITION BY contact ORDER BY own_day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    )
    GROUP BY contact, is_day, told, had, before_told, before_had
),
-- What is measured may differ between a contact's messages.
per_contact AS
(
    SELECT
        any(of_place) AS own_place, is_day, outcome,
        groupBitOr(bins) AS own_bins,
        sum(n)    AS units, sum(n_k)  AS k,        sum(n_kk) AS kk,
        sum(m)    AS known, sum(m_z)  AS z,        sum(m_k)  AS known_k, sum(m_x) AS x,
        sum(m_zz) AS zz,    sum(m_zk) AS zk,       sum(m_zx) AS zx,
        sum(m_kk) AS known_kk, sum(m_kx) AS kx,    sum(m_xx) AS xx,
        sumIf(n, yes) AS y,       sumIf(n_k, yes) AS ky,
        sumIf(m, yes) AS known_y, sumIf(m_z, yes) AS zy, sumIf(m_k, yes) AS known_ky, sumIf(m_x, yes) AS xy,
        sumIf(n, traced) AS after,             sumIf(n_k, traced) AS after_k,            sumIf(n_kk, traced) AS after_kk,
        sumIf(n, traced AND was) AS after_b,   sumIf(n_k, traced AND was) AS after_kb,   sumIf(n, traced AND yes) AS after_y,
        sumIf(n_k, traced AND yes) AS after_ky, sumIf(n, traced AND was AND yes) AS after_by
    FROM (SELECT *, outcome, bitTest(had, outcome - 1) AS yes, bitTest(before_told, outcome - 1) AS traced, bitTest(before_had, outcome - 1) AS was FROM by_had ARRAY JOIN arrayFilter(o -> bitTest(told, o - 1), [1, 2, 3, 4, 5]) AS outcome)
    GROUP BY contact, is_day, outcome
),
centred AS
(
    SELECT
        own_place, is_day, outcome, own_bins, units, k, kk, y, ky, known, known_y, after, after_y,
        outcome != 5            AS compared, -- leaving ends a contact's history
        compared AND known > 1  AS followed,
        compared AND after > 1  AS followed_up,
        exact(if(compared, kk - k * k / units, 0)) AS s_kk,
        exact(if(compared, ky - k * y / units, 0)) AS s_ky,
        exact(if(followed, zz - z * z / known, 0)) AS f_zz,
        exact(if(followed, zk - z * known_k / known, 0)) AS f_zk,
        exact(if(followed, zx - z * x / known, 0)) AS f_zx,
        exact(if(followed, known_kk - known_k * known_k / known, 0)) AS f_kk,
        exact(if(followed, kx - known_k * x / known, 0)) AS f_kx,
        exact(if(followed, xx - x * x / known, 0)) AS f_xx,
        exact(if(followed, zy - z * known_y / known, 0)) AS f_zy,
        exact(if(followed, known_ky - known_k * known_y / known, 0)) AS f_ky,
        exact(if(followed, xy - x * known_y / known, 0)) AS f_xy,
        exact(if(followed_up, after_kk - after_k * after_k / after, 0)) AS b_kk,
        exact(if(followed_up, after_kb - after_k * after_b / after, 0)) AS b_kb,
        exact(if(followed_up, after_b - after_b * after_b / after, 0))  AS b_bb,
        exact(if(followed_up, after_ky - after_k * after_y / after, 0)) AS b_ky,
        exact(if(followed_up, after_by - after_b * after_y / after, 0)) AS b_by
    FROM per_contact
)
SELECT
    own_place, is_day, outcome,
    [
        countIf(bitTest(own_bins, 0)), countIf(bitTest(own_bins, 1)), countIf(bitTest(own_bins, 2)), countIf(bitTest(own_bins, 3)), countIf(bitTest(own_bins, 4)),
        countIf(bitTest(own_bins, 5)), countIf(bitTest(own_bins, 6)), countIf(bitTest(own_bins, 7)), countIf(bitTest(own_bins, 8)),
        countIf(own_bins != 0), countIf(bitAnd(own_bins, 14) != 0), countIf(bitAnd(own_bins, 496) != 0), countIf(bitAnd(own_bins, 510) != 0),
        count(), sum(c.units), sum(c.k), sum(c.kk), sum(c.y), sum(c.ky),
        countIf(c.s_kk != 0), sumIf(c.units, c.s_kk != 0), sumIf(c.y, c.s_kk != 0),
        -- A contact whose next dose does not vary still tells what the others go with, but is not counted.
        countIf(c.f_zz != 0), sumIf(c.known, c.f_zz != 0), sumIf(c.known_y, c.f_zz != 0),
        countIf(c.b_kk != 0), sumIf(c.after, c.b_kk != 0), sumIf(c.after_y, c.b_kk != 0)
    ] AS counts,
    arrayMap(s -> toFloat64(s) / 1048576,
        [sum(s_kk), sum(s_ky), sum(f_zz), sum(f_zk), sum(f_zx), sum(f_kk), sum(f_kx), sum(f_xx), sum(f_zy), sum(f_ky), sum(f_xy),
        sum(b_kk), sum(b_kb), sum(b_bb), sum(b_ky), sum(b_by)]) AS ratios
FROM centred AS c
GROUP BY own_place, is_day, outcome
-- statement
WITH
-- shared: five_counts
v -> toInt64(round(v * 1048576)) AS exact,
per_contact AS
(
    SELECT any(own_place) AS of_place, is_day, sumResample(0, 9, 1)(n, cell % 9) AS ns, sumResample(0, 9, 1)(y, cell % 9) AS ys -- arrays by bin
    FROM {{tallies}}
    GROUP BY contact, is_day
    HAVING ns[2] > 0
),
by_bin AS
(
    SELECT of_place, is_day, bin, n AS own_n, y AS own_y, ns[2] AS one_n, ys[2] AS one_y
    FROM per_contact
    ARRAY JOIN range(9) AS bin, ns AS n, ys AS y
    WHERE bin != 1 AND n > 0
)
SELECT
    of_place, is_day, toUInt8(o + 1) AS outcome, toUInt8(bin),
    count(), toUInt64(sum(n1 + n)), toUInt64(sum(y1 + y)),
    toFloat64(sum(exact((y * n1 - y1 * n) / (n + n1)))) / 1048576,
    toFloat64(sum(exact(n * n1 / (n + n1)))) / 1048576
FROM
(
    SELECT of_place, is_day, bin, o, one_of(own_n, o) AS n, one_of(own_y, o) AS y, one_of(one_n, o) AS n1, one_of(one_y, o) AS y1
    FROM by_bin
    ARRAY JOIN range(4) AS o
)
WHERE n > 0 AND n1 > 0
GROUP BY of_place, is_day, outcome, bin
-- statement
SELECT place, is_day, contact, intDiv(toInt32(own_day), 7) AS week, k AS dose, told, had
FROM {{units}}
WHERE sampled_on < 7
  AND (is_day = 0 OR toInt32(own_day) % 7 = sampled_on) -- the weeks before such days do not overlap
ORDER BY contact, is_day, week, dose, told, had
