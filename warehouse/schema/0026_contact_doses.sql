-- contact_doses: one row per contact of a window, as the model `contact_doses` computes it (docs/metrics.md). What is
-- estimated within contacts reads it. A run replaces its window.
CREATE TABLE IF NOT EXISTS contact_doses
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first day',
    window_to      Date COMMENT 'day after the last day',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    contact_id     UUID,
    market         LowCardinality(String) COMMENT 'as in person_days',
    channel        LowCardinality(String) COMMENT 'as in person_days',

    open_n         Array(UInt32) COMMENT 'matured messages by exposure 1, 2, 3, 4, 5, 6-7, 8-10, 11+ where opens are told',
    open_y         Array(UInt32) COMMENT 'of these, opened in time',
    click_n        Array(UInt32),
    click_y        Array(UInt32),
    reply_n        Array(UInt32),
    reply_y        Array(UInt32),

    days           Array(UInt32) COMMENT 'person-days by dose 0, 1, ..., 10, 11+',
    doses          UInt64 COMMENT 'sum of the doses of the days with 11 or more',
    stratum_days   Array(UInt32) COMMENT 'person-days by prior engagement (unknown, none, lower, middle, upper third) and, within it, by dose 0, 1, 2, 3, 4, 5, 6-7, 8-10, 11+',
    stratum_opt_outs Array(UInt32) COMMENT 'opt-outs, as stratum_days'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, contact_id)
SETTINGS default_compression_codec = 'ZSTD(1)'
