-- runs: what the jobs did, one row per finished run.
CREATE TABLE IF NOT EXISTS runs
(
    job          LowCardinality(String),
    window_from  Date,
    window_to    Date,
    cutoff       DateTime64(3, 'UTC'),
    started_at   DateTime64(3, 'UTC'),
    finished_at  DateTime64(3, 'UTC'),
    relation     LowCardinality(String) COMMENT 'table that was written',
    rows         UInt64,
    fingerprint  UInt64 COMMENT 'order-free hash of the rows: equal fingerprints, equal results'
)
ENGINE = MergeTree
ORDER BY (finished_at, job, relation)
