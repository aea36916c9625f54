-- survey_comparisons: which options, and which groups, differ by more than chance?
-- grain:   one row per (survey_id, comparison, dimension, segment, other_segment, question_id, option, other_option)
-- reads:   survey_comparisons (a run replaces it, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
--          comparison String =
--          dimension String = all
--          question_id String =
-- returns: survey_id String, window_from Date, window_to Date, comparison String, dimension String, segment String, other_segment String,
--          markets String, question_id String, measures String, option UInt16, other_option UInt16, base_n UInt64,
--          difference Nullable(Float64), std_error Nullable(Float64), df Float64, lower Nullable(Float64), upper Nullable(Float64),
--          f Nullable(Float64), f_df Nullable(Float64), p_value Float64, p_adjusted Float64, adjustment String, family String,
--          family_size UInt32
-- units:   difference is of ratios in [0,1]; p_adjusted answers for the whole family; an empty survey, comparison, dimension or question_id asks for
--          every one; only shares that may be shown are compared
SELECT
    t.survey_id AS survey_id,
    t.window_from AS window_from,
    t.window_to AS window_to,
    t.comparison AS comparison,
    t.dimension AS dimension,
    t.segment AS segment,
    t.other_segment AS other_segment,
    t.markets AS markets,
    t.question_id AS question_id,
    t.measures AS measures,
    t.option AS option,
    t.other_option AS other_option,
    t.base_n AS base_n,
    t.difference AS difference,
    t.std_error AS std_error,
    t.df AS df,
    t.lower AS lower,
    t.upper AS upper,
    t.f AS f,
    t.f_df AS f_df,
    t.p_value AS p_value,
    t.p_adjusted AS p_adjusted,
    t.adjustment AS adjustment,
    t.family AS family,
    t.family_size AS family_size
FROM survey_comparisons AS t
WHERE t.business_id = {business:String}
  AND ({survey:String} = '' OR t.survey_id = {survey:String})
  AND ({comparison:String} = '' OR t.comparison = {comparison:String})
  AND ({dimension:String} = '' OR t.dimension = {dimension:String})
  AND ({question_id:String} = '' OR t.question_id = {question_id:String})
ORDER BY t.survey_id, t.comparison, t.dimension, t.segment, t.other_segment, t.question_id, t.option, t.other_option
