-- service_windows: how many windows did contacts open, and how many ran out unanswered?
-- grain:   one row per (dimension, segment)
-- reads:   service_windows (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, opened UInt64, still_open UInt64, contacts UInt64, windows UInt64, unanswered UInt64, actions UInt64,
--          replies UInt64, suppressed UInt8, rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),
--          design_effect Nullable(Float64), replies_per_window Nullable(Float64), replies_lower Nullable(Float64), replies_upper Nullable(Float64),
--          cutoff DateTime64(3, 'UTC')
-- units:   rate is unanswered over windows that are over, in [0,1]; replies_per_window in messages; intervals with contacts as clusters;
--          NULL where suppressed; an empty parameter asks for every value
SELECT
    dimension, segment, opened, still_open, contacts, windows, unanswered, actions, replies, suppressed, rate, lower, upper, design_effect,
    replies_per_window, replies_lower, replies_upper, cutoff
FROM service_windows
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment
