-- frequency_engagement: how engagement changes with trailing exposure, as sufficient statistics of a clustered rate.
-- grain:   one row per (business_id, channel, market, outcome, exposure bin); `all` is every channel or market together
-- reads:   messages (one row per message, so nothing to deduplicate), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), channel String, market String, outcome String,
--          exposure_from UInt16, exposure_to UInt16, contacts UInt64, messages UInt64, outcomes UInt64,
--          sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   messages are matured and in the outcome's base; sums are over contacts, of products of messages and
--          outcomes; exposure_to 65535 is no upper end. Rate and interval are computed from these in Go
WITH
-- shared: loaded
-- shared: rated
counted AS
(
    SELECT *, cityHash64(business_id, contact_id) AS contact
    FROM rated
    WHERE in_base
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- Contacts on several channels or in several markets.
mixed AS
(
    SELECT contact
    FROM counted
    GROUP BY contact
    HAVING min(cityHash64(own_channel, own_market)) != max(cityHash64(own_channel, own_market))
),
-- The channel and market of each number that a message is told under: numbers take less time and memory than names. Any contact that is not mixed is the same
-- cluster in all four of its channel and market, so that its messages are told once for these, under a number of their own.
names AS
(
    SELECT DISTINCT business_id, of_channel, of_market, number
    FROM (SELECT DISTINCT business_id, toString(own_channel) AS channel, toString(own_market) AS market FROM counted)
    ARRAY JOIN [channel, 'all'] AS of_channel
    ARRAY JOIN [market, 'all'] AS of_market
    ARRAY JOIN [cityHash64(business_id, of_channel, of_market), cityHash64(business_id, 'only', channel, market)] AS number
),
per_contact AS
(
    SELECT
        any(told) AS told_as, bin AS of_bin,
        sum(open_n) AS opens_n, sum(open_y) AS opens_y, sum(click_n) AS clicks_n, sum(click_y) AS clicks_y, sum(reply_n) AS replies_n, sum(reply_y) AS replies_y
    FROM counted
    ARRAY JOIN if(contact IN mixed,
        [cityHash64(business_id, 'all', 'all'), cityHash64(business_id, 'all', own_market),
         cityHash64(business_id, own_channel, 'all'), cityHash64(business_id, own_channel, own_market)],
        [cityHash64(business_id, 'only', own_channel, own_market)]) AS told
    GROUP BY cityHash64(contact, told), of_bin -- contact and told, as one number
),
summed AS
(
    SELECT
        told_as, of_bin, of_outcome,
        count() AS contacts_n, sum(n) AS all_n, sum(y) AS all_y, sum(n * n) AS nn, sum(y * y) AS yy, sum(n * y) AS ny
    FROM per_contact
    ARRAY JOIN [1, 2, 3] AS of_outcome, [opens_n, clicks_n, replies_n] AS n, [opens_y, clicks_y, replies_y] AS y
    WHERE n > 0
    GROUP BY told_as, of_bin, of_outcome
)
SELECT
    g.business_id      AS business_id,
    any(l.loaded_to)   AS cutoff, -- the same for the whole business
    g.of_channel       AS channel,
    g.of_market        AS market,
    ['open', 'click', 'reply'][s.of_outcome] AS outcome,
    toUInt16(s.of_bin) AS exposure_from,
    toUInt16(multiIf(s.of_bin <= 5, s.of_bin, s.of_bin = 6, 7, s.of_bin = 8, 10, 65535)) AS exposure_to,
    sum(s.contacts_n)  AS contacts,
    sum(s.all_n)       AS messages,
    sum(s.all_y)       AS outcomes,
    sum(s.nn)          AS sum_nn,
    sum(s.yy)          AS sum_yy,
    sum(s.ny)          AS sum_ny
FROM summed AS s
INNER JOIN names AS g ON g.number = s.told_as
INNER JOIN loaded AS l ON l.business_id = g.business_id
GROUP BY business_id, channel, market, outcome, s.of_bin
ORDER BY business_id, channel, market, outcome, exposure_from
