-- send_window_shares: in which window were messages sent?
-- grain:   one row per (business_id, dimension, segment, state)
-- reads:   send_windows (of the same run)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, state String, failed UInt64,
--          contacts UInt64, messages UInt64, in_state UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   messages on channels that have windows, failed or not. Rate and interval are computed in Go
WITH
['standard', 'human_agent', 'free_entry_point', 'ad_entry', 'one_time_token', 'recurring_token', 'message_tag', 'paid_template', 'sponsored', 'unknown', 'none'] AS states,
per_contact AS
(
    SELECT
        business_id, max(cutoff) AS cutoff_at, slice, contact_id,
        count() AS n,
        sumForEach(arrayMap(s -> toUInt64(s = state), states))                AS y,
        sumForEach(arrayMap(s -> toUInt64(s = state AND failed = 1), states)) AS f
    FROM send_windows
    ARRAY JOIN [('all', ''), ('channel', toString(channel)), ('market', toString(market)), ('topic', toString(topic)), ('campaign', toString(campaign_id))] AS slice
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND state != 'no_window'
    GROUP BY business_id, slice, contact_id
)
SELECT
    business_id,
    max(cutoff_at)   AS cutoff,
    slice.1          AS dimension,
    slice.2          AS segment,
    states[i]        AS state,
    sum(f[i])        AS failed,
    count()          AS contacts,
    sum(n)           AS messages,
    sum(y[i])        AS in_state,
    sum(n * n)       AS sum_nn,
    sum(y[i] * y[i]) AS sum_yy,
    sum(n * y[i])    AS sum_ny
FROM per_contact
ARRAY JOIN arrayEnumerate(y) AS i
GROUP BY business_id, slice, i
HAVING in_state > 0
ORDER BY business_id, dimension, segment, state
