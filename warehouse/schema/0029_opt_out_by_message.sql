-- opt_out_by_message: result of the metric of that name (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS opt_out_by_message
(
    business_id        LowCardinality(String),
    window_from        Date COMMENT 'first sent day',
    window_to          Date COMMENT 'day after the last sent day',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, market, channel, promised_frequency',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',
    identification     LowCardinality(String) COMMENT 'crude: who gets many messages is not who gets few',
    number             UInt16 COMMENT 'n: of the proactive message in its spell, from 1',

    at_risk            UInt64 COMMENT 'spells whose n-th message is matured',
    contacts           UInt64 COMMENT 'contacts of these spells',
    opt_outs           UInt64 COMMENT 'opt-outs attributed to the n-th message',
    left_otherwise     UInt64 COMMENT 'spells that ended after the n-th message by an opt-out that belongs to no message or to another kind: not in the hazard',
    censored           UInt64 COMMENT 'spells of which nothing more is known: no further message, or none that is matured',
    unknown_start      UInt64 COMMENT 'spells left out of the segment, for they may be older than the data or the window',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 opt-outs, so the hazard is NULL',
    hazard             Nullable(Float64) COMMENT 'opt-outs over spells at risk',
    hazard_lower       Nullable(Float64),
    hazard_upper       Nullable(Float64),
    survival_suppressed UInt8 COMMENT '1: fewer than 30 contacts, or 5 opt-outs up to this message, so the survival is NULL',
    survival           Nullable(Float64) COMMENT 'share that would still be there after n messages, had all had so many',
    survival_std_error Nullable(Float64),
    survival_lower     Nullable(Float64),
    survival_upper     Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, number)
