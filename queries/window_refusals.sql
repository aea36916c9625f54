-- window_refusals: how many messages did platforms refuse because the window was closed?
-- grain:   one row per (dimension, segment, error_code or any)
-- reads:   window_refusals (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, error_code String, contacts UInt64, attempts UInt64, refused UInt64, suppressed UInt8,
--          rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1], with contacts as clusters; NULL where suppressed (under 30 contacts or 5 outcomes);
--          an empty error_code is any of them; an empty parameter asks for every value
SELECT
    dimension, segment, error_code, contacts, attempts, refused, suppressed, rate, lower, upper, design_effect, cutoff
FROM window_refusals
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, error_code
