-- coverage: from when and up to when we have each account's events.
-- grain:   one row per (business_id, account_id)
-- reads:   event_log (copies may stand side by side: see below)
-- params:  none; a run replaces the whole relation
-- returns: business_id String, account_id String, data_from DateTime64(3, 'UTC'), cutoff DateTime64(3, 'UTC')
-- units:   data_from is the account's earliest event; cutoff is the business's latest event that does not lie after
--          its own ingested_at (1970 if there is none), so one wrong clock cannot mature anything, and whose time the source told, if
--          it tells any: an event dated on arrival says when we imported, not up to when we know; test traffic is left out
--
-- A minimum does not care how often a fact stands there, so data_from needs no FINAL, which costs more than all else here.
-- Whether a fact was dated plausibly shows only once its copies are one. But only the latest matters, so of the last day's
-- facts the hundred latest are merged here. Should none of them pass, the cutoff is the beginning of that day.
WITH
-- shared: accounts
businesses AS
(
    SELECT business_id, toUnixTimestamp64Milli(max(told_at)) > 0 AS tells_times, if(tells_times, max(told_at), max(last_at)) AS latest_at
    FROM accounts
    GROUP BY business_id
),
recent AS
(
    SELECT e.business_id, e.contact_id, e.message_id, e.event_type, e.event_id
    FROM event_log AS e
    INNER JOIN businesses AS b ON b.business_id = e.business_id
    WHERE e.event_time >= (SELECT min(latest_at) FROM businesses WHERE toUnixTimestamp64Milli(latest_at) > 0) - INTERVAL 1 DAY
      AND e.event_time >= b.latest_at - INTERVAL 1 DAY
      AND e.ingest_delay_ms >= 0
      AND e.is_test = 0
      AND (e.time_flag = '' OR NOT b.tells_times)
    ORDER BY e.event_time DESC, e.contact_id, e.message_id, e.event_type, e.event_id
    LIMIT 100 BY e.business_id
),
dated AS
(
    SELECT business_id, contact_id, message_id, event_type, event_id, min(event_time) AS dated_at, min(ingest_delay_ms) >= 0 AS plausible
    FROM event_log
    WHERE (business_id, contact_id, message_id, event_type, event_id) IN recent
    GROUP BY business_id, contact_id, message_id, event_type, event_id
    HAVING max(is_test) = 0
),
cutoffs AS
(
    SELECT business_id, maxIf(dated_at, plausible) AS plausible_at
    FROM dated
    GROUP BY business_id
)
SELECT
    a.business_id AS business_id,
    a.account_id  AS account_id,
    a.first_at    AS data_from,
    if(toUnixTimestamp64Milli(b.latest_at) = 0, b.latest_at, greatest(c.plausible_at, b.latest_at - INTERVAL 1 DAY)) AS cutoff
FROM accounts AS a
INNER JOIN businesses AS b ON b.business_id = a.business_id
LEFT JOIN cutoffs AS c ON c.business_id = a.business_id
ORDER BY business_id, account_id
