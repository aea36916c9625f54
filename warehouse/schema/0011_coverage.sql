-- coverage: from when and up to when we have each account's events, as the model `coverage` finds them.
-- One partition, so that a run can replace all of it at once.
CREATE TABLE IF NOT EXISTS coverage
(
    business_id  LowCardinality(String),
    account_id   LowCardinality(String),
    data_from    DateTime64(3, 'UTC') COMMENT 'earliest event of the account',
    cutoff       DateTime64(3, 'UTC') COMMENT 'latest event of the business that does not lie after its own ingested_at'
)
ENGINE = MergeTree
PARTITION BY tuple()
ORDER BY (business_id, account_id)
