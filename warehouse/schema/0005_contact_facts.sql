-- contact_facts: facts about a contact rather than about one message: inbound messages, consent,
-- complaints and receipts up to a watermark. One row per fact once merged; read it with FINAL.
CREATE TABLE IF NOT EXISTS contact_facts
(
    business_id  LowCardinality(String),
    contact_id   UUID,
    event_type   LowCardinality(String),
    fact_id      UUID COMMENT 'message_id of an inbound message, else event_id',

    event_time   SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    account_id   SimpleAggregateFunction(max, LowCardinality(String)),
    channel      SimpleAggregateFunction(max, LowCardinality(String)),
    in_reply_to  SimpleAggregateFunction(max, UUID),
    kind         SimpleAggregateFunction(max, LowCardinality(String)),
    watermark    SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    scope        SimpleAggregateFunction(max, LowCardinality(String)),
    reason       SimpleAggregateFunction(max, LowCardinality(String)),
    promised_frequency SimpleAggregateFunction(max, LowCardinality(String)),
    expires_at   SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    market       SimpleAggregateFunction(max, LowCardinality(String)),
    zone         SimpleAggregateFunction(max, LowCardinality(String)),
    is_test      SimpleAggregateFunction(max, UInt8)
)
ENGINE = AggregatingMergeTree
ORDER BY (business_id, contact_id, event_type, fact_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
