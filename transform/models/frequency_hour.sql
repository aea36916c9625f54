-- frequency_hour: open, click, reply and opt-out per message by the contact's local weekday and hour.
-- grain:   one row per (business_id, dimension, segment, outcome, weekday, hour)
-- reads:   messages (one row per message, so nothing to deduplicate), contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days; zones Array(String): zone names
--          in the data; markets, market_zones Array(String): main zones of markets, side by side
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, outcome String, weekday UInt8,
--          hour UInt8, identification String, zoned_contact UInt64, zoned_market UInt64, contacts UInt64, messages UInt64,
--          outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   weekday 1 is Monday; messages and outcomes as in frequency_engagement; zoned_contact and zoned_market count
--          messages. Rate and interval are computed from these in Go
WITH
-- shared: rated
-- shared: local
per_contact AS
(
    SELECT
        business_id,
        max(loaded_to) AS cut_at,
        arrayJoin([('all', ''), ('channel', toString(own_channel)), ('market', toString(own_market))]) AS slice,
        toDayOfWeek(local) AS of_weekday,
        toHour(local)      AS of_hour,
        contact_id,
        [('open', sum(open_n), sum(open_y), sum(open_n AND by_contact), sum(open_n AND by_market)),
         ('click', sum(click_n), sum(click_y), sum(click_n AND by_contact), sum(click_n AND by_market)),
         ('reply', sum(reply_n), sum(reply_y), sum(reply_n AND by_contact), sum(reply_n AND by_market)),
         ('opt_out', sum(opt_out_n), sum(opt_out_y), sum(opt_out_n AND by_contact), sum(opt_out_n AND by_market))] AS sums
    FROM zoned
    WHERE in_base
    GROUP BY business_id, slice, of_weekday, of_hour, contact_id
)
SELECT
    business_id,
    max(cut_at)    AS cutoff,
    slice.1        AS dimension,
    slice.2        AS segment,
    s.1            AS outcome,
    of_weekday     AS weekday,
    of_hour        AS hour,
    'crude'        AS identification,
    sum(s.4)       AS zoned_contact,
    sum(s.5)       AS zoned_market,
    count()        AS contacts,
    sum(s.2)       AS messages,
    sum(s.3)       AS outcomes,
    sum(s.2 * s.2) AS sum_nn,
    sum(s.3 * s.3) AS sum_yy,
    sum(s.2 * s.3) AS sum_ny
FROM per_contact
ARRAY JOIN sums AS s
WHERE s.2 > 0
GROUP BY business_id, slice, s.1, of_weekday, of_hour
ORDER BY business_id, dimension, segment, outcome, weekday, hour
