-- opt_in_funnel: how many consents were asked for, given, renewed, taken back and left to expire?
-- grain:   one row per (business_id, dimension, segment)
-- reads:   consents (of the same run), event_log (its copies are merged here), messages (one row per message), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on the instant of each step and of the request, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, opted_in UInt64, resumed UInt64, again UInt64,
--          changed UInt64, renewed UInt64, stopped UInt64, blocked UInt64, expired UInt64, used UInt64, running UInt64,
--          contacts UInt64, asked UInt64, answered UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   steps count spells, renewals and tokens; asked counts requests 7 x 24 h before the cutoff or earlier. Rate and interval are computed in Go
WITH
-- shared: loaded
steps AS
(
    SELECT
        business_id, slice,
        from_at >= {from:DateTime64(3, 'UTC')} AS is_begun,
        to_at >= {from:DateTime64(3, 'UTC')}   AS is_ended,
        begun, ended,
        arrayCount(t -> t >= {from:DateTime64(3, 'UTC')}, renewed_at) AS renewals_in
    FROM consents
    ARRAY JOIN [('all', ''), ('channel', toString(channel)), ('topic', topic), ('promised_frequency', toString(promised_frequency)), ('source', toString(source)), ('market', toString(market))] AS slice
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
),
stepped AS
(
    SELECT
        business_id, slice,
        [
            countIf(is_begun AND begun = 'first'), countIf(is_begun AND begun = 'resumed'), countIf(is_begun AND begun = 'again'),
            countIf(is_begun AND begun = 'changed'), sum(renewals_in), countIf(is_ended AND ended = 'stopped'), countIf(is_ended AND ended = 'blocked'),
            countIf(is_ended AND ended = 'expired'), countIf(is_ended AND ended = 'used'), countIf(ended = 'on')
        ] AS counts
    FROM steps
    GROUP BY business_id, slice
),
-- shared: consent_facts
every_request AS
(
    SELECT
        business_id, contact_id, message_id, toString(messages.channel) AS channel, toString(messages.market) AS market,
        if(scope IN ('', 'all', 'marketing_messages', 'plugin'), 'all', toString(scope)) AS topic,
        toString(promised_frequency) AS promise, sent_at AS asked_at
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')}
      AND sent_at < {to:DateTime64(3, 'UTC')} -- later ones may be computed or not
      AND category = 'opt_in_request'
      AND failed_at IS NULL
),
-- An opt-in answers the latest request before it, so a request can be answered until the next one.
requests AS
(
    SELECT r.*, if(r.is_last, r.asked_at + INTERVAL 7 DAY, least(r.next_at, r.asked_at + INTERVAL 7 DAY)) AS until
    FROM
    (
        SELECT *,
            any(asked_at) OVER following AS next_at,
            count() OVER following = 0   AS is_last
        FROM every_request
        WINDOW following AS (PARTITION BY business_id, contact_id, channel, topic ORDER BY asked_at, message_id ROWS BETWEEN 1 FOLLOWING AND 1 FOLLOWING)
    ) AS r
    INNER JOIN loaded AS b ON b.business_id = r.business_id
    WHERE r.asked_at <= b.loaded_to - INTERVAL 7 DAY
),
asks AS
(
    SELECT
        r.business_id AS business_id, slice, r.contact_id AS contact_id,
        toUInt64(count()) AS n,
        toUInt64(countIf(toUnixTimestamp64Milli(f.at) > 0 AND f.at < r.until)) AS y
    FROM requests AS r
    ASOF LEFT JOIN (SELECT DISTINCT business_id, contact_id, channel, topic, at FROM consent_facts WHERE is_opt_in) AS f
        ON f.business_id = r.business_id AND f.contact_id = r.contact_id AND f.channel = r.channel AND f.topic = r.topic AND r.asked_at <= f.at
    ARRAY JOIN [('all', ''), ('channel', r.channel), ('topic', r.topic), ('promised_frequency', r.promise), ('market', r.market)] AS slice
    GROUP BY business_id, slice, contact_id
),
asked AS
(
    SELECT business_id, slice, [count(), sum(n), sum(y), sum(n * n), sum(y * y), sum(n * y)] AS counts
    FROM asks
    GROUP BY business_id, slice
),
joined AS
(
    SELECT business_id, slice, maxForEach(s) AS s, maxForEach(a) AS a
    FROM
    (
        SELECT business_id, slice, counts AS s, arrayResize(CAST([], 'Array(UInt64)'), 6) AS a FROM stepped
        UNION ALL
        SELECT business_id, slice, arrayResize(CAST([], 'Array(UInt64)'), 10), counts FROM asked
    )
    GROUP BY business_id, slice
)
SELECT
    j.business_id AS business_id,
    b.loaded_to   AS cutoff,
    slice.1       AS dimension,
    slice.2       AS segment,
    s[1] AS opted_in, s[2] AS resumed, s[3] AS again, s[4] AS changed, s[5] AS renewed,
    s[6] AS stopped, s[7] AS blocked, s[8] AS expired, s[9] AS used, s[10] AS running,
    a[1] AS contacts, a[2] AS asked, a[3] AS answered, a[4] AS sum_nn, a[5] AS sum_yy, a[6] AS sum_ny
FROM joined AS j
INNER JOIN loaded AS b ON b.business_id = j.business_id
ORDER BY business_id, dimension, segment
