-- opt_out_by_time: what share of the contacts has left by each day since the opt-in, and why?
-- grain:   one row per (dimension, segment, cause, spell_day)
-- reads:   opt_out_by_time (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          cause String =
-- returns: dimension String, segment String, identification String, cause String, from_day UInt16, spell_day UInt16, at_risk UInt64,
--          entered UInt64, censored UInt64, outcomes UInt64, unknown_start UInt64, suppressed UInt8, hazard Nullable(Float64),
--          cumulative_hazard Nullable(Float64), cumulative_hazard_std_error Nullable(Float64), incidence Nullable(Float64),
--          incidence_std_error Nullable(Float64), incidence_lower Nullable(Float64), incidence_upper Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   counts are of spells; hazard is per day, incidence a ratio in [0,1] of those there on from_day; an empty dimension, segment or
--          cause asks for every one; NULL where suppressed (under 30 at risk, or 5 outcomes so far)
SELECT
    dimension,
    segment,
    identification,
    cause,
    from_day,
    spell_day,
    at_risk,
    entered,
    censored,
    outcomes,
    unknown_start,
    suppressed,
    hazard,
    cumulative_hazard,
    cumulative_hazard_std_error,
    incidence,
    incidence_std_error,
    incidence_lower,
    incidence_upper,
    cutoff
FROM opt_out_by_time
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({cause:String} = '' OR cause = {cause:String})
ORDER BY dimension, segment, cause, spell_day
