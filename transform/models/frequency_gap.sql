-- frequency_gap: open, click, reply and opt-out per message by the hours since the contact's previous proactive message.
-- grain:   one row per (business_id, dimension, segment, pooled, outcome, exposure bin or every exposure, gap)
-- reads:   messages (one row per message, so nothing to deduplicate), message_facts (a minimum: copies do no harm), contact_facts
--          (FINAL: unique by key), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, pooled UInt32, outcome String,
--          exposure_from UInt16, exposure_to UInt16, gap String, gap_from UInt16, identification String, contacts UInt64,
--          messages UInt64, outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   gap in hours, its lower end included; the previous message is on any channel and not known to have failed;
--          exposure 0 to 65535 is every exposure; messages and outcomes as in frequency_engagement; pooled counts
--          the segments of the row `other`. Rate and interval are computed from these in Go
WITH
-- shared: loaded
-- shared: told
-- shared: segment_ranks
segment_names AS (SELECT DISTINCT told_as, business_id, dimension, segment, pooled FROM segment_ranks),
-- The message before it, of those in the 7 days before the window too.
spaced AS
(
    SELECT
        contact, bin, rates, numbers,
        toUnixTimestamp64Milli(sent) AS sent_ms,
        lagInFrame(sent_ms, 1, 0) OVER (PARTITION BY business_id, contact_id ORDER BY sent, message_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before_ms
    FROM told
    WHERE contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
earliest AS
(
    SELECT cityHash64(business_id, contact_id) AS contact, toUnixTimestamp64Milli(min(assumeNotNull(sent_at))) AS first_ms
    FROM message_facts
    WHERE sent_at IS NOT NULL
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND (business_id, contact_id, message_id) NOT IN
      (
          SELECT business_id, contact_id, message_id FROM message_facts
          WHERE is_test = 1 AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      )
    GROUP BY contact
),
placed AS
(
    SELECT
        s.contact AS contact, numbers, rates,
        -- In the 7 days of exposure a previous message is in the history; whether one came before them the facts tell.
        intDiv(s.sent_ms - s.before_ms, 3600000) AS hours,
        multiIf(bin = 1 AND s.sent_ms = e.first_ms, 10, bin = 1, 9, hours < 1, 1, hours < 3, 2, hours < 6, 3, hours < 12, 4,
            hours < 24, 5, hours < 48, 6, hours < 72, 7, 8) AS of_gap,
        [of_gap, 16 * bin + of_gap] AS cells
    FROM spaced AS s
    LEFT JOIN earliest AS e ON e.contact = s.contact
),
-- shared: contact_cells
-- shared: cell_sums
SELECT
    g.business_id      AS business_id,
    any(l.loaded_to)   AS cutoff, -- the same for the whole business
    g.dimension        AS dimension,
    g.segment          AS segment,
    g.pooled           AS pooled,
    ['open', 'click', 'reply', 'opt_out'][s.of_outcome] AS outcome,
    toUInt16(intDiv(s.cell, 16) AS of_bin) AS exposure_from,
    toUInt16(multiIf(of_bin = 0, 65535, of_bin <= 5, of_bin, of_bin = 6, 7, of_bin = 8, 10, 65535)) AS exposure_to,
    ['0-1', '1-3', '3-6', '6-12', '12-24', '24-48', '48-72', '72-168', '168+', 'first'][s.cell % 16] AS gap,
    toUInt16([0, 1, 3, 6, 12, 24, 48, 72, 168, 65535][s.cell % 16]) AS gap_from,
-- shared: segment_rows
