-- contact_frequency: on how many of the last 28 days each contact wrote of its own accord.
-- grain:   one row per (business_id, contact_id) that was known for all of the 28 days
-- reads:   conversations (one row per case), message_facts, contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to), whole UTC days; without 28 days of it and of data before as_of: no rows;
--          first_contact, last_contact UUID: the contacts of one pass, both included; zones Array(String), markets,
--          market_zones Array(String): as in conversations
-- returns: the columns of contact_frequency, in its order
-- units:   days are local
WITH
limits AS
(
    SELECT
        business_id,
        max(cutoff)                                                                 AS loaded_to,
        least({to:DateTime64(3, 'UTC')}, toDateTime64(toDate(loaded_to), 3, 'UTC')) AS end_at
    FROM coverage
    GROUP BY business_id
    HAVING end_at - INTERVAL 28 DAY >= greatest({from:DateTime64(3, 'UTC')}, min(data_from))
),
known AS
(
    SELECT business_id, contact_id, max(own_market) AS market, min(told_at) AS first_at
    FROM
    (
        SELECT business_id, contact_id, market AS own_market, assumeNotNull(sent_at) AS told_at
        FROM message_facts FINAL
        WHERE is_test = 0
          AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
          AND sent_at IS NOT NULL
        UNION ALL
        SELECT business_id, contact_id, market, event_time
        FROM contact_facts FINAL
        WHERE is_test = 0
          AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    )
    GROUP BY business_id, contact_id
),
begun AS
(
    SELECT business_id, contact_id, channel, started_at, ended_at, zone
    FROM conversations
    WHERE started_by = 'contact'
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND started_at >= {from:DateTime64(3, 'UTC')}
      AND started_at < {to:DateTime64(3, 'UTC')}
),
-- What was written in these cases.
written AS
(
    SELECT
        w.business_id AS business_id, w.contact_id AS contact_id, w.event_time AS sent, b.zone AS found_zone
    FROM
    (
        SELECT f.business_id AS business_id, f.contact_id AS contact_id, f.channel AS channel, f.event_time AS event_time
        FROM contact_facts AS f FINAL
        INNER JOIN limits AS l ON l.business_id = f.business_id
        WHERE f.event_type = 'reply'
          AND f.is_test = 0
          AND f.contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
          AND f.event_time >= l.end_at - INTERVAL 28 DAY
          AND f.event_time < l.end_at
    ) AS w
    ASOF INNER JOIN begun AS b ON b.business_id = w.business_id AND b.contact_id = w.contact_id AND b.channel = w.channel AND w.event_time >= b.started_at
    WHERE w.event_time <= b.ended_at
),
counted AS
(
    SELECT
        business_id, contact_id,
        uniqExact(toDate(sent + toIntervalSecond(offset_s)))   AS days,
        arraySort(groupArray(toUnixTimestamp64Milli(sent)))    AS instants,
        1 + arrayCount(d -> d >= 3600000, arrayDifference(instants)) AS runs
    FROM (SELECT r.*, {{offset}} AS offset_s FROM written AS r)
    GROUP BY business_id, contact_id
),
ever AS
(
    SELECT DISTINCT business_id, contact_id FROM begun
)
SELECT
    k.business_id AS business_id,
    toDate({from:DateTime64(3, 'UTC')}) AS window_from,
    toDate({to:DateTime64(3, 'UTC')})   AS window_to,
    l.loaded_to   AS cutoff,
    k.contact_id  AS contact_id,
    l.end_at      AS as_of,
    k.market      AS market,
    toUInt8(least(c.days, 28))      AS days,
    toUInt16(least(c.runs, 65535))  AS runs,
    multiIf(
        days >= 20 AND runs >= 2 * c.days, 'several times a day',
        days >= 20, 'daily',
        days >= 6, 'several times a week',
        days >= 3, 'weekly',
        days = 2, 'every 2-3 weeks',
        days = 1, 'monthly',
        (k.business_id, k.contact_id) IN ever, 'less often', 'never') AS category
FROM known AS k
INNER JOIN limits AS l ON l.business_id = k.business_id
LEFT JOIN counted AS c ON c.business_id = k.business_id AND c.contact_id = k.contact_id
WHERE k.first_at <= l.end_at - INTERVAL 28 DAY
