-- stated_observed: what people say bothers them: how many of the contacts did it happen to?
-- grain:   one row per (survey_id, dimension, segment, pain, label)
-- reads:   stated_observed (a run replaces it, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
--          dimension String = all
--          segment String =
-- returns: survey_id String, window_from Date, window_to Date, cutoff DateTime64(3, 'UTC'), dimension String, segment String, pain String,
--          label String, stated_population String, observed_population String, recall_days UInt16, base_n Nullable(UInt64),
--          stated Nullable(Float64), stated_std_error Nullable(Float64), stated_lower Nullable(Float64), stated_upper Nullable(Float64),
--          contacts UInt64, hit UInt64, observed Nullable(Float64), observed_std_error Nullable(Float64), observed_lower Nullable(Float64),
--          observed_upper Nullable(Float64), difference Nullable(Float64), difference_std_error Nullable(Float64),
--          difference_lower Nullable(Float64), difference_upper Nullable(Float64), why String, synthetic UInt8
-- units:   stated, observed and difference are ratios in [0,1], of the two populations named; NULL where why says so; an empty survey, dimension or
--          segment asks for every one
SELECT
    t.survey_id AS survey_id,
    t.window_from AS window_from,
    t.window_to AS window_to,
    t.cutoff AS cutoff,
    t.dimension AS dimension,
    t.segment AS segment,
    t.pain AS pain,
    t.label AS label,
    t.stated_population AS stated_population,
    t.observed_population AS observed_population,
    t.recall_days AS recall_days,
    t.base_n AS base_n,
    t.stated AS stated,
    t.stated_std_error AS stated_std_error,
    t.stated_lower AS stated_lower,
    t.stated_upper AS stated_upper,
    t.contacts AS contacts,
    t.hit AS hit,
    t.observed AS observed,
    t.observed_std_error AS observed_std_error,
    t.observed_lower AS observed_lower,
    t.observed_upper AS observed_upper,
    t.difference AS difference,
    t.difference_std_error AS difference_std_error,
    t.difference_lower AS difference_lower,
    t.difference_upper AS difference_upper,
    t.why AS why,
    t.synthetic AS synthetic
FROM stated_observed AS t
WHERE t.business_id = {business:String}
  AND ({survey:String} = '' OR t.survey_id = {survey:String})
  AND ({dimension:String} = '' OR t.dimension = {dimension:String})
  AND ({segment:String} = '' OR t.segment = {segment:String})
ORDER BY t.survey_id, t.dimension, t.segment, t.pain, t.label
