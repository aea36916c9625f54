-- frequency_arms: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS frequency_arms
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',
    identification     LowCardinality(String) COMMENT 'randomised; blocked if the sample ratio is not what chance makes',

    arm                String COMMENT 'as assigned',
    outcome            LowCardinality(String) COMMENT 'open, click, reply, any, opt_out: a day with at least one; sent: messages',

    contacts           UInt64 COMMENT 'assigned to the arm',
    person_days        UInt64 COMMENT 'from the day of assignment to the end of the window, whether still at risk or not',
    outcomes           UInt64,
    sum_nn             UInt64,
    sum_yy             UInt64,
    sum_ny             UInt64,

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes',
    rate               Nullable(Float64) COMMENT 'per person-day',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),

    against            String COMMENT 'the first arm',
    difference         Nullable(Float64) COMMENT 'rate less that of the first arm: an effect of being assigned',
    difference_std_error Nullable(Float64),
    difference_lower   Nullable(Float64),
    difference_upper   Nullable(Float64),

    sample_ratio_p     Nullable(Float64) COMMENT 'chance of arms of so unequal size, had each the same share',
    mixed_contacts     UInt64 COMMENT 'contacts of the business seen in several arms: they are left out'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, outcome, arm)
