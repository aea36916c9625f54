-- first_response: how long each case waited for its first response, by whom and by which clock.
-- grain:   one row per case
-- reads:   conversations (one row per case)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on started_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), contact_id UUID, market String, channel String, week Date, weekday UInt8,
--          hour UInt8, has_calendar UInt8, answered Array(UInt8), waits_ms Array(UInt32)
-- units:   answered by any, human, bot; waits by the wall clock of the same, then in business time, until the response or the
--          end of watching, at most 7 x 24 h. The curves are computed in Go
WITH cases AS
(
    SELECT *
    FROM conversations
    WHERE started_at >= {from:DateTime64(3, 'UTC')}
      AND started_at < {to:DateTime64(3, 'UTC')}
)
SELECT
    business_id,
    cutoff,
    contact_id,
    toString(market)     AS market,
    toString(channel)    AS channel,
    toMonday(started_at) AS week,
    local_weekday        AS weekday,
    local_hour           AS hour,
    has_calendar,
    [answered_at IS NOT NULL, human_answered_at IS NOT NULL, bot_answered_at IS NOT NULL] AS answered,
    arrayMap(w -> toUInt32(w), [wait_ms, human_wait_ms, bot_wait_ms, business_wait_ms, human_business_wait_ms, bot_business_wait_ms]) AS waits_ms
FROM cases
ORDER BY business_id, contact_id, channel, started_at
