-- frequency_position: open, click and reply per message by its position in the contact's local ISO week, within groups of equal totals.
-- grain:   one row per (business_id, dimension, segment, outcome, week_total, position)
-- reads:   messages (one row per message, so nothing to deduplicate), contact_facts (FINAL: unique by key), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days; zones Array(String): zone names
--          in the data; markets, market_zones Array(String): main zones of markets, side by side
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, outcome String,
--          week_total UInt8, position UInt8, condition String, identification String, zoned_contact UInt64,
--          zoned_market UInt64, cross_nn UInt64, cross_yy UInt64, cross_ny UInt64, cross_yn UInt64, contacts UInt64,
--          messages UInt64, outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   messages and outcomes as in frequency_engagement; cross sums are over contacts, of products with what the
--          contact has at position 1. Rate, interval and difference to position 1 are computed from these in Go
WITH
-- shared: rated
-- shared: local
weeks AS
(
    SELECT
        business_id,
        contact_id,
        max(own_market) AS week_market,
        max(loaded_to)  AS cut_at,
        max(told_from)  AS data_from,
        max(by_contact) AS week_by_contact,
        max(by_market)  AS week_by_market,
        toUInt8(least(count(), 255)) AS total,
        toMonday(toDate(local)) AS monday,
        -- The week in UTC, by the offsets of its first and last message.
        toDateTime64(monday, 3, 'UTC') - toIntervalSecond(argMin(offset_s, (sent, message_id))) AS begins,
        toDateTime64(monday + 7, 3, 'UTC') - toIntervalSecond(argMax(offset_s, (sent, message_id))) AS ends,
        arraySort(groupArray((toUnixTimestamp64Milli(sent), message_id, open_n, open_y, click_n, click_y, reply_n, reply_y))) AS messages_of
    FROM zoned
    GROUP BY business_id, contact_id, monday
    HAVING total BETWEEN 2 AND 10
       AND begins >= {from:DateTime64(3, 'UTC')}
       AND ends <= {to:DateTime64(3, 'UTC')}
       -- Exposure is known and outcomes are matured at each position, or the positions would be of other weeks.
       AND begins >= data_from + INTERVAL 7 DAY
       AND ends <= cut_at - INTERVAL 7 DAY
),
per_contact AS
(
    SELECT
        business_id,
        max(cut_at) AS cutoff_at,
        slice,
        total,
        contact_id,
        rate.1               AS of_outcome,
        sumForEach(rate.2)   AS n,
        sumForEach(rate.3)   AS y,
        max(week_by_contact) AS is_by_contact,
        max(week_by_market)  AS is_by_market
    FROM weeks
    ARRAY JOIN [('open', arrayMap(m -> m.3, messages_of), arrayMap(m -> m.4, messages_of)),
                ('click', arrayMap(m -> m.5, messages_of), arrayMap(m -> m.6, messages_of)),
                ('reply', arrayMap(m -> m.7, messages_of), arrayMap(m -> m.8, messages_of))] AS rate
    ARRAY JOIN [('all', ''), ('market', toString(week_market))] AS slice
    GROUP BY business_id, slice, total, contact_id, of_outcome
)
SELECT
    business_id,
    max(cutoff_at)         AS cutoff,
    slice.1                AS dimension,
    slice.2                AS segment,
    of_outcome             AS outcome,
    total                  AS week_total,
    toUInt8(place)         AS position,
    'the week''s total'    AS condition,
    'crude'                AS identification,
    sumIf(own_n, is_by_contact) AS zoned_contact,
    sumIf(own_n, is_by_market)  AS zoned_market,
    sum(own_n * n[1])      AS cross_nn,
    sum(own_y * y[1])      AS cross_yy,
    sum(own_n * y[1])      AS cross_ny,
    sum(own_y * n[1])      AS cross_yn,
    count()                AS contacts,
    sum(own_n)             AS messages,
    sum(own_y)             AS outcomes,
    sum(own_n * own_n)     AS sum_nn,
    sum(own_y * own_y)     AS sum_yy,
    sum(own_n * own_y)     AS sum_ny
FROM per_contact
ARRAY JOIN n AS own_n, y AS own_y, arrayEnumerate(n) AS place
WHERE own_n > 0
GROUP BY business_id, slice, of_outcome, total, place
ORDER BY business_id, dimension, segment, outcome, week_total, position
