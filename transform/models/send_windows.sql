-- send_windows: in which window was each message sent, which consent covers it, and does it break one?
-- grain:   one row per (business_id, contact_id, message_id) that was sent, failed or not
-- reads:   messages (one row per message), consents (of the same run), contact_facts (FINAL: unique by key), event_log (its copies are
--          merged here), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days;
--          first_contact, last_contact UUID: the contacts of one pass, both included
-- returns: the columns of send_windows, in its order
-- units:   rules and their dates are those of docs/metrics.md; times in UTC
WITH
-- shared: loaded
-- The rules' dates, as UTC midnights. Sources: "Recurring Notifications" and "Marketing Messages" (stop of 10 February 2026), "Message tags"
-- (end of three tags on 27 April 2026), "Utility messages" and "Ads that click to Messenger", all developers.facebook.com/docs/messenger-platform.
toDateTime64('2026-02-10 00:00:00', 3, 'UTC') AS tokens_end,
toDateTime64('2026-04-27 00:00:00', 3, 'UTC') AS tags_end,
toDateTime64('2025-09-01 00:00:00', 3, 'UTC') AS templates_begin,
toDateTime64('2026-09-01 00:00:00', 3, 'UTC') AS entries_begin,
toDateTime64(0, 3, 'UTC')                     AS never,
bounds AS
(
    SELECT business_id, account_id, data_from, max(cutoff) OVER (PARTITION BY business_id) AS loaded_to
    FROM coverage
),
sends AS
(
    SELECT
        business_id, contact_id, message_id,
        account_id, channel, market, category, campaign_id, template_id, message_tag, sent_at,
        cityHash64(business_id, channel)             AS line,
        cityHash64(business_id, channel, account_id) AS thread,
        failed_at IS NOT NULL                        AS has_failed,
        purpose = 'proactive'                        AS is_proactive,
        if(scope IN ('', 'all', 'marketing_messages', 'plugin'), 'all', toString(scope)) AS topic,
        upper(message_tag)                           AS tag,
        replaceAll(toString(category), '-', '_')     AS kind,
        is_proactive AND NOT has_failed AND message_tag = ''
            AND kind NOT IN ('utility', 'group_utility', 'authentication', 'authentication_international', 'service', 'group_service', 'opt_in_request') AS is_marketing
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND sent_at < {to:DateTime64(3, 'UTC')}
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- Whoever was heard of first when the data begin may have opted in before.
heard AS
(
    SELECT business_id, contact_id, min(event_time) AS heard_at
    FROM event_log
    WHERE contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY business_id, contact_id
),
windowed AS
(
    SELECT s.*, h.heard_at >= s.data_from + INTERVAL 168 HOUR AS is_new
    FROM
    (
        SELECT s.*, b.loaded_to AS loaded_to, b.data_from AS data_from
        FROM sends AS s
        INNER JOIN bounds AS b ON b.business_id = s.business_id AND b.account_id = s.account_id
        WHERE s.sent_at >= {from:DateTime64(3, 'UTC')}
          AND s.sent_at <= b.loaded_to
    ) AS s
    INNER JOIN heard AS h ON h.business_id = s.business_id AND h.contact_id = s.contact_id
),
-- Inbound messages, and how people came into the thread.
came AS
(
    SELECT
        cityHash64(business_id, toString(max(channel)), toString(max(account_id))) AS thread, contact_id,
        toString(max(channel)) AS came_on, event_type AS what, min(event_time) AS at,
        max(attributes['origin']) AS origin
    FROM event_log
    WHERE event_type IN ('referral', 'reaction', 'reply')
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND channel IN ('messenger', 'instagram', 'whatsapp')
    GROUP BY business_id, contact_id, message_id, event_type, event_id
    HAVING max(is_test) = 0
       AND at >= {from:DateTime64(3, 'UTC')} - INTERVAL 15 DAY
       AND at < {to:DateTime64(3, 'UTC')}
),
actions AS
(
    SELECT DISTINCT thread, contact_id, at
    FROM came
    WHERE what = 'reply' OR came_on != 'whatsapp'
),
listening AS
(
    SELECT DISTINCT cityHash64(business_id, toString(channel), toString(account_id)) AS thread
    FROM contact_facts
    WHERE event_type = 'reply'
      AND event_time < {to:DateTime64(3, 'UTC')}
),
-- What opens a free entry point is the first message in the 24 h from the entry, that instant included.
answers AS
(
    SELECT DISTINCT e.thread AS thread, e.contact_id AS contact_id, s.at AS at
    FROM (SELECT DISTINCT thread, contact_id, at FROM came WHERE what = 'reply' AND came_on = 'whatsapp' AND origin IN ('ad', 'post')) AS e
    ASOF INNER JOIN (SELECT DISTINCT thread, contact_id, sent_at AS at FROM sends WHERE channel = 'whatsapp' AND NOT has_failed) AS s
        ON s.thread = e.thread AND s.contact_id = e.contact_id AND e.at <= s.at
    WHERE s.at < e.at + INTERVAL 24 HOUR
),
entries AS
(
    SELECT DISTINCT thread, contact_id, at
    FROM came
    WHERE came_on = 'messenger'
      AND origin = 'ad'
      AND what IN ('referral', 'reply')
),
-- The messages of contacts who came by an ad, with the message before.
entered AS
(
    SELECT f.thread AS thread, f.contact_id AS contact_id, f.message_id AS message_id
    FROM
    (
        SELECT
            thread, contact_id, message_id, sent_at,
            max(if(has_failed, never, sent_at)) OVER (PARTITION BY thread, contact_id ORDER BY sent_at, message_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_at
        FROM sends
        WHERE (thread, contact_id) IN (SELECT thread, contact_id FROM entries)
    ) AS f
    ASOF INNER JOIN entries AS e ON e.thread = f.thread AND e.contact_id = f.contact_id AND f.sent_at >= e.at
    WHERE f.sent_at < e.at + INTERVAL 168 HOUR
      AND f.before_at < e.at
      AND f.sent_at >= entries_begin
),
spells AS
(
    SELECT cityHash64(business_id, channel) AS line, contact_id, topic, promised_frequency != '' OR expires_at IS NOT NULL AS is_token, from_at, to_at, ended, used_by
    FROM consents
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- What was sent in the instant of an opt-out was not sent after it, and as-of is the last instant of a spell that is on.
running AS
(
    SELECT line, contact_id, topic, is_token, from_at, if(ended IN ('stopped', 'blocked', 'on'), to_at + toIntervalMillisecond(1), to_at) AS until
    FROM spells
    WHERE topic != 'one_time'
),
uses AS
(
    SELECT line, contact_id, used_by, any(from_at) AS given_at
    FROM spells
    WHERE used_by != 0
    GROUP BY line, contact_id, used_by
),
-- shared: consent_facts
told AS
(
    SELECT cityHash64(f.business_id, f.channel) AS line, f.contact_id AS contact_id, f.is_opt_in AS is_opt_in, f.is_block AS is_block, f.topic AS topic, f.at AS at, f.own_reason AS own_reason
    FROM consent_facts AS f
    INNER JOIN loaded AS b ON b.business_id = f.business_id
    WHERE f.contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND f.at <= b.loaded_to
      AND f.at < {to:DateTime64(3, 'UTC')}
),
asking AS
(
    SELECT DISTINCT line FROM told WHERE is_opt_in
),
-- Of marketing messages to people who ever left something: the latest opt-outs before and the latest opt-ins, each of the topic and of all.
left_before AS
(
    SELECT
        m.line AS line, m.contact_id AS contact_id, m.message_id AS message_id,
        greatest(oa.at, oo.at) AS out_at,
        greatest(if(oa.at = out_at, oa.why, ''), if(oo.at = out_at, oo.why, '')) AS out_why,
        greatest(ia.at, io.at) AS in_at
    FROM
    (
        SELECT line, contact_id, message_id, topic, sent_at
        FROM windowed
        WHERE is_marketing
          AND (line, contact_id) IN (SELECT line, contact_id FROM told WHERE NOT is_opt_in)
    ) AS m
    ASOF LEFT JOIN (SELECT line, contact_id, at, max(own_reason) AS why FROM told WHERE NOT is_opt_in AND (topic = 'all' OR is_block) GROUP BY line, contact_id, at) AS oa
        ON oa.line = m.line AND oa.contact_id = m.contact_id AND m.sent_at > oa.at
    ASOF LEFT JOIN (SELECT line, contact_id, topic, at, max(own_reason) AS why FROM told WHERE NOT is_opt_in GROUP BY line, contact_id, topic, at) AS oo
        ON oo.line = m.line AND oo.contact_id = m.contact_id AND oo.topic = m.topic AND m.sent_at > oo.at
    ASOF LEFT JOIN (SELECT DISTINCT line, contact_id, at FROM told WHERE is_opt_in AND topic = 'all') AS ia
        ON ia.line = m.line AND ia.contact_id = m.contact_id AND m.sent_at >= ia.at
    ASOF LEFT JOIN (SELECT DISTINCT line, contact_id, topic, at FROM told WHERE is_opt_in) AS io
        ON io.line = m.line AND io.contact_id = m.contact_id AND io.topic = m.topic AND m.sent_at >= io.at
),
standing AS
(
    SELECT line, contact_id, message_id, out_at, out_why
    FROM left_before
    WHERE out_at > never
      AND in_at <= out_at
),
expiries AS
(
    SELECT line, contact_id, topic, to_at AS at FROM spells WHERE ended = 'expired'
),
judged AS
(
    SELECT
        -- With so many joins the database would name them after their table.
        w.business_id AS business_id, w.contact_id AS contact_id, w.message_id AS message_id, w.account_id AS account_id, w.channel AS channel,
        w.market AS market, w.category AS category, w.campaign_id AS campaign_id, w.template_id AS template_id, w.message_tag AS message_tag,
        w.sent_at AS sent_at, w.line AS line, w.thread AS thread, w.has_failed AS has_failed, w.is_proactive AS is_proactive, w.topic AS topic,
        w.tag AS tag, w.kind AS kind, w.is_marketing AS is_marketing, w.loaded_to AS loaded_to, w.data_from AS data_from,
        toUnixTimestamp64Milli(o.from_at) > 0 AND w.topic != 'one_time' AND w.sent_at < o.until AS own_runs,
        toUnixTimestamp64Milli(a.from_at) > 0 AND w.sent_at < a.until                           AS all_runs,
        u.used_by != 0                                  AS uses_token,
        multiIf(uses_token, u.given_at, own_runs, o.from_at, all_runs, a.from_at, never) AS spell_at,
        own_runs AND o.is_token                         AS has_token,
        s.out_at AS out_at, s.out_why AS out_why,
        greatest(x.at, y.at)                            AS expired_at,
        w.is_marketing AND w.kind != 'sponsored' AND w.is_new AND w.line IN asking AS needs_opt_in,
        toUnixTimestamp64Milli(c.at) > 0                AS has_action,
        c.at                                            AS action_at,
        toUnixTimestamp64Milli(f.at) > 0 AND w.sent_at < f.at + INTERVAL 72 HOUR AS is_free,
        (w.thread, w.contact_id, w.message_id) IN (SELECT thread, contact_id, message_id FROM entered) AS has_entered
    FROM windowed AS w
    ASOF LEFT JOIN running AS o ON o.line = w.line AND o.contact_id = w.contact_id AND o.topic = w.topic AND w.sent_at >= o.from_at
    ASOF LEFT JOIN (SELECT * FROM running WHERE topic = 'all') AS a ON a.line = w.line AND a.contact_id = w.contact_id AND w.sent_at >= a.from_at
    LEFT JOIN uses AS u ON u.line = w.line AND u.contact_id = w.contact_id AND u.used_by = w.message_id
    LEFT JOIN standing AS s ON s.line = w.line AND s.contact_id = w.contact_id AND s.message_id = w.message_id
    ASOF LEFT JOIN expiries AS x ON x.line = w.line AND x.contact_id = w.contact_id AND x.topic = w.topic AND w.sent_at >= x.at
    ASOF LEFT JOIN (SELECT * FROM expiries WHERE topic = 'all') AS y ON y.line = w.line AND y.contact_id = w.contact_id AND w.sent_at >= y.at
    ASOF LEFT JOIN actions AS c ON c.thread = w.thread AND c.contact_id = w.contact_id AND w.sent_at >= c.at
    ASOF LEFT JOIN answers AS f ON f.thread = w.thread AND f.contact_id = w.contact_id AND w.sent_at >= f.at
)
SELECT
    business_id,
    toDate({from:DateTime64(3, 'UTC')}) AS window_from,
    toDate({to:DateTime64(3, 'UTC')})   AS window_to,
    loaded_to AS cutoff,
    contact_id,
    message_id,
    account_id,
    channel,
    market,
    kind AS category,
    campaign_id,
    topic,
    sent_at,
    has_failed   AS failed,
    is_proactive AS proactive,
    is_marketing AS marketing,
    needs_opt_in,
    multiIf(
        channel NOT IN ('messenger', 'instagram', 'whatsapp'), 'no_window',
        has_action AND sent_at < action_at + INTERVAL 24 HOUR, 'standard',
        tag = 'HUMAN_AGENT' AND channel != 'whatsapp' AND has_action AND sent_at < action_at + INTERVAL 168 HOUR, 'human_agent',
        channel = 'whatsapp' AND is_free, 'free_entry_point',
        channel = 'messenger' AND has_entered, 'ad_entry',
        channel = 'messenger' AND uses_token, 'one_time_token',
        channel = 'messenger' AND topic NOT IN ('all', 'one_time') AND has_token AND sent_at < tokens_end, 'recurring_token',
        channel = 'messenger' AND (tag = 'CUSTOMER_FEEDBACK' OR tag IN ('CONFIRMED_EVENT_UPDATE', 'ACCOUNT_UPDATE', 'POST_PURCHASE_UPDATE') AND sent_at < tags_end), 'message_tag',
        channel = 'whatsapp' AND (template_id != '' OR kind NOT IN ('', 'service', 'group_service')), 'paid_template',
        channel = 'messenger' AND kind IN ('marketing', 'utility') AND sent_at >= templates_begin, 'paid_template',
        channel != 'whatsapp' AND kind = 'sponsored', 'sponsored',
        sent_at < data_from + INTERVAL 168 HOUR OR thread NOT IN listening, 'unknown',
        'none') AS state,
    multiIf(NOT is_marketing, '', uses_token OR own_runs, topic, all_runs, 'all', '') AS covered_by,
    if(covered_by = '', never, spell_at)                                              AS covered_from,
    multiIf(
        NOT is_marketing, '',
        toUnixTimestamp64Milli(out_at) > 0, 'after_opt_out',
        covered_by != '' OR kind = 'sponsored', '', -- it needs no opt-in
        toUnixTimestamp64Milli(expired_at) > 0, 'after_expiry',
        needs_opt_in, 'without_opt_in',
        '') AS breach,
    if(breach = 'after_opt_out', out_why, '') AS way,
    multiIf(breach = 'after_opt_out', toNullable(out_at), breach = 'after_expiry', toNullable(expired_at), NULL) AS consent_ended_at
FROM judged
