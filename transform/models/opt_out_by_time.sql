-- opt_out_by_time: who leaves when after a spell began, and why, as entries and exits by day.
-- grain:   one row per (business_id, dimension, segment, spell_day) on which a spell came into sight or went out of it
-- reads:   person_days (one row per contact and day), message_facts, contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of person-days, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, spell_day UInt16,
--          entered UInt64, ended UInt64, opt_outs UInt64, blocks UInt64, unreachable UInt64, unknown_start UInt64
-- units:   spells; `ended` on their last day in sight, the causes among them; spell_day counts from the first midnight after the
--          opt-in, or after first contact where no opt-in was told. Curves and intervals are computed in Go
--
-- Not seen from its first day on, a spell enters late: on the 7th day after first contact, when the risk begins, or when
-- the account's data or the window begin. If nobody knows when it began (entered_late), it is left out.
WITH
604800000 AS week_ms,
86400000  AS day_ms,
-- An address that does not exist, as the source tells it: Twilio's codes, and the status codes of RFC 3463 and RFC 7505. Codes that may
-- be temporary or a refusal (SMTP 550, WhatsApp 131026), and tokens that expired, say nothing about the contact.
(provider = 'twilio' AND error_code IN ('21211', '21614', '30005', '30006'))
    OR (channel = 'email' AND error_code IN ('5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10')) AS is_permanent,
suspects AS
(
    SELECT DISTINCT business_id, contact_id
    FROM message_facts
    WHERE is_permanent
),
-- Gone with the first such failure that no sign of life follows.
gone AS
(
    SELECT business_id, contact_id, toInt32(toDate(arrayFirst(t -> t > last_alive_at, arraySort(failures)))) AS gone_on
    FROM
    (
        SELECT business_id, contact_id, arrayFlatten(groupArray(failed)) AS failures, max(alive_at) AS last_alive_at
        FROM
        (
            SELECT
                business_id, contact_id,
                if(is_permanent AND failed_at IS NOT NULL, [assumeNotNull(failed_at)], []) AS failed,
                greatest(ifNull(delivered_at, toDateTime64(0, 3, 'UTC')), ifNull(opened_at, toDateTime64(0, 3, 'UTC')),
                         ifNull(clicked_at, toDateTime64(0, 3, 'UTC')), ifNull(quoted_at, toDateTime64(0, 3, 'UTC'))) AS alive_at
            FROM message_facts FINAL
            WHERE is_test = 0
              AND (business_id, contact_id) IN suspects
            UNION ALL
            SELECT business_id, contact_id, [], event_time
            FROM contact_facts FINAL
            WHERE is_test = 0
              AND (business_id, contact_id) IN suspects
        )
        GROUP BY business_id, contact_id
    )
    WHERE arrayExists(t -> t > last_alive_at, failures)
),
opt_ins AS
(
    SELECT DISTINCT business_id, contact_id, toInt32(intDiv(toUnixTimestamp64Milli(event_time) + day_ms - 1, day_ms)) AS first_day
    FROM contact_facts FINAL
    WHERE event_type = 'opt_in'
      AND is_test = 0
),
spells AS
(
    SELECT
        business_id,
        contact_id,
        spell,
        any(market)                           AS own_market,
        any(channel)                          AS own_channel,
        argMin(promised_frequency, day)       AS own_promise,
        max(entered_late)                     AS unknown,
        toInt32(min(day)) - min(spell_day)    AS first_day,
        min(spell_day)                        AS seen_from,
        max(spell_day)                        AS seen_to,
        max(opted_out)                        AS has_left,
        max(blocked)                          AS has_blocked,
        groupArrayIf((spell_day, dose), spell_day IN (0, 7)) AS first_doses
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id, contact_id, spell
),
lives AS
(
    SELECT
        s.business_id AS business_id, s.own_market AS own_market, s.own_channel AS own_channel, s.own_promise AS own_promise, s.unknown AS unknown,
        if((s.business_id, s.contact_id, s.first_day) IN opt_ins, 0, 7)         AS late,
        s.seen_from + late                                                      AS from_t,
        g.gone_on > 0 AND g.gone_on - s.first_day <= s.seen_to                  AS has_gone,
        if(has_gone, g.gone_on - s.first_day, s.seen_to) + late                 AS to_t,
        multiIf(has_gone, 'unreachable', s.has_blocked, 'block', s.has_left, 'opt_out', '') AS cause,
        arrayFirst(d -> d.1 + late = 7, s.first_doses)                          AS initial,
        arrayExists(d -> d.1 + late = 7, s.first_doses) AND to_t >= 7           AS has_initial
    FROM spells AS s
    LEFT JOIN gone AS g ON g.business_id = s.business_id AND g.contact_id = s.contact_id
    WHERE to_t >= from_t
),
-- The dose of the first week is known on the 7th day: from then on the groups are compared, and who left before is in neither.
by_segment AS
(
    SELECT
        business_id, unknown, of.1 AS dimension, of.2 AS segment, cause, to_t,
        if(dimension = 'initial_dose', 7, from_t) AS entry_t
    FROM lives
    ARRAY JOIN arrayConcat(
        [('all', ''), ('market', toString(own_market)), ('channel', toString(own_channel)), ('promised_frequency', toString(own_promise))],
        if(has_initial, [('initial_dose', if(initial.2 <= 3, 'up to 3', '4 and more'))], [])) AS of
)
SELECT
    b.business_id     AS business_id,
    any(c.loaded_to)  AS cutoff,
    dimension,
    segment,
    toUInt16(side.1)  AS spell_day,
    countIf(side.2 = 0 AND NOT unknown)                             AS entered,
    countIf(side.2 = 1 AND NOT unknown)                             AS ended,
    countIf(side.2 = 1 AND NOT unknown AND cause = 'opt_out')       AS opt_outs,
    countIf(side.2 = 1 AND NOT unknown AND cause = 'block')         AS blocks,
    countIf(side.2 = 1 AND NOT unknown AND cause = 'unreachable')   AS unreachable,
    sum(countIf(side.2 = 1 AND unknown)) OVER (PARTITION BY business_id, dimension, segment) AS unknown_start
FROM by_segment AS b
ARRAY JOIN [(entry_t, 0), (to_t, 1)] AS side
INNER JOIN (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id) AS c ON c.business_id = b.business_id
GROUP BY business_id, dimension, segment, spell_day
ORDER BY business_id, dimension, segment, spell_day
