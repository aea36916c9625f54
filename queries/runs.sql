-- runs: what did the jobs last write for each window?
-- grain:   one row per (job, relation, window): its last finished run, the newest first
-- reads:   runs (one row per finished run; the latest wins)
-- params:  none
-- returns: job String, relation String, window_from Date, window_to Date, cutoff DateTime64(3, 'UTC'),
--          started_at DateTime64(3, 'UTC'), finished_at DateTime64(3, 'UTC'), rows UInt64, fingerprint UInt64
-- units:   window [window_from, window_to) in UTC days; equal fingerprints mean equal rows
SELECT
    job,
    relation,
    window_from,
    window_to,
    cutoff,
    started_at,
    finished_at,
    rows,
    fingerprint
FROM runs
ORDER BY finished_at DESC, job, relation, window_from, window_to, started_at DESC, fingerprint
LIMIT 1 BY job, relation, window_from, window_to
