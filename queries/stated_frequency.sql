-- stated_frequency: how often do people say they write, and how often do contacts write?
-- grain:   one row per (survey_id, dimension, segment, question_id, option)
-- reads:   stated_frequency (a run replaces it, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
--          dimension String = all
--          segment String =
-- returns: survey_id String, window_from Date, window_to Date, cutoff DateTime64(3, 'UTC'), dimension String, segment String,
--          question_id String, option UInt16, option_position UInt16, label String, stated_population String, observed_population String,
--          base_n Nullable(UInt64), stated Nullable(Float64), stated_lower Nullable(Float64), stated_upper Nullable(Float64),
--          contacts UInt64, observed_n UInt64, observed Nullable(Float64), observed_lower Nullable(Float64),
--          observed_upper Nullable(Float64), why String, synthetic UInt8
-- units:   stated and observed are ratios in [0,1], of the two populations named; NULL where why says so; an empty survey, dimension or segment asks
--          for every one
SELECT
    t.survey_id AS survey_id,
    t.window_from AS window_from,
    t.window_to AS window_to,
    t.cutoff AS cutoff,
    t.dimension AS dimension,
    t.segment AS segment,
    t.question_id AS question_id,
    t.option AS option,
    t.option_position AS option_position,
    t.label AS label,
    t.stated_population AS stated_population,
    t.observed_population AS observed_population,
    t.base_n AS base_n,
    t.stated AS stated,
    t.stated_lower AS stated_lower,
    t.stated_upper AS stated_upper,
    t.contacts AS contacts,
    t.observed_n AS observed_n,
    t.observed AS observed,
    t.observed_lower AS observed_lower,
    t.observed_upper AS observed_upper,
    t.why AS why,
    t.synthetic AS synthetic
FROM stated_frequency AS t
WHERE t.business_id = {business:String}
  AND ({survey:String} = '' OR t.survey_id = {survey:String})
  AND ({dimension:String} = '' OR t.dimension = {dimension:String})
  AND ({segment:String} = '' OR t.segment = {segment:String})
ORDER BY t.survey_id, t.dimension, t.segment, t.question_id, t.option_position
