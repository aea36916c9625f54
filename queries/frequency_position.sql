-- frequency_position: how do rates change from a contact's first message of the week to its last, among weeks with the same number of messages?
-- grain:   one row per (dimension, segment, pooled, outcome, week_total, position)
-- reads:   frequency_position (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          outcome String =
-- returns: dimension String, segment String, pooled UInt32, outcome String, week_total UInt8, position UInt8, condition String,
--          identification String, zoned_contact UInt64, zoned_market UInt64, contacts UInt64, messages UInt64, outcomes UInt64,
--          suppressed UInt8, rate Nullable(Float64),
--          lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC'),
--          difference Nullable(Float64), difference_lower Nullable(Float64), difference_upper Nullable(Float64)
-- units:   rate, lower, upper are ratios in [0,1] over messages; difference is rate less the rate at position 1 of the same
--          week_total; weeks are local ISO weeks, of 2 to 10 proactive messages; zoned_contact and zoned_market count messages
--          by the zone used, the others by UTC; pooled above 0 is the row of all segments beyond the first 50, and their number;
--          an empty dimension, segment or outcome asks for every one; rate and interval are NULL in suppressed cells (under 30
--          contacts or 5 outcomes)
SELECT
    dimension,
    segment,
    pooled,
    outcome,
    week_total,
    position,
    condition,
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
    cutoff,
    difference,
    difference_lower,
    difference_upper
FROM frequency_position
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY dimension, segment, pooled, outcome, week_total, position
