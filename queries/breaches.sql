-- breaches: which messages did no consent allow, the newest first?
-- grain:   one row per message
-- reads:   breaches (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          breach String =
--          topic String =
--          channel String =
--          limit UInt32 = 100
-- returns: sent_at DateTime64(3, 'UTC'), contact_id UUID, message_id UInt64, account_id String, channel String, market String, topic String,
--          campaign_id String, breach String, way String, consent_ended_at Nullable(DateTime64(3, 'UTC')), hours_after Nullable(Float64),
--          cutoff DateTime64(3, 'UTC')
-- units:   hours_after in hours, from the opt-out or the expiry; contact_id is a pseudonym; an empty parameter asks for every value
SELECT
    sent_at, contact_id, message_id, account_id, channel, market, topic, campaign_id, breach, way, consent_ended_at, hours_after, cutoff
FROM breaches
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({breach:String} = '' OR breach = {breach:String})
  AND ({topic:String} = '' OR topic = {topic:String})
  AND ({channel:String} = '' OR channel = {channel:String})
ORDER BY sent_at DESC, contact_id, message_id
LIMIT {limit:UInt32}
