-- frequency_hour: how do rates differ by the contact's local weekday and hour?
-- grain:   one row per (dimension, segment, pooled, outcome, weekday, hour)
-- reads:   frequency_hour (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          outcome String =
-- returns: dimension String, segment String, pooled UInt32, outcome String, weekday UInt8, hour UInt8, identification String,
--          zoned_contact UInt64, zoned_market UInt64, contacts UInt64, messages UInt64, outcomes UInt64, suppressed UInt8, rate Nullable(Float64),
--          lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1] over messages; weekday 1 is Monday; zoned_contact and zoned_market count
--          messages by the zone used, the others by UTC; pooled above 0 is the row of all segments beyond the first 50, of
--          category, campaign and topic beyond the first 10, and their number; an empty dimension, segment or outcome asks for
--          every one; rate and interval are NULL in suppressed cells (under 30 contacts or 5 outcomes). Of 168 intervals of
--          95 % about 8 miss their rate by chance
SELECT
    dimension,
    segment,
    pooled,
    outcome,
    weekday,
    hour,
    identification,
    zoned_contact,
    zoned_market,
    contacts,
    messages,
    outcomes,
    suppressed,
    rate,
    lower,
    upper,
    design_effect,
    cutoff
FROM frequency_hour
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY dimension, segment, pooled, outcome, weekday, hour
