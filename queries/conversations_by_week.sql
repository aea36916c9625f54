-- conversations_by_week: how many cases began in each week, and who began them?
-- grain:   one row per (dimension, segment, week)
-- reads:   conversations (one row per case, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
-- returns: dimension String, segment String, week Date, contacts UInt64, cases UInt64, by_contact UInt64, by_business UInt64
-- units:   cases and contacts, exact; dimension is all, channel or market; week is the Monday (UTC) of the first message, of which the first and
--          the last may be cut by the window; by_business: the first message answers one of ours
SELECT
    part.1 AS dimension,
    part.2 AS segment,
    toMonday(started_at) AS week,
    uniqExact(contact_id) AS contacts,
    count() AS cases,
    countIf(started_by = 'contact') AS by_contact,
    countIf(started_by = 'business') AS by_business
FROM conversations
ARRAY JOIN [('all', ''), ('channel', toString(channel)), ('market', toString(market))] AS part
WHERE business_id = {business:String}
  AND started_at >= {from:Date}
  AND started_at < {to:Date}
GROUP BY dimension, segment, week
ORDER BY dimension, segment, week
