-- Fills message_facts as events arrive. `zone`, `market` and `language` are taken from any fact;
-- the fields of a reply describe the reply, not the message it quotes, so only its time counts.
CREATE MATERIALIZED VIEW IF NOT EXISTS message_facts_from_event_log TO message_facts AS
SELECT
    business_id,
    contact_id,
    if(event_type = 'reply', in_reply_to, message_id) AS message_id,
    if(event_type = 'send', event_time, NULL)                          AS sent_at,
    if(event_type = 'delivered', event_time, NULL)                     AS delivered_at,
    if(event_type = 'open' AND is_machine = 0, event_time, NULL)       AS opened_at,
    if(event_type = 'open' AND is_machine = 1, event_time, NULL)       AS machine_opened_at,
    if(event_type = 'click' AND is_machine = 0, event_time, NULL)      AS clicked_at,
    if(event_type = 'failed', event_time, NULL)                        AS failed_at,
    if(event_type = 'reply', event_time, NULL)                         AS quoted_at,
    account_id,
    channel,
    provider,
    author,
    purpose,
    if(event_type = 'reply', '', category)    AS category,
    if(event_type = 'reply', '', template_id) AS template_id,
    if(event_type = 'reply', '', campaign_id) AS campaign_id,
    message_tag,
    arm,
    conversation_id,
    if(event_type = 'send', scope, '')        AS scope,
    promised_frequency,
    market,
    language,
    zone,
    pricing_type,
    pricing_model,
    billable,
    if(event_type = 'failed', error_code, '') AS error_code,
    is_test
FROM event_log
WHERE event_type IN ('send', 'delivered', 'open', 'click', 'failed') AND message_id != toUUID('00000000-0000-0000-0000-000000000000')
   OR event_type = 'reply' AND in_reply_to != toUUID('00000000-0000-0000-0000-000000000000')
