-- messages: what became of each message of the business, and how often its contact had been messaged.
-- grain:   one row per (business_id, contact_id, message_id) that was sent; test traffic is left out
-- reads:   message_facts, contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days;
--          first_contact, last_contact UUID: the contacts of one pass, both included
-- returns: the columns of messages, in its order
-- units:   exposure counts messages; replies count inbound messages; ties of sent_at break by message_id
--
-- It reads sends from 7 days before the window, because exposure looks back, to 7 days after it, because a
-- later send takes over a reply or an opt-out. docs/metrics.md defines each column.
--
-- Most sends have nothing but their own facts and an exposure, so only the few others are joined to what else was
-- told, and all wide columns are read once. Keys are hashed once where they are text: `business` and, with the channel, `line`.
WITH
sends AS
(
    SELECT
        business_id, account_id, channel, provider, contact_id, message_id,
        author, category, template_id, campaign_id, message_tag, arm, scope, promised_frequency,
        market, language, zone, pricing_type, pricing_model, billable, error_code,
        cityHash64(business_id)          AS business,
        cityHash64(business_id, channel) AS line,
        assumeNotNull(sent_at)           AS sent,
        delivered_at AS told_delivered_at, opened_at AS told_opened_at, clicked_at, failed_at,
        -- A delivery or an open contradicts a failure; but an e-mail that bounces after its delivery has failed.
        failed_at IS NOT NULL
            AND told_opened_at IS NULL
            AND (told_delivered_at IS NULL OR channel = 'email' AND ifNull(told_delivered_at <= failed_at, 0)) AS has_failed,
        -- 1 proactive, 2 response, 0: what the contact wrote before it decides.
        multiIf(
            purpose = 'proactive', 1,
            purpose = 'response', 2,
            -- The contact asked for the code a moment ago, elsewhere: it answers, whatever template carries it.
            replaceAll(category, '-', '_') IN ('authentication', 'authentication_international'), 2,
            campaign_id != '' OR template_id != '' OR message_tag != '' OR scope != '' OR promised_frequency != ''
                OR category IN ('marketing', 'marketing_lite', 'utility', 'group_marketing', 'group_utility'), 1,
            -- The platform itself says that the contact's window was open.
            category IN ('service', 'group_service'), 2,
            0) AS known_purpose
    FROM message_facts FINAL
    WHERE is_test = 0
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND sent_at < {to:DateTime64(3, 'UTC')} + INTERVAL 7 DAY
),
-- What contacts did of their own: inbound messages and opt-outs.
told AS
(
    SELECT
        cityHash64(business_id)          AS business,
        cityHash64(business_id, channel) AS line,
        contact_id, event_type AS what, event_time AS told_at, in_reply_to AS quoted_id
    FROM contact_facts FINAL
    WHERE event_type IN ('reply', 'opt_out')
      AND is_test = 0
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND event_time >= {from:DateTime64(3, 'UTC')} - INTERVAL 8 DAY
),
-- Sends less than 24 h after the contact's last message.
answers AS
(
    SELECT s.business AS business, s.contact_id AS contact_id, s.message_id AS message_id
    FROM (SELECT business, line, contact_id, message_id, sent FROM sends WHERE known_purpose = 0) AS s
    ASOF INNER JOIN (SELECT DISTINCT line, contact_id, told_at FROM told WHERE what = 'reply') AS i
        ON i.line = s.line AND i.contact_id = s.contact_id AND s.sent >= i.told_at
    WHERE s.sent < i.told_at + INTERVAL 24 HOUR
),
-- What a message or an opt-out may belong to where it quotes nothing: sends not known to have failed, one per instant.
candidates AS
(
    SELECT line, contact_id, sent AS candidate_at, max(message_id) AS candidate_id
    FROM sends
    WHERE NOT has_failed
      AND (line, contact_id, toDate(sent)) IN
      (
          SELECT line, contact_id, toDate(told_at) - arrayJoin(range(if(what = 'reply', 2, 8))) FROM told WHERE quoted_id = 0
      )
    GROUP BY line, contact_id, candidate_at
),
-- Receipts for all that was sent up to an instant. Of the sends that one covers, another may have told earlier: for each
-- watermark the earliest receipt of those that reach as far or farther. On this envelope the nearest watermark decides.
receipts AS
(
    SELECT
        cityHash64(business_id, channel) AS line, contact_id, event_type AS what, watermark AS up_to,
        min(min(event_time)) OVER (PARTITION BY line, contact_id, event_type ORDER BY watermark DESC) AS receipt_at
    FROM
    (
        SELECT business_id, contact_id, channel, event_type, assumeNotNull(watermark) AS watermark, event_time
        FROM contact_facts FINAL
        WHERE event_type IN ('delivered', 'open')
          AND is_test = 0
          AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
          AND watermark >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
    )
    GROUP BY line, contact_id, event_type, watermark
),
-- An inbound message answers the message it quotes, and no other; without a quote, the latest candidate of 24 h.
-- An opt-out belongs to the latest candidate of 7 days. No receipt takes a failure back: it says nothing of single messages.
told_of AS
(
    SELECT
        business, contact_id, belongs_to,
        countIf(what = 'reply')         AS answer_count,
        minIf(at, what = 'reply')       AS first_answer_at,
        minIf(at, what = 'opt_out')     AS first_left_at,
        minIf(at, what = 'delivered')   AS delivery_receipt_at,
        minIf(at, what = 'open')        AS open_receipt_at
    FROM
    (
        SELECT business, contact_id, quoted_id AS belongs_to, what, told_at AS at
        FROM told
        WHERE what = 'reply' AND quoted_id != 0
        UNION ALL
        SELECT t.business, t.contact_id, c.candidate_id, t.what, t.told_at
        FROM (SELECT * FROM told WHERE quoted_id = 0) AS t
        ASOF INNER JOIN candidates AS c ON c.line = t.line AND c.contact_id = t.contact_id AND t.told_at >= c.candidate_at
        WHERE c.candidate_at > t.told_at - if(t.what = 'reply', toIntervalHour(24), toIntervalHour(168))
        UNION ALL
        SELECT s.business, s.contact_id, s.message_id, r.what, r.receipt_at
        FROM
        (
            SELECT business, line, contact_id, message_id, sent, what
            FROM sends
            ARRAY JOIN ['delivered', 'open'] AS what
            WHERE NOT has_failed
              AND (line, contact_id) IN (SELECT line, contact_id FROM receipts)
        ) AS s
        ASOF INNER JOIN receipts AS r ON r.line = s.line AND r.contact_id = s.contact_id AND r.what = s.what AND s.sent <= r.up_to
    )
    GROUP BY business, contact_id, belongs_to
),
purposed AS
(
    SELECT
        *,
        known_purpose = 1
            OR known_purpose = 0 AND (business, contact_id, message_id) NOT IN (SELECT business, contact_id, message_id FROM answers) AS is_proactive,
        is_proactive AND NOT has_failed AS counts
    FROM sends
),
-- The counting sends up to and including this one, less those that are 7 x 24 h old or older.
exposed AS
(
    SELECT
        *,
        row_number() OVER (PARTITION BY business, contact_id, counts ORDER BY toUnixTimestamp64Milli(sent), message_id)
        - count() OVER (PARTITION BY business, contact_id, counts ORDER BY toUnixTimestamp64Milli(sent)
                        RANGE BETWEEN UNBOUNDED PRECEDING AND 604800000 PRECEDING) AS trailing
    FROM purposed
)
SELECT
    e.business_id,
    e.account_id,
    e.channel,
    e.provider,
    e.contact_id AS contact_id,
    e.message_id,

    if(e.is_proactive, 'proactive', 'response') AS purpose,
    e.author,
    e.category,
    e.template_id,
    e.campaign_id,
    e.message_tag,
    e.arm,
    e.scope,
    e.promised_frequency,
    e.market,
    e.language,
    e.zone,
    e.pricing_type,
    e.pricing_model,
    e.billable,
    if(e.has_failed, e.error_code, '') AS error_code,

    if(e.counts AND e.sent >= c.data_from + INTERVAL 7 DAY, toUInt16(least(e.trailing, 65535)), NULL) AS exposure,
    least(o.answer_count, 65535) AS replies,

    e.sent AS sent_at,
    if(toUnixTimestamp64Milli(o.delivery_receipt_at) > 0 AND ifNull(e.told_delivered_at > o.delivery_receipt_at, 1),
       o.delivery_receipt_at, e.told_delivered_at) AS delivered_at,
    multiIf(delivered_at IS NULL, '', ifNull(delivered_at = e.told_delivered_at, 0), 'by_mid', 'by_watermark') AS delivered_method,
    if(toUnixTimestamp64Milli(o.open_receipt_at) > 0 AND ifNull(e.told_opened_at > o.open_receipt_at, 1),
       o.open_receipt_at, e.told_opened_at) AS opened_at,
    multiIf(opened_at IS NULL, '', ifNull(opened_at = e.told_opened_at, 0), 'by_mid', 'by_watermark') AS opened_method,
    e.clicked_at,
    if(o.answer_count > 0, o.first_answer_at, NULL) AS replied_at,
    if(e.has_failed, e.failed_at, NULL) AS failed_at,
    if(toUnixTimestamp64Milli(o.first_left_at) > 0, o.first_left_at, NULL) AS opted_out_at
FROM exposed AS e
ANY LEFT JOIN told_of AS o ON o.business = e.business AND o.contact_id = e.contact_id AND o.belongs_to = e.message_id
ANY LEFT JOIN (SELECT cityHash64(business_id) AS business, cityHash64(account_id) AS account, data_from FROM coverage) AS c
    ON c.business = e.business AND c.account = cityHash64(e.account_id)
WHERE e.sent >= {from:DateTime64(3, 'UTC')}
  AND e.sent < {to:DateTime64(3, 'UTC')}
