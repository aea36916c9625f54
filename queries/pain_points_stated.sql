-- pain_points_stated: what do people say bothers them most?
-- grain:   one row per (survey_id, dimension, segment, question_id, option), the most named first
-- reads:   survey_ranks, survey_questions (a run and an import replace them, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
--          dimension String = all
--          segment String =
-- returns: survey_id String, window_from Date, window_to Date, dimension String, segment String, markets String, question_id String,
--          measures String, option UInt16, label String, pain String, base_n UInt64, value Float64, lower Float64, upper Float64,
--          rank UInt16, rank_best UInt16, rank_worst UInt16, ranked UInt16, wording String, base String
-- units:   value is a ratio in [0,1] of the base; rank_best and rank_worst cannot be ruled out; an empty survey, dimension or segment asks for every
--          one; what is suppressed has no row, see survey_estimates
SELECT
    t.survey_id AS survey_id,
    t.window_from AS window_from,
    t.window_to AS window_to,
    t.dimension AS dimension,
    t.segment AS segment,
    t.markets AS markets,
    t.question_id AS question_id,
    t.measures AS measures,
    t.option AS option,
    t.label AS label,
    t.pain AS pain,
    t.base_n AS base_n,
    t.value AS value,
    t.lower AS lower,
    t.upper AS upper,
    t.rank AS rank,
    t.rank_best AS rank_best,
    t.rank_worst AS rank_worst,
    t.ranked AS ranked,
    q.wording AS wording,
    q.base AS base
FROM survey_ranks AS t
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
  AND t.measures = 'pains'
ORDER BY t.survey_id, t.dimension, t.segment, t.question_id, t.rank, t.option
