-- message_facts: what is known of a message from the facts that name it, merged by key.
-- A reply that quotes a message is such a fact. What depends on other facts (receipts up to a
-- watermark, unquoted replies, purpose, exposure) is computed later by the model `messages`.
--
-- Not partitioned: the facts of one message may lie in different months and would never meet.
-- Read it with FINAL.
CREATE TABLE IF NOT EXISTS message_facts
(
    business_id        LowCardinality(String),
    contact_id         UUID,
    message_id         UUID,

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
    author             SimpleAggregateFunction(max, LowCardinality(String)),
    purpose            SimpleAggregateFunction(max, LowCardinality(String)),
    category           SimpleAggregateFunction(max, LowCardinality(String)),
    template_id        SimpleAggregateFunction(max, LowCardinality(String)),
    campaign_id        SimpleAggregateFunction(max, LowCardinality(String)),
    message_tag        SimpleAggregateFunction(max, LowCardinality(String)),
    arm                SimpleAggregateFunction(max, LowCardinality(String)),
    conversation_id    SimpleAggregateFunction(max, UUID),
    scope              SimpleAggregateFunction(max, LowCardinality(String)),
    promised_frequency SimpleAggregateFunction(max, LowCardinality(String)),
    market             SimpleAggregateFunction(max, LowCardinality(String)),
    language           SimpleAggregateFunction(max, LowCardinality(String)),
    zone               SimpleAggregateFunction(max, LowCardinality(String)),
    pricing_type       SimpleAggregateFunction(max, LowCardinality(String)),
    pricing_model      SimpleAggregateFunction(max, LowCardinality(String)),
    billable           SimpleAggregateFunction(max, LowCardinality(String)),
    error_code         SimpleAggregateFunction(max, LowCardinality(String)),
    is_test            SimpleAggregateFunction(max, UInt8)
)
ENGINE = AggregatingMergeTree
ORDER BY (business_id, contact_id, message_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
