-- breaches: the marketing messages that no consent allowed.
-- grain:   one row per (business_id, contact_id, message_id)
-- reads:   send_windows (of the same run)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: the columns of breaches, in its order
-- units:   hours_after is in hours, from the opt-out or expiry to the message
WITH
cases AS
(
    SELECT *
    FROM send_windows
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND breach != ''
)
SELECT
    business_id, window_from, window_to, cutoff,
    sent_at, contact_id, message_id, account_id, channel, market, topic, campaign_id, breach, way, consent_ended_at,
    (toUnixTimestamp64Milli(sent_at) - toUnixTimestamp64Milli(consent_ended_at)) / 3600000 AS hours_after
FROM cases
