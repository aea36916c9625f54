-- message_facts: what is known of a message from the facts that name it, merged by key.
-- A reply that quotes a message is such a fact. What depends on other facts (receipts up to a
-- watermark, unquoted replies, purpose, exposure) is computed later by the model `messages`.
--
-- Not partitioned: the facts of one message may lie in different months and would never meet.
-- Read it with FINAL.
--
-- repeatable: it is filled from event_log.
DROP VIEW IF EXISTS message_facts_from_event_log
-- statement
DROP TABLE IF EXISTS message_facts
-- statement
CREATE TABLE message_facts
(
    business_id        LowCardinality(String),
    contact_id         UUID,
    message_id         UInt64,

    sent_at            SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    delivered_at       SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    opened_at          SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'by a person',
    machine_opened_at  SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    clicked_at         SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'by a person',
    failed_at          SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    quoted_at          SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'first reply that quotes it',

    account_id         SimpleAggregateFunction(max, LowCardinality(String)),
    channel            SimpleAggregateFunction(max, LowCardinality(String)),
    provider           SimpleAggregateFunction(max, LowCardinality(String)),
    author             SimpleAggregateFunction(max, String),
    purpose            SimpleAggregateFunction(max, String),
    category           SimpleAggregateFunction(max, LowCardinality(String)),
    template_id        SimpleAggregateFunction(max, LowCardinality(String)),
    campaign_id        SimpleAggregateFunction(max, LowCardinality(String)),
    message_tag        SimpleAggregateFunction(max, String),
    arm                SimpleAggregateFunction(max, String),
    conversation_id    SimpleAggregateFunction(max, UInt64),
    scope              SimpleAggregateFunction(max, String),
    promised_frequency SimpleAggregateFunction(max, String),
    market             SimpleAggregateFunction(max, LowCardinality(String)),
    language           SimpleAggregateFunction(max, String),
    zone               SimpleAggregateFunction(max, String),
    pricing_type       SimpleAggregateFunction(max, LowCardinality(String)),
    pricing_model      SimpleAggregateFunction(max, LowCardinality(String)),
    billable           SimpleAggregateFunction(max, LowCardinality(String)),
    error_code         SimpleAggregateFunction(max, String),
    is_test            SimpleAggregateFunction(max, UInt8)
)
ENGINE = AggregatingMergeTree
ORDER BY (business_id, contact_id, message_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, default_compression_codec = 'ZSTD(1)'
-- statement
INSERT INTO message_facts
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
WHERE event_type IN ('send', 'delivered', 'open', 'click', 'failed') AND message_id != 0
   OR event_type = 'reply' AND in_reply_to != 0
-- statement
-- Fills message_facts as events arrive. `zone`, `market` and `language` are taken from any fact;
-- the fields of a reply describe the reply, not the message it quotes, so only its time counts.
CREATE MATERIALIZED VIEW message_facts_from_event_log TO message_facts AS
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
WHERE event_type IN ('send', 'delivered', 'open', 'click', 'failed') AND message_id != 0
   OR event_type = 'reply' AND in_reply_to != 0
