-- contact_doses: what each contact got and did, by exposure of the messages and by dose of the days.
-- grain:   one row per (business_id, contact_id) with a person-day in the window
-- reads:   messages (one row per message), person_days (one row per contact and day), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of sent days and person-days, whole UTC days;
--          first_contact, last_contact UUID: the contacts of one pass, both included
-- returns: the columns of contact_doses, in its order
-- units:   arrays count messages, person-days and opt-outs, in the order that the table's comments state
WITH
-- shared: loaded
-- shared: rated
-- shared: thirds
told AS
(
    SELECT *, cityHash64(business_id) AS business, -- numbers take less time than names
        toUInt8(indexOf([1, 2, 3, 4, 5, 6, 8, 11], bin)) AS place
    FROM rated
    WHERE in_base AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- Whoever looks into a chat opens all that waits there: that is one engagement. It is the earliest message's, because an exposure tells what was sent
-- before: were it the latest's, what comes after a message would decide on it, and a look would seem as likely at every exposure.
looks AS
(
    SELECT contact_id, business, countResample(1, 9, 1)(of_place) AS looks_y, toUInt32(sum(messages)) AS all_opened
    FROM
    (
        SELECT contact_id, business, argMin(place, (sent, message_id)) AS of_place, count() AS messages
        FROM told
        WHERE open_y
        GROUP BY contact_id, business, own_channel, opened_minute
    )
    GROUP BY contact_id, business
),
by_message AS
(
    SELECT
        contact_id, business,
        countIfResample(1, 9, 1)(open_n, place)  AS opens_n,
        countIfResample(1, 9, 1)(click_n, place) AS clicks_n,  countIfResample(1, 9, 1)(click_y, place) AS clicks_y,
        countIfResample(1, 9, 1)(reply_n, place) AS replies_n, countIfResample(1, 9, 1)(reply_y, place) AS replies_y
    FROM told
    GROUP BY contact_id, business
),
placed AS
(
    SELECT
        d.business_id AS business_id, d.contact_id AS contact_id, d.market AS own_market, d.channel AS own_channel, d.promised_frequency AS own_promise,
        d.day AS own_day, d.opted_out AS leaves, d.dose AS own_dose, d.dose = 0 AND d.sent = 0 AS is_quiet,
        toUInt8(least(d.dose, 11)) AS capped_dose,
        ifNull(multiIf(d.prior_engaged = 0, 1, d.prior_engaged <= t.first_cut, 2, d.prior_engaged <= t.second_cut, 3, d.prior_engaged > 0, 4, 0), 0) AS prior,
        toUInt8(prior * 9 + multiIf(d.dose <= 5, d.dose, d.dose <= 7, 6, d.dose <= 10, 7, 8)) AS cell
    FROM person_days AS d
    LEFT JOIN (SELECT business_id, cuts[1] AS first_cut, cuts[2] AS second_cut FROM thirds) AS t ON t.business_id = d.business_id
    WHERE d.day >= toDate({from:DateTime64(3, 'UTC')})
      AND d.day < toDate({to:DateTime64(3, 'UTC')})
      AND d.contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
by_day AS
(
    SELECT
        contact_id, cityHash64(business_id) AS business,
        any(business_id)                              AS own_business,
        max(own_market)                               AS known_market, -- one per contact
        max(own_channel)                              AS known_channel,
        argMin(own_promise, own_day)                  AS known_promise, -- of the first day: that of several takes time to become
        countResample(0, 12, 1)(capped_dose)          AS days,
        sumIf(own_dose, capped_dose = 11)             AS high_doses,
        countResample(0, 45, 1)(cell)                 AS stratum_days,
        countIfResample(0, 45, 1)(leaves = 1, cell)   AS stratum_opt_outs,
        countIfResample(0, 5, 1)(is_quiet, prior)     AS quiet_days,
        countIfResample(0, 5, 1)(is_quiet AND leaves = 1, prior) AS quiet_opt_outs
    FROM placed
    GROUP BY contact_id, business
)
SELECT
    d.own_business                             AS business_id,
    toDate({from:DateTime64(3, 'UTC')})        AS window_from,
    toDate({to:DateTime64(3, 'UTC')})          AS window_to,
    l.loaded_to                                AS cutoff,

    d.contact_id                               AS contact_id,
    d.known_market                             AS market,
    d.known_channel                            AS channel,
    d.known_promise                            AS promised_frequency,

    arrayResize(m.opens_n, 8)                  AS open_n, -- also of a contact without messages
    arrayResize(k.looks_y, 8)                  AS open_y,
    arrayResize(m.clicks_n, 8)                 AS click_n,
    arrayResize(m.clicks_y, 8)                 AS click_y,
    arrayResize(m.replies_n, 8)                AS reply_n,
    arrayResize(m.replies_y, 8)                AS reply_y,

    d.days                                     AS days,
    d.high_doses                               AS doses,
    d.stratum_days                             AS stratum_days,
    d.stratum_opt_outs                         AS stratum_opt_outs,

    k.all_opened                               AS opened,
    d.quiet_days                               AS quiet_days,
    d.quiet_opt_outs                           AS quiet_opt_outs
FROM by_day AS d
INNER JOIN loaded AS l ON l.business_id = d.own_business
LEFT JOIN by_message AS m ON m.contact_id = d.contact_id AND m.business = d.business
LEFT JOIN looks AS k ON k.contact_id = d.contact_id AND k.business = d.business
