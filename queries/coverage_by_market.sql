-- coverage_by_market: which channels and markets does the window cover, and what is known of their messages?
-- grain:   one row per (channel, market)
-- reads:   messages (one row per message_id, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
-- returns: channel String, market String, contacts UInt64, messages UInt64, proactive UInt64, failed UInt64, delivered UInt64,
--          opened UInt64, clicked UInt64, answered UInt64, days UInt64, first_sent_at DateTime64(3, 'UTC'), last_sent_at DateTime64(3, 'UTC')
-- units:   counts, exact, of messages sent in [from, to) by the business; days counts UTC days with a message; a count of 0 in a whole column means
--          that nobody reported it there, not that it never happened; an empty market: none known
SELECT
    channel,
    market,
    uniqExact(contact_id)            AS contacts,
    count()                          AS messages,
    countIf(purpose = 'proactive')   AS proactive,
    countIf(failed_at IS NOT NULL)   AS failed,
    countIf(delivered_at IS NOT NULL) AS delivered,
    countIf(opened_at IS NOT NULL)   AS opened,
    countIf(clicked_at IS NOT NULL)  AS clicked,
    countIf(replies > 0)             AS answered,
    uniqExact(toDate(sent_at))       AS days,
    min(sent_at)                     AS first_sent_at,
    max(sent_at)                     AS last_sent_at
FROM messages
WHERE business_id = {business:String}
  AND sent_at >= {from:Date}
  AND sent_at < {to:Date}
GROUP BY channel, market
ORDER BY channel, market
