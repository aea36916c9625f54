-- restated_days: on which sent days messages may differ because of what has arrived since.
-- grain:   one row per day, sorted
-- reads:   arrivals, message_facts (copies may stand side by side: each has a day), contact_facts, messages (as computed before)
-- params:  since DateTime64(3, 'UTC')
-- returns: day Date
-- units:   UTC days of sent_at
--
-- A send counts in the exposures of the seven days after it, and takes over a reply of the day before, or an opt-out of the seven.
WITH
arrived AS
(
    SELECT business_id, channel, contact_id, message_id, event_type, event_time, watermark
    FROM arrivals
    WHERE loaded_at >= {since:DateTime64(3, 'UTC')}
),
-- Any fact of a message may tell its purpose or its failure.
named AS
(
    SELECT DISTINCT business_id, contact_id, message_id
    FROM arrived
    WHERE message_id != 0
),
sent AS
(
    SELECT business_id, contact_id, toDate(assumeNotNull(sent_at)) AS sent_day
    FROM message_facts
    WHERE sent_at IS NOT NULL
      AND (business_id, contact_id, message_id) IN named
    UNION ALL
    -- An earlier copy of a send moves the message: the day it leaves.
    SELECT business_id, contact_id, toDate(sent_at) AS sent_day
    FROM messages
    WHERE (business_id, contact_id, message_id) IN (SELECT business_id, contact_id, message_id FROM arrived WHERE event_type = 'send')
),
touched AS
(
    SELECT
        sent_day - if((business_id, contact_id) IN (SELECT business_id, contact_id FROM contact_facts WHERE event_type = 'opt_out'), 7, 1) AS first_day,
        sent_day + 7 AS last_day
    FROM sent
    UNION ALL
    SELECT toDate(event_time) - 1 AS first_day, toDate(event_time) + 8 AS last_day
    FROM arrived
    WHERE event_type = 'reply'
    UNION ALL
    SELECT toDate(event_time) - 7 AS first_day, toDate(event_time) AS last_day
    FROM arrived
    WHERE event_type = 'opt_out'
    UNION ALL
    -- A receipt up to a watermark: the messages that it tells something new of.
    SELECT toDate(m.sent_at) AS first_day, first_day AS last_day
    FROM messages AS m
    INNER JOIN
    (
        SELECT business_id, contact_id, channel, event_type, event_time, watermark AS up_to
        FROM arrived
        WHERE event_type IN ('delivered', 'open') AND message_id = 0
    ) AS a ON a.business_id = m.business_id AND a.contact_id = m.contact_id AND a.channel = m.channel
    WHERE m.sent_at <= a.up_to
      AND ifNull(if(a.event_type = 'open', m.opened_at, m.delivered_at) > a.event_time, 1)
)
SELECT DISTINCT arrayJoin(arrayMap(n -> first_day + n, range(toUInt32(last_day - first_day + 1)))) AS day
FROM (SELECT DISTINCT first_day, last_day FROM touched)
ORDER BY day
