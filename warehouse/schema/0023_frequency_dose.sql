-- frequency_dose: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_dose
(
    business_id        LowCardinality(String),
    window_from        Date COMMENT 'first person-day',
    window_to          Date COMMENT 'day after the last person-day',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',
    identification     LowCardinality(String) COMMENT 'crude: an association, not adjusted for anything',

    dimension          LowCardinality(String) COMMENT 'all, market, channel, promised_frequency',
    segment            String COMMENT 'the market, channel or promise; empty for all',
    outcome            LowCardinality(String) COMMENT 'open, click, reply, any, opt_out: a day with at least one',
    dose_from          UInt16,
    dose_to            UInt16 COMMENT '65535: no upper end',

    contacts           UInt64 COMMENT 'G, the clusters',
    person_days        UInt64,
    outcomes           UInt64 COMMENT 'person-days with the outcome',
    sum_dose           UInt64 COMMENT 'of the person-days',
    sum_nn             UInt64 COMMENT 'per contact: sum of person-days squared',
    sum_yy             UInt64 COMMENT 'per contact: sum of outcomes squared',
    sum_ny             UInt64 COMMENT 'per contact: sum of person-days times outcomes',
    cross_nn           UInt64 COMMENT 'per contact: person-days here times those in the bin before',
    cross_yy           UInt64 COMMENT 'outcomes here times those in the bin before',
    cross_ny           UInt64 COMMENT 'person-days here times outcomes in the bin before',
    cross_yn           UInt64 COMMENT 'outcomes here times person-days in the bin before',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes, so rate and interval are NULL',
    rate               Nullable(Float64) COMMENT 'share of person-days with the outcome',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    design_effect      Nullable(Float64),

    marginal           Nullable(Float64) COMMENT 'rate less that of the bin before; NULL if either is',
    marginal_std_error Nullable(Float64),
    marginal_lower     Nullable(Float64),
    marginal_upper     Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, outcome, dose_from)
