-- rated: the proactive messages not known to have failed, each with the rates it counts in. What follows
-- `-- shared: rated` in a model; one row per message, also of the 7 days before the window, which are in no base.
-- staged by: business_id, contact_id, sent, message_id
--
-- What an account never reported on a channel in the window it does not measure: no rate, rather than none of many.
measured AS
(
    SELECT
        business_id, account_id, channel,
        count(delivered_at) > 0 AS tells_deliveries,
        count(opened_at) > 0    AS tells_opens,
        count(clicked_at) > 0   AS tells_clicks,
        count(replied_at) > 0   AS tells_replies,
        count(opted_out_at) > 0 AS tells_opt_outs
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')}
      AND sent_at < {to:DateTime64(3, 'UTC')}
    GROUP BY business_id, account_id, channel
),
rules AS
(
    SELECT
        -- A number instead of names: each message looks it up.
        cityHash64(k.business_id, k.account_id, k.channel) AS line, c.cutoff AS loaded_to, c.data_from AS told_from,
        tells_deliveries, tells_opens, tells_clicks, tells_replies, tells_opt_outs
    FROM measured AS k
    INNER JOIN coverage AS c ON c.business_id = k.business_id AND c.account_id = k.account_id
),
rated AS
(
    SELECT
        m.business_id        AS business_id,
        k.loaded_to          AS loaded_to,
        k.told_from          AS told_from,
        m.channel            AS own_channel,
        m.market             AS own_market,
        m.category           AS own_category,
        m.campaign_id        AS own_campaign,
        m.scope              AS own_topic,
        m.promised_frequency AS own_promise,
        m.zone               AS own_zone,
        m.contact_id         AS contact_id,
        m.message_id         AS message_id,
        m.sent_at            AS sent,
        m.exposure           AS exposure,
        toStartOfMinute(m.opened_at) AS opened_minute,
        ifNull(multiIf(m.exposure <= 5, m.exposure, m.exposure <= 7, 6, m.exposure <= 10, 8, 11), 0) AS bin,
        -- Reported deliveries only: one that merely follows from an open would bring its open along. But WhatsApp
        -- reports no delivery of a message that came while its chat was on the screen; there the open stands for it.
        m.sent_at >= {from:DateTime64(3, 'UTC')} AND m.exposure IS NOT NULL
            AND (NOT k.tells_deliveries OR m.delivered_at IS NOT NULL OR m.channel = 'whatsapp' AND m.opened_at IS NOT NULL) AS in_base,
        in_base AND m.sent_at <= loaded_to - INTERVAL 7 DAY   AS old_enough,
        in_base AND m.sent_at <= loaded_to - INTERVAL 24 HOUR AS old_enough_to_reply,
        k.tells_opens AND old_enough            AS open_n,
        k.tells_clicks AND old_enough           AS click_n,
        k.tells_replies AND old_enough_to_reply AS reply_n,
        k.tells_opt_outs AND old_enough         AS opt_out_n,
        open_n AND ifNull(m.opened_at <= m.sent_at + INTERVAL 7 DAY, 0)     AS open_y,
        click_n AND ifNull(m.clicked_at <= m.sent_at + INTERVAL 7 DAY, 0)   AS click_y,
        reply_n AND ifNull(m.replied_at <= m.sent_at + INTERVAL 24 HOUR, 0) AS reply_y,
        opt_out_n AND m.opted_out_at IS NOT NULL                            AS opt_out_y -- within 7 days, or it would not be this message's
    FROM messages AS m
    LEFT JOIN rules AS k ON k.line = cityHash64(m.business_id, m.account_id, m.channel)
    WHERE m.sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND m.sent_at < {to:DateTime64(3, 'UTC')}
      AND m.purpose = 'proactive'
      AND m.failed_at IS NULL
),
