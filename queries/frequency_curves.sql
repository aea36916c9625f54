-- frequency_curves: what is left of the curve once the engaged are compared with the engaged, and each contact with itself?
-- grain:   one row per (segment, unit, outcome, identification, measure, dose bin)
-- reads:   frequency_curves (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          unit String = message
--          outcome String =
--          measure String =
-- returns: dimension String, segment String, unit String, outcome String, identification String, measure String, dose_from UInt16,
--          dose_to UInt16, against_from Nullable(UInt16), against_to Nullable(UInt16), contacts UInt64, units UInt64, outcomes UInt64,
--          overlap Nullable(Float64), suppressed UInt8, estimate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),
--          verdict String, why String, cutoff DateTime64(3, 'UTC')
-- units:   rate is a share of units (messages by their exposure, or person-days by their dose); difference and risk_difference are of
--          rates; slope, between_slope, lagged_slope, calendar_slope and placebo_slope are changes of the rate for one more message, log_odds_slope of its log odds; odds_ratio,
--          risk_ratio and e_value are ratios; 65535 is no upper end; an empty segment, unit, outcome or measure asks for every one; estimate and interval are NULL where suppressed
SELECT
    dimension,
    segment,
    unit,
    outcome,
    identification,
    measure,
    dose_from,
    dose_to,
    against_from,
    against_to,
    contacts,
    units,
    outcomes,
    overlap,
    suppressed,
    estimate,
    lower,
    upper,
    verdict,
    why,
    cutoff
FROM frequency_curves
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND dimension = {dimension:String}
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({unit:String} = '' OR unit = {unit:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
  AND ({measure:String} = '' OR measure = {measure:String})
ORDER BY dimension, segment, unit, outcome, identification, measure, dose_from
