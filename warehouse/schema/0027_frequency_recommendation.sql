-- frequency_recommendation: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_recommendation
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, market, channel',
    segment            String COMMENT 'the market or channel; empty for all',
    identification     LowCardinality(String) COMMENT 'of the engagements: crude; within: by comparing contacts with themselves; randomised',
    opt_out_identification LowCardinality(String) COMMENT 'of the opt-outs: crude, standardised, randomised',
    headline           UInt8 COMMENT '1: the best level there is; the other rows stand beside it',
    arm                String COMMENT 'of a randomised test; empty for a dose',
    dose_from          UInt16,
    dose_to            UInt16 COMMENT '65535: no upper end; 0 to 65535 for an arm',
    dose               Float64 COMMENT 'sends in 7 days, the mean',

    outcome            LowCardinality(String) COMMENT 'what counts as an engagement: reply, click, open',
    value_engagement   Float64 COMMENT 'input: worth of an engagement',
    cost_opt_out       Float64 COMMENT 'input: loss by an opt-out, in the same currency',
    cost_message       Float64 COMMENT 'input: cost of a send, in the same currency',
    budget             Nullable(Float64) COMMENT 'input: greatest share of contacts that may opt out in a day; NULL: any',

    contacts           UInt64 COMMENT 'at the dose',
    person_days        UInt64 COMMENT 'at the dose',
    engagements        UInt64 COMMENT 'of messages of this exposure',
    opt_outs           UInt64 COMMENT 'on days of the dose',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes, or not comparable: no rates',
    engagement_rate    Nullable(Float64) COMMENT 'engagements per person-day, were the dose kept up',
    engagement_lower   Nullable(Float64),
    engagement_upper   Nullable(Float64),
    opt_out_rate       Nullable(Float64) COMMENT 'opt-outs per person-day',
    opt_out_lower      Nullable(Float64),
    opt_out_upper      Nullable(Float64),
    utility            Nullable(Float64) COMMENT 'per person-day, in the currency of the inputs',
    utility_std_error  Nullable(Float64),
    utility_lower      Nullable(Float64),
    utility_upper      Nullable(Float64),

    candidate          UInt8 COMMENT '1: compared with the others',
    excluded           String COMMENT 'why it is no candidate',
    best               UInt8 COMMENT '1: of the greatest utility in the sample',
    plausible          UInt8 COMMENT '1: it may be the best',
    plausible_half     UInt8 COMMENT 'the same, were an opt-out to cost half',
    plausible_double   UInt8 COMMENT 'the same, were an opt-out to cost double',
    within_budget      UInt8 COMMENT '1: the upper limit of the opt-out rate keeps the budget',
    chance_best        Nullable(Float64) COMMENT 'of being the best, in draws from the estimates',
    draws              UInt32,
    seed               UInt64 COMMENT 'of the draws',
    critical           Nullable(Float64) COMMENT 'standard errors behind the best from which on a dose is no more plausible',

    recommended        UInt8 COMMENT '1: the recommendation',
    recommended_half   UInt8 COMMENT 'the same, were an opt-out to cost half',
    recommended_double UInt8 COMMENT 'the same, were an opt-out to cost double',
    advice             LowCardinality(String) COMMENT 'of all rows of this segment and identification: recommended, no recommendation',
    why                String COMMENT 'why there is none',
    what_would_settle_it String,
    strata             LowCardinality(String) COMMENT 'of the standardised opt-outs',
    overlap            Nullable(Float64) COMMENT 'share of the person-days with known prior engagement whose stratum has all candidates',
    groups             UInt16 COMMENT 'of contacts, left out one at a time for the standard errors'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, identification, arm, dose_from)
