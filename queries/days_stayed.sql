-- days_stayed: how many of the next 30 and 90 days do contacts stay, and do those who are sent much in the first week leave sooner?
-- grain:   one row per (dimension, segment, horizon_days)
-- reads:   days_stayed (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, identification String, from_day UInt16, horizon_days UInt16, spells UInt64, outcomes UInt64,
--          suppressed UInt8, mean_days Nullable(Float64), mean_std_error Nullable(Float64), mean_lower Nullable(Float64),
--          mean_upper Nullable(Float64), log_rank Nullable(Float64), p_value Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   days; an empty dimension or segment asks for every one; NULL where suppressed (the curve ends before the horizon, or under 5
--          outcomes); log_rank and p_value belong to both rows of initial_dose, and say nothing of other dimensions
SELECT
    dimension,
    segment,
    identification,
    from_day,
    horizon_days,
    spells,
    outcomes,
    suppressed,
    mean_days,
    mean_std_error,
    mean_lower,
    mean_upper,
    log_rank,
    p_value,
    cutoff
FROM days_stayed
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, horizon_days
