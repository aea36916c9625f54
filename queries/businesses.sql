-- businesses: which businesses have data here?
-- grain:   one row per business_id
-- reads:   event_log (distinct values only, so copies do not matter), frequency_engagement, frequency_opt_out
-- params:  none
-- returns: business_id String
-- units:   names, as the operator configured them
SELECT DISTINCT business_id
FROM
(
    SELECT business_id FROM event_log
    UNION ALL
    SELECT business_id FROM frequency_engagement
    UNION ALL
    SELECT business_id FROM frequency_opt_out
)
ORDER BY business_id
