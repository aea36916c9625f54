-- window_refusals: how many messages did platforms refuse because the window was closed?
-- grain:   one row per (business_id, dimension, segment, error_code or any)
-- reads:   send_windows (of the same run), messages (one row per message), message_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of attempts, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, error_code String,
--          contacts UInt64, attempts UInt64, refused UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   an attempt is a message that was sent, or that failed without it, dated by its failure. Rate and interval are computed in Go
WITH
-- shared: loaded
-- "Send API error codes", developers.facebook.com/docs/messenger-platform; "Error codes", WhatsApp Business Platform (470 is the older of
-- two); twilio.com/docs/api/errors/63016.
['10/2018278', '2018278', '10/2534022', '2534022', '131047', '470', '63016'] AS codes,
attempts AS
(
    SELECT
        w.business_id AS business_id, w.contact_id AS contact_id, toString(w.channel) AS channel, toString(w.market) AS market, toString(w.state) AS state,
        w.sent_at AS tried_at, toString(m.error_code) AS code
    FROM send_windows AS w
    INNER JOIN messages AS m ON m.business_id = w.business_id AND m.contact_id = w.contact_id AND m.message_id = w.message_id
    WHERE w.window_from = toDate({from:DateTime64(3, 'UTC')})
      AND w.window_to = toDate({to:DateTime64(3, 'UTC')})
      AND w.state != 'no_window'
      AND m.sent_at >= {from:DateTime64(3, 'UTC')}
      AND m.sent_at < {to:DateTime64(3, 'UTC')}
    UNION ALL
    SELECT business_id, contact_id, toString(channel), toString(market), 'not_sent', assumeNotNull(failed_at), toString(error_code)
    FROM message_facts FINAL
    WHERE sent_at IS NULL
      AND delivered_at IS NULL
      AND opened_at IS NULL
      AND is_test = 0
      AND channel IN ('messenger', 'instagram', 'whatsapp')
      AND failed_at >= {from:DateTime64(3, 'UTC')}
      AND failed_at < {to:DateTime64(3, 'UTC')}
),
per_contact AS
(
    SELECT
        a.business_id AS business_id, max(c.loaded_to) AS cutoff_at, slice, a.contact_id AS contact_id,
        count() AS n,
        arrayConcat([countIf(has(codes, code))], sumForEach(arrayMap(c -> toUInt64(code = c), codes))) AS y
    FROM attempts AS a
    INNER JOIN loaded AS c ON c.business_id = a.business_id
    ARRAY JOIN [('all', ''), ('channel', a.channel), ('market', a.market), ('state', a.state)] AS slice
    WHERE a.tried_at <= c.loaded_to - INTERVAL 24 HOUR
    GROUP BY business_id, slice, contact_id
)
SELECT
    business_id,
    max(cutoff_at)   AS cutoff,
    slice.1          AS dimension,
    slice.2          AS segment,
    arrayConcat([''], codes)[i] AS error_code,
    count()          AS contacts,
    sum(n)           AS attempts,
    sum(y[i])        AS refused,
    sum(n * n)       AS sum_nn,
    sum(y[i] * y[i]) AS sum_yy,
    sum(n * y[i])    AS sum_ny
FROM per_contact
ARRAY JOIN arrayEnumerate(y) AS i
GROUP BY business_id, slice, i
-- A code that the business never met has no rows.
QUALIFY i = 1 OR sum(refused) OVER (PARTITION BY business_id, i) > 0
ORDER BY business_id, dimension, segment, error_code
