-- frequency_segments: how do open, click, reply and opt-out rates change with exposure, in each segment?
-- grain:   one row per (dimension, segment, pooled, outcome, exposure bin)
-- reads:   frequency_segments (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
--          outcome String =
-- returns: dimension String, segment String, pooled UInt32, outcome String, exposure_from UInt16, exposure_to UInt16,
--          identification String, contacts UInt64, messages UInt64, outcomes UInt64, suppressed UInt8, rate Nullable(Float64),
--          lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1] over messages; exposure_to 65535 is no upper end; pooled above 0 is the row of
--          all segments beyond the first 50, and their number; an empty dimension, segment or outcome asks for every one;
--          rate and interval are NULL in suppressed cells (under 30 contacts or 5 outcomes). opt_out per message falls where
--          messages are many, because the next one takes over: read frequency_opt_out for the hazard
SELECT
    dimension,
    segment,
    pooled,
    outcome,
    exposure_from,
    exposure_to,
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
FROM frequency_segments
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY dimension, segment, pooled, outcome, exposure_from
