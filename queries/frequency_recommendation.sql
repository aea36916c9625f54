-- frequency_recommendation: how often a week is a message worth more than it costs, and how sure is that?
-- grain:   one row per (dimension, segment, level of identification, dose bin or arm)
-- reads:   frequency_recommendation (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
-- returns: dimension String, segment String, identification String, opt_out_identification String, headline UInt8,
--          arm String, dose_from UInt16, dose_to UInt16, dose Float64, outcome String,
--          value_engagement Float64, cost_opt_out Float64, cost_message Float64, budget Nullable(Float64),
--          contacts UInt64, person_days UInt64, engagements UInt64, opt_outs UInt64,
--          engagement_rate Nullable(Float64), engagement_lower Nullable(Float64), engagement_upper Nullable(Float64),
--          opt_out_rate Nullable(Float64), opt_out_lower Nullable(Float64), opt_out_upper Nullable(Float64),
--          utility Nullable(Float64), utility_lower Nullable(Float64), utility_upper Nullable(Float64),
--          candidate UInt8, excluded String, best UInt8, plausible UInt8, plausible_half UInt8, plausible_double UInt8, within_budget UInt8,
--          plausible_value_half UInt8, plausible_value_double UInt8, utility_opt_out_rate Nullable(Float64),
--          chance_best Nullable(Float64), recommended UInt8, recommended_half UInt8, recommended_double UInt8,
--          recommended_value_half UInt8, recommended_value_double UInt8,
--          advice String, why String, what_would_settle_it String, strata String, overlap Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   dose counts sends in 7 days; rates and utility are per person-day, utility in the currency of value_engagement, cost_opt_out and
--          cost_message; _half and _double: did an opt-out cost, _value_half and _value_double: were an engagement worth, half or twice
--          as much; dose_to 65535 is no upper end; headline 1 marks the level to quote; NULL where too little is known
SELECT
    dimension, segment, identification, opt_out_identification, headline,
    arm, dose_from, dose_to, dose, outcome,
    value_engagement, cost_opt_out, cost_message, budget,
    contacts, person_days, engagements, opt_outs,
    engagement_rate, engagement_lower, engagement_upper,
    opt_out_rate, opt_out_lower, opt_out_upper,
    utility, utility_lower, utility_upper,
    candidate, excluded, best, plausible, plausible_half, plausible_double, within_budget,
    plausible_value_half, plausible_value_double, utility_opt_out_rate,
    chance_best, recommended, recommended_half, recommended_double,
    recommended_value_half, recommended_value_double,
    advice, why, what_would_settle_it, strata, overlap, cutoff
FROM frequency_recommendation
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND dimension = {dimension:String}
ORDER BY dimension, segment, headline DESC, identification, dose, arm, dose_from
