-- Fills contact_facts as events arrive.
CREATE MATERIALIZED VIEW IF NOT EXISTS contact_facts_from_event_log TO contact_facts AS
SELECT
    business_id,
    contact_id,
    event_type,
    if(event_id = toUUID('00000000-0000-0000-0000-000000000000'), message_id, event_id) AS fact_id,
    event_time,
    account_id,
    channel,
    in_reply_to,
    kind,
    watermark,
    scope,
    reason,
    promised_frequency,
    expires_at,
    market,
    zone,
    is_test
FROM event_log
WHERE event_type IN ('reply', 'opt_in', 'opt_out', 'complaint')
   OR event_type IN ('open', 'delivered') AND message_id = toUUID('00000000-0000-0000-0000-000000000000')
