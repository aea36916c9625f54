-- frequency_what_if: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_what_if
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, market, channel',
    segment            String COMMENT 'the market or channel; empty for all',
    cap                UInt8 COMMENT 'sends in any 7 days at most, 1 to 10',
    measure            LowCardinality(String) COMMENT 'send, spend, engagement, opt_out',
    outcome            LowCardinality(String) COMMENT 'what counts as an engagement: reply, click, open',
    identification     LowCardinality(String) COMMENT 'counted; within; standardised; see assumption',
    cost_message       Float64 COMMENT 'input: cost of a send',

    contacts           UInt64,
    person_days        UInt64,
    days_above         UInt64 COMMENT 'person-days with a dose above the cap',
    overlap            Nullable(Float64) COMMENT 'share of these with somebody to learn from at the cap; NULL if there are none',

    suppressed         UInt8 COMMENT '1: too little is known at the cap, so no figures',
    observed           Nullable(Float64) COMMENT 'per 1,000 contacts at risk and 30 days, as it was',
    observed_lower     Nullable(Float64),
    observed_upper     Nullable(Float64),
    capped             Nullable(Float64) COMMENT 'the same under the cap',
    capped_lower       Nullable(Float64),
    capped_upper       Nullable(Float64),
    change             Nullable(Float64) COMMENT 'capped less observed',
    change_std_error   Nullable(Float64),
    change_lower       Nullable(Float64),
    change_upper       Nullable(Float64),

    verdict            LowCardinality(String) COMMENT 'association, cannot tell',
    assumption         String
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, measure, cap)
