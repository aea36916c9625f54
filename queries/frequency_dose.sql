-- frequency_dose: what happens on a day by the messages of the week before, and what does a further message add?
-- grain:   one row per (dimension, segment, outcome, dose bin)
-- reads:   frequency_dose (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          outcome String =
-- returns: dimension String, segment String, outcome String, dose_from UInt16, dose_to UInt16, contacts UInt64,
--          person_days UInt64, outcomes UInt64, mean_dose Float64, suppressed UInt8, rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),
--          design_effect Nullable(Float64), marginal Nullable(Float64), marginal_lower Nullable(Float64), marginal_upper Nullable(Float64),
--          identification String, cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are the share of person-days at risk with the outcome (open, click, reply, any, opt_out); marginal is rate less
--          that of the bin before; dose counts proactive messages in the 7 x 24 h before the day, dose_to 65535 is no upper end; an empty
--          segment or outcome asks for every one; rate and interval are NULL in suppressed cells (under 30 contacts or 5 outcomes)
SELECT
    dimension,
    segment,
    outcome,
    dose_from,
    dose_to,
    contacts,
    person_days,
    outcomes,
    sum_dose / person_days AS mean_dose,
    suppressed,
    rate,
    lower,
    upper,
    design_effect,
    marginal,
    marginal_lower,
    marginal_upper,
    identification,
    cutoff
FROM frequency_dose
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND dimension = {dimension:String}
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY dimension, segment, outcome, dose_from
