-- survey_quality: which answers of a survey contradict themselves or are missing.
-- grain:   one row per (business_id, survey_id, check, question_id)
-- reads:   surveys, survey_questions, survey_respondents, survey_answers (an import replaces a survey, so nothing to deduplicate)
-- params:  business, survey String: one survey
-- returns: business_id String, survey_id String, window_from Date, window_to Date, check String, question_id String,
--          respondents UInt64, base_n UInt64
-- units:   respondents, unweighted. The base of no_answer are those who were shown the question, of straight_liner those who answered
--          three or more scales with the same categories, of speeder those whose duration is known, of categories_do_not_add_up those who answered the question,
--          of the others those who were shown it
WITH
asked AS
(
    SELECT
        question_id, any(type) AS kind, count() AS categories, groupArray(option) AS known,
        cityHash64(arraySort(groupArray((option, option_label)))) AS categories_of
    FROM survey_questions
    WHERE business_id = {business:String} AND survey_id = {survey:String}
    GROUP BY question_id
),
by_question AS
(
    SELECT a.question_id AS question_id, q.kind AS kind, a.were_shown AS were_shown, a.have_answered AS have_answered, a.missing AS missing, a.several AS several
    FROM
    (
        SELECT
            question_id,
            countIf(shown)                 AS were_shown,
            countIf(answered)              AS have_answered,
            countIf(shown AND NOT answered) AS missing,
            countIf(length(options) > 1)   AS several
        FROM survey_answers
        WHERE business_id = {business:String} AND survey_id = {survey:String}
        GROUP BY question_id
    ) AS a
    INNER JOIN asked AS q ON q.question_id = a.question_id
),
flagged AS
(
    SELECT question_id, toString(flag) AS of_flag, count() AS n
    FROM survey_answers
    ARRAY JOIN flags AS flag
    WHERE business_id = {business:String} AND survey_id = {survey:String} AND notEmpty(flags)
    GROUP BY question_id, of_flag
),
lines AS
(
    SELECT respondent_id, categories_of, count() AS scales, uniqExact(chosen) AS kinds
    FROM
    (
        SELECT a.respondent_id AS respondent_id, q.categories_of AS categories_of, a.options[1] AS chosen
        FROM survey_answers AS a
        INNER JOIN asked AS q ON q.question_id = a.question_id
        WHERE a.business_id = {business:String} AND a.survey_id = {survey:String} AND notEmpty(a.options)
          AND a.question_id IN
          (
              SELECT question_id FROM asked
              WHERE kind = 'scale' AND categories_of IN (SELECT categories_of FROM asked WHERE kind = 'scale' GROUP BY categories_of HAVING count() >= 3)
          )
    )
    GROUP BY respondent_id, categories_of
    HAVING scales >= 3
),
checks AS
(
    SELECT 'no_answer' AS of_check, question_id, missing AS n, were_shown AS base FROM by_question
    UNION ALL
    SELECT 'categories_do_not_add_up', question_id, several, have_answered FROM by_question WHERE kind IN ('single', 'scale')
    UNION ALL
    SELECT f.of_flag, f.question_id, f.n, b.were_shown FROM flagged AS f INNER JOIN by_question AS b ON b.question_id = f.question_id
    UNION ALL
    SELECT 'speeder', '', countIf(seconds < middle / 3), count(seconds)
    FROM survey_respondents
    CROSS JOIN
    (
        SELECT quantileExactInclusive(0.5)(seconds) AS middle
        FROM survey_respondents
        WHERE business_id = {business:String} AND survey_id = {survey:String}
    ) AS m
    WHERE business_id = {business:String} AND survey_id = {survey:String}
    UNION ALL
    SELECT 'straight_liner', '', uniqExactIf(respondent_id, kinds = 1), uniqExact(respondent_id) FROM lines
)
SELECT
    s.business_id                              AS business_id,
    s.survey_id                                AS survey_id,
    s.answered_from                            AS window_from,
    s.answered_to + 1                          AS window_to,
    c.of_check                                 AS check,
    c.question_id                              AS question_id,
    c.n                                        AS respondents,
    c.base                                     AS base_n
FROM checks AS c
CROSS JOIN (SELECT * FROM surveys WHERE business_id = {business:String} AND survey_id = {survey:String}) AS s
WHERE c.base > 0
ORDER BY check, question_id
