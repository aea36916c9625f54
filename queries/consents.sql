-- consents: who consented to what, from when to when, and how did it end?
-- grain:   one row per spell of consent, the newest first
-- reads:   consents (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          topic String =
--          ended String =
--          limit UInt32 = 1000
-- returns: contact_id UUID, channel String, topic String, promised_frequency String, source String, market String, zone String, zone_told UInt8,
--          begun String, from_at DateTime64(3, 'UTC'), to_at DateTime64(3, 'UTC'), ended String, reason String, renewals UInt32,
--          renewed_at Array(DateTime64(3, 'UTC')), expires_at Nullable(DateTime64(3, 'UTC')), cutoff DateTime64(3, 'UTC')
-- units:   from_at is included, to_at excluded; contact_id is a pseudonym; an empty parameter asks for every value
SELECT
    contact_id, channel, topic, promised_frequency, source, market, zone, zone_told, begun, from_at, to_at, ended, reason, renewals,
    renewed_at, expires_at, cutoff
FROM consents
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({topic:String} = '' OR topic = {topic:String})
  AND ({ended:String} = '' OR ended = {ended:String})
ORDER BY from_at DESC, contact_id, channel, topic
LIMIT {limit:UInt32}
