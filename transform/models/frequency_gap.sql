-- frequency_gap: open, click, reply and opt-out per message by the hours since the contact's previous proactive message.
-- grain:   one row per (business_id, dimension, segment, outcome, exposure bin or every exposure, gap)
-- reads:   messages (one row per message, so nothing to deduplicate), message_facts (a minimum: copies do no harm), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, outcome String,
--          exposure_from UInt16, exposure_to UInt16, gap String, gap_from UInt16, identification String, contacts UInt64,
--          messages UInt64, outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   gap in hours, its lower end included; the previous message is on any channel and not known to have failed;
--          exposure 0 to 65535 is every exposure; messages and outcomes as in frequency_engagement. Rate and interval are
--          computed from these in Go
WITH
-- shared: rated
-- shared: segments
-- shared: mixed
-- The message before it, of those in the 7 days before the window too.
spaced AS
(
    SELECT
        *,
        cityHash64(business_id, contact_id) AS contact,
        toUnixTimestamp64Milli(sent)        AS sent_ms,
        lagInFrame(sent_ms, 1, 0) OVER (PARTITION BY business_id, contact_id ORDER BY sent, message_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before_ms
    FROM rated
    WHERE contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
earliest AS
(
    SELECT cityHash64(business_id, contact_id) AS contact, toUnixTimestamp64Milli(min(assumeNotNull(sent_at))) AS first_ms
    FROM message_facts
    WHERE sent_at IS NOT NULL
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND (business_id, contact_id, message_id) NOT IN
      (
          SELECT business_id, contact_id, message_id FROM message_facts
          WHERE is_test = 1 AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      )
    GROUP BY contact
),
gaps AS
(
    SELECT
        s.contact AS contact, s.business_id AS business_id, s.own_channel AS own_channel, s.own_market AS own_market, s.bin AS bin,
        open_n, open_y, click_n, click_y, reply_n, reply_y, opt_out_n, opt_out_y,
        -- In the 7 days of exposure a previous message is in the history; whether one came before them the facts tell.
        intDiv(s.sent_ms - s.before_ms, 3600000) AS hours,
        toUInt16(multiIf(bin = 1 AND s.sent_ms = e.first_ms, 65535, bin = 1, 168, hours < 1, 0, hours < 3, 1, hours < 6, 3, hours < 12, 6,
            hours < 24, 12, hours < 48, 24, hours < 72, 48, 72)) AS of_gap
    FROM spaced AS s
    LEFT JOIN earliest AS e ON e.contact = s.contact
    WHERE open_n OR click_n OR reply_n OR opt_out_n
),
per_contact AS
(
    SELECT
        any(told) AS told_as, of_bin, of_gap,
        sum(open_n)  AS opens_n,   sum(open_y)  AS opens_y,   sum(click_n)   AS clicks_n,   sum(click_y)   AS clicks_y,
        sum(reply_n) AS replies_n, sum(reply_y) AS replies_y, sum(opt_out_n) AS opt_outs_n, sum(opt_out_y) AS opt_outs_y
    FROM gaps
    ARRAY JOIN if(contact IN (SELECT contact FROM mixed WHERE on_lines),
        [cityHash64(business_id, 'all', ''), cityHash64(business_id, 'channel', own_channel), cityHash64(business_id, 'market', own_market)],
        [cityHash64(business_id, 'only', own_channel, own_market)]) AS told
    ARRAY JOIN [0, bin] AS of_bin
    GROUP BY cityHash64(contact, told), of_bin, of_gap -- contact and told, as one number
),
summed AS
(
    SELECT
        told_as, of_bin, of_gap, of_outcome,
        count() AS contacts_n, sum(n) AS all_n, sum(y) AS all_y, sum(n * n) AS nn, sum(y * y) AS yy, sum(n * y) AS ny
    FROM per_contact
    ARRAY JOIN [1, 2, 3, 4] AS of_outcome, [opens_n, clicks_n, replies_n, opt_outs_n] AS n, [opens_y, clicks_y, replies_y, opt_outs_y] AS y
    WHERE n > 0
    GROUP BY told_as, of_bin, of_gap, of_outcome
)
SELECT
    g.business_id      AS business_id,
    any(l.loaded_to)   AS cutoff, -- the same for the whole business
    g.dimension        AS dimension,
    g.segment          AS segment,
    ['open', 'click', 'reply', 'opt_out'][s.of_outcome] AS outcome,
    toUInt16(s.of_bin) AS exposure_from,
    toUInt16(multiIf(s.of_bin = 0, 65535, s.of_bin <= 5, s.of_bin, s.of_bin = 6, 7, s.of_bin = 8, 10, 65535)) AS exposure_to,
    transform(s.of_gap, [0, 1, 3, 6, 12, 24, 48, 72, 168, 65535],
              ['0-1', '1-3', '3-6', '6-12', '12-24', '24-48', '48-72', '72-168', '168+', 'first'], '') AS gap,
    s.of_gap           AS gap_from,
    'crude'            AS identification,
    sum(s.contacts_n)  AS contacts,
    sum(s.all_n)       AS messages,
    sum(s.all_y)       AS outcomes,
    sum(s.nn)          AS sum_nn,
    sum(s.yy)          AS sum_yy,
    sum(s.ny)          AS sum_ny
FROM summed AS s
INNER JOIN segments AS g ON g.number = s.told_as
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS l ON l.business_id = g.business_id
GROUP BY business_id, dimension, segment, outcome, s.of_bin, s.of_gap
ORDER BY business_id, dimension, segment, outcome, exposure_from, exposure_to, gap_from
