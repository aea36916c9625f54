-- frequency_what_if: what would a cap on the sends of any 7 days have changed?
-- grain:   one row per (dimension, segment, measure, cap)
-- reads:   frequency_what_if (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
-- returns: dimension String, segment String, measure String, cap UInt8, outcome String, identification String, cost_message Float64,
--          contacts UInt64, person_days UInt64, days_above UInt64, assumed_days UInt64, overlap Nullable(Float64), suppressed UInt8,
--          observed Nullable(Float64), observed_lower Nullable(Float64), observed_upper Nullable(Float64),
--          capped Nullable(Float64), capped_lower Nullable(Float64), capped_upper Nullable(Float64),
--          change Nullable(Float64), change_lower Nullable(Float64), change_upper Nullable(Float64),
--          verdict String, assumption String, cutoff DateTime64(3, 'UTC')
-- units:   observed, capped and change are per 1,000 contacts at risk and 30 days: sends, money in the currency of cost_message, engagements of the
--          kind of outcome, or opt-outs; assumed_days are person-days, of contacts taken to engage like the others; sends replayed under the cap, the others as the doses of the days make expect; NULL where suppressed
SELECT
    dimension, segment, measure, cap, outcome, identification, cost_message,
    contacts, person_days, days_above, assumed_days, overlap, suppressed,
    observed, observed_lower, observed_upper,
    capped, capped_lower, capped_upper,
    change, change_lower, change_upper,
    verdict, assumption, cutoff
FROM frequency_what_if
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND dimension = {dimension:String}
ORDER BY dimension, segment, measure, cap
