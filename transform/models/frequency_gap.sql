-- frequency_gap: open, click, reply and opt-out per message by the hours since the contact's previous proactive message.
-- grain:   one row per (business_id, dimension, segment, outcome, exposure bin or every exposure, gap)
-- reads:   messages (one row per message, so nothing to deduplicate), message_facts (a minimum: copies do no harm), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, outcome String,
--          exposure_from UInt16, exposure_to UInt16, gap String, gap_from UInt16, identification String, contacts UInt64,
--          messages UInt64, outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   gap in hours, its lower end included; the previous message is on any channel and not known to have failed;
--          exposure 0 to 65535 is every exposure; messages and outcomes as in frequency_engagement. Rate and interval are
--          computed from these in Go
WITH
-- shared: rated
histories AS
(
    SELECT
        business_id,
        contact_id,
        max(loaded_to) AS cut_at,
        arraySort(groupArray((toUnixTimestamp64Milli(sent), message_id, toString(own_channel), toString(own_market), bin,
            open_n, open_y, click_n, click_y, reply_n, reply_y, opt_out_n, opt_out_y))) AS history
    FROM rated
    GROUP BY business_id, contact_id
    HAVING max(in_base)
),
earliest AS
(
    SELECT business_id, contact_id, toUnixTimestamp64Milli(min(assumeNotNull(sent_at))) AS first_ms
    FROM message_facts
    WHERE sent_at IS NOT NULL
      AND (business_id, contact_id, message_id) NOT IN (SELECT business_id, contact_id, message_id FROM message_facts WHERE is_test = 1)
    GROUP BY business_id, contact_id
),
gaps AS
(
    SELECT
        h.business_id AS business_id, h.contact_id AS contact_id, h.cut_at AS cut_at,
        m.3 AS own_channel, m.4 AS own_market, m.5 AS bin,
        [('open', m.6, m.7), ('click', m.8, m.9), ('reply', m.10, m.11), ('opt_out', m.12, m.13)] AS rates,
        -- In the 7 days of exposure a previous message is in the history; whether one came before them the facts tell.
        multiIf(bin = 1 AND m.1 = e.first_ms, 65535,
                bin = 1, 168,
                arrayLast(x -> x <= intDiv(m.1 - before, 3600000), [0, 1, 3, 6, 12, 24, 48, 72])) AS of_gap
    FROM histories AS h
    ARRAY JOIN history AS m, arrayPushFront(arrayPopBack(arrayMap(x -> x.1, history)), 0) AS before
    LEFT JOIN earliest AS e ON e.business_id = h.business_id AND e.contact_id = h.contact_id
    WHERE m.6 OR m.8 OR m.10 OR m.12
),
per_contact AS
(
    SELECT
        business_id,
        max(cut_at) AS cutoff_at,
        slice,
        of_bin,
        of_gap,
        contact_id,
        rate.1 AS of_outcome,
        sum(rate.2) AS n,
        sum(rate.3) AS y
    FROM gaps
    ARRAY JOIN rates AS rate
    ARRAY JOIN [('all', ''), ('channel', own_channel), ('market', own_market)] AS slice
    ARRAY JOIN [0, bin] AS of_bin
    WHERE rate.2
    GROUP BY business_id, slice, of_bin, of_gap, contact_id, of_outcome
)
SELECT
    business_id,
    max(cutoff_at)   AS cutoff,
    slice.1          AS dimension,
    slice.2          AS segment,
    of_outcome       AS outcome,
    toUInt16(of_bin) AS exposure_from,
    toUInt16(multiIf(of_bin = 0, 65535, of_bin <= 5, of_bin, of_bin = 6, 7, of_bin = 8, 10, 65535)) AS exposure_to,
    transform(of_gap, [0, 1, 3, 6, 12, 24, 48, 72, 168, 65535],
              ['0-1', '1-3', '3-6', '6-12', '12-24', '24-48', '48-72', '72-168', '168+', 'first'], '') AS gap,
    toUInt16(of_gap) AS gap_from,
    'crude'          AS identification,
    count()          AS contacts,
    sum(n)           AS messages,
    sum(y)           AS outcomes,
    sum(n * n)       AS sum_nn,
    sum(y * y)       AS sum_yy,
    sum(n * y)       AS sum_ny
FROM per_contact
GROUP BY business_id, slice, of_bin, of_gap, of_outcome
ORDER BY business_id, dimension, segment, outcome, exposure_from, exposure_to, gap_from
