-- broken_promises: which promises were broken, the newest first?
-- grain:   one row per contact, channel, topic, promise and period with more than one message
-- reads:   promise_periods (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          topic String =
--          channel String =
--          limit UInt32 = 100
-- returns: contact_id UUID, channel String, topic String, promised_frequency String, zone String, market String, period_from Date, period_to Date,
--          messages UInt32, last_sent_at Nullable(DateTime64(3, 'UTC')), cutoff DateTime64(3, 'UTC')
-- units:   period_to is the local day after the last; messages in the period; contact_id is a pseudonym; an empty parameter asks for every value
SELECT
    contact_id, channel, topic, promised_frequency, zone, market, period_from, period_to, messages, last_sent_at, cutoff
FROM promise_periods
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND state = 'exceeded'
  AND ({topic:String} = '' OR topic = {topic:String})
  AND ({channel:String} = '' OR channel = {channel:String})
ORDER BY last_sent_at DESC, contact_id, channel, topic, period_from, promised_frequency, zone
LIMIT {limit:UInt32}
