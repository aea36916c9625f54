-- opt_out_by_time, days_stayed: results of the metrics of these names (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS opt_out_by_time
(
    business_id        LowCardinality(String),
    window_from        Date COMMENT 'first day',
    window_to          Date COMMENT 'day after the last day',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, market, channel, promised_frequency, initial_dose',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',
    identification     LowCardinality(String) COMMENT 'crude: an association, of contacts who may differ in more than this',
    cause              LowCardinality(String) COMMENT 'any, opt_out, block, unreachable',
    from_day           UInt16 COMMENT 'first day of the curve: all shares are of those still there when it begins',
    spell_day          UInt16 COMMENT 'whole days since the first midnight after the opt-in, or after first contact where no opt-in was told',

    at_risk            UInt64 COMMENT 'spells at risk on the day',
    entered            UInt64 COMMENT 'of these, spells seen from this day on',
    censored           UInt64 COMMENT 'of these, spells of which nothing more is known',
    outcomes           UInt64 COMMENT 'of these, spells that the cause ended on the day',
    unknown_start      UInt64 COMMENT 'spells left out of the segment, for nobody knows when they began',

    suppressed         UInt8 COMMENT '1: fewer than 30 at risk, or 5 outcomes from the first day to this one: all that follows is NULL',
    hazard             Nullable(Float64) COMMENT 'outcomes over spells at risk on the day',
    cumulative_hazard  Nullable(Float64) COMMENT 'sum of the hazards (Nelson and Aalen)',
    cumulative_hazard_std_error Nullable(Float64),
    incidence          Nullable(Float64) COMMENT 'share whom the cause has ended by the end of the day; of any: 1 less the survival',
    incidence_std_error Nullable(Float64),
    incidence_lower    Nullable(Float64),
    incidence_upper    Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, cause, spell_day)
-- statement
CREATE TABLE IF NOT EXISTS days_stayed
(
    business_id        LowCardinality(String),
    window_from        Date COMMENT 'first day',
    window_to          Date COMMENT 'day after the last day',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'as in opt_out_by_time',
    segment            String COMMENT 'as in opt_out_by_time',
    identification     LowCardinality(String) COMMENT 'crude: an association, of contacts who may differ in more than this',
    from_day           UInt16 COMMENT 'first day of the horizon: of those still there when it begins',
    horizon_days       UInt16 COMMENT 'days looked at',

    spells             UInt64 COMMENT 'at risk on some day of the horizon',
    outcomes           UInt64 COMMENT 'of these, ended within the horizon, by any cause',

    suppressed         UInt8 COMMENT '1: the curve does not reach the horizon, or fewer than 5 outcomes: no mean',
    mean_days          Nullable(Float64) COMMENT 'days stayed of the horizon',
    mean_std_error     Nullable(Float64),
    mean_lower         Nullable(Float64),
    mean_upper         Nullable(Float64),
    log_rank           Nullable(Float64) COMMENT 'of initial_dose: chi-squared with 1 degree of freedom, whether opt-outs and blocks come alike in both groups',
    p_value            Nullable(Float64) COMMENT 'of log_rank'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, horizon_days)
