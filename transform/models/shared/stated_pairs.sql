frequency_window AS
(
    SELECT business_id, argMax((window_from, window_to), (window_to, -toInt32(window_from))) AS days FROM contact_frequency GROUP BY business_id
),
pain_window AS
(
    SELECT business_id, argMax((window_from, window_to), (window_to, -toInt32(window_from))) AS days FROM pain_contacts GROUP BY business_id
),
joined AS
(
    SELECT
        r.business_id AS business_id, r.survey_id AS survey_id, r.respondent_id AS respondent_id, assumeNotNull(r.contact_id) AS contact_id,
        s.synthetic AS synthetic, toMonday(s.answered_to + 7) AS end_week
    FROM survey_respondents AS r
    INNER JOIN surveys AS s ON s.business_id = r.business_id AND s.survey_id = r.survey_id
    WHERE r.contact_id IS NOT NULL
),
questions AS
(
    SELECT *, count() OVER (PARTITION BY business_id, survey_id, question_id) AS categories
    FROM survey_questions
    WHERE measures = 'frequency' AND type IN ('single', 'scale') OR pain != ''
),
frequencies AS
(
    SELECT
        j.business_id AS business_id, j.survey_id AS survey_id, 'frequency' AS subject,
        q.option_label AS stated, q.option_position AS stated_position, o.option_label AS observed, o.option_position AS observed_position,
        j.synthetic AS synthetic
    FROM joined AS j
    INNER JOIN survey_answers AS a ON a.business_id = j.business_id AND a.survey_id = j.survey_id AND a.respondent_id = j.respondent_id
    INNER JOIN questions AS q ON q.business_id = a.business_id AND q.survey_id = a.survey_id AND q.question_id = a.question_id AND q.option = a.options[1]
    INNER JOIN contact_frequency AS c ON c.business_id = j.business_id AND c.contact_id = j.contact_id
    INNER JOIN frequency_window AS w ON w.business_id = c.business_id AND w.days = (c.window_from, c.window_to)
    INNER JOIN questions AS o ON o.business_id = q.business_id AND o.survey_id = q.survey_id AND o.question_id = q.question_id AND lower(o.option_label) = c.category
    WHERE q.measures = 'frequency' AND length(a.options) = 1
      AND (a.business_id, a.survey_id, a.question_id) IN (SELECT business_id, survey_id, question_id FROM questions)
),
lived AS
(
    SELECT
        j.business_id AS business_id, j.survey_id AS survey_id, j.respondent_id AS respondent_id, any(j.synthetic) AS synthetic, p.week AS week,
        j.end_week AS end_week, sumMap(p.at_risk) AS at_risk, sumMap(p.hits) AS hits
    FROM joined AS j
    INNER JOIN pain_contacts AS p ON p.business_id = j.business_id AND p.contact_id = j.contact_id
    INNER JOIN pain_window AS w ON w.business_id = p.business_id AND w.days = (p.window_from, p.window_to)
    GROUP BY business_id, survey_id, respondent_id, week, end_week
),
pains AS
(
    SELECT
        a.business_id AS business_id, a.survey_id AS survey_id, q.pain AS subject,
        has(a.options, q.option) AS is_named, countIf(l.hits[q.pain] > 0) > 0 AS is_hit, any(l.synthetic) AS synthetic
    FROM survey_answers AS a
    INNER JOIN questions AS q ON q.business_id = a.business_id AND q.survey_id = a.survey_id AND q.question_id = a.question_id
    INNER JOIN lived AS l ON l.business_id = a.business_id AND l.survey_id = a.survey_id AND l.respondent_id = a.respondent_id
    WHERE q.pain != '' AND a.answered AND l.at_risk[q.pain] > 0
      AND (a.business_id, a.survey_id, a.question_id) IN (SELECT business_id, survey_id, question_id FROM questions)
      AND l.week < l.end_week AND l.week >= l.end_week - 7 * intDiv(if(q.recall_days = 0, 28, q.recall_days) + 6, 7)
    GROUP BY business_id, survey_id, subject, a.respondent_id, q.option, is_named
)
SELECT
    business_id, survey_id, c.loaded_to AS cutoff, subject, stated, stated_position, observed, observed_position, respondents, synthetic
FROM
(
    SELECT
        business_id, survey_id, toString(subject) AS subject, toString(stated) AS stated, toUInt16(stated_position) AS stated_position,
        toString(observed) AS observed, toUInt16(observed_position) AS observed_position, count() AS respondents, max(synthetic) AS synthetic
    FROM frequencies
    GROUP BY business_id, survey_id, subject, stated, stated_position, observed, observed_position
    UNION ALL
    SELECT
        business_id, survey_id, toString(subject), if(is_named, 'named', 'not named'), toUInt16(if(is_named, 1, 2)),
        if(is_hit, 'hit', 'not hit'), toUInt16(if(is_hit, 1, 2)), count(), max(synthetic)
    FROM pains
    GROUP BY business_id, survey_id, subject, is_named, is_hit
) AS p
LEFT JOIN loaded AS c ON c.business_id = p.business_id
ORDER BY business_id, survey_id, subject, stated_position, observed_position
