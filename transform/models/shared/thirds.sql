-- thirds: where the prior engagement of days at risk is cut in three, of those who engaged with anything; the others are a group of their own. What
-- follows `-- shared: thirds` in a model; one row per business_id.
-- staged by: business_id
thirds AS
(
    SELECT business_id, quantilesExactLow(1 / 3, 2 / 3)(assumeNotNull(prior_engaged)) AS cuts
    FROM person_days
    WHERE prior_engaged > 0
      AND day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id
),
