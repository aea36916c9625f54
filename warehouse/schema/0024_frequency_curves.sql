-- frequency_curves: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_curves
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, market, channel',
    segment            String COMMENT 'the market or channel; empty for all',
    unit               LowCardinality(String) COMMENT 'person_day: by the dose of the day; message: by its exposure',
    outcome            LowCardinality(String) COMMENT 'open, click, reply, any, opt_out',
    identification     LowCardinality(String) COMMENT 'crude, standardised, within',
    measure            LowCardinality(String) COMMENT 'rate, difference, slope, log_odds_slope, calendar_slope, placebo_slope, odds_ratio, risk_difference, risk_ratio, e_value',
    dose_from          UInt16 COMMENT 'dose or exposure',
    dose_to            UInt16 COMMENT '65535: no upper end',
    against_from       Nullable(UInt16) COMMENT 'what it is compared with, if anything',
    against_to         Nullable(UInt16),

    contacts           UInt64 COMMENT 'the contacts, in 200 groups by hash, which are the clusters; of a difference or ratio that is not within, all with known prior engagement',
    units              UInt64 COMMENT 'person-days or messages of these',
    outcomes           UInt64 COMMENT 'of these, with the outcome',
    overlap            Nullable(Float64) COMMENT 'share of the units in strata that have all doses compared; the others are left out',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes, no overlap or no variation, so the estimate is NULL',
    estimate           Nullable(Float64),
    std_error          Nullable(Float64) COMMENT 'clustered by 200 groups of contacts; of the logarithm for odds_ratio and risk_ratio',
    lower              Nullable(Float64),
    upper              Nullable(Float64),

    verdict            LowCardinality(String) COMMENT 'of all rows of this segment, unit and outcome: association, cannot tell',
    why                String COMMENT 'why it cannot be told, or how the estimate was sampled'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, unit, outcome, identification, measure, dose_from)
