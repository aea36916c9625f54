-- coverage: from when and up to when we have each account's events.
-- grain:   one row per (business_id, account_id)
-- reads:   event_log (FINAL: unique by key)
-- params:  none; a run replaces the whole relation
-- returns: business_id String, account_id String, data_from DateTime64(3, 'UTC'), cutoff DateTime64(3, 'UTC')
-- units:   data_from is the account's earliest event; cutoff is the business's latest event that does not lie after
--          its own ingested_at (1970 if there is none), so one wrong clock cannot mature anything; test traffic is left out
WITH
accounts AS
(
    SELECT
        business_id,
        account_id,
        min(event_time)                              AS first_at,
        maxIf(event_time, event_time <= ingested_at) AS last_at
    FROM event_log FINAL
    WHERE is_test = 0
    GROUP BY business_id, account_id
)
SELECT
    business_id,
    account_id,
    first_at                                    AS data_from,
    max(last_at) OVER (PARTITION BY business_id) AS cutoff
FROM accounts
ORDER BY business_id, account_id
