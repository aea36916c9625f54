-- measured_days: the outcomes of a day that a channel measures, as bits from the lowest: open, click, reply, any, opt_out. What
-- follows `-- shared: measured_days` in a model; one row per (business_id, channel). What nobody on a channel had in the window is not measured there.
-- staged by: business_id, channel
measured_days AS
(
    SELECT
        business_id, channel,
        (sum(opened) > 0) + 2 * (sum(clicked) > 0) + 4 * (sum(replied) > 0) + 8 * (sum(opened + clicked + replied) > 0) + 16 AS told
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id, channel
),
