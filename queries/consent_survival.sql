-- consent_survival: how long do consents last, and what ends them?
-- grain:   one row per (dimension, segment, cause, spell_day)
-- reads:   consent_survival (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          cause String =
-- returns: dimension String, segment String, identification String, cause String, from_day UInt16, spell_day UInt16, at_risk UInt64, entered UInt64,
--          censored UInt64, outcomes UInt64, suppressed UInt8, hazard Nullable(Float64), incidence Nullable(Float64),
--          incidence_std_error Nullable(Float64), incidence_lower Nullable(Float64), incidence_upper Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   incidence: share in [0,1] of the consents of from_day that the cause has ended by the end of the day; days of 24 h since the opt-in;
--          NULL where suppressed; an empty parameter asks for every value
SELECT
    dimension, segment, identification, cause, from_day, spell_day, at_risk, entered, censored, outcomes, suppressed, hazard, incidence,
    incidence_std_error, incidence_lower, incidence_upper, cutoff
FROM consent_survival
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({cause:String} = '' OR cause = {cause:String})
ORDER BY dimension, segment, cause, spell_day
