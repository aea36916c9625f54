-- frequency_position: open, click and reply per message by its position in the contact's local ISO week, within groups of equal totals.
-- grain:   one row per (business_id, dimension, segment, pooled, outcome, week_total, position)
-- reads:   messages (one row per message, so nothing to deduplicate), contact_facts (FINAL: unique by key), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days; zones Array(String): zone names
--          in the data; markets, market_zones Array(String): main zones of markets, side by side
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, pooled UInt32, outcome String,
--          week_total UInt8, position UInt8, condition String, identification String, zoned_contact UInt64,
--          zoned_market UInt64, cross_nn UInt64, cross_yy UInt64, cross_ny UInt64, cross_yn UInt64, contacts UInt64,
--          messages UInt64, outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   messages and outcomes as in frequency_engagement; cross sums are over contacts, of products with what the
--          contact has at position 1; pooled counts the segments of `other`. Rate, interval and difference to position 1 are
--          computed from these in Go
WITH
-- shared: loaded
-- shared: told
-- shared: segment_ranks
segment_names AS (SELECT DISTINCT told_as, business_id, dimension, segment, pooled FROM segment_ranks),
rated AS (SELECT * FROM told),
-- shared: local
weeks AS
(
    SELECT
        contact,
        max(by_contact)  AS week_by_contact,
        max(by_market)   AS week_by_market,
        toUInt8(least(count(), 255)) AS total,
        groupArray(sent_ms) AS sents, groupArray(message_id) AS ids, groupArray(offset_s) AS offsets,
        groupArray(rates) AS all_rates, groupArray(numbers) AS all_numbers,
        arraySort((_, at, id) -> (at, id), arrayEnumerate(ids), sents, ids) AS places,
        -- The week in UTC, by the offsets of its first and last message.
        toDateTime64(monday, 3, 'UTC') - toIntervalSecond(offsets[places[1]])      AS begins,
        toDateTime64(monday + 7, 3, 'UTC') - toIntervalSecond(offsets[places[-1]]) AS ends
    FROM (SELECT *, toMonday(toDate(local)) AS monday, toUnixTimestamp64Milli(sent) AS sent_ms FROM zoned)
    GROUP BY contact, monday
    HAVING total BETWEEN 2 AND 10
       AND begins >= {from:DateTime64(3, 'UTC')}
       AND ends <= {to:DateTime64(3, 'UTC')}
       -- Exposure is known and outcomes are matured at each position, or the positions would be of other weeks.
       AND begins >= max(told_from) + INTERVAL 7 DAY
       AND ends <= max(loaded_to) - INTERVAL 7 DAY
),
placed AS
(
    SELECT
        contact, all_numbers[place] AS numbers, all_rates[place] AS rates, 16 * total + position AS own_cell,
        multiIf(week_by_contact, [own_cell, 256 + own_cell], week_by_market, [own_cell], [own_cell, 512 + own_cell]) AS cells -- see zoned_rows
    FROM weeks
    ARRAY JOIN places AS place, arrayEnumerate(places) AS position
),
-- shared: contact_cells
-- Beside each cell what the contact has at position 1 of the same number and total, which stands before all others of these.
alike AS
(
    SELECT place, counts, first_counts, count() AS contacts
    FROM by_contact
    ARRAY JOIN
        own_places AS place, own_counts AS counts,
        arrayFill((first, place, before) -> bitShiftRight(place, 4) != bitShiftRight(before, 4),
            arrayMap((place, n) -> if(place % 16 = 1, n, 0), own_places, own_counts), own_places, arrayPushFront(arrayPopBack(own_places), 0)) AS first_counts
    GROUP BY place, counts, first_counts
),
summed AS
(
    SELECT
        toUInt64(bitShiftRight(place, 56)) AS told_as, toUInt16(bitAnd(place, 65535)) AS cell, of_outcome,
        sum(alike_contacts * n * n_1) AS cross_nn, sum(alike_contacts * y * y_1) AS cross_yy,
        sum(alike_contacts * n * y_1) AS cross_ny, sum(alike_contacts * y * n_1) AS cross_yn,
        sum(alike_contacts) AS contacts_n, sum(alike_contacts * n) AS all_n, sum(alike_contacts * y) AS all_y,
        sum(alike_contacts * n * n) AS nn, sum(alike_contacts * y * y) AS yy, sum(alike_contacts * n * y) AS ny
    FROM
    (
        SELECT
            place, contacts AS alike_contacts, o + 1 AS of_outcome,
            one_of(counts, o) AS n, one_of(counts, o + 4) AS y, one_of(first_counts, o) AS n_1, one_of(first_counts, o + 4) AS y_1
        FROM alike
        ARRAY JOIN range(3) AS o
    )
    WHERE n > 0
    GROUP BY place, of_outcome
)
SELECT
    g.business_id      AS business_id,
    any(l.loaded_to)   AS cutoff, -- the same for the whole business
    g.dimension        AS dimension,
    g.segment          AS segment,
    g.pooled           AS pooled,
    ['open', 'click', 'reply'][s.of_outcome] AS outcome,
    toUInt8(intDiv(s.cell % 256, 16)) AS week_total,
    toUInt8(s.cell % 256 % 16)        AS position,
    'the week''s total'               AS condition,
    sumIf(s.cross_nn, s.cell < 256)   AS cross_nn,
    sumIf(s.cross_yy, s.cell < 256)   AS cross_yy,
    sumIf(s.cross_ny, s.cell < 256)   AS cross_ny,
    sumIf(s.cross_yn, s.cell < 256)   AS cross_yn,
-- shared: zoned_rows
