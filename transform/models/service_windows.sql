-- service_windows: how many windows did contacts open, and how many ran out unanswered?
-- grain:   one row per (business_id, dimension, segment)
-- reads:   event_log (its copies are merged here), messages (one row per message), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on the day on which they opened, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, opened UInt64, still_open UInt64,
--          actions UInt64, replies UInt64, replies_yy UInt64, replies_ny UInt64,
--          contacts UInt64, windows UInt64, unanswered UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   a window lasts from the contact's first action to 24 h after the last, the end excluded. Rates and intervals are computed in Go
WITH
bounds AS
(
    SELECT business_id, max(cutoff) AS loaded_to, least(loaded_to, {to:DateTime64(3, 'UTC')}) AS as_of
    FROM coverage
    GROUP BY business_id
),
came AS
(
    SELECT
        business_id, contact_id, toString(max(channel)) AS came_on, toString(max(account_id)) AS account, event_type AS what,
        min(event_time) AS at, toString(max(market)) AS own_market
    FROM event_log
    WHERE event_type IN ('referral', 'reaction', 'reply')
      AND channel IN ('messenger', 'instagram', 'whatsapp')
    GROUP BY business_id, contact_id, message_id, event_type, event_id
    HAVING max(is_test) = 0
       AND (what = 'reply' OR came_on != 'whatsapp')
),
actions AS
(
    SELECT
        a.business_id AS business_id, a.contact_id AS contact_id, came_on, account, b.loaded_to AS loaded_to, b.as_of AS as_of,
        toUnixTimestamp64Milli(a.at) AS ms, max(own_market) AS own_market, count() AS n
    FROM came AS a
    INNER JOIN bounds AS b ON b.business_id = a.business_id
    WHERE a.at <= b.loaded_to
      AND a.at < {to:DateTime64(3, 'UTC')}
    GROUP BY business_id, contact_id, came_on, account, loaded_to, as_of, ms
),
numbered AS
(
    SELECT *, sum(starts) OVER (PARTITION BY business_id, contact_id, came_on, account ORDER BY ms) AS number
    FROM
    (
        SELECT *, ms - lagInFrame(ms, 1, toInt64(-86400000)) OVER (PARTITION BY business_id, contact_id, came_on, account ORDER BY ms
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) >= 86400000 AS starts
        FROM actions
    )
),
opened AS
(
    SELECT
        business_id, contact_id, came_on, account, number, any(loaded_to) AS loaded_to,
        min(ms) AS from_ms, max(ms) + 86400000 AS to_ms, sum(n) AS n, max(own_market) AS own_market,
        to_ms <= toUnixTimestamp64Milli(any(as_of)) AS is_over
    FROM numbered
    GROUP BY business_id, contact_id, came_on, account, number
    HAVING from_ms >= toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')})
),
answers AS
(
    SELECT o.business_id AS business_id, o.contact_id AS contact_id, o.came_on AS came_on, o.account AS account, o.from_ms AS from_ms, count() AS n
    FROM
    (
        SELECT business_id, contact_id, toString(channel) AS came_on, toString(account_id) AS account, toUnixTimestamp64Milli(sent_at) AS sent_ms
        FROM messages
        WHERE sent_at >= {from:DateTime64(3, 'UTC')}
          AND sent_at < {to:DateTime64(3, 'UTC')}
          AND failed_at IS NULL
    ) AS m
    ASOF INNER JOIN opened AS o
        ON o.business_id = m.business_id AND o.contact_id = m.contact_id AND o.came_on = m.came_on AND o.account = m.account AND m.sent_ms >= o.from_ms
    WHERE m.sent_ms < o.to_ms
    GROUP BY business_id, contact_id, came_on, account, from_ms
),
per_contact AS
(
    SELECT
        o.business_id AS business_id, max(o.loaded_to) AS cutoff_at, slice, o.contact_id AS contact_id,
        count()                                   AS opened_n,
        toUInt64(countIf(o.is_over))              AS w,
        toUInt64(countIf(o.is_over AND a.n = 0))  AS u,
        toUInt64(sumIf(o.n, o.is_over))           AS c,
        toUInt64(sumIf(a.n, o.is_over))           AS r
    FROM opened AS o
    LEFT JOIN answers AS a
        ON a.business_id = o.business_id AND a.contact_id = o.contact_id AND a.came_on = o.came_on AND a.account = o.account AND a.from_ms = o.from_ms
    ARRAY JOIN [('all', ''), ('channel', o.came_on), ('market', o.own_market), ('account', o.account)] AS slice
    GROUP BY business_id, slice, contact_id
)
SELECT
    business_id,
    max(cutoff_at)              AS cutoff,
    slice.1                     AS dimension,
    slice.2                     AS segment,
    sum(opened_n)               AS opened,
    sum(opened_n) - sum(w)      AS still_open,
    sum(c)                      AS actions,
    sum(r)                      AS replies,
    sum(r * r)                  AS replies_yy,
    sum(w * r)                  AS replies_ny,
    countIf(w > 0)              AS contacts,
    sum(w)                      AS windows,
    sum(u)                      AS unanswered,
    sum(w * w)                  AS sum_nn,
    sum(u * u)                  AS sum_yy,
    sum(w * u)                  AS sum_ny
FROM per_contact
GROUP BY business_id, slice
ORDER BY business_id, dimension, segment
