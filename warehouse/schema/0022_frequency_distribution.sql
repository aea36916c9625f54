-- frequency_distribution: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_distribution
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first person-day',
    window_to      Date COMMENT 'day after the last person-day',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension      LowCardinality(String) COMMENT 'all, channel, market',
    segment        String COMMENT 'value of the dimension; empty for all, and where none is known',
    measure        LowCardinality(String) COMMENT 'week: messages in an ISO week (UTC), of contacts at risk on all of its days; 7_days: messages in the 7 x 24 h before a day at risk',
    period         LowCardinality(String) COMMENT 'week: one ISO week; window: all whole weeks of the window',
    period_from    Date COMMENT 'first day',
    period_to      Date COMMENT 'day after the last day',
    weeks          UInt16 COMMENT 'ISO weeks in the period',

    contacts       UInt64 COMMENT 'G, the clusters',
    units          UInt64 COMMENT 'contact-weeks, or person-days',
    messages       UInt64 COMMENT 'sum over the units: proactive messages not known to have failed',
    none           UInt64 COMMENT 'units without any',
    sum_nn         UInt64 COMMENT 'per contact: sum of units squared',
    sum_yy         UInt64 COMMENT 'per contact: sum of messages squared',
    sum_ny         UInt64 COMMENT 'per contact: sum of units times messages',
    none_yy        UInt64 COMMENT 'per contact: sum of none squared',
    none_ny        UInt64 COMMENT 'per contact: sum of units times none',
    at_most        Array(UInt64) COMMENT 'units with at most 0, 1, ... 32 messages',
    at_most_yy     Array(UInt64) COMMENT 'per contact: sum of their squares',
    at_most_ny     Array(UInt64) COMMENT 'per contact: sum of units times these',
    trend_sums     Array(UInt64) COMMENT 'over units: of 1, w, w^2, y, w y, with w the number of the week from 0 and y the messages',
    trend_products Array(UInt64) COMMENT 'over contacts: of the products of any two of the contact''s trend_sums, row by row',

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts, so every figure below is NULL; mean and share are NULL too where they rest on fewer than 5 messages or units without any',
    mean           Nullable(Float64) COMMENT 'messages per unit',
    mean_std_error Nullable(Float64),
    mean_lower     Nullable(Float64),
    mean_upper     Nullable(Float64),
    median         Nullable(UInt16) COMMENT 'least number that at least half of the units have or stay below',
    median_lower   Nullable(UInt16),
    median_upper   Nullable(UInt16),
    p90            Nullable(UInt16) COMMENT 'the same for nine tenths',
    p90_lower      Nullable(UInt16),
    p90_upper      Nullable(UInt16) COMMENT 'NULL: above 32',
    none_share     Nullable(Float64) COMMENT 'none over units',
    none_lower     Nullable(Float64),
    none_upper     Nullable(Float64),
    trend          Nullable(Float64) COMMENT 'of the measure week over the window: messages more per contact and week, from one week to the next',
    trend_lower    Nullable(Float64),
    trend_upper    Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, measure, period, period_from)
