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
-- Half of what a row takes is hashes and times. So ids of messages are 64 bits: they need to differ within
-- their contact only, whose id of 128 bits stands beside them in every key. And of the two times one is kept as a distance.
-- Texts that most events have are dictionary-coded; those that few have are plain, because a column
-- of empty plain texts takes no space and little time to merge.
--
-- The spool forgets a batch once its insert is confirmed, so a confirmed insert is on disk (fsync), and
-- a batch that comes again under its token is dropped.
--
-- The table replaces one with ids of 128 bits; its rows are taken over.
-- repeatable: whatever statement it breaks off at, event_log holds all rows, and the selects below read both forms.
DROP VIEW IF EXISTS message_facts_from_event_log
-- statement
DROP VIEW IF EXISTS contact_facts_from_event_log
-- statement
DROP VIEW IF EXISTS events
-- statement
DROP TABLE IF EXISTS event_log_next
-- statement
CREATE TABLE event_log_next
(
    business_id        LowCardinality(String),
    contact_id         UUID,
    message_id         UInt64 COMMENT 'zero: the fact names no message',
    event_type         LowCardinality(String),
    event_id           UInt64 COMMENT 'zero: (message_id, event_type) is the identity',
    event_time         SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD),
    ingest_delay_ms    SimpleAggregateFunction(min, Int64) COMMENT 'from event_time to when we received it' CODEC(T64, ZSTD),
    ingested_at        DateTime64(3, 'UTC') ALIAS event_time + toIntervalMillisecond(ingest_delay_ms) COMMENT 'our clock',
    time_flag          SimpleAggregateFunction(min, String) COMMENT 'empty if any copy told a usable time',
    account_id         SimpleAggregateFunction(max, LowCardinality(String)),
    channel            SimpleAggregateFunction(max, LowCardinality(String)),
    provider           SimpleAggregateFunction(max, LowCardinality(String)),
    in_reply_to        SimpleAggregateFunction(max, UInt64),
    kind               SimpleAggregateFunction(max, LowCardinality(String)),
    text_chars         SimpleAggregateFunction(max, UInt32),
    method             SimpleAggregateFunction(max, LowCardinality(String)),
    watermark          SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
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
    expires_at         SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    reason             SimpleAggregateFunction(max, String),
    market             SimpleAggregateFunction(max, LowCardinality(String)),
    language           SimpleAggregateFunction(max, String),
    zone               SimpleAggregateFunction(max, String),
    pricing_type       SimpleAggregateFunction(max, LowCardinality(String)),
    pricing_model      SimpleAggregateFunction(max, LowCardinality(String)),
    billable           SimpleAggregateFunction(max, LowCardinality(String)),
    error_code         SimpleAggregateFunction(max, String),
    is_machine         SimpleAggregateFunction(max, UInt8),
    standby            SimpleAggregateFunction(min, UInt8),
    is_test            SimpleAggregateFunction(max, UInt8),
    attributes         SimpleAggregateFunction(maxMap, Map(String, String)) COMMENT 'the union of what copies told',
    copies             SimpleAggregateFunction(sum, UInt64) DEFAULT 1
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (business_id, contact_id, message_id, event_type, event_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, default_compression_codec = 'ZSTD(1)'
-- statement
INSERT INTO event_log_next
    (business_id, contact_id, message_id, event_type, event_id, event_time, ingest_delay_ms, time_flag, account_id, channel, provider, in_reply_to, kind, text_chars, method, watermark, author, purpose, category, template_id, campaign_id, message_tag, arm, conversation_id, scope, promised_frequency, expires_at, reason, market, language, zone, pricing_type, pricing_model, billable, error_code, is_machine, standby, is_test, attributes, copies)
SELECT
    business_id,
    contact_id,
    toUInt64(bitAnd(toUInt128(message_id), 0xFFFFFFFFFFFFFFFF)),
    event_type,
    toUInt64(bitAnd(toUInt128(event_id), 0xFFFFFFFFFFFFFFFF)),
    event_time,
    toUnixTimestamp64Milli(ingested_at) - toUnixTimestamp64Milli(event_time),
    time_flag,
    account_id,
    channel,
    provider,
    toUInt64(bitAnd(toUInt128(in_reply_to), 0xFFFFFFFFFFFFFFFF)),
    kind,
    text_chars,
    method,
    watermark,
    author,
    purpose,
    category,
    template_id,
    campaign_id,
    message_tag,
    arm,
    toUInt64(bitAnd(toUInt128(conversation_id), 0xFFFFFFFFFFFFFFFF)),
    scope,
    promised_frequency,
    expires_at,
    reason,
    market,
    language,
    zone,
    pricing_type,
    pricing_model,
    billable,
    error_code,
    is_machine,
    standby,
    is_test,
    attributes,
    copies
FROM event_log
SETTINGS max_partitions_per_insert_block = 0
-- statement
EXCHANGE TABLES event_log AND event_log_next
-- statement
DROP TABLE event_log_next
-- statement
-- events: event_log as analysts read it, one row per fact. `copies` says how often it arrived.
CREATE VIEW events AS SELECT * EXCEPT (ingest_delay_ms), ingested_at FROM event_log FINAL
