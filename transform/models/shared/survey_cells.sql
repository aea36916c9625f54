WITH
68719476736 AS heaviest
SELECT
    business_id,
    survey_id,
    markets,
    question_id,
    stratum,
    cluster,
    dimension,
    market,
    age,
    segment,
    option,
    other_option,
    s.respondents                                     AS respondents,
    toFloat64(s.weight) / heaviest                    AS weight,
    toFloat64(s.weight_squares) / heaviest / heaviest AS weight_squares
FROM survey_sums AS s
ORDER BY business_id, survey_id, question_id, stratum, cluster, dimension, market, age, segment, option, other_option
