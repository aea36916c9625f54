-- messages_by_day: how many messages were sent on each day, and is there a day without any?
-- grain:   one row per UTC day of the window, also of days without messages
-- reads:   messages (one row per message_id, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
-- returns: day Date, proactive UInt64, responses UInt64
-- units:   counts, exact, of messages sent on the UTC day
SELECT
    day,
    countIf(purpose = 'proactive')                       AS proactive,
    countIf(purpose != 'proactive' AND purpose != '')    AS responses
FROM
(
    SELECT toDate(sent_at) AS day, purpose
    FROM messages
    WHERE business_id = {business:String}
      AND sent_at >= {from:Date}
      AND sent_at < {to:Date}
    UNION ALL
    SELECT {from:Date} + number AS day, '' AS purpose
    FROM numbers(toUInt64(dateDiff('day', {from:Date}, {to:Date})))
)
GROUP BY day
ORDER BY day
