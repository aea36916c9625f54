-- promise_engagement: days at risk and what happened on them, by promised frequency, prior engagement, market and group of contacts.
-- grain:   one row per (business_id, promised_frequency, market, prior_group, contact_group), and one of each promise, group and market `*`, prior_group 4
-- reads:   person_days (one row per contact and day), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of person-days, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), promised_frequency String, market String, prior_group UInt8, contact_group UInt8,
--          contacts Array(UInt64), days Array(UInt64), outcomes Array(UInt64)
-- units:   arrays are by outcome: open, click, reply, any, opt_out; prior_group 0 is none, 1 to 3 the thirds of the business's person-days with
--          any engagement before; days whose prior engagement is not known are in no row. Rates and intervals are computed in Go
WITH
-- shared: loaded
-- shared: measured_days
-- shared: thirds
measured AS
(
    SELECT business_id, channel, arrayMap(o -> bitTest(told, o), range(5)) AS told FROM measured_days
),
per_contact AS
(
    SELECT
        p.business_id AS business_id, toString(p.promised_frequency) AS promise, toString(p.market) AS own_market,
        toUInt8(multiIf(p.prior_engaged = 0, 0, p.prior_engaged <= t.cuts[1], 1, p.prior_engaged <= t.cuts[2], 2, 3)) AS prior,
        p.contact_id AS contact_id,
        sumForEach(arrayMap(x -> toUInt64(x), m.told)) AS n,
        sumForEach(arrayMap((x, y) -> toUInt64(x AND y), m.told,
            [p.opened > 0, p.clicked > 0, p.replied > 0, p.opened + p.clicked + p.replied > 0, p.opted_out = 1])) AS y
    FROM person_days AS p
    INNER JOIN measured AS m ON m.business_id = p.business_id AND m.channel = p.channel
    LEFT JOIN thirds AS t ON t.business_id = p.business_id
    WHERE p.day >= toDate({from:DateTime64(3, 'UTC')})
      AND p.day < toDate({to:DateTime64(3, 'UTC')})
      AND p.prior_engaged IS NOT NULL
    GROUP BY business_id, promise, own_market, prior, contact_id
),
cells AS
(
    SELECT business_id, promise, own_market, prior, contact_id, n, y FROM per_contact
    UNION ALL
    SELECT business_id, promise, '*', 4, contact_id, sumForEach(n), sumForEach(y)
    FROM per_contact
    GROUP BY business_id, promise, contact_id
)
SELECT
    c.business_id AS business_id,
    v.loaded_to   AS cutoff,
    c.promise     AS promised_frequency,
    c.own_market  AS market,
    toUInt8(c.prior) AS prior_group,
    toUInt8(cityHash64(c.contact_id) % 200) AS contact_group,
    sumForEach(arrayMap(x -> toUInt64(x > 0), c.n)) AS contacts,
    sumForEach(c.n) AS days,
    sumForEach(c.y) AS outcomes
FROM cells AS c
INNER JOIN loaded AS v ON v.business_id = c.business_id
GROUP BY business_id, cutoff, promised_frequency, market, prior_group, contact_group
ORDER BY business_id, promised_frequency, market, prior_group, contact_group
