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
per_contact AS
(
    SELECT
        business_id,
        arrayJoin([market, 'all']) AS of_market,
        multiIf(dose <= 5, dose, dose <= 7, 6, dose <= 10, 8, 11) AS bin,
        contact_id,
        count()        AS days_n,
        sum(opted_out) AS days_y
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY business_id, of_market, bin, contact_id
)
SELECT
    p.business_id AS business_id,
    c.loaded_to   AS cutoff,
    of_market     AS market,
    toUInt16(bin) AS dose_from,
    toUInt16(multiIf(bin <= 5, bin, bin = 6, 7, bin = 8, 10, 65535)) AS dose_to,
    count()       AS contacts,
    sum(days_n)   AS person_days,
    sum(days_y)   AS opt_outs,
    sum(days_n * days_n) AS sum_nn,
    sum(days_y * days_y) AS sum_yy,
    sum(days_n * days_y) AS sum_ny
FROM per_contact AS p
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS c ON c.business_id = p.business_id
GROUP BY p.business_id, c.loaded_to, of_market, bin
ORDER BY business_id, market, dose_from
