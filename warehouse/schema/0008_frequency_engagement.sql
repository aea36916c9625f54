-- frequency_engagement: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_engagement
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first sent day',
    window_to      Date COMMENT 'day after the last sent day',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    channel        LowCardinality(String) COMMENT 'all: every channel together',
    market         LowCardinality(String) COMMENT 'all: every market together',
    outcome        LowCardinality(String) COMMENT 'open, click, reply',
    exposure_from  UInt16,
    exposure_to    UInt16 COMMENT '65535: no upper end',

    contacts       UInt64 COMMENT 'G, the clusters',
    messages       UInt64 COMMENT 'matured messages in the outcome''s measurable base',
    outcomes       UInt64 COMMENT 'messages with the outcome in time',
    sum_nn         UInt64 COMMENT 'per contact: sum of messages squared',
    sum_yy         UInt64 COMMENT 'per contact: sum of outcomes squared',
    sum_ny         UInt64 COMMENT 'per contact: sum of messages times outcomes',

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes, so rate and interval are NULL',
    rate           Nullable(Float64),
    std_error      Nullable(Float64),
    lower          Nullable(Float64),
    upper          Nullable(Float64),
    design_effect  Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, channel, market, outcome, exposure_from)
