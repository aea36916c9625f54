-- frequency_segments: open, click, reply and opt-out per message by trailing exposure, for each segment of each dimension.
-- grain:   one row per (business_id, dimension, segment, pooled, outcome, exposure bin)
-- reads:   messages (one row per message, so nothing to deduplicate), contact_facts (FINAL: unique by key), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, pooled UInt32, outcome String,
--          exposure_from UInt16, exposure_to UInt16, identification String, contacts UInt64, messages UInt64,
--          outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   as frequency_engagement, whose messages and outcomes these are; pooled counts the segments of the row `other`.
--          Rate and interval are computed from these in Go
WITH
-- shared: loaded
-- shared: told
-- shared: segment_ranks
segment_names AS (SELECT DISTINCT told_as, business_id, dimension, segment, pooled FROM segment_ranks),
placed AS
(
    SELECT contact, numbers, rates, [bin] AS cells
    FROM told
    WHERE contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
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
    toUInt16(s.cell) AS exposure_from,
    toUInt16(multiIf(s.cell <= 5, s.cell, s.cell = 6, 7, s.cell = 8, 10, 65535)) AS exposure_to,
-- shared: segment_rows
