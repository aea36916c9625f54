-- frequency_hour: open, click, reply and opt-out per message by the contact's local weekday and hour.
-- grain:   one row per (business_id, dimension, segment, outcome, weekday, hour)
-- reads:   messages (one row per message, so nothing to deduplicate), contact_facts (FINAL: unique by key), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days; zones Array(String): zone names
--          in the data; markets, market_zones Array(String): main zones of markets, side by side
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, outcome String, weekday UInt8,
--          hour UInt8, identification String, zoned_contact UInt64, zoned_market UInt64, contacts UInt64, messages UInt64,
--          outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   weekday 1 is Monday; messages and outcomes as in frequency_engagement; zoned_contact and zoned_market count
--          messages. Rate and interval are computed from these in Go
WITH
-- shared: rated
-- shared: local
-- shared: segments
-- shared: mixed
per_contact AS
(
    SELECT
        any(told) AS told_as, of_hour, max(by_contact) AS is_by_contact,
        sum(open_n)    AS opens_n,    sum(open_y)    AS opens_y,    sum(open_n AND by_market)    AS opens_by_market,
        sum(click_n)   AS clicks_n,   sum(click_y)   AS clicks_y,   sum(click_n AND by_market)   AS clicks_by_market,
        sum(reply_n)   AS replies_n,  sum(reply_y)   AS replies_y,  sum(reply_n AND by_market)   AS replies_by_market,
        sum(opt_out_n) AS opt_outs_n, sum(opt_out_y) AS opt_outs_y, sum(opt_out_n AND by_market) AS opt_outs_by_market
    FROM
    (
        SELECT
            *, cityHash64(business_id, contact_id) AS contact,
            toUInt8(24 * toDayOfWeek(local) + toHour(local)) AS of_hour
        FROM zoned
        WHERE in_base
    )
    ARRAY JOIN if(contact IN (SELECT contact FROM mixed WHERE on_lines),
        [cityHash64(business_id, 'all', ''), cityHash64(business_id, 'channel', own_channel), cityHash64(business_id, 'market', own_market)],
        [cityHash64(business_id, 'only', own_channel, own_market)]) AS told
    GROUP BY cityHash64(contact, told), of_hour -- contact and told, as one number
),
summed AS
(
    SELECT
        told_as, of_hour, of_outcome, sumIf(n, is_by_contact) AS by_contact_n, sum(by_market) AS by_market_n,
        count() AS contacts_n, sum(n) AS all_n, sum(y) AS all_y, sum(n * n) AS nn, sum(y * y) AS yy, sum(n * y) AS ny
    FROM per_contact
    ARRAY JOIN
        [1, 2, 3, 4] AS of_outcome, [opens_n, clicks_n, replies_n, opt_outs_n] AS n, [opens_y, clicks_y, replies_y, opt_outs_y] AS y,
        [opens_by_market, clicks_by_market, replies_by_market, opt_outs_by_market] AS by_market
    WHERE n > 0
    GROUP BY told_as, of_hour, of_outcome
)
SELECT
    g.business_id         AS business_id,
    any(l.loaded_to)      AS cutoff, -- the same for the whole business
    g.dimension           AS dimension,
    g.segment             AS segment,
    ['open', 'click', 'reply', 'opt_out'][s.of_outcome] AS outcome,
    toUInt8(intDiv(s.of_hour, 24)) AS weekday,
    toUInt8(s.of_hour % 24)        AS hour,
    'crude'               AS identification,
    sum(s.by_contact_n)   AS zoned_contact,
    sum(s.by_market_n)    AS zoned_market,
    sum(s.contacts_n)     AS contacts,
    sum(s.all_n)          AS messages,
    sum(s.all_y)          AS outcomes,
    sum(s.nn)             AS sum_nn,
    sum(s.yy)             AS sum_yy,
    sum(s.ny)             AS sum_ny
FROM summed AS s
INNER JOIN segments AS g ON g.number = s.told_as
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS l ON l.business_id = g.business_id
GROUP BY business_id, dimension, segment, outcome, weekday, hour
ORDER BY business_id, dimension, segment, outcome, weekday, hour
