-- breach_rates: which share of marketing messages broke a consent, and how had the contact refused?
-- grain:   one row per (dimension, segment, breach, way)
-- reads:   breach_rates (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, breach String, way String, contacts UInt64, messages UInt64, broken UInt64, suppressed UInt8,
--          rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1], with contacts as clusters; NULL where suppressed (under 30 contacts or 5 outcomes);
--          an empty parameter asks for every value
SELECT
    dimension, segment, breach, way, contacts, messages, broken, suppressed, rate, lower, upper, design_effect, cutoff
FROM breach_rates
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, breach, way
