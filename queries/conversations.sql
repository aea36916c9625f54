-- conversations: which cases began in a window, and how long did each wait for its first response?
-- grain:   one row per case: (contact_id, channel, started_at)
-- reads:   conversations (a run replaces its days, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          channel String =
--          market String =
-- returns: contact_id UUID, channel String, market String, started_by String, opening_message_id UInt64, started_at DateTime64(3, 'UTC'),
--          ended_at DateTime64(3, 'UTC'), closed_at DateTime64(3, 'UTC'), local_day Date, local_weekday UInt8, local_hour UInt8, zone String,
--          zoned_by String, turns UInt32, inbound UInt32, outbound UInt32, nudges UInt32, nudged_at Nullable(DateTime64(3, 'UTC')),
--          answered_at Nullable(DateTime64(3, 'UTC')), human_answered_at Nullable(DateTime64(3, 'UTC')),
--          bot_answered_at Nullable(DateTime64(3, 'UTC')), observed_to DateTime64(3, 'UTC'), censored String, wait_ms Int64,
--          human_wait_ms Int64, bot_wait_ms Int64, has_calendar UInt8, business_wait_ms Int64, human_business_wait_ms Int64,
--          bot_business_wait_ms Int64, answered_in_window UInt8, window_expired_at Nullable(DateTime64(3, 'UTC')),
--          later_windows_expired UInt32, repeat_known UInt8, repeated_at Nullable(DateTime64(3, 'UTC')), cutoff DateTime64(3, 'UTC')
-- units:   instants are UTC, waits milliseconds; contact_id is a pseudonym; an empty channel or market asks for every one
SELECT
    contact_id,
    channel,
    market,
    started_by,
    opening_message_id,
    started_at,
    ended_at,
    closed_at,
    local_day,
    local_weekday,
    local_hour,
    zone,
    zoned_by,
    turns,
    inbound,
    outbound,
    nudges,
    nudged_at,
    answered_at,
    human_answered_at,
    bot_answered_at,
    observed_to,
    censored,
    wait_ms,
    human_wait_ms,
    bot_wait_ms,
    has_calendar,
    business_wait_ms,
    human_business_wait_ms,
    bot_business_wait_ms,
    answered_in_window,
    window_expired_at,
    later_windows_expired,
    repeat_known,
    repeated_at,
    cutoff
FROM conversations
WHERE business_id = {business:String}
  AND toDate(started_at) >= {from:Date}
  AND toDate(started_at) < {to:Date}
  AND ({channel:String} = '' OR channel = {channel:String})
  AND ({market:String} = '' OR market = {market:String})
ORDER BY contact_id, channel, started_at
