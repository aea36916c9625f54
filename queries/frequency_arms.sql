-- frequency_arms: what did each arm of a randomised test do, as assigned?
-- grain:   one row per (outcome, arm)
-- reads:   frequency_arms (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          outcome String =
-- returns: outcome String, arm String, contacts UInt64, person_days UInt64, outcomes UInt64, suppressed UInt8, rate Nullable(Float64),
--          lower Nullable(Float64), upper Nullable(Float64), against String, difference Nullable(Float64), difference_lower Nullable(Float64),
--          difference_upper Nullable(Float64), p_value Nullable(Float64), p_adjusted Nullable(Float64), planned_share Float64,
--          sample_ratio_p Nullable(Float64), mixed_contacts UInt64, identification String, why String, cutoff DateTime64(3, 'UTC')
-- units:   rate is per contact and day, whether still at risk or not: days with the outcome, of `sent` messages; difference is rate less that of the arm
--          against, and NULL if identification is `blocked`; p_adjusted is adjusted for all differences of the business (Holm); planned_share of the contacts; an empty outcome asks for every one; rate and interval are NULL where suppressed (under 30 contacts or 5 outcomes); the difference needs 5 outcomes in both arms together
SELECT
    outcome,
    arm,
    contacts,
    person_days,
    outcomes,
    suppressed,
    rate,
    lower,
    upper,
    against,
    difference,
    difference_lower,
    difference_upper,
    p_value,
    p_adjusted,
    planned_share,
    sample_ratio_p,
    mixed_contacts,
    identification,
    why,
    cutoff
FROM frequency_arms
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY outcome, arm
