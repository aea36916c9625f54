-- frequency_segments: open, click, reply and opt-out per message by trailing exposure, for each segment of each dimension.
-- grain:   one row per (business_id, dimension, segment, pooled, outcome, exposure bin)
-- reads:   messages (one row per message, so nothing to deduplicate), contact_facts (FINAL: unique by key), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, pooled UInt32, outcome String,
--          exposure_from UInt16, exposure_to UInt16, identification String, contacts UInt64, messages UInt64,
--          outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   as frequency_engagement, whose messages and outcomes these are; pooled counts the segments of the row `other`.
--          Rate and interval are computed from these in Go
WITH
-- shared: rated
-- shared: promises
-- shared: promised
-- shared: segment_ranks
-- shared: mixed
(SELECT groupArray(number) FROM segment_ranks WHERE told_as != number)  AS pooled_numbers,
(SELECT groupArray(told_as) FROM segment_ranks WHERE told_as != number) AS pooled_as,
per_contact AS
(
    SELECT
        any(told) AS told_as, of_bin,
        sum(open_n)  AS opens_n,   sum(open_y)  AS opens_y,   sum(click_n)   AS clicks_n,   sum(click_y)   AS clicks_y,
        sum(reply_n) AS replies_n, sum(reply_y) AS replies_y, sum(opt_out_n) AS opt_outs_n, sum(opt_out_y) AS opt_outs_y
    FROM
    (
        SELECT
            contact, bin AS of_bin, transform(number, pooled_numbers, pooled_as) AS told,
            open_n, open_y, click_n, click_y, reply_n, reply_y, opt_out_n, opt_out_y
        FROM (SELECT *, cityHash64(business_id, contact_id) AS contact FROM promised WHERE contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID})
        ARRAY JOIN arrayConcat(
            if(contact IN (SELECT contact FROM mixed),
                [cityHash64(business_id, 'all', ''), cityHash64(business_id, 'channel', own_channel), cityHash64(business_id, 'market', own_market),
                 cityHash64(business_id, 'category', own_category), cityHash64(business_id, 'topic', own_topic)],
                [cityHash64(business_id, 'only', own_channel, own_market, own_category, own_topic)]),
            [cityHash64(business_id, 'campaign', own_campaign), cityHash64(business_id, 'promised_frequency', promise)]) AS number
    )
    GROUP BY cityHash64(contact, told), of_bin -- contact and told, as one number
),
summed AS
(
    SELECT
        told_as, of_bin, of_outcome,
        count() AS contacts_n, sum(n) AS all_n, sum(y) AS all_y, sum(n * n) AS nn, sum(y * y) AS yy, sum(n * y) AS ny
    FROM per_contact
    ARRAY JOIN [1, 2, 3, 4] AS of_outcome, [opens_n, clicks_n, replies_n, opt_outs_n] AS n, [opens_y, clicks_y, replies_y, opt_outs_y] AS y
    WHERE n > 0
    GROUP BY told_as, of_bin, of_outcome
)
SELECT
    g.business_id      AS business_id,
    any(l.loaded_to)   AS cutoff, -- the same for the whole business
    g.dimension        AS dimension,
    g.segment          AS segment,
    g.pooled           AS pooled,
    ['open', 'click', 'reply', 'opt_out'][s.of_outcome] AS outcome,
    toUInt16(s.of_bin) AS exposure_from,
    toUInt16(multiIf(s.of_bin <= 5, s.of_bin, s.of_bin = 6, 7, s.of_bin = 8, 10, 65535)) AS exposure_to,
    'crude'            AS identification,
    sum(s.contacts_n)  AS contacts,
    sum(s.all_n)       AS messages,
    sum(s.all_y)       AS outcomes,
    sum(s.nn)          AS sum_nn,
    sum(s.yy)          AS sum_yy,
    sum(s.ny)          AS sum_ny
FROM summed AS s
INNER JOIN (SELECT DISTINCT told_as, business_id, dimension, segment, pooled FROM segment_ranks) AS g ON g.told_as = s.told_as
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS l ON l.business_id = g.business_id
GROUP BY business_id, dimension, segment, pooled, outcome, s.of_bin
ORDER BY business_id, dimension, segment, pooled, outcome, exposure_from
