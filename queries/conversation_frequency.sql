-- conversation_frequency: how often do contacts write of their own accord, on the scale of surveys?
-- grain:   one row per (dimension, segment, category)
-- reads:   conversation_frequency (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
-- returns: as_of DateTime64(3, 'UTC'), dimension String, segment String, category String, position UInt8, base UInt64, contacts UInt64,
--          at_least_contacts UInt64, suppressed UInt8, share Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),
--          at_least_suppressed UInt8, at_least_share Nullable(Float64), at_least_lower Nullable(Float64), at_least_upper Nullable(Float64),
--          cutoff DateTime64(3, 'UTC')
-- units:   contacts; shares are ratios in [0,1] over base; an empty dimension or segment asks for every one; NULL where suppressed (under 30
--          contacts in the segment, or 5 in the category)
SELECT
    as_of,
    dimension,
    segment,
    category,
    position,
    base,
    contacts,
    at_least_contacts,
    suppressed,
    share,
    lower,
    upper,
    at_least_suppressed,
    at_least_share,
    at_least_lower,
    at_least_upper,
    cutoff
FROM conversation_frequency
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, position
