-- promise_engagement: do those who were promised few messages engage more, or leave less?
-- grain:   one row per (identification, outcome, promised_frequency)
-- reads:   promise_engagement (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          identification String =
--          outcome String =
-- returns: identification String, outcome String, promised_frequency String, contacts UInt64, person_days UInt64, outcomes UInt64,
--          overlap Nullable(Float64), suppressed UInt8, rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),
--          cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper: person-days with the outcome over person-days, in [0,1]; an association; NULL where suppressed; an empty parameter asks for every value
SELECT
    identification, outcome, promised_frequency, contacts, person_days, outcomes, overlap, suppressed, rate, lower, upper, cutoff
FROM promise_engagement
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({identification:String} = '' OR identification = {identification:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY identification, outcome, promised_frequency
