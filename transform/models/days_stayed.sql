-- days_stayed: the curve of opt_out_by_time, day by day, from which the mean time stayed follows.
-- grain:   one row per (business_id, dimension, segment, spell_day)
-- reads:   opt_out_by_time (a run replaces its window, so nothing to deduplicate)
-- params:  from, to DateTime64(3, 'UTC'); the window of opt_out_by_time
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, from_day UInt16, spell_day UInt16,
--          at_risk UInt64, entered UInt64, outcomes UInt64, left UInt64
-- units:   spells; outcomes of any cause, `left` those by opt-out or block. Means and tests are computed in Go
WITH
toDate({from:DateTime64(3, 'UTC')}) AS first_day,
toDate({to:DateTime64(3, 'UTC')})   AS end_day
SELECT
    toString(t.business_id)                      AS business_id,
    any(t.cutoff)                                AS cutoff,
    toString(t.dimension)                        AS dimension,
    t.segment                                    AS segment,
    any(t.from_day)                              AS from_day,
    t.spell_day                                  AS spell_day,
    anyIf(t.at_risk, t.cause = 'any')            AS at_risk,
    anyIf(t.entered, t.cause = 'any')            AS entered,
    sumIf(t.outcomes, t.cause = 'any')           AS outcomes,
    sumIf(t.outcomes, t.cause IN ('opt_out', 'block')) AS left
FROM opt_out_by_time AS t
WHERE t.window_from = first_day
  AND t.window_to = end_day
GROUP BY t.business_id, t.dimension, t.segment, t.spell_day
ORDER BY business_id, dimension, segment, spell_day
