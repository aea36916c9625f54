-- frequency_hour: open, click, reply and opt-out per message by the contact's local weekday and hour.
-- grain:   one row per (business_id, dimension, segment, pooled, outcome, weekday, hour)
-- reads:   messages (one row per message, so nothing to deduplicate), contact_facts (FINAL: unique by key), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days; zones Array(String): zone names
--          in the data; markets, market_zones Array(String): main zones of markets, side by side
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, pooled UInt32, outcome String,
--          weekday UInt8, hour UInt8, identification String, zoned_contact UInt64, zoned_market UInt64, contacts UInt64,
--          messages UInt64, outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   weekday 1 is Monday; messages and outcomes as in frequency_engagement; zoned_contact and zoned_market count
--          messages; pooled counts the segments of the row `other`. Rate and interval are computed from these in Go
WITH
-- shared: loaded
-- shared: told
-- shared: segment_ranks
rated AS (SELECT * FROM told),
-- shared: local
-- A week has 168 hours: of the dimensions with many segments only the 10 with the most messages stand under their names.
ranks AS
(
    SELECT
        business_id, dimension, told_as,
        dimension IN ('category', 'topic', 'campaign') AND place > 10                       AS joins_others,
        if(joins_others, 'other', segment)                                                  AS hour_segment,
        if(joins_others, segments - 10, pooled)                                             AS hour_pooled,
        joins_others AND told_as = cityHash64(business_id, dimension, segment)              AS is_own, -- not of a kind, nor of the others already
        if(is_own, CAST(cityHash64(business_id, dimension), 'UInt64'), told_as)             AS hour_as
    FROM segment_ranks
),
(SELECT groupArray((told_as, hour_as)) FROM ranks WHERE is_own) AS pooled_pairs,
segment_names AS (SELECT DISTINCT hour_as AS told_as, business_id, dimension, hour_segment AS segment, hour_pooled AS pooled FROM ranks),
placed AS
(
    SELECT
        contact, rates,
        arrayMap(number -> transform(number, pooled_pairs.1, pooled_pairs.2), numbers) AS numbers,
        24 * toDayOfWeek(local) + toHour(local) AS of_hour,
        multiIf(by_market, [of_hour], by_contact, [of_hour, 256 + of_hour], [of_hour, 512 + of_hour]) AS cells -- see zoned_rows
    FROM zoned
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
    toUInt8(intDiv(s.cell % 256, 24)) AS weekday,
    toUInt8(s.cell % 256 % 24)        AS hour,
-- shared: zoned_rows
