-- contact_facts: facts about a contact rather than about one message: inbound messages, consent,
-- complaints and receipts up to a watermark. One row per fact once merged; read it with FINAL.
--
-- repeatable: it is filled from event_log.
DROP VIEW IF EXISTS contact_facts_from_event_log
-- statement
DROP TABLE IF EXISTS contact_facts
-- statement
CREATE TABLE contact_facts
(
    business_id  LowCardinality(String),
    contact_id   UUID,
    event_type   LowCardinality(String),
    fact_id      UInt64 COMMENT 'message_id of an inbound message, else event_id',

    event_time   SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    account_id   SimpleAggregateFunction(max, LowCardinality(String)),
    channel      SimpleAggregateFunction(max, LowCardinality(String)),
    in_reply_to  SimpleAggregateFunction(max, UInt64),
    kind         SimpleAggregateFunction(max, String),
    watermark    SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    scope        SimpleAggregateFunction(max, String),
    reason       SimpleAggregateFunction(max, String),
    promised_frequency SimpleAggregateFunction(max, String),
    expires_at   SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    market       SimpleAggregateFunction(max, LowCardinality(String)),
    zone         SimpleAggregateFunction(max, String),
    is_test      SimpleAggregateFunction(max, UInt8)
)
ENGINE = AggregatingMergeTree
ORDER BY (business_id, contact_id, event_type, fact_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, default_compression_codec = 'ZSTD(1)'
-- statement
INSERT INTO contact_facts
SELECT
    business_id,
    contact_id,
    event_type,
    if(event_id = 0, message_id, event_id) AS fact_id,
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
   OR event_type IN ('open', 'delivered') AND message_id = 0
-- statement
-- Fills contact_facts as events arrive.
CREATE MATERIALIZED VIEW contact_facts_from_event_log TO contact_facts AS
SELECT
    business_id,
    contact_id,
    event_type,
    if(event_id = 0, message_id, event_id) AS fact_id,
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
   OR event_type IN ('open', 'delivered') AND message_id = 0
