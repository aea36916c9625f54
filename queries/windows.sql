-- windows: for which windows have the metrics been computed?
-- grain:   one row per (business_id, window), the newest first
-- reads:   frequency_engagement, frequency_opt_out (a run replaces its window, so nothing to deduplicate)
-- params:  business String =
-- returns: business_id String, window_from Date, window_to Date, cutoff DateTime64(3, 'UTC'),
--          engagement_cells UInt64, opt_out_cells UInt64
-- units:   window [window_from, window_to) in UTC days; an empty business asks for every one
WITH cells AS
(
    SELECT business_id, window_from, window_to, cutoff AS computed_to, 1 AS engagement, 0 AS opt_out
    FROM frequency_engagement
    UNION ALL
    SELECT business_id, window_from, window_to, cutoff AS computed_to, 0 AS engagement, 1 AS opt_out
    FROM frequency_opt_out
)
SELECT
    business_id,
    window_from,
    window_to,
    max(computed_to) AS cutoff,
    sum(engagement)  AS engagement_cells,
    sum(opt_out)     AS opt_out_cells
FROM cells
WHERE {business:String} = '' OR business_id = {business:String}
GROUP BY business_id, window_from, window_to
ORDER BY business_id, window_to DESC, window_from
