-- surveys: which surveys were imported, of whom, and what did weighting cost?
-- grain:   one row per survey_id, the newest first
-- reads:   surveys (an import replaces it, so nothing to deduplicate)
-- params:  business String = <only business>
-- returns: survey_id String, title String, population String, synthetic UInt8, respondents UInt32, rejected UInt32, answered_from Date,
--          answered_to Date, weighted UInt8, raked UInt8, trim Float64, trimmed UInt32, design_effect Float64
-- units:   respondents; answered_to is the last day itself; weights above trim times the median were cut, 0: none; design_effect is Kish's of
--          the final weights: respondents over it is the worth of as many with equal weights
SELECT
    survey_id,
    title,
    population,
    synthetic,
    respondents,
    rejected,
    answered_from,
    answered_to,
    weighted,
    raked,
    trim,
    trimmed,
    effect_final AS design_effect
FROM surveys
WHERE business_id = {business:String}
ORDER BY answered_to DESC, survey_id
