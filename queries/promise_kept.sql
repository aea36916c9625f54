-- promise_kept: which share of promised periods was kept, exceeded or left unused?
-- grain:   one row per (dimension, segment, state)
-- reads:   promise_kept (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, state String, partial UInt64, contacts UInt64, periods UInt64, in_state UInt64, suppressed UInt8,
--          rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1], with contacts as clusters; NULL where suppressed (under 30 contacts or 5 outcomes);
--          partial periods are in no share; an empty parameter asks for every value
SELECT
    dimension, segment, state, partial, contacts, periods, in_state, suppressed, rate, lower, upper, design_effect, cutoff
FROM promise_kept
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, state
