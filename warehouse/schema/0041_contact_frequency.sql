-- contact_frequency, conversation_frequency: results of the metrics of these names (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS contact_frequency
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    contact_id         UUID,
    as_of              DateTime64(3, 'UTC') COMMENT 'end of the 28 days: midnight after the last day that is over',
    market             LowCardinality(String) COMMENT 'of the contact; empty: unknown',
    days               UInt8 COMMENT 'distinct local days of the 28 x 24 h before as_of on which the contact wrote in a case that it had begun',
    runs               UInt16 COMMENT 'of that writing: runs of messages less than an hour apart',
    category           LowCardinality(String) COMMENT 'several times a day, daily, several times a week, weekly, every 2-3 weeks, monthly, less often, never'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, contact_id)
-- statement
CREATE TABLE IF NOT EXISTS conversation_frequency
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC'),
    as_of              DateTime64(3, 'UTC'),

    dimension          LowCardinality(String) COMMENT 'all, market',
    segment            String COMMENT 'the market; empty for all, and where none is known',
    category           LowCardinality(String) COMMENT 'as in contact_frequency',
    position           UInt8 COMMENT 'of the category, from 1, the most frequent',

    base               UInt64 COMMENT 'contacts of the segment that were known for all of the 28 days',
    contacts           UInt64 COMMENT 'of these, in the category',
    at_least_contacts  UInt64 COMMENT 'of these, in the category or a more frequent one',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts in the segment or 5 in the category, so the share is NULL',
    share              Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    at_least_suppressed UInt8 COMMENT 'the same of at_least_contacts',
    at_least_share     Nullable(Float64),
    at_least_lower     Nullable(Float64),
    at_least_upper     Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, position)
