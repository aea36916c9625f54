-- open_hours, conversations: results of the models of these names (docs/metrics.md).
CREATE TABLE IF NOT EXISTS open_hours
(
    market             LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2; only markets with a calendar',
    opens_at           DateTime64(3, 'UTC'),
    closes_at          DateTime64(3, 'UTC') COMMENT 'excluded; of one market intervals are apart',
    open_ms_before     Int64 COMMENT 'open time of the market before this interval, from its first on'
)
ENGINE = MergeTree
ORDER BY (market, opens_at)
-- statement
-- A run replaces the days of its window, by the first message of the case.
CREATE TABLE IF NOT EXISTS conversations
(
    business_id        LowCardinality(String),
    contact_id         UUID,
    channel            LowCardinality(String),
    market             LowCardinality(String) COMMENT 'of the contact; empty: unknown',

    started_by         LowCardinality(String) COMMENT 'contact; business: the first message answers one of its',
    opening_message_id UInt64 COMMENT 'the message of the business that it answers; 0: none',
    started_at         DateTime64(3, 'UTC') COMMENT 'first message of the case, an inbound one',
    ended_at           DateTime64(3, 'UTC') COMMENT 'last message',
    closed_at          DateTime64(3, 'UTC') COMMENT 'end of the time in which another message would have belonged to it; may lie after the cutoff',
    local_day          Date COMMENT 'of started_at',
    local_weekday      UInt8 COMMENT '1 is Monday',
    local_hour         UInt8,
    zone               LowCardinality(String) COMMENT 'of local time; empty: UTC',
    zoned_by           LowCardinality(String) COMMENT 'whose zone it is: contact, market, none',

    turns              UInt32,
    inbound            UInt32 COMMENT 'messages of the contact',
    outbound           UInt32 COMMENT 'answers',
    nudges             UInt32 COMMENT 'inbound messages before the first response that came more than 10 minutes after the first',

    nudged_at          Nullable(DateTime64(3, 'UTC')) COMMENT 'the first of these',
    answered_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'first response by anybody; none after 7 x 24 h or later',
    human_answered_at  Nullable(DateTime64(3, 'UTC')),
    bot_answered_at    Nullable(DateTime64(3, 'UTC')),
    observed_to        DateTime64(3, 'UTC') COMMENT 'up to when a first response could be seen: 7 x 24 h, closed_at or the cutoff, whichever is first',
    censored           LowCardinality(String) COMMENT '7 days, cutoff: why there is no response by anybody; empty if there is one',
    wait_ms            Int64 COMMENT 'wall clock from started_at to the first response by anybody; without one, to observed_to',
    human_wait_ms      Int64,
    bot_wait_ms        Int64,
    has_calendar       UInt8 COMMENT '0: the market has no calendar, so business time is wall-clock time',
    business_wait_ms   Int64 COMMENT 'the same in business time',
    human_business_wait_ms Int64,
    bot_business_wait_ms   Int64,

    answered_in_window UInt8 COMMENT 'the first response came less than 24 h after the last inbound message before it',
    window_expired_at  Nullable(DateTime64(3, 'UTC')) COMMENT 'when 24 h without answer after an inbound message before the first response were over, the first time',
    later_windows_expired UInt32 COMMENT 'the same after later messages, goodbyes included',
    repeat_known       UInt8 COMMENT 'closed before 72 h after ended_at, and these 72 h are over: in the base of repeat contact',
    repeated_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'next case of the line, begun by the contact in these 72 h',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage'
)
ENGINE = MergeTree
PARTITION BY toDate(started_at)
ORDER BY (business_id, contact_id, channel, started_at)
