-- pain_contacts: which pains could have hit each contact in each week, and which did.
-- grain:   one row per (business_id, contact_id, week, channel) with anything that could hit
-- reads:   conversations (one row per case), messages (one row per message), message_facts, contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of cases begun and messages sent, whole UTC days; day_cap, week_cap UInt16: 0 is
--          no cap; first_contact, last_contact UUID: the contacts of one pass, both included; zones Array(String), markets,
--          market_zones Array(String): as in conversations
-- returns: the columns of pain_contacts, in its order
-- units:   cases and messages; weeks are UTC
--
-- docs/metrics.md defines each pain under pain_points: what could hit, what did, and when that is decided.
WITH
-- shared: loaded
-- Of the 7 days before the window too, which caps look back to.
rated AS
(
    SELECT
        m.business_id AS business_id, m.contact_id AS contact_id, m.channel AS own_channel, m.message_id AS message_id,
        m.market AS own_market, m.zone AS own_zone, m.sent_at AS sent, c.loaded_to AS loaded_to,
        m.opened_at AS opened_at, m.clicked_at AS clicked_at, m.replied_at AS replied_at, m.opted_out_at AS left_at, m.failed_at AS failed_at,
        m.purpose = 'proactive' AND m.failed_at IS NULL AS counts,
        counts AND m.message_tag = ''
            AND replaceAll(m.category, '-', '_') NOT IN ('utility', 'group_utility', 'authentication', 'authentication_international', 'service', 'group_service', 'opt_in_request') AS is_marketing,
        if(m.scope IN ('', 'all', 'marketing_messages', 'plugin'), 'all', toString(m.scope)) AS topic,
        (m.business_id, m.account_id, m.channel) IN
        (
            SELECT business_id, account_id, channel FROM messages
            WHERE opened_at IS NOT NULL AND sent_at >= {from:DateTime64(3, 'UTC')} AND sent_at < {to:DateTime64(3, 'UTC')}
        ) AS tells_opens
    FROM messages AS m
    INNER JOIN loaded AS c ON c.business_id = m.business_id
    WHERE m.sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND m.sent_at < {to:DateTime64(3, 'UTC')}
      AND m.sent_at <= c.loaded_to
      AND m.contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- shared: local
-- Consents of contacts who ever opted out, by channel: (instant, topic, is it a block).
consented AS
(
    SELECT
        business_id, contact_id, channel,
        groupArrayIf((event_time, topic, reason = 'block'), event_type = 'opt_out') AS outs,
        groupArrayIf((event_time, topic), event_type = 'opt_in')                    AS ins
    FROM
    (
        SELECT *, if(scope IN ('', 'all', 'marketing_messages', 'plugin'), 'all', scope) AS topic
        FROM contact_facts FINAL
        WHERE is_test = 0
          AND event_type IN ('opt_in', 'opt_out')
          AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    )
    GROUP BY business_id, contact_id, channel
    HAVING notEmpty(outs)
),
ranked AS
(
    SELECT
        z.*,
        row_number() OVER (PARTITION BY business_id, contact_id, counts, toDate(local) ORDER BY sent, message_id)   AS of_day,
        row_number() OVER (PARTITION BY business_id, contact_id, counts, toMonday(local) ORDER BY sent, message_id) AS of_week,
        count() OVER last_ten = 10 AND min(ifNull(opened_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC'))) OVER last_ten > sent AS none_read
    FROM zoned AS z
    WINDOW last_ten AS (PARTITION BY business_id, contact_id, own_channel, counts, tells_opens ORDER BY sent, message_id ROWS BETWEEN 10 PRECEDING AND 1 PRECEDING)
),
judged AS
(
    SELECT
        r.*,
        arrayMax(arrayMap(o -> if(o.1 < r.sent AND (o.2 = r.topic OR o.2 = 'all' OR o.3), toUnixTimestamp64Milli(o.1), 0), c.outs)) AS out_ms,
        arrayMax(arrayMap(i -> if(i.1 <= r.sent AND (i.2 = r.topic OR i.2 = 'all'), toUnixTimestamp64Milli(i.1), 0), c.ins))       AS in_ms
    FROM ranked AS r
    LEFT JOIN consented AS c ON c.business_id = r.business_id AND c.contact_id = r.contact_id AND c.channel = r.own_channel
    WHERE r.sent >= {from:DateTime64(3, 'UTC')}
),
cases AS
(
    SELECT *, started_at + INTERVAL 24 HOUR AS day_after, day_after <= cutoff AS is_over
    FROM conversations
    WHERE started_at >= {from:DateTime64(3, 'UTC')}
      AND started_at < {to:DateTime64(3, 'UTC')}
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- By contact, week and channel, the pains of one kind side by side: what could hit, and what did.
stakes AS
(
    SELECT
        business_id, contact_id, own_channel AS channel, toMonday(sent) AS week,
        ['failed_delivery', 'too_many_messages', 'night_message', 'message_after_opt_out'] AS names,
        [countIf(has_final), countIf(counts), countIf(counts), countIf(is_marketing)]      AS could,
        [countIf(has_final AND ifNull(failed_at <= sent + INTERVAL 48 HOUR, 0)),
         countIf(counts AND ({day_cap:UInt16} != 0 AND of_day > {day_cap:UInt16} OR {week_cap:UInt16} != 0 AND of_week > {week_cap:UInt16} OR tells_opens AND none_read)),
         countIf(counts AND (toHour(local) >= 21 OR toHour(local) < 8)),
         countIf(is_marketing AND out_ms != 0 AND in_ms <= out_ms)]                        AS did
    FROM (SELECT *, sent + INTERVAL 48 HOUR <= loaded_to AS has_final FROM judged)
    GROUP BY business_id, contact_id, channel, week
    UNION ALL
    SELECT
        business_id, contact_id, own_channel, toMonday(assumeNotNull(opened_at)) AS week,
        ['irrelevant'],
        [count()],
        -- What was done in the minute before the opt-out is the way to it.
        [countIf(ifNull(left_at >= opened_at AND left_at <= opened_at + INTERVAL 1 HOUR, 0)
            AND ifNull(clicked_at >= left_at - INTERVAL 1 MINUTE, 1) AND ifNull(replied_at >= left_at - INTERVAL 1 MINUTE, 1))]
    FROM judged
    WHERE counts
      AND ifNull(opened_at + INTERVAL 1 HOUR <= loaded_to, 0)
    GROUP BY business_id, contact_id, own_channel, week
    UNION ALL
    SELECT
        business_id, contact_id, channel, toMonday(day_after) AS week,
        ['no_reply', 'slow_reply', 'nudged'],
        [count(), count(), count()],
        [countIf(ifNull(answered_at > day_after, 1)),
         countIf(ifNull(answered_at <= day_after AND answered_at > started_at + INTERVAL 1 HOUR, 0)),
         countIf(ifNull(nudged_at <= day_after, 0))]
    FROM cases
    WHERE is_over
    GROUP BY business_id, contact_id, channel, week
    UNION ALL
    SELECT
        business_id, contact_id, channel, toMonday(ifNull(window_expired_at, day_after)) AS week,
        ['window_expired'],
        [count()],
        [countIf(window_expired_at IS NOT NULL)]
    FROM cases
    WHERE is_over
      AND channel IN ('whatsapp', 'messenger', 'instagram')
      AND (answered_at IS NOT NULL OR window_expired_at IS NOT NULL)
    GROUP BY business_id, contact_id, channel, week
    UNION ALL
    SELECT
        business_id, contact_id, channel, toMonday(ended_at + INTERVAL 72 HOUR) AS week,
        ['repeat_contact'],
        [count()],
        [countIf(repeated_at IS NOT NULL)]
    FROM cases
    WHERE repeat_known
    GROUP BY business_id, contact_id, channel, week
),
owners AS
(
    SELECT business_id, contact_id, max(own_market) AS market
    FROM
    (
        SELECT business_id, contact_id, market AS own_market FROM message_facts FINAL
        WHERE is_test = 0 AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
        UNION ALL
        SELECT business_id, contact_id, market FROM contact_facts FINAL
        WHERE is_test = 0 AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    )
    GROUP BY business_id, contact_id
)
SELECT
    s.business_id AS business_id,
    toDate({from:DateTime64(3, 'UTC')}) AS window_from,
    toDate({to:DateTime64(3, 'UTC')})   AS window_to,
    c.loaded_to                         AS cutoff,
    s.contact_id  AS contact_id,
    s.week        AS week,
    o.market      AS market,
    s.channel     AS channel,
    mapFromArrays(arrayMap(t -> t.1, told), arrayMap(t -> t.2, told))                  AS at_risk,
    mapFilter((k, v) -> v > 0, mapFromArrays(arrayMap(t -> t.1, told), arrayMap(t -> t.3, told))) AS hits
FROM
(
    -- A pain is in one kind only.
    SELECT
        business_id, contact_id, week, channel,
        arraySort(groupArrayArray(arrayFilter(t -> t.2 > 0, arrayMap((p, n, y) -> (p, toUInt32(n), toUInt32(y)), names, could, did)))) AS told
    FROM stakes
    GROUP BY business_id, contact_id, week, channel
    HAVING notEmpty(told)
) AS s
INNER JOIN loaded AS c ON c.business_id = s.business_id
LEFT JOIN owners AS o ON o.business_id = s.business_id AND o.contact_id = s.contact_id
