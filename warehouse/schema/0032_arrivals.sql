-- arrivals: what has arrived of late, one row per copy of a fact. A run finds here which days to restate, and drops
-- the days of loading before the one that it read up to.
--
-- Not sorted by contact: it is read as a whole, soon.
CREATE TABLE IF NOT EXISTS arrivals
(
    loaded_at   DateTime64(3, 'UTC') COMMENT 'not before the insert began',
    business_id LowCardinality(String),
    account_id  LowCardinality(String),
    channel     LowCardinality(String),
    contact_id  UUID,
    message_id  UInt64 COMMENT 'the message that the fact names: of an inbound message the one it quotes; zero: none',
    event_type  LowCardinality(String),
    event_time  DateTime64(3, 'UTC'),
    watermark   Nullable(DateTime64(3, 'UTC'))
)
ENGINE = MergeTree
PARTITION BY toDate(loaded_at)
ORDER BY loaded_at
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, default_compression_codec = 'ZSTD(1)'
-- statement
-- Fills arrivals as events arrive.
CREATE MATERIALIZED VIEW IF NOT EXISTS arrivals_from_event_log TO arrivals AS
SELECT
    now64(3, 'UTC') AS loaded_at,
    business_id,
    account_id,
    channel,
    contact_id,
    if(event_type = 'reply', in_reply_to, message_id) AS message_id,
    event_type,
    event_time,
    watermark
FROM event_log
-- statement
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS asked UInt8 DEFAULT 1 COMMENT '1: for a window that somebody named; 0: for all days with data',
    ADD COLUMN IF NOT EXISTS arrived_to Nullable(DateTime64(3, 'UTC')) COMMENT 'all that was loaded before is in these rows; NULL where the window is not all days',
    ADD COLUMN IF NOT EXISTS restated Array(Date) COMMENT 'days that this run wrote, where not all',
    ADD COLUMN IF NOT EXISTS why LowCardinality(String) COMMENT 'why these days: window, all days, arrivals'
