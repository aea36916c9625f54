-- restatements: which runs changed figures that had been computed before, and why?
-- grain:   one row per run of a relation that wrote other rows than the run before it of the same window, or days that late events touched; the newest first
-- reads:   runs (one row per finished run)
-- params:  none
-- returns: finished_at DateTime64(3, 'UTC'), job String, relation String, window_from Date, window_to Date, why String, days UInt64,
--          first_day Nullable(Date), last_day Nullable(Date), rows UInt64, rows_before UInt64
-- units:   window [window_from, window_to) in UTC days; days counts the sent days that the run wrote, where not all (NULL first and last day
--          otherwise); at most 200 rows
SELECT
    finished_at,
    job,
    relation,
    window_from,
    window_to,
    why,
    length(restated)                                             AS days,
    if(empty(restated), NULL, arrayMin(restated))                AS first_day,
    if(empty(restated), NULL, arrayMax(restated))                AS last_day,
    rows,
    rows_before
FROM
(
    SELECT
        *,
        lagInFrame(fingerprint) OVER earlier AS fingerprint_before,
        lagInFrame(rows) OVER earlier        AS rows_before,
        row_number() OVER earlier            AS nth
    FROM runs
    WINDOW earlier AS (PARTITION BY job, relation, window_from, window_to ORDER BY finished_at, started_at, fingerprint ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
WHERE nth > 1 AND fingerprint != fingerprint_before OR notEmpty(restated)
ORDER BY finished_at DESC, job, relation, window_from, window_to, fingerprint
LIMIT 200
