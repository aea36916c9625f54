-- assigned: the contacts of businesses with a randomised test, with their arm and what happened on their days. What follows
-- `-- shared: assigned` in a model, behind `loaded`; one row per (business_id, contact_id), own_arm empty or `several` where there is no one arm.
--
-- A contact's days run from the first day on which any contact of the business had an arm, or its own first day at risk if that is later, to the
-- end of the window, whether it left or not; known_on is the first on which its own arm was known: had it left before, it would be in no arm.
days AS
(
    SELECT *
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
),
tests AS
(
    SELECT
        t.business_id AS business_id, t.began AS began, v.loaded_to AS loaded_to,
        least(toDate({to:DateTime64(3, 'UTC')}), toDate(v.loaded_to)) AS ends -- the day after the last one
    FROM (SELECT business_id, min(day) AS began FROM days WHERE arm != '' GROUP BY business_id) AS t
    INNER JOIN loaded AS v ON v.business_id = t.business_id
),
assigned AS
(
    SELECT
        d.business_id AS business_id, d.contact_id AS contact_id, any(t.loaded_to) AS cut_at, any(t.ends) AS own_end,
        argMax(d.arm, d.day) AS own_arm,
        min(d.day)                 AS first_on,
        minIf(d.day, d.arm != '')  AS known_on,
        toUInt64(own_end - first_on) AS days_n,
        toUInt64(own_end - known_on) AS known_days_n,
        countIf(d.arm != '')                      AS risk_days_n, -- of the latter, those at risk
        countIf(d.arm != '' AND d.opted_out = 1)  AS opt_outs_n,
        sum(d.sent)                               AS sent_n,
        countIf(d.opened > 0)                     AS opened_days,
        countIf(d.clicked > 0)                    AS clicked_days,
        countIf(d.replied > 0)                    AS replied_days,
        countIf(d.opened + d.clicked + d.replied > 0) AS engaged_days
    FROM days AS d
    INNER JOIN tests AS t ON t.business_id = d.business_id
    WHERE d.day >= t.began
    GROUP BY business_id, contact_id
),
