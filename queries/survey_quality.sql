-- survey_quality: which answers contradict themselves or are missing?
-- grain:   one row per (survey_id, check, question_id)
-- reads:   survey_quality (a run replaces it, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
-- returns: survey_id String, window_from Date, window_to Date, check String, question_id String, respondents UInt64, base_n UInt64,
--          share Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64)
-- units:   respondents, unweighted; share is a ratio in [0,1]; an empty survey asks for every one
SELECT
    t.survey_id AS survey_id,
    t.window_from AS window_from,
    t.window_to AS window_to,
    t.check AS check,
    t.question_id AS question_id,
    t.respondents AS respondents,
    t.base_n AS base_n,
    t.share AS share,
    t.lower AS lower,
    t.upper AS upper
FROM survey_quality AS t
WHERE t.business_id = {business:String}
  AND ({survey:String} = '' OR t.survey_id = {survey:String})
ORDER BY t.survey_id, t.check, t.question_id
