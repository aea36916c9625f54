-- survey_frequency: how often do people say they message the business?
-- grain:   one row per (survey_id, dimension, segment, question_id, statistic, option), the most frequent first
-- reads:   survey_estimates, survey_questions (a run and an import replace them, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
--          dimension String = all
--          segment String =
-- returns: survey_id String, window_from Date, window_to Date, dimension String, segment String, markets String, question_id String,
--          position UInt16, measures String, statistic String, option UInt16, option_position UInt16, label String, n Nullable(UInt64),
--          base_n Nullable(UInt64), value Nullable(Float64), std_error Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),
--          n_eff Nullable(Float64), kish_n_eff Nullable(Float64), why String, flags Array(String), synthetic UInt8, wording String,
--          base String
-- units:   value is a ratio in [0,1] of the base, of the category or, at_least, of it and the more frequent ones; NULL where why says so; an empty
--          survey, dimension or segment asks for every one
SELECT
    t.survey_id AS survey_id,
    t.window_from AS window_from,
    t.window_to AS window_to,
    t.dimension AS dimension,
    t.segment AS segment,
    t.markets AS markets,
    t.question_id AS question_id,
    t.position AS position,
    t.measures AS measures,
    t.statistic AS statistic,
    t.option AS option,
    t.option_position AS option_position,
    t.label AS label,
    t.n AS n,
    t.base_n AS base_n,
    t.value AS value,
    t.std_error AS std_error,
    t.lower AS lower,
    t.upper AS upper,
    t.n_eff AS n_eff,
    t.kish_n_eff AS kish_n_eff,
    t.why AS why,
    t.flags AS flags,
    t.synthetic AS synthetic,
    q.wording AS wording,
    q.base AS base
FROM survey_estimates AS t
INNER JOIN
(
    SELECT business_id, survey_id, question_id, any(wording) AS wording, any(base) AS base
    FROM survey_questions
    GROUP BY business_id, survey_id, question_id
) AS q ON q.business_id = t.business_id AND q.survey_id = t.survey_id AND q.question_id = t.question_id
WHERE t.business_id = {business:String}
  AND ({survey:String} = '' OR t.survey_id = {survey:String})
  AND ({dimension:String} = '' OR t.dimension = {dimension:String})
  AND ({segment:String} = '' OR t.segment = {segment:String})
  AND t.measures = 'frequency' AND t.statistic != 'mean'
ORDER BY t.survey_id, t.dimension, t.segment, t.question_id, t.statistic, t.option_position, t.option
