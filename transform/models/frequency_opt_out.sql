-- frequency_opt_out: the hazard of opting out by the dose of the week before, as sufficient statistics of a clustered rate.
-- grain:   one row per (business_id, market, dose bin); `all` is every market together
-- reads:   person_days (one row per contact and day), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) of person-days, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), market String, dose_from UInt16, dose_to UInt16,
--          contacts UInt64, person_days UInt64, opt_outs UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   person-days at risk, whole UTC days; sums are over contacts, of products of person-days and opt-outs;
--          dose_to 65535 is no upper end. Rate and interval are computed from these in Go
WITH
-- shared: loaded
per_contact AS
(
    SELECT
        cityHash64(business_id, contact_id) AS contact, -- a number takes less time than names
        toUInt8(multiIf(dose <= 5, dose, dose <= 7, 6, dose <= 10, 8, 11)) AS bin,
        any(business_id) AS business,
        any(market)      AS own_market,
        count()          AS days_n,
        sum(opted_out)   AS days_y
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY contact, bin
),
-- A contact has one market: the sums of all markets add up to those of all.
by_market AS
(
    SELECT
        business, own_market, bin,
        count() AS contacts, sum(days_n) AS n, sum(days_y) AS y,
        sum(days_n * days_n) AS nn, sum(days_y * days_y) AS yy, sum(days_n * days_y) AS ny
    FROM per_contact
    GROUP BY business, own_market, bin
)
SELECT
    p.business    AS business_id,
    c.loaded_to   AS cutoff,
    of_market     AS market,
    toUInt16(bin) AS dose_from,
    toUInt16(multiIf(bin <= 5, bin, bin = 6, 7, bin = 8, 10, 65535)) AS dose_to,
    sum(p.contacts) AS contacts,
    sum(n)        AS person_days,
    sum(y)        AS opt_outs,
    sum(nn)       AS sum_nn,
    sum(yy)       AS sum_yy,
    sum(ny)       AS sum_ny
FROM by_market AS p
ARRAY JOIN [own_market, 'all'] AS of_market
INNER JOIN loaded AS c ON c.business_id = p.business
GROUP BY p.business, c.loaded_to, of_market, bin
ORDER BY business_id, market, dose_from
