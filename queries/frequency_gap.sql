-- frequency_gap: how do rates recover with the hours since the contact's previous message, also at equal exposure?
-- grain:   one row per (dimension, segment, pooled, outcome, exposure bin or every exposure, gap)
-- reads:   frequency_gap (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          outcome String =
-- returns: dimension String, segment String, pooled UInt32, outcome String, exposure_from UInt16, exposure_to UInt16, gap String,
--          gap_from UInt16, identification String, contacts UInt64, messages UInt64, outcomes UInt64, suppressed UInt8, rate Nullable(Float64),
--          lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1] over messages; gap in hours, its lower end included; exposure 0 to 65535 is
--          every exposure together; pooled above 0 is the row of all segments beyond the first 50, and their number; an empty
--          dimension, segment or outcome asks for every one; rate and interval are NULL in suppressed cells (under 30 contacts
--          or 5 outcomes)
SELECT
    dimension,
    segment,
    pooled,
    outcome,
    exposure_from,
    exposure_to,
    gap,
    gap_from,
    identification,
    contacts,
    messages,
    outcomes,
    suppressed,
    rate,
    lower,
    upper,
    design_effect,
    cutoff
FROM frequency_gap
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY dimension, segment, pooled, outcome, exposure_from, exposure_to DESC, gap_from
