-- frequency_hour: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_hour
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first sent day',
    window_to      Date COMMENT 'day after the last sent day',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension      LowCardinality(String) COMMENT 'all, channel, market',
    segment        String COMMENT 'value of the dimension; empty for all, and where none is known',
    outcome        LowCardinality(String) COMMENT 'open, click, reply, opt_out',
    weekday        UInt8 COMMENT 'local; 1: Monday',
    hour           UInt8 COMMENT 'local, 0 to 23',
    identification LowCardinality(String) COMMENT 'crude: an association, of contacts who may differ in more than this',

    contacts       UInt64 COMMENT 'G, the clusters',
    messages       UInt64 COMMENT 'matured messages in the outcome''s measurable base',
    outcomes       UInt64 COMMENT 'messages with the outcome in time',
    sum_nn         UInt64 COMMENT 'per contact: sum of messages squared',
    sum_yy         UInt64 COMMENT 'per contact: sum of outcomes squared',
    sum_ny         UInt64 COMMENT 'per contact: sum of messages times outcomes',
    zoned_contact  UInt64 COMMENT 'messages whose hour is by a zone that an event of the contact named',
    zoned_market   UInt64 COMMENT 'messages whose hour is by the main zone of the market; the others are by UTC',

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes, so rate and interval are NULL',
    rate           Nullable(Float64) COMMENT 'outcomes over messages',
    std_error      Nullable(Float64),
    lower          Nullable(Float64),
    upper          Nullable(Float64),
    design_effect  Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, outcome, weekday, hour)
