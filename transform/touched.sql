-- touched: which messages may differ because of what has arrived since: those of a contact, from a first to a last day.
-- grain:   one row per (business_id, contact_id)
-- reads:   arrivals, message_facts (copies may stand side by side: each has a day), contact_facts, messages (as computed before)
-- params:  since DateTime64(3, 'UTC'): when the last run began; known_to DateTime64(3, 'UTC'): the end of its days; from, to DateTime64(3, 'UTC'): the days that there are, whole UTC days
-- returns: business_id String, contact_id UUID, first_day Date, last_day Date
-- units:   UTC days of sent_at, both included, in [from, to)
--
-- A send counts in the exposures of the seven days after it, and takes over a reply of the day before, or an opt-out of the seven.
WITH
arrived AS
(
    SELECT business_id, channel, contact_id, message_id, event_type, event_time, watermark
    FROM arrivals
    WHERE loaded_at >= {since:DateTime64(3, 'UTC')}
),
arrived_sends AS
(
    SELECT business_id, contact_id, message_id, event_time
    FROM arrived
    WHERE event_type = 'send'
),
-- The facts of other messages.
named AS
(
    SELECT business_id, contact_id, message_id
    FROM arrived
    WHERE message_id != 0
      AND (business_id, contact_id, message_id) NOT IN (SELECT business_id, contact_id, message_id FROM arrived_sends)
),
receipts AS
(
    SELECT business_id, contact_id, channel, event_type, event_time, watermark AS up_to
    FROM arrived
    WHERE event_type IN ('delivered', 'open') AND message_id = 0
),
sent AS
(
    SELECT business_id, contact_id, toDate(event_time) AS sent_day
    FROM arrived_sends
    UNION ALL
    -- An earlier copy of a send moves the message: the day it leaves.
    SELECT business_id, contact_id, toDate(sent_at) AS sent_day
    FROM messages
    PREWHERE message_id IN (SELECT message_id FROM arrived_sends)
    WHERE (business_id, contact_id, message_id) IN (SELECT business_id, contact_id, message_id FROM arrived_sends)
    UNION ALL
    -- What was sent by a clock ahead of ours was known before its day was.
    SELECT business_id, contact_id, toDate(assumeNotNull(sent_at)) AS sent_day
    FROM message_facts
    PREWHERE sent_at >= {known_to:DateTime64(3, 'UTC')}
    UNION ALL
    -- Any fact of a message may tell its purpose or its failure.
    SELECT business_id, contact_id, toDate(assumeNotNull(sent_at)) AS sent_day
    FROM message_facts
    PREWHERE message_id IN (SELECT message_id FROM named)
    WHERE sent_at IS NOT NULL
      AND (business_id, contact_id, message_id) IN (SELECT business_id, contact_id, message_id FROM named)
),
leaving AS
(
    SELECT DISTINCT contact_id AS leaver FROM contact_facts WHERE event_type = 'opt_out'
),
days AS
(
    SELECT business_id, contact_id, sent_day - if(contact_id IN leaving, 7, 1) AS first_day, sent_day + 7 AS last_day
    FROM sent
    UNION ALL
    SELECT business_id, contact_id, toDate(event_time) - 1 AS first_day, toDate(event_time) + 8 AS last_day
    FROM arrived
    WHERE event_type = 'reply'
    UNION ALL
    SELECT business_id, contact_id, toDate(event_time) - 7 AS first_day, toDate(event_time) AS last_day
    FROM arrived
    WHERE event_type = 'opt_out'
    UNION ALL
    -- An earlier copy of a reply or an opt-out: the messages that may have had it.
    SELECT m.business_id, m.contact_id, toDate(m.sent_at) AS first_day, first_day AS last_day
    FROM messages AS m
    INNER JOIN
    (
        SELECT business_id, contact_id, channel, event_type, min(event_time) AS earliest
        FROM arrived
        WHERE event_type IN ('reply', 'opt_out')
        GROUP BY business_id, contact_id, channel, event_type
    ) AS a ON a.business_id = m.business_id AND a.contact_id = m.contact_id AND a.channel = m.channel
    WHERE (m.replies > 0 OR m.opted_out_at IS NOT NULL)
      AND m.sent_at > (SELECT min(event_time) FROM arrived WHERE event_type IN ('reply', 'opt_out')) - INTERVAL 7 DAY
      AND if(a.event_type = 'reply', m.replies > 0 AND m.sent_at > a.earliest - INTERVAL 1 DAY,
                                     m.opted_out_at IS NOT NULL AND m.sent_at > a.earliest - INTERVAL 7 DAY)
    UNION ALL
    -- A receipt up to a watermark: the messages that it tells something new of.
    SELECT m.business_id, m.contact_id, toDate(m.sent_at) AS first_day, first_day AS last_day
    FROM messages AS m
    INNER JOIN receipts AS a ON a.business_id = m.business_id AND a.contact_id = m.contact_id AND a.channel = m.channel
    WHERE m.contact_id IN (SELECT contact_id FROM receipts)
      AND m.sent_at <= a.up_to
      AND ifNull(if(a.event_type = 'open', m.opened_at, m.delivered_at) > a.event_time, 1)
)
SELECT
    business_id,
    contact_id,
    greatest(min(days.first_day), toDate({from:DateTime64(3, 'UTC')}))  AS first_day,
    least(max(days.last_day), toDate({to:DateTime64(3, 'UTC')}) - 1)    AS last_day
FROM days
GROUP BY business_id, contact_id
HAVING first_day <= last_day
