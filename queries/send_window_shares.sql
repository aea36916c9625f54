-- send_window_shares: in which window were messages sent?
-- grain:   one row per (dimension, segment, state)
-- reads:   send_window_shares (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, state String, failed UInt64, contacts UInt64, messages UInt64, in_state UInt64, suppressed UInt8,
--          rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1], with contacts as clusters; NULL where suppressed (under 30 contacts or 5 outcomes);
--          state none: no rule allowed it; an empty parameter asks for every value
SELECT
    dimension, segment, state, failed, contacts, messages, in_state, suppressed, rate, lower, upper, design_effect, cutoff
FROM send_window_shares
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, state
