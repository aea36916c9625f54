-- pain_points: the sums behind reach, rank and excess of opt-outs of each pain.
-- grain:   one row per (business_id, dimension, segment) and set of pains that could hit a contact and did; the second statement: one row per
--          (business_id, dimension, segment, pain, stratum, contact_group)
-- reads:   pain_contacts (a run replaces its window), person_days (one row per contact and day), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to), whole UTC days; pains Array(String): in the order of the bits
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, could UInt16, did UInt16, contacts UInt64,
--          units Array(UInt64), unit_hits Array(UInt64); the second: business_id String, dimension String, segment String, pain String,
--          stratum String, contact_group UInt16, hit_n UInt64, hit_y UInt64, other_n UInt64, other_y UInt64
-- units:   could and did are bits by pain; units and unit_hits are cases and messages by pain; hit_n and other_n count contact-weeks. A stratum is
--          the contact's market, its prior engagement (unknown, none, thirds) and its dose in the week, of the Monday after it
WITH
slices AS
(
    SELECT
        business_id, contact_id, cutoff, slice,
        arraySum(arrayMap((p, i) -> if(mapContains(at_risk, p), bitShiftLeft(toUInt32(1), i - 1), 0), {pains:Array(String)}, arrayEnumerate({pains:Array(String)}))) AS can,
        arraySum(arrayMap((p, i) -> if(mapContains(hits, p), bitShiftLeft(toUInt32(1), i - 1), 0), {pains:Array(String)}, arrayEnumerate({pains:Array(String)})))    AS does,
        arrayMap(p -> toUInt64(at_risk[p]), {pains:Array(String)}) AS of_units,
        arrayMap(p -> toUInt64(hits[p]), {pains:Array(String)})    AS of_hits
    FROM pain_contacts
    ARRAY JOIN [('all', ''), ('market', toString(market)), ('channel', toString(channel)), ('week', toString(week))] AS slice
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
),
per_contact AS
(
    SELECT
        business_id, slice, contact_id, max(cutoff) AS loaded_to,
        toUInt16(groupBitOr(toUInt32(can))) AS could, toUInt16(groupBitOr(toUInt32(does))) AS did,
        sumForEach(of_units) AS own_units, sumForEach(of_hits) AS own_hits
    FROM slices
    GROUP BY business_id, slice, contact_id
)
SELECT
    business_id,
    max(loaded_to) AS cutoff,
    slice.1        AS dimension,
    slice.2        AS segment,
    could,
    did,
    count()               AS contacts,
    sumForEach(own_units) AS units,
    sumForEach(own_hits)  AS unit_hits
FROM per_contact
GROUP BY business_id, slice, could, did
ORDER BY business_id, dimension, segment, could, did
-- statement
WITH
-- shared: loaded
limits AS (SELECT business_id, least(toDate({to:DateTime64(3, 'UTC')}), toDate(loaded_to)) AS over_from FROM loaded),
-- shared: thirds
-- The week after, of those who were at risk on its Monday: it must be over.
after AS
(
    SELECT
        p.business_id AS business_id, p.contact_id AS contact_id, toMonday(p.day) - 7 AS week,
        max(p.opted_out)                            AS left_after,
        anyIf(p.prior_engaged, toDayOfWeek(p.day) = 1) AS prior,
        anyIf(p.dose, toDayOfWeek(p.day) = 1)          AS dose
    FROM person_days AS p
    INNER JOIN limits AS l ON l.business_id = p.business_id
    WHERE p.day >= toDate({from:DateTime64(3, 'UTC')})
      AND toMonday(p.day) + 7 <= l.over_from
    GROUP BY business_id, contact_id, week
    HAVING countIf(toDayOfWeek(p.day) = 1) > 0
),
weeks AS
(
    SELECT
        business_id, contact_id, week, slice, max(market) AS own_market,
        sumMap(at_risk) AS could, sumMap(hits) AS did
    FROM pain_contacts
    ARRAY JOIN [('all', ''), ('market', toString(market)), ('channel', toString(channel))] AS slice
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id, contact_id, week, slice
),
by_group AS
(
    SELECT
        w.business_id AS business_id, w.slice AS slice, pain,
        concat(toString(w.own_market), ' ',
               toString(multiIf(a.prior IS NULL, 0, a.prior = 0, 1, a.prior <= t.cuts[1], 2, a.prior <= t.cuts[2], 3, 4)), ' ',
               toString(multiIf(a.dose = 0, 0, a.dose <= 2, 1, a.dose <= 4, 2, a.dose <= 7, 3, 4))) AS stratum,
        toUInt16(cityHash64(w.contact_id) % 200)                  AS contact_group,
        countIf(mapContains(w.did, pain))                         AS hit_n,
        countIf(mapContains(w.did, pain) AND a.left_after = 1)     AS hit_y,
        countIf(NOT mapContains(w.did, pain))                     AS other_n,
        countIf(NOT mapContains(w.did, pain) AND a.left_after = 1) AS other_y
    FROM weeks AS w
    INNER JOIN after AS a ON a.business_id = w.business_id AND a.contact_id = w.contact_id AND a.week = w.week
    LEFT JOIN thirds AS t ON t.business_id = w.business_id
    ARRAY JOIN mapKeys(w.could) AS pain
    GROUP BY business_id, slice, pain, stratum, contact_group
)
SELECT
    business_id,
    slice.1 AS dimension,
    slice.2 AS segment,
    toString(pain) AS pain,
    stratum,
    contact_group,
    hit_n,
    hit_y,
    other_n,
    other_y
FROM by_group
ORDER BY business_id, dimension, segment, pain, stratum, contact_group
