-- frequency_engagement: how engagement changes with trailing exposure, as sufficient statistics of a clustered rate.
-- grain:   one row per (business_id, channel, market, outcome, exposure bin); `all` is every channel or market together
-- reads:   messages (one row per message, so nothing to deduplicate), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), channel String, market String, outcome String,
--          exposure_from UInt16, exposure_to UInt16, contacts UInt64, messages UInt64, outcomes UInt64,
--          sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   messages are matured and in the outcome's base; sums are over contacts, of products of messages and
--          outcomes; exposure_to 65535 is no upper end. Rate and interval are computed from these in Go
WITH
-- shared: rated
-- First at the finest grain, which leaves few rows to multiply.
fine AS
(
    SELECT
        business_id, own_channel, own_market, contact_id,
        bin AS of_bin,
        any(loaded_to) AS cut_at, -- the same for the whole business
        sum(open_n)  AS opens_n,   sum(open_y)  AS opens_y,
        sum(click_n) AS clicks_n,  sum(click_y) AS clicks_y,
        sum(reply_n) AS replies_n, sum(reply_y) AS replies_y
    FROM rated
    WHERE in_base
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY business_id, own_channel, own_market, contact_id, of_bin
),
-- Then per contact at every grain, so that a contact on two channels is one cluster in `all`.
per_contact AS
(
    SELECT
        business_id,
        cut_at,
        arrayJoin([own_channel, 'all']) AS of_channel,
        arrayJoin([own_market, 'all'])  AS of_market,
        of_bin,
        contact_id,
        [('open', sum(opens_n), sum(opens_y)), ('click', sum(clicks_n), sum(clicks_y)), ('reply', sum(replies_n), sum(replies_y))] AS sums
    FROM fine
    GROUP BY business_id, cut_at, of_channel, of_market, of_bin, contact_id
)
SELECT
    business_id,
    cut_at          AS cutoff,
    of_channel      AS channel,
    of_market       AS market,
    s.1             AS outcome,
    toUInt16(of_bin) AS exposure_from,
    toUInt16(multiIf(of_bin <= 5, of_bin, of_bin = 6, 7, of_bin = 8, 10, 65535)) AS exposure_to,
    count()         AS contacts,
    sum(s.2)        AS messages,
    sum(s.3)        AS outcomes,
    sum(s.2 * s.2)  AS sum_nn,
    sum(s.3 * s.3)  AS sum_yy,
    sum(s.2 * s.3)  AS sum_ny
FROM per_contact
ARRAY JOIN sums AS s
WHERE s.2 > 0
GROUP BY business_id, cut_at, of_channel, of_market, s.1, of_bin
ORDER BY business_id, channel, market, outcome, exposure_from
