-- frequency_withheld: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_withheld
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first day of attempts',
    window_to      Date COMMENT 'day after the last day of attempts',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension      LowCardinality(String) COMMENT 'all, market',
    segment        String COMMENT 'value of the dimension; empty for all, and where none is known',
    error_code     LowCardinality(String) COMMENT 'as the platform reports it; empty: any of the codes that mean withheld',
    reason         LowCardinality(String) COMMENT 'what the code means: limit, experiment, stopped; empty for any',
    prior_from     UInt16 COMMENT 'proactive messages not known to have failed in the 7 x 24 h before the attempt; 0 with prior_to 65535: whatever their number',
    prior_to       UInt16 COMMENT '65535: no upper end',
    identification LowCardinality(String) COMMENT 'crude: an association, of contacts who may differ in more than this',

    contacts       UInt64 COMMENT 'G, the clusters',
    attempts       UInt64 COMMENT 'proactive messages that were tried, sent or not, 24 h before the cutoff or earlier',
    withheld       UInt64 COMMENT 'of these, failed with the code',
    sum_nn         UInt64 COMMENT 'per contact: sum of attempts squared',
    sum_yy         UInt64 COMMENT 'per contact: sum of withheld squared',
    sum_ny         UInt64 COMMENT 'per contact: sum of attempts times withheld',
    without_send   UInt64 COMMENT 'attempts of which only the failure was told',

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts or 5 withheld, so rate and interval are NULL',
    rate           Nullable(Float64) COMMENT 'withheld over attempts',
    std_error      Nullable(Float64),
    lower          Nullable(Float64),
    upper          Nullable(Float64),
    design_effect  Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, error_code, prior_from, prior_to)
