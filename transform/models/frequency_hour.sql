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
per_contact AS
(
    SELECT
        slice, of_hour,
        sum(open_n)    AS opens_n,    sum(open_y)    AS opens_y,    sum(open_n AND by_contact)    AS opens_by_contact,    sum(open_n AND by_market)    AS opens_by_market,
        sum(click_n)   AS clicks_n,   sum(click_y)   AS clicks_y,   sum(click_n AND by_contact)   AS clicks_by_contact,   sum(click_n AND by_market)   AS clicks_by_market,
        sum(reply_n)   AS replies_n,  sum(reply_y)   AS replies_y,  sum(reply_n AND by_contact)   AS replies_by_contact,  sum(reply_n AND by_market)   AS replies_by_market,
        sum(opt_out_n) AS opt_outs_n, sum(opt_out_y) AS opt_outs_y, sum(opt_out_n AND by_contact) AS opt_outs_by_contact, sum(opt_out_n AND by_market) AS opt_outs_by_market
    FROM
    (
        SELECT
            *, cityHash64(business_id, contact_id) AS contact,
            toUInt8(24 * toDayOfWeek(local) + toHour(local)) AS of_hour
        FROM zoned
        WHERE in_base
    )
    ARRAY JOIN [cityHash64(business_id, 'all', ''), cityHash64(business_id, 'channel', toString(own_channel)), cityHash64(business_id, 'market', toString(own_market))] AS slice
    GROUP BY contact, slice, of_hour
),
summed AS
(
    SELECT
        slice, of_hour, s.1 AS outcome,
        sum(s.4) AS by_contact_n, sum(s.5) AS by_market_n, count() AS contacts_n, sum(s.2) AS n, sum(s.3) AS y,
        sum(s.2 * s.2) AS nn, sum(s.3 * s.3) AS yy, sum(s.2 * s.3) AS ny
    FROM per_contact
    ARRAY JOIN
        [('open', opens_n, opens_y, opens_by_contact, opens_by_market), ('click', clicks_n, clicks_y, clicks_by_contact, clicks_by_market),
         ('reply', replies_n, replies_y, replies_by_contact, replies_by_market), ('opt_out', opt_outs_n, opt_outs_y, opt_outs_by_contact, opt_outs_by_market)] AS s
    WHERE s.2 > 0
    GROUP BY slice, of_hour, outcome
)
SELECT
    g.business_id  AS business_id,
    l.loaded_to    AS cutoff,
    g.dimension    AS dimension,
    g.segment      AS segment,
    s.outcome      AS outcome,
    toUInt8(intDiv(s.of_hour, 24)) AS weekday,
    toUInt8(s.of_hour % 24)        AS hour,
    'crude'        AS identification,
    s.by_contact_n AS zoned_contact,
    s.by_market_n  AS zoned_market,
    s.contacts_n   AS contacts,
    s.n            AS messages,
    s.y            AS outcomes,
    s.nn           AS sum_nn,
    s.yy           AS sum_yy,
    s.ny           AS sum_ny
FROM summed AS s
INNER JOIN segments AS g ON g.number = s.slice
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS l ON l.business_id = g.business_id
ORDER BY business_id, dimension, segment, outcome, weekday, hour
