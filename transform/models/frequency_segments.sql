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
per_contact AS
(
    SELECT
        r.told_as AS told_as, m.of_bin AS of_bin,
        sum(m.open_n)  AS opens_n,   sum(m.open_y)  AS opens_y,   sum(m.click_n)   AS clicks_n,   sum(m.click_y)   AS clicks_y,
        sum(m.reply_n) AS replies_n, sum(m.reply_y) AS replies_y, sum(m.opt_out_n) AS opt_outs_n, sum(m.opt_out_y) AS opt_outs_y
    FROM
    (
        SELECT
            cityHash64(business_id, contact_id) AS contact, bin AS of_bin, number,
            open_n, open_y, click_n, click_y, reply_n, reply_y, opt_out_n, opt_out_y
        FROM promised
        ARRAY JOIN [cityHash64(business_id, 'all', ''), cityHash64(business_id, 'channel', toString(own_channel)), cityHash64(business_id, 'market', toString(own_market)),
        cityHash64(business_id, 'category', toString(own_category)), cityHash64(business_id, 'campaign', toString(own_campaign)),
        cityHash64(business_id, 'topic', toString(own_topic)), cityHash64(business_id, 'promised_frequency', promise)] AS number
        WHERE contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    ) AS m
    INNER JOIN segment_ranks AS r ON r.number = m.number
    GROUP BY m.contact, told_as, of_bin
),
summed AS
(
    SELECT
        told_as, of_bin, s.1 AS outcome,
        count() AS contacts_n, sum(s.2) AS n, sum(s.3) AS y, sum(s.2 * s.2) AS nn, sum(s.3 * s.3) AS yy, sum(s.2 * s.3) AS ny
    FROM per_contact
    ARRAY JOIN [('open', opens_n, opens_y), ('click', clicks_n, clicks_y), ('reply', replies_n, replies_y), ('opt_out', opt_outs_n, opt_outs_y)] AS s
    WHERE s.2 > 0
    GROUP BY told_as, of_bin, outcome
)
SELECT
    g.business_id      AS business_id,
    l.loaded_to        AS cutoff,
    g.dimension        AS dimension,
    g.segment          AS segment,
    g.pooled           AS pooled,
    s.outcome          AS outcome,
    toUInt16(s.of_bin) AS exposure_from,
    toUInt16(multiIf(s.of_bin <= 5, s.of_bin, s.of_bin = 6, 7, s.of_bin = 8, 10, 65535)) AS exposure_to,
    'crude'            AS identification,
    s.contacts_n       AS contacts,
    s.n                AS messages,
    s.y                AS outcomes,
    s.nn               AS sum_nn,
    s.yy               AS sum_yy,
    s.ny               AS sum_ny
FROM summed AS s
INNER JOIN (SELECT DISTINCT told_as, business_id, dimension, segment, pooled FROM segment_ranks) AS g ON g.told_as = s.told_as
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS l ON l.business_id = g.business_id
ORDER BY business_id, dimension, segment, pooled, outcome, exposure_from
