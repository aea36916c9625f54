-- contact_class_shares: what share of the contacts gets too few, enough or too many messages?
-- grain:   one row per (dimension, segment, class)
-- reads:   contact_class_shares (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, class String, identification String, contacts UInt64, base UInt64, suppressed UInt8,
--          share Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   contacts; share, lower, upper are ratios in [0,1] of the contacts at risk in the segment; an empty dimension or segment asks
--          for every one; NULL where suppressed (under 30 contacts in the segment or 5 in the class)
SELECT
    dimension,
    segment,
    class,
    identification,
    contacts,
    base,
    suppressed,
    share,
    lower,
    upper,
    cutoff
FROM contact_class_shares
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, class
