-- accounts: from when and up to when each account's events are dated, test traffic left out. What follows
-- `-- shared: accounts` in a model; one row per (business_id, account_id).
-- staged by: business_id
tests AS
(
    SELECT DISTINCT business_id, contact_id, message_id, event_type, event_id
    FROM event_log
    WHERE is_test = 1
),
accounts AS
(
    SELECT
        business_id,
        account_id,
        min(event_time) AS first_at,
        maxIf(event_time, ingest_delay_ms >= 0) AS last_at,
        maxIf(event_time, ingest_delay_ms >= 0 AND time_flag = '') AS told_at -- by the source, not the moment of arrival
    FROM event_log
    WHERE (SELECT count() FROM tests) = 0 -- then the keys need not be read
       OR (business_id, contact_id, message_id, event_type, event_id) NOT IN tests
    GROUP BY business_id, account_id
),
