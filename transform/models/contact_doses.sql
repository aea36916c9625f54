-- contact_doses: what each contact got and did, by exposure of the messages and by dose of the days.
-- grain:   one row per (business_id, contact_id) with a person-day in the window
-- reads:   messages (one row per message), person_days (one row per contact and day), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of sent days and person-days, whole UTC days;
--          first_contact, last_contact UUID: the contacts of one pass, both included
-- returns: the columns of contact_doses, in its order
-- units:   arrays count messages, person-days and opt-outs, in the order that the table's comments state
WITH
-- shared: rated
-- shared: thirds
by_message AS
(
    SELECT
        business_id, contact_id,
        groupArrayIf(place, open_n)  AS opens_n,   groupArrayIf(place, open_y)  AS opens_y,
        groupArrayIf(place, click_n) AS clicks_n,  groupArrayIf(place, click_y) AS clicks_y,
        groupArrayIf(place, reply_n) AS replies_n, groupArrayIf(place, reply_y) AS replies_y
    FROM (SELECT *, toUInt8(indexOf([1, 2, 3, 4, 5, 6, 8, 11], bin)) AS place FROM rated WHERE in_base AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID})
    GROUP BY business_id, contact_id
),
placed AS
(
    SELECT
        d.business_id AS business_id, d.contact_id AS contact_id, d.market AS own_market, d.channel AS own_channel,
        d.opted_out AS leaves, toUInt64(d.dose) AS own_dose,
        toUInt8(least(d.dose, 11)) AS capped_dose,
        ifNull(multiIf(d.prior_engaged = 0, 1, d.prior_engaged <= t.cuts[1], 2, d.prior_engaged <= t.cuts[2], 3, d.prior_engaged > 0, 4, 0), 0) AS prior,
        toUInt8(prior * 9 + multiIf(d.dose <= 5, d.dose, d.dose <= 7, 6, d.dose <= 10, 7, 8)) AS cell
    FROM person_days AS d
    LEFT JOIN thirds AS t ON t.business_id = d.business_id
    WHERE d.day >= toDate({from:DateTime64(3, 'UTC')})
      AND d.day < toDate({to:DateTime64(3, 'UTC')})
      AND d.contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
by_day AS
(
    SELECT
        business_id, contact_id,
        max(own_market)  AS known_market, -- one per contact
        max(own_channel) AS known_channel,
        groupArray(capped_dose)              AS dosed,
        sumIf(own_dose, capped_dose = 11)    AS high_doses,
        groupArray(cell)                     AS cells,
        groupArrayIf(cell, leaves = 1)       AS left_cells
    FROM placed
    GROUP BY business_id, contact_id
),
loaded AS (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id)
SELECT
    d.business_id                              AS business_id,
    toDate({from:DateTime64(3, 'UTC')})        AS window_from,
    toDate({to:DateTime64(3, 'UTC')})          AS window_to,
    l.loaded_to                                AS cutoff,

    d.contact_id                               AS contact_id,
    d.known_market                             AS market,
    d.known_channel                            AS channel,

    arrayMap(k -> countEqual(m.opens_n, k), range(1, 9))   AS open_n,
    arrayMap(k -> countEqual(m.opens_y, k), range(1, 9))   AS open_y,
    arrayMap(k -> countEqual(m.clicks_n, k), range(1, 9))  AS click_n,
    arrayMap(k -> countEqual(m.clicks_y, k), range(1, 9))  AS click_y,
    arrayMap(k -> countEqual(m.replies_n, k), range(1, 9)) AS reply_n,
    arrayMap(k -> countEqual(m.replies_y, k), range(1, 9)) AS reply_y,

    arrayMap(k -> countEqual(d.dosed, k), range(0, 12))      AS days,
    d.high_doses                                             AS doses,
    arrayMap(k -> countEqual(d.cells, k), range(0, 45))      AS stratum_days,
    arrayMap(k -> countEqual(d.left_cells, k), range(0, 45)) AS stratum_opt_outs
FROM by_day AS d
INNER JOIN loaded AS l ON l.business_id = d.business_id
LEFT JOIN by_message AS m ON m.business_id = d.business_id AND m.contact_id = d.contact_id
