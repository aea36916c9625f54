-- survey_ranks: which of several things do people name most, and which ranks cannot be ruled out?
-- grain:   one row per (survey_id, dimension, segment, question_id, option)
-- reads:   survey_ranks (a run replaces it, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
--          dimension String = all
--          segment String =
--          measures String =
-- returns: survey_id String, window_from Date, window_to Date, dimension String, segment String, markets String, question_id String,
--          measures String, option UInt16, label String, pain String, base_n UInt64, value Float64, lower Float64, upper Float64,
--          rank UInt16, rank_best UInt16, rank_worst UInt16, ranked UInt16
-- units:   value is a ratio in [0,1] of the base; ranks are from 1, the interval holds jointly for all options of a segment; an empty survey,
--          dimension, segment or measures asks for every one
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
    t.ranked AS ranked
FROM survey_ranks AS t
WHERE t.business_id = {business:String}
  AND ({survey:String} = '' OR t.survey_id = {survey:String})
  AND ({dimension:String} = '' OR t.dimension = {dimension:String})
  AND ({segment:String} = '' OR t.segment = {segment:String})
  AND ({measures:String} = '' OR t.measures = {measures:String})
ORDER BY t.survey_id, t.dimension, t.segment, t.question_id, t.rank, t.option
