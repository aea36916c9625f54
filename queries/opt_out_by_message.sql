-- opt_out_by_message: how likely do contacts opt out with the n-th message since their opt-in, and how many would stay that long?
-- grain:   one row per (dimension, segment, number)
-- reads:   opt_out_by_message (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
-- returns: dimension String, segment String, identification String, number UInt16, at_risk UInt64, contacts UInt64, opt_outs UInt64,
--          left_otherwise UInt64, censored UInt64, unknown_start UInt64, suppressed UInt8, hazard Nullable(Float64),
--          hazard_lower Nullable(Float64), hazard_upper Nullable(Float64), survival_suppressed UInt8, survival Nullable(Float64),
--          survival_std_error Nullable(Float64), survival_lower Nullable(Float64), survival_upper Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   at_risk, left_otherwise, censored and unknown_start count spells; hazard and survival are ratios in [0,1]; an empty dimension or
--          segment asks for every one; NULL where suppressed (under 30 contacts or 5 opt-outs, of the survival in all)
SELECT
    dimension,
    segment,
    identification,
    number,
    at_risk,
    contacts,
    opt_outs,
    left_otherwise,
    censored,
    unknown_start,
    suppressed,
    hazard,
    hazard_lower,
    hazard_upper,
    survival_suppressed,
    survival,
    survival_std_error,
    survival_lower,
    survival_upper,
    cutoff
FROM opt_out_by_message
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, number
