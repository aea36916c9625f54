-- opt_in_funnel: how many consents were asked for, given, renewed, taken back and left to expire?
-- grain:   one row per (dimension, segment)
-- reads:   opt_in_funnel (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
-- returns: dimension String, segment String, opted_in UInt64, resumed UInt64, again UInt64, changed UInt64, renewed UInt64, stopped UInt64,
--          blocked UInt64, expired UInt64, used UInt64, running UInt64, contacts UInt64, asked UInt64, answered UInt64, suppressed UInt8,
--          rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   counts of spells, renewals, tokens and requests; rate is answered over asked, in [0,1], with contacts as clusters,
--          NULL where suppressed (under 30 contacts or 5 answered); an empty parameter asks for every value
SELECT
    dimension, segment, opted_in, resumed, again, changed, renewed, stopped, blocked, expired, used, running, contacts, asked, answered,
    suppressed, rate, lower, upper, design_effect, cutoff
FROM opt_in_funnel
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
ORDER BY dimension, segment
