-- first_response: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS first_response
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, market, channel, week, weekday, hour',
    segment            String COMMENT 'value of the dimension: of a week its Monday, of a weekday 1 (Monday) to 7, of an hour 00 to 23, the latter two local; empty for all, and where no market is known',
    author             LowCardinality(String) COMMENT 'who responds: any, human, bot',
    clock              LowCardinality(String) COMMENT 'wall; business: open hours of the market',
    measure            LowCardinality(String) COMMENT 'within: share answered within at_s; quantile: seconds by which a share of at_share is answered',
    at_s               UInt32 COMMENT 'of within: 300, 900, 3600, 86400; else 0',
    at_share           Float64 COMMENT 'of quantile: .5, .9; else 0',

    contacts           UInt64 COMMENT 'contacts of these cases, which are the clusters',
    cases              UInt64,
    answered           UInt64 COMMENT 'of these, by the author',
    calendar_cases     UInt64 COMMENT 'of these, of a market with a calendar; business time of the others is wall-clock time',
    observed_s         Float64 COMMENT 'longest time that any case was watched',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 answered cases, so there is no estimate',
    estimate           Nullable(Float64) COMMENT 'share, or seconds; a quantile that is not suppressed and NULL lies beyond observed_s',
    std_error          Nullable(Float64) COMMENT 'of a share',
    lower              Nullable(Float64),
    upper              Nullable(Float64) COMMENT 'of a quantile NULL: beyond observed_s',
    why                String COMMENT 'why there is no estimate, or what to know of it'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, author, clock, measure, at_s, at_share)
