-- event_log: what the collectors accepted. One row per fact once merged; until then copies of
-- one fact may stand side by side, so analysts read the view `events`.
--
-- Every column outside the key is a merge that ignores order and repetition: the earliest time,
-- the greatest non-empty text. So re-delivery, replay and reordering cannot change a number;
-- `copies` alone counts what arrived.
--
-- PARTITION BY month keeps merges and deletions bounded as history grows. Copies of one fact
-- share their event_time but for rare sources without a clock; FINAL merges across partitions.
-- ORDER BY puts a contact's facts, and the facts of one message, side by side: that is how the
-- models read them, and what makes the hashes compress.
--
-- The spool forgets a batch once its insert is confirmed, so a confirmed insert is on disk (fsync), and
-- a batch that comes again under its token is dropped.
CREATE TABLE IF NOT EXISTS event_log
(
    business_id        LowCardinality(String),
    contact_id         UUID,
    message_id         UUID COMMENT 'zero: the fact names no message',
    event_type         LowCardinality(String),
    event_id           UUID COMMENT 'zero: (message_id, event_type) is the identity',

    event_time         SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD),
    ingested_at        SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD),
    time_flag          SimpleAggregateFunction(min, LowCardinality(String)) COMMENT 'empty if any copy told a usable time',

    account_id         SimpleAggregateFunction(max, LowCardinality(String)),
    channel            SimpleAggregateFunction(max, LowCardinality(String)),
    provider           SimpleAggregateFunction(max, LowCardinality(String)),

    in_reply_to        SimpleAggregateFunction(max, UUID),
    kind               SimpleAggregateFunction(max, LowCardinality(String)),
    text_chars         SimpleAggregateFunction(max, UInt32),
    method             SimpleAggregateFunction(max, LowCardinality(String)),
    watermark          SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
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
    expires_at         SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    reason             SimpleAggregateFunction(max, LowCardinality(String)),

    market             SimpleAggregateFunction(max, LowCardinality(String)),
    language           SimpleAggregateFunction(max, LowCardinality(String)),
    zone               SimpleAggregateFunction(max, LowCardinality(String)),

    pricing_type       SimpleAggregateFunction(max, LowCardinality(String)),
    pricing_model      SimpleAggregateFunction(max, LowCardinality(String)),
    billable           SimpleAggregateFunction(max, LowCardinality(String)),

    error_code         SimpleAggregateFunction(max, LowCardinality(String)),
    is_machine         SimpleAggregateFunction(max, UInt8),
    standby            SimpleAggregateFunction(min, UInt8),
    is_test            SimpleAggregateFunction(max, UInt8),
    attributes         SimpleAggregateFunction(maxMap, Map(String, String)) COMMENT 'the union of what copies told',

    copies             SimpleAggregateFunction(sum, UInt64) DEFAULT 1
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (business_id, contact_id, message_id, event_type, event_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
