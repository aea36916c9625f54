-- frequency_segments: open, click, reply and opt-out per message by trailing exposure, for each segment of each dimension.
-- grain:   one row per (business_id, dimension, segment, pooled, outcome, exposure bin)
-- reads:   messages (one row per message, so nothing to deduplicate), contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, pooled UInt32, outcome String,
--          exposure_from UInt16, exposure_to UInt16, identification String, contacts UInt64, messages UInt64,
--          outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   as frequency_engagement, whose messages and outcomes these are; pooled counts the segments of the row `other`.
--          Rate and interval are computed from these in Go
WITH
-- shared: rated
-- What the contact was promised when it opted in last; asked only of those who were promised anything.
promises AS
(
    SELECT business_id, contact_id, event_time AS promised_at, max(promised_frequency) AS promised
    FROM contact_facts FINAL
    WHERE event_type = 'opt_in'
      AND is_test = 0
      AND (business_id, contact_id) IN (SELECT business_id, contact_id FROM contact_facts WHERE event_type = 'opt_in' AND promised_frequency != '')
    GROUP BY business_id, contact_id, promised_at
),
sliced AS
(
    SELECT
        r.business_id AS business_id, r.loaded_to AS loaded_to, r.contact_id AS contact_id, r.bin AS bin,
        open_n, open_y, click_n, click_y, reply_n, reply_y, opt_out_n, opt_out_y,
        [('all', ''), ('channel', toString(own_channel)), ('market', toString(own_market)), ('category', toString(own_category)),
         ('campaign', toString(own_campaign)), ('topic', toString(own_topic)),
         ('promised_frequency', if(own_promise != '', toString(own_promise), p.promised))] AS slices
    FROM rated AS r
    ASOF LEFT JOIN promises AS p
        ON p.business_id = r.business_id AND p.contact_id = r.contact_id AND p.promised_at <= r.sent
    WHERE r.in_base
),
apart AS
(
    SELECT * EXCEPT (slices), slice
    FROM sliced
    ARRAY JOIN slices AS slice
),
ranked AS
(
    SELECT
        business_id, slice,
        row_number() OVER (PARTITION BY business_id, slice.1 ORDER BY count() DESC, slice.2) AS place,
        count() OVER (PARTITION BY business_id, slice.1) AS segments
    FROM apart
    GROUP BY business_id, slice
),
per_contact AS
(
    SELECT
        s.business_id AS business_id,
        max(s.loaded_to) AS cut_at,
        s.slice.1 AS of_dimension,
        if(r.place <= 50, s.slice.2, 'other')     AS of_segment,
        if(r.place <= 50, 0, r.segments - 50)     AS of_pooled,
        s.bin AS of_bin,
        s.contact_id AS contact_id,
        [('open', sum(s.open_n), sum(s.open_y)), ('click', sum(s.click_n), sum(s.click_y)),
         ('reply', sum(s.reply_n), sum(s.reply_y)), ('opt_out', sum(s.opt_out_n), sum(s.opt_out_y))] AS sums
    FROM apart AS s
    INNER JOIN ranked AS r ON r.business_id = s.business_id AND r.slice = s.slice
    GROUP BY business_id, of_dimension, of_segment, of_pooled, of_bin, contact_id
)
SELECT
    business_id,
    max(cut_at)      AS cutoff,
    of_dimension     AS dimension,
    of_segment       AS segment,
    toUInt32(of_pooled) AS pooled,
    s.1              AS outcome,
    toUInt16(of_bin) AS exposure_from,
    toUInt16(multiIf(of_bin <= 5, of_bin, of_bin = 6, 7, of_bin = 8, 10, 65535)) AS exposure_to,
    'crude'          AS identification,
    count()          AS contacts,
    sum(s.2)         AS messages,
    sum(s.3)         AS outcomes,
    sum(s.2 * s.2)   AS sum_nn,
    sum(s.3 * s.3)   AS sum_yy,
    sum(s.2 * s.3)   AS sum_ny
FROM per_contact
ARRAY JOIN sums AS s
WHERE s.2 > 0
GROUP BY business_id, of_dimension, of_segment, of_pooled, s.1, of_bin
ORDER BY business_id, dimension, segment, pooled, outcome, exposure_from
