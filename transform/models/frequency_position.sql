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
-- shared: segments
-- shared: mixed
weeks AS
(
    SELECT
        any(business_id) AS business_id,
        contact,
        max(own_channel) AS week_channel,
        max(own_market)  AS week_market,
        max(by_contact)  AS week_by_contact,
        max(by_market)   AS week_by_market,
        toUInt8(least(count(), 255)) AS total,
        groupArray(sent_ms) AS sents, groupArray(message_id) AS ids, groupArray(offset_s) AS offsets, groupArray(rates) AS rates_told,
        arraySort((_, at, id) -> (at, id), arrayEnumerate(ids), sents, ids) AS places,
        arrayMap(i -> rates_told[i], places) AS rates_of,
        -- The week in UTC, by the offsets of its first and last message.
        toDateTime64(monday, 3, 'UTC') - toIntervalSecond(offsets[places[1]])      AS begins,
        toDateTime64(monday + 7, 3, 'UTC') - toIntervalSecond(offsets[places[-1]]) AS ends
    FROM
    (
        SELECT
            *, cityHash64(business_id, contact_id) AS contact, toMonday(toDate(local)) AS monday, toUnixTimestamp64Milli(sent) AS sent_ms,
            -- What is measured and what was had, as bits.
            toUInt8(open_n + 2 * open_y + 4 * click_n + 8 * click_y + 16 * reply_n + 32 * reply_y) AS rates
        FROM zoned
    )
    GROUP BY contact, monday
    HAVING total BETWEEN 2 AND 10
       AND begins >= {from:DateTime64(3, 'UTC')}
       AND ends <= {to:DateTime64(3, 'UTC')}
       -- Exposure is known and outcomes are matured at each position, or the positions would be of other weeks.
       AND begins >= max(told_from) + INTERVAL 7 DAY
       AND ends <= max(loaded_to) - INTERVAL 7 DAY
),
per_contact AS
(
    SELECT
        any(told) AS told_as, total, max(week_by_contact) AS is_by_contact, max(week_by_market) AS is_by_market,
        sumForEach(arrayMap(r -> bitTest(r, 0), rates_of)) AS opens_n,   sumForEach(arrayMap(r -> bitTest(r, 1), rates_of)) AS opens_y,
        sumForEach(arrayMap(r -> bitTest(r, 2), rates_of)) AS clicks_n,  sumForEach(arrayMap(r -> bitTest(r, 3), rates_of)) AS clicks_y,
        sumForEach(arrayMap(r -> bitTest(r, 4), rates_of)) AS replies_n, sumForEach(arrayMap(r -> bitTest(r, 5), rates_of)) AS replies_y
    FROM weeks
    ARRAY JOIN if(contact IN (SELECT contact FROM mixed WHERE on_lines),
        [cityHash64(business_id, 'all', ''), cityHash64(business_id, 'market', week_market)],
        [cityHash64(business_id, 'only', week_channel, week_market)]) AS told
    GROUP BY cityHash64(contact, told), total -- contact and told, as one number
),
summed AS
(
    SELECT
        told_as, total, place, of_outcome, sumIf(n, is_by_contact) AS by_contact_n, sumIf(n, is_by_market) AS by_market_n,
        sum(n * n_of[1]) AS cross_nn, sum(y * y_of[1]) AS cross_yy, sum(n * y_of[1]) AS cross_ny, sum(y * n_of[1]) AS cross_yn,
        count() AS contacts_n, sum(n) AS all_n, sum(y) AS all_y, sum(n * n) AS nn, sum(y * y) AS yy, sum(n * y) AS ny
    FROM per_contact
    ARRAY JOIN [1, 2, 3] AS of_outcome, [opens_n, clicks_n, replies_n] AS n_of, [opens_y, clicks_y, replies_y] AS y_of
    ARRAY JOIN n_of AS n, y_of AS y, arrayEnumerate(n_of) AS place
    WHERE n > 0
    GROUP BY told_as, total, place, of_outcome
)
SELECT
    g.business_id          AS business_id,
    any(l.loaded_to)       AS cutoff, -- the same for the whole business
    g.dimension            AS dimension,
    g.segment              AS segment,
    ['open', 'click', 'reply'][s.of_outcome] AS outcome,
    s.total                AS week_total,
    toUInt8(s.place)       AS position,
    'the week''s total'    AS condition,
    'crude'                AS identification,
    sum(s.by_contact_n)    AS zoned_contact,
    sum(s.by_market_n)     AS zoned_market,
    sum(s.cross_nn)        AS cross_nn,
    sum(s.cross_yy)        AS cross_yy,
    sum(s.cross_ny)        AS cross_ny,
    sum(s.cross_yn)        AS cross_yn,
    sum(s.contacts_n)      AS contacts,
    sum(s.all_n)           AS messages,
    sum(s.all_y)           AS outcomes,
    sum(s.nn)              AS sum_nn,
    sum(s.yy)              AS sum_yy,
    sum(s.ny)              AS sum_ny
FROM summed AS s
INNER JOIN segments AS g ON g.number = s.told_as
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS l ON l.business_id = g.business_id
WHERE g.dimension IN ('all', 'market')
GROUP BY business_id, dimension, segment, outcome, week_total, position
ORDER BY business_id, dimension, segment, outcome, week_total, position
