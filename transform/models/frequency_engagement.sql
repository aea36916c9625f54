-- frequency_engagement: how engagement changes with trailing exposure, as sufficient statistics of a clustered rate.
-- grain:   one row per (business_id, channel, market, outcome, exposure bin); `all` is every channel or market together
-- reads:   messages (one row per message, so nothing to deduplicate), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), channel String, market String, outcome String,
--          exposure_from UInt16, exposure_to UInt16, contacts UInt64, messages UInt64, outcomes UInt64,
--          sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   messages are matured and in the outcome's base; sums are over contacts, of products of messages and
--          outcomes; exposure_to 65535 is no upper end. Rate and interval are computed from these in Go
WITH
-- What an account never reported on a channel in the window it does not measure: no rate, rather than none of many.
measured AS
(
    SELECT
        business_id, account_id, channel,
        countIf(delivered_at IS NOT NULL) > 0 AS tells_deliveries,
        countIf(opened_at IS NOT NULL) > 0    AS tells_opens,
        countIf(clicked_at IS NOT NULL) > 0   AS tells_clicks,
        countIf(replied_at IS NOT NULL) > 0   AS tells_replies
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')}
      AND sent_at < {to:DateTime64(3, 'UTC')}
    GROUP BY business_id, account_id, channel
),
rules AS
(
    SELECT
        k.business_id AS business_id, k.account_id AS account_id, k.channel AS channel, c.cutoff AS loaded_to,
        tells_deliveries, tells_opens, tells_clicks, tells_replies
    FROM measured AS k
    INNER JOIN coverage AS c ON c.business_id = k.business_id AND c.account_id = k.account_id
),
-- Known exposure means proactive and not known to have failed.
base AS
(
    SELECT
        m.business_id AS business_id,
        k.loaded_to   AS loaded_to,
        m.channel     AS own_channel,
        m.market      AS own_market,
        m.contact_id  AS contact_id,
        multiIf(m.exposure <= 5, m.exposure, m.exposure <= 7, 6, m.exposure <= 10, 8, 11) AS bin,
        m.sent_at <= loaded_to - INTERVAL 7 DAY   AS old_enough,
        m.sent_at <= loaded_to - INTERVAL 24 HOUR AS old_enough_to_reply,
        k.tells_opens AND old_enough              AS open_n,
        k.tells_clicks AND old_enough             AS click_n,
        k.tells_replies AND old_enough_to_reply   AS reply_n,
        open_n AND ifNull(m.opened_at <= m.sent_at + INTERVAL 7 DAY, 0)     AS open_y,
        click_n AND ifNull(m.clicked_at <= m.sent_at + INTERVAL 7 DAY, 0)   AS click_y,
        reply_n AND ifNull(m.replied_at <= m.sent_at + INTERVAL 24 HOUR, 0) AS reply_y
    FROM messages AS m
    INNER JOIN rules AS k ON k.business_id = m.business_id AND k.account_id = m.account_id AND k.channel = m.channel
    WHERE m.sent_at >= {from:DateTime64(3, 'UTC')}
      AND m.sent_at < {to:DateTime64(3, 'UTC')}
      AND m.exposure IS NOT NULL
      -- Reported deliveries only: one that merely follows from an open would bring its open along. But WhatsApp
      -- reports no delivery of a message that came while its chat was on the screen; there the open stands for it.
      AND (NOT k.tells_deliveries OR m.delivered_at IS NOT NULL OR m.channel = 'whatsapp' AND m.opened_at IS NOT NULL)
),
-- First at the finest grain, which leaves few rows to multiply.
fine AS
(
    SELECT
        business_id, own_channel, own_market, contact_id,
        assumeNotNull(bin) AS of_bin,
        any(loaded_to) AS cut_at, -- the same for the whole business
        sum(open_n)  AS opens_n,   sum(open_y)  AS opens_y,
        sum(click_n) AS clicks_n,  sum(click_y) AS clicks_y,
        sum(reply_n) AS replies_n, sum(reply_y) AS replies_y
    FROM base
    GROUP BY business_id, own_channel, own_market, contact_id, of_bin
),
-- Then per contact at every grain, so that a contact on two channels is one cluster in `all`.
per_contact AS
(
    SELECT
        business_id,
        cut_at,
        arrayJoin([own_channel, 'all']) AS of_channel,
        arrayJoin([own_market, 'all'])  AS of_market,
        of_bin,
        contact_id,
        [('open', sum(opens_n), sum(opens_y)), ('click', sum(clicks_n), sum(clicks_y)), ('reply', sum(replies_n), sum(replies_y))] AS sums
    FROM fine
    GROUP BY business_id, cut_at, of_channel, of_market, of_bin, contact_id
)
SELECT
    business_id,
    cut_at          AS cutoff,
    of_channel      AS channel,
    of_market       AS market,
    s.1             AS outcome,
    toUInt16(of_bin) AS exposure_from,
    toUInt16(multiIf(of_bin <= 5, of_bin, of_bin = 6, 7, of_bin = 8, 10, 65535)) AS exposure_to,
    count()         AS contacts,
    sum(s.2)        AS messages,
    sum(s.3)        AS outcomes,
    sum(s.2 * s.2)  AS sum_nn,
    sum(s.3 * s.3)  AS sum_yy,
    sum(s.2 * s.3)  AS sum_ny
FROM per_contact
ARRAY JOIN sums AS s
WHERE s.2 > 0
GROUP BY business_id, cut_at, of_channel, of_market, s.1, of_bin
ORDER BY business_id, channel, market, outcome, exposure_from
