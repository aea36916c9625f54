-- frequency_position: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_position
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first sent day',
    window_to      Date COMMENT 'day after the last sent day',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension      LowCardinality(String) COMMENT 'all, market',
    segment        String COMMENT 'value of the dimension; empty for all, and where none is known',
    outcome        LowCardinality(String) COMMENT 'open, click, reply',
    week_total     UInt8 COMMENT 'proactive messages of the contact in its local ISO week, 2 to 10',
    position       UInt8 COMMENT '1: the first of them',
    condition      LowCardinality(String) COMMENT 'what the comparison is conditioned on',
    identification LowCardinality(String) COMMENT 'crude: an association, of contacts who may differ in more than this',

    contacts       UInt64 COMMENT 'G, the clusters',
    messages       UInt64 COMMENT 'matured messages in the outcome''s measurable base',
    outcomes       UInt64 COMMENT 'messages with the outcome in time',
    sum_nn         UInt64 COMMENT 'per contact: sum of messages squared',
    sum_yy         UInt64 COMMENT 'per contact: sum of outcomes squared',
    sum_ny         UInt64 COMMENT 'per contact: sum of messages times outcomes',
    cross_nn       UInt64 COMMENT 'per contact: messages here times messages at position 1',
    cross_yy       UInt64 COMMENT 'per contact: outcomes here times outcomes at position 1',
    cross_ny       UInt64 COMMENT 'per contact: messages here times outcomes at position 1',
    cross_yn       UInt64 COMMENT 'per contact: outcomes here times messages at position 1',
    zoned_contact  UInt64 COMMENT 'messages whose week is by a zone that an event of the contact named',
    zoned_market   UInt64 COMMENT 'messages whose week is by the main zone of the market; the others are by UTC',

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes, so rate and interval are NULL',
    rate           Nullable(Float64) COMMENT 'outcomes over messages',
    std_error      Nullable(Float64),
    lower          Nullable(Float64),
    upper          Nullable(Float64),
    design_effect  Nullable(Float64),
    difference       Nullable(Float64) COMMENT 'rate less the rate at position 1 of the same week_total; NULL if either is suppressed',
    difference_lower Nullable(Float64),
    difference_upper Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, outcome, week_total, position)
