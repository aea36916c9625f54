-- stated_frequency: how often people say they write, beside how often contacts write.
-- grain:   one row per (business_id, survey_id, dimension, segment, question_id, option)
-- reads:   surveys, survey_estimates, conversation_frequency (the window that ends last; nothing to deduplicate)
-- params:  none: all surveys
-- returns: the columns of stated_frequency, in its order
-- units:   ratios in [0,1]; of the respondents who answered, and of the contacts known for all of the 28 days
WITH
latest AS
(
    SELECT business_id, argMax((window_from, window_to), (window_to, -toInt32(window_from))) AS days
    FROM conversation_frequency
    GROUP BY business_id
),
observed AS
(
    SELECT c.*
    FROM conversation_frequency AS c
    INNER JOIN latest AS l ON l.business_id = c.business_id
    WHERE (c.window_from, c.window_to) = l.days
)
SELECT
    e.business_id                    AS business_id,
    e.survey_id                      AS survey_id,
    toDate(o.as_of) - if(o.base = 0, 0, 28) AS window_from,
    toDate(o.as_of)                  AS window_to,
    o.cutoff                         AS cutoff,
    e.dimension                      AS dimension,
    e.segment                        AS segment,
    e.question_id                    AS question_id,
    e.option                         AS option,
    e.option_position                AS option_position,
    e.label                          AS label,
    s.population                     AS stated_population,
    'contacts of this business known for all of the 28 days' AS observed_population,
    e.base_n                         AS base_n,
    e.value                          AS stated,
    e.lower                          AS stated_lower,
    e.upper                          AS stated_upper,
    o.base                           AS contacts,
    if(o.suppressed, 0, o.contacts)  AS observed_n,
    o.share                          AS observed,
    o.lower                          AS observed_lower,
    o.upper                          AS observed_upper,
    multiIf(e.why != '', e.why, o.base = 0, 'no log of conversations, or none of this category',
        o.suppressed, 'fewer than 30 contacts or 5 in the category', '') AS why,
    e.synthetic                      AS synthetic
FROM survey_estimates AS e
INNER JOIN surveys AS s ON s.business_id = e.business_id AND s.survey_id = e.survey_id
LEFT JOIN observed AS o ON o.business_id = e.business_id AND o.dimension = e.dimension
    AND o.segment = if(e.dimension = 'all', '', e.segment) AND o.category = lower(e.label)
WHERE e.measures = 'frequency' AND e.statistic = 'share' AND e.dimension IN ('all', 'market')
