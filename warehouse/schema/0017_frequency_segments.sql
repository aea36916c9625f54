-- frequency_segments: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_segments
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first sent day',
    window_to      Date COMMENT 'day after the last sent day',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension      LowCardinality(String) COMMENT 'all, channel, market, category, campaign, topic, promised_frequency',
    segment        String COMMENT 'value of the dimension; empty for all, and where none is known',
    pooled         UInt32 COMMENT 'of the row that holds all segments beyond the 50 with the most messages: how many these are; 0: one segment',
    outcome        LowCardinality(String) COMMENT 'open, click, reply, opt_out',
    exposure_from  UInt16,
    exposure_to    UInt16 COMMENT '65535: no upper end',
    identification LowCardinality(String) COMMENT 'crude: an association, of contacts who may differ in more than this',

    contacts       UInt64 COMMENT 'G, the clusters',
    messages       UInt64 COMMENT 'matured messages in the outcome''s measurable base',
    outcomes       UInt64 COMMENT 'messages with the outcome in time',
    sum_nn         UInt64 COMMENT 'per contact: sum of messages squared',
    sum_yy         UInt64 COMMENT 'per contact: sum of outcomes squared',
    sum_ny         UInt64 COMMENT 'per contact: sum of messages times outcomes',

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes, so rate and interval are NULL',
    rate           Nullable(Float64) COMMENT 'outcomes over messages',
    std_error      Nullable(Float64),
    lower          Nullable(Float64),
    upper          Nullable(Float64),
    design_effect  Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, pooled, outcome, exposure_from)
