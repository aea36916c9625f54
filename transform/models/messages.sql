-- messages: what became of each message of the business, and how often its contact had been messaged.
-- grain:   one row per (business_id, contact_id, message_id) that was sent; test traffic is left out
-- reads:   message_facts, contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: the columns of messages, in its order
-- units:   exposure counts messages; replies count inbound messages; ties of sent_at break by message_id
--
-- It reads sends from 7 days before the window, because exposure looks back, to 7 days after it, because a
-- later send takes over a reply or an opt-out. docs/metrics.md defines each column.
WITH
sends AS
(
    SELECT
        business_id, account_id, channel, provider, contact_id, message_id,
        purpose AS given_purpose, author, category, template_id, campaign_id, message_tag, arm, scope, promised_frequency,
        market, language, zone, pricing_type, pricing_model, billable, error_code,
        assumeNotNull(sent_at)       AS sent,
        toUnixTimestamp64Milli(sent) AS sent_ms,
        delivered_at AS told_delivered_at, opened_at AS told_opened_at, clicked_at, failed_at,
        -- A delivery or an open contradicts a failure; but an e-mail that bounces after its delivery has failed.
        failed_at IS NOT NULL
            AND told_opened_at IS NULL
            AND (told_delivered_at IS NULL OR channel = 'email' AND ifNull(told_delivered_at <= failed_at, 0)) AS has_failed
    FROM message_facts FINAL
    WHERE is_test = 0
      AND sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND sent_at < {to:DateTime64(3, 'UTC')} + INTERVAL 7 DAY
),
-- Receipts for all that was sent up to an instant. Of the sends that one covers, another may have told earlier: for each
-- watermark the earliest receipt of those that reach as far or farther. On this envelope the nearest watermark decides.
receipts AS
(
    SELECT
        business_id, contact_id, channel, event_type AS what, watermark AS up_to,
        min(min(event_time)) OVER (PARTITION BY business_id, contact_id, channel, event_type ORDER BY watermark DESC) AS receipt_at
    FROM
    (
        SELECT business_id, contact_id, channel, event_type, assumeNotNull(watermark) AS watermark, event_time
        FROM contact_facts FINAL
        WHERE event_type IN ('delivered', 'open')
          AND is_test = 0
          AND watermark >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
    )
    GROUP BY business_id, contact_id, channel, event_type, watermark
),
delivered AS
(
    SELECT
        s.*,
        -- No receipt takes a failure back: it says nothing of single messages.
        NOT has_failed AND toUnixTimestamp64Milli(r.receipt_at) > 0 AND ifNull(told_delivered_at > r.receipt_at, 1) AS delivery_covered,
        if(delivery_covered, r.receipt_at, told_delivered_at)                          AS delivered_at,
        multiIf(delivery_covered, 'by_watermark', delivered_at IS NULL, '', 'by_mid') AS delivered_method
    FROM sends AS s
    ASOF LEFT JOIN (SELECT * FROM receipts WHERE what = 'delivered') AS r
        ON r.business_id = s.business_id AND r.contact_id = s.contact_id AND r.channel = s.channel AND s.sent <= r.up_to
),
opened AS
(
    SELECT
        s.*,
        NOT has_failed AND toUnixTimestamp64Milli(r.receipt_at) > 0 AND ifNull(told_opened_at > r.receipt_at, 1) AS open_covered,
        if(open_covered, r.receipt_at, told_opened_at)                          AS opened_at,
        multiIf(open_covered, 'by_watermark', opened_at IS NULL, '', 'by_mid') AS opened_method
    FROM delivered AS s
    ASOF LEFT JOIN (SELECT * FROM receipts WHERE what = 'open') AS r
        ON r.business_id = s.business_id AND r.contact_id = s.contact_id AND r.channel = s.channel AND s.sent <= r.up_to
),
-- What contacts did of their own: inbound messages and opt-outs.
told AS
(
    SELECT business_id, contact_id, channel, event_type AS what, event_time AS told_at, in_reply_to AS quoted_id
    FROM contact_facts FINAL
    WHERE event_type IN ('reply', 'opt_out')
      AND is_test = 0
      AND event_time >= {from:DateTime64(3, 'UTC')} - INTERVAL 8 DAY
),
-- What these may belong to where they quote nothing: sends not known to have failed, one per instant.
candidates AS
(
    SELECT business_id, contact_id, channel, sent AS candidate_at, max(message_id) AS candidate_id
    FROM sends
    WHERE NOT has_failed
      AND (business_id, contact_id) IN (SELECT business_id, contact_id FROM told)
    GROUP BY business_id, contact_id, channel, candidate_at
),
-- An inbound message answers the message it quotes, and no other; without a quote, the latest candidate of 24 h.
-- An opt-out belongs to the latest candidate of 7 days.
outcomes AS
(
    SELECT
        business_id,
        contact_id,
        belongs_to,
        countIf(what = 'reply')             AS answer_count,
        minIf(outcome_at, what = 'reply')   AS first_answer_at,
        countIf(what = 'opt_out')           AS leaving_count,
        minIf(outcome_at, what = 'opt_out') AS first_left_at
    FROM
    (
        SELECT business_id, contact_id, quoted_id AS belongs_to, what, told_at AS outcome_at
        FROM told
        WHERE what = 'reply' AND quoted_id != 0
        UNION ALL
        SELECT t.business_id, t.contact_id, c.candidate_id AS belongs_to, t.what, t.told_at AS outcome_at
        FROM told AS t
        ASOF INNER JOIN candidates AS c
            ON c.business_id = t.business_id AND c.contact_id = t.contact_id AND c.channel = t.channel
           AND t.told_at >= c.candidate_at
        WHERE t.quoted_id = 0
          AND c.candidate_at > t.told_at - if(t.what = 'reply', toIntervalHour(24), toIntervalHour(168))
    )
    GROUP BY business_id, contact_id, belongs_to
),
purposed AS
(
    SELECT
        s.*,
        multiIf(
            given_purpose IN ('proactive', 'response'), given_purpose,
            -- The contact asked for the code a moment ago, elsewhere: it answers, whatever template carries it.
            replaceAll(category, '-', '_') IN ('authentication', 'authentication_international'), 'response',
            campaign_id != '' OR template_id != '' OR message_tag != '' OR scope != '' OR promised_frequency != ''
                OR category IN ('marketing', 'marketing_lite', 'utility', 'group_marketing', 'group_utility'), 'proactive',
            -- The platform itself says that the contact's window was open.
            category IN ('service', 'group_service'), 'response',
            sent < i.told_at + INTERVAL 24 HOUR, 'response',
            'proactive')                                AS found_purpose,
        found_purpose = 'proactive' AND NOT has_failed  AS counts
    FROM opened AS s
    ASOF LEFT JOIN (SELECT DISTINCT business_id, contact_id, channel, told_at FROM told WHERE what = 'reply') AS i
        ON i.business_id = s.business_id AND i.contact_id = s.contact_id AND i.channel = s.channel
       AND s.sent >= i.told_at
),
-- The sends up to and including this one, less those that are 7 x 24 h old or older.
exposed AS
(
    SELECT
        *,
        sum(counts) OVER (PARTITION BY business_id, contact_id ORDER BY sent_ms, message_id
                          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        - sum(counts) OVER (PARTITION BY business_id, contact_id ORDER BY sent_ms
                            RANGE BETWEEN UNBOUNDED PRECEDING AND 604800000 PRECEDING) AS trailing
    FROM purposed
)
SELECT
    e.business_id,
    e.account_id,
    e.channel,
    e.provider,
    e.contact_id,
    e.message_id,

    e.found_purpose AS purpose,
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

    if(e.counts AND e.sent >= c.data_from + INTERVAL 7 DAY, least(e.trailing, 65535), NULL) AS exposure,
    least(o.answer_count, 65535) AS replies,

    e.sent AS sent_at,
    e.delivered_at,
    e.delivered_method,
    e.opened_at,
    e.opened_method,
    e.clicked_at,
    if(o.answer_count > 0, o.first_answer_at, NULL) AS replied_at,
    if(e.has_failed, e.failed_at, NULL) AS failed_at,
    if(o.leaving_count > 0, o.first_left_at, NULL) AS opted_out_at
FROM exposed AS e
LEFT JOIN coverage AS c ON c.business_id = e.business_id AND c.account_id = e.account_id
LEFT JOIN outcomes AS o ON o.business_id = e.business_id AND o.contact_id = e.contact_id AND o.belongs_to = e.message_id
WHERE e.sent >= {from:DateTime64(3, 'UTC')}
  AND e.sent < {to:DateTime64(3, 'UTC')}
