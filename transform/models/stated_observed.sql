-- stated_observed: what people say bothers them, beside how many of the log it happened to.
-- grain:   one row per (business_id, survey_id, dimension, segment, pain, label)
-- reads:   surveys, survey_questions, survey_estimates, pain_contacts (the window that ends last; nothing to deduplicate)
-- params:  none: all surveys
-- returns: business_id String, survey_id String, window_from Date, window_to Date, cutoff DateTime64(3, 'UTC'), dimension String, segment String,
--          pain String, label String, stated_population String, recall_days UInt16, base_n Nullable(UInt64), stated Nullable(Float64),
--          stated_std_error Nullable(Float64), stated_lower Nullable(Float64), stated_upper Nullable(Float64), contacts UInt64, hit UInt64,
--          stated_why String, synthetic UInt8
-- units:   stated is a ratio in [0,1] of respondents, contacts and hit are contacts. The days of the log are the whole ISO weeks, as many
--          as the question asks about, before the first Monday after the last answer
WITH
named AS
(
    SELECT
        e.business_id AS business_id, e.survey_id AS survey_id, e.dimension AS dimension, e.segment AS segment, e.pain AS pain, e.label AS label,
        s.population AS population, q.recall AS recall, e.base_n AS base_n, e.value AS value, e.std_error AS std_error,
        e.lower AS lower, e.upper AS upper, e.why AS stated_why, e.synthetic AS synthetic,
        toMonday(s.answered_to + 7)                                          AS end_week,
        end_week - 7 * intDiv(if(q.recall = 0, 28, q.recall) + 6, 7)         AS first_week
    FROM survey_estimates AS e
    INNER JOIN surveys AS s ON s.business_id = e.business_id AND s.survey_id = e.survey_id
    INNER JOIN
    (
        SELECT business_id, survey_id, question_id, max(recall_days) AS recall FROM survey_questions GROUP BY business_id, survey_id, question_id
    ) AS q ON q.business_id = e.business_id AND q.survey_id = e.survey_id AND q.question_id = e.question_id
    WHERE e.measures = 'pains' AND e.statistic = 'share' AND e.pain != '' AND e.dimension IN ('all', 'market')
),
latest AS
(
    SELECT business_id, argMax((window_from, window_to), (window_to, -toInt32(window_from))) AS days, max(cutoff) AS loaded_to
    FROM pain_contacts
    GROUP BY business_id
),
lived AS
(
    SELECT
        p.business_id AS business_id, n.survey_id AS survey_id, n.first_week AS first_week, slice, p.contact_id AS contact_id,
        sumMap(p.at_risk) AS at_risk, sumMap(p.hits) AS hits
    FROM pain_contacts AS p
    INNER JOIN latest AS l ON l.business_id = p.business_id
    INNER JOIN (SELECT DISTINCT business_id, survey_id, first_week, end_week FROM named) AS n ON n.business_id = p.business_id
    ARRAY JOIN [('all', ''), ('market', toString(p.market))] AS slice
    WHERE (p.window_from, p.window_to) = l.days AND p.week >= n.first_week AND p.week < n.end_week
    GROUP BY business_id, survey_id, first_week, slice, contact_id
),
observed AS
(
    SELECT business_id, survey_id, first_week, slice, risk.1 AS pain, count() AS contacts, countIf(hits[risk.1] > 0) AS hit
    FROM lived
    ARRAY JOIN CAST(at_risk, 'Array(Tuple(String, UInt64))') AS risk
    WHERE risk.2 > 0
    GROUP BY business_id, survey_id, first_week, slice, pain
)
SELECT
    n.business_id         AS business_id,
    n.survey_id           AS survey_id,
    n.first_week          AS window_from,
    n.end_week            AS window_to,
    l.loaded_to           AS cutoff,
    n.dimension           AS dimension,
    n.segment             AS segment,
    n.pain                AS pain,
    n.label               AS label,
    n.population          AS stated_population,
    n.recall              AS recall_days,
    n.base_n              AS base_n,
    n.value               AS stated,
    n.std_error           AS stated_std_error,
    n.lower               AS stated_lower,
    n.upper               AS stated_upper,
    o.contacts            AS contacts,
    o.hit                 AS hit,
    n.stated_why          AS stated_why,
    n.synthetic           AS synthetic
FROM named AS n
LEFT JOIN latest AS l ON l.business_id = n.business_id
LEFT JOIN observed AS o ON o.business_id = n.business_id AND o.survey_id = n.survey_id AND o.first_week = n.first_week
    AND o.slice = (n.dimension, if(n.dimension = 'all', '', n.segment)) AND o.pain = n.pain
ORDER BY business_id, survey_id, dimension, segment, pain, label
