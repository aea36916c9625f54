-- delivery_funnel: how far did messages get, by what each channel reports?
-- grain:   one row per (business_id, channel, purpose or all, market or all, state)
-- reads:   messages (one row per message), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), channel String, purpose String, market String, state String, method String,
--          sent UInt64, contacts UInt64, messages UInt64, in_state UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   messages 7 x 24 h before the cutoff or earlier, of replied and failed 24 h. Rate and interval are computed in Go
--
-- What an account never reported on a channel in the window it does not measure: no row, rather than none of many.
WITH
['failed', 'delivered', 'opened', 'clicked', 'replied'] AS states,
measured AS
(
    SELECT
        m.business_id AS business_id, m.account_id AS account_id, m.channel AS channel, max(c.cutoff) AS loaded_to,
        [
            countIf(m.failed_at IS NOT NULL) > 0, countIf(m.delivered_at IS NOT NULL) > 0, countIf(m.opened_at IS NOT NULL) > 0,
            countIf(m.clicked_at IS NOT NULL) > 0, countIf(m.replied_at IS NOT NULL) > 0
        ] AS told
    FROM messages AS m
    INNER JOIN coverage AS c ON c.business_id = m.business_id AND c.account_id = m.account_id
    WHERE m.sent_at >= {from:DateTime64(3, 'UTC')}
      AND m.sent_at < {to:DateTime64(3, 'UTC')}
    GROUP BY business_id, account_id, channel
),
per_contact AS
(
    SELECT
        m.business_id AS business_id, max(k.loaded_to) AS cutoff_at, toString(m.channel) AS channel, of_purpose, of_market, m.contact_id AS contact_id,
        count() AS all_n,
        sumForEach(arrayMap((t, age) -> toUInt64(t AND m.sent_at <= k.loaded_to - toIntervalHour(age)), k.told, [24, 168, 168, 168, 24])) AS n,
        sumForEach(arrayMap((t, age, at, late) -> toUInt64(t AND m.sent_at <= k.loaded_to - toIntervalHour(age) AND ifNull(at <= m.sent_at + toIntervalHour(late), 0)),
            k.told, [24, 168, 168, 168, 24], [m.failed_at, m.delivered_at, m.opened_at, m.clicked_at, m.replied_at], [1000000, 168, 168, 168, 24])) AS y,
        max(m.delivered_method = 'by_mid') + 2 * max(m.delivered_method = 'by_watermark') AS delivered_how,
        max(m.opened_method = 'by_mid') + 2 * max(m.opened_method = 'by_watermark')       AS opened_how
    FROM messages AS m
    INNER JOIN measured AS k ON k.business_id = m.business_id AND k.account_id = m.account_id AND k.channel = m.channel
    ARRAY JOIN ['all', toString(m.purpose)] AS of_purpose
    ARRAY JOIN ['all', toString(m.market)] AS of_market
    WHERE m.sent_at >= {from:DateTime64(3, 'UTC')}
      AND m.sent_at < {to:DateTime64(3, 'UTC')}
    GROUP BY business_id, channel, of_purpose, of_market, contact_id
)
SELECT
    business_id,
    max(cutoff_at)   AS cutoff,
    channel,
    of_purpose       AS purpose,
    of_market        AS market,
    states[i]        AS state,
    transform(multiIf(i = 2, groupBitOr(delivered_how), i = 3, groupBitOr(opened_how), 0), [1, 2, 3], ['by_mid', 'by_watermark', 'both'], '') AS method,
    sum(all_n)       AS sent,
    countIf(n[i] > 0) AS contacts,
    sum(n[i])        AS messages,
    sum(y[i])        AS in_state,
    sum(n[i] * n[i]) AS sum_nn,
    sum(y[i] * y[i]) AS sum_yy,
    sum(n[i] * y[i]) AS sum_ny
FROM per_contact
ARRAY JOIN arrayEnumerate(n) AS i
GROUP BY business_id, channel, purpose, market, i
HAVING messages > 0
ORDER BY business_id, channel, purpose, market, state
