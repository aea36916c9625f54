-- contact_classes, contact_class_shares: results of the metrics of these names (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS contact_classes
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    contact_id         UUID,
    as_of              DateTime64(3, 'UTC') COMMENT 'end of the 28 days: midnight after the last day at risk that is over',
    market             LowCardinality(String),
    channel            LowCardinality(String) COMMENT 'as in person_days',
    class              LowCardinality(String) COMMENT 'no_recommendation, too_little_data, undersaturated, on_target, saturated, saturated_declining',

    messages_28_days   UInt16 COMMENT 'proactive sends not known to have failed in the 28 x 24 h before as_of',
    dimension          LowCardinality(String) COMMENT 'of the recommendation that applies: market, else all; empty if there is none',
    segment            String COMMENT 'of the recommendation that applies',
    identification     LowCardinality(String) COMMENT 'of the recommendation that applies',
    plausible_from     Nullable(UInt32) COMMENT 'L: least plausible number in 28 days',
    plausible_to       Nullable(UInt32) COMMENT 'U: greatest plausible number in 28 days; NULL beside L: no upper end',

    late_messages      UInt16 COMMENT 'of the last 14 days of matured messages: those in the base of an engagement rate',
    late_engaged       UInt16 COMMENT 'of these, opened, clicked or answered in time',
    early_messages     UInt16 COMMENT 'the same of the 28 days before',
    early_engaged      UInt16,
    decline_p          Nullable(Float64) COMMENT 'one-sided p-value of the late share being below the early one by chance (Fisher), adjusted for all contacts tested (Benjamini and Hochberg); NULL: not tested'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, contact_id)
-- statement
CREATE TABLE IF NOT EXISTS contact_class_shares
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, market, channel',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',
    class              LowCardinality(String) COMMENT 'as in contact_classes',

    contacts           UInt64 COMMENT 'of the class',
    base               UInt64 COMMENT 'contacts of the segment',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts in the segment, or 5 in the class, so the share is NULL',
    share              Nullable(Float64) COMMENT 'of the segment''s contacts',
    lower              Nullable(Float64),
    upper              Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, class)
