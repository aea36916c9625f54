-- delivery_failures: how many messages failed, and why?
-- grain:   one row per (business_id, channel or all, market or all, cause or any, error_code or all)
-- reads:   messages (one row per message), message_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of attempts, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), channel String, market String, cause String, error_code String,
--          without_send UInt64, contacts UInt64, attempts UInt64, failed UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   an attempt is a message that was sent, or that failed without it, dated by its failure. Rate and interval are computed in Go
WITH
-- shared: loaded
-- shared: failure_causes
attempts AS
(
    SELECT
        business_id, contact_id, toString(channel) AS channel, toString(market) AS market, sent_at AS tried_at, 0 AS unsent,
        failed_at IS NOT NULL AS has_failed, toString(error_code) AS code
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')}
      AND sent_at < {to:DateTime64(3, 'UTC')}
    UNION ALL
    SELECT business_id, contact_id, toString(channel), toString(market), assumeNotNull(failed_at), 1, 1, toString(error_code)
    FROM message_facts FINAL
    WHERE sent_at IS NULL
      AND delivered_at IS NULL
      AND opened_at IS NULL
      AND is_test = 0
      AND failed_at >= {from:DateTime64(3, 'UTC')}
      AND failed_at < {to:DateTime64(3, 'UTC')}
),
judged AS
(
    SELECT
        a.*, c.loaded_to AS loaded_to,
        if(has_failed, transform(code, cause_codes, cause_names, 'unknown'), '') AS cause
    FROM attempts AS a
    INNER JOIN loaded AS c ON c.business_id = a.business_id
    WHERE a.tried_at <= c.loaded_to - INTERVAL 24 HOUR
),
-- What a business met, in a fixed order: the causes and codes of its rows.
met AS
(
    SELECT business_id, arraySort(groupUniqArrayArray([('any', ''), (cause, ''), (cause, code)])) AS known
    FROM judged
    WHERE has_failed
    GROUP BY business_id
),
per_contact AS
(
    SELECT
        j.business_id AS business_id, max(j.loaded_to) AS cutoff_at, of_channel, of_market, j.contact_id AS contact_id, any(m.known) AS known,
        toUInt64(count()) AS n, sum(j.unsent) AS u,
        sumForEach(arrayMap(k -> toUInt64(j.has_failed AND (k.1 = 'any' OR k.1 = j.cause AND (k.2 = '' OR k.2 = j.code))), m.known)) AS y
    FROM judged AS j
    INNER JOIN met AS m ON m.business_id = j.business_id
    ARRAY JOIN ['all', j.channel] AS of_channel
    ARRAY JOIN ['all', j.market] AS of_market
    GROUP BY business_id, of_channel, of_market, contact_id
)
SELECT
    business_id,
    max(cutoff_at)   AS cutoff,
    of_channel       AS channel,
    of_market        AS market,
    known[i].1       AS cause,
    known[i].2       AS error_code,
    sum(u)           AS without_send,
    count()          AS contacts,
    sum(n)           AS attempts,
    sum(y[i])        AS failed,
    sum(n * n)       AS sum_nn,
    sum(y[i] * y[i]) AS sum_yy,
    sum(n * y[i])    AS sum_ny
FROM per_contact
ARRAY JOIN arrayEnumerate(known) AS i
GROUP BY business_id, channel, market, known, i
HAVING failed > 0 OR cause = 'any'
ORDER BY business_id, channel, market, cause, error_code
