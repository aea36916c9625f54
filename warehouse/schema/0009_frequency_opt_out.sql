-- frequency_opt_out: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_opt_out
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first person-day',
    window_to      Date COMMENT 'day after the last person-day',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    market         LowCardinality(String) COMMENT 'all: every market together',
    dose_from      UInt16,
    dose_to        UInt16 COMMENT '65535: no upper end',

    contacts       UInt64 COMMENT 'G, the clusters',
    person_days    UInt64 COMMENT 'days at risk',
    opt_outs       UInt64,
    sum_nn         UInt64,
    sum_yy         UInt64,
    sum_ny         UInt64,

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts or 5 opt-outs, so rate and interval are NULL',
    rate           Nullable(Float64) COMMENT 'opt-outs per person-day',
    std_error      Nullable(Float64),
    lower          Nullable(Float64),
    upper          Nullable(Float64),
    design_effect  Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, market, dose_from)
