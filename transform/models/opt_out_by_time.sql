-- opt_out_by_time: who leaves when after a spell began, and why, as entries and exits by day.
-- grain:   one row per (business_id, dimension, segment, spell_day) on which a spell came into sight or went out of it
-- reads:   person_days (one row per contact and day), message_facts, contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of person-days, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, spell_day UInt16,
--          entered UInt64, ended UInt64, opt_outs UInt64, blocks UInt64, unreachable UInt64, unknown_start UInt64
-- units:   spells; `ended` on their last day in sight, the causes among them; spell_day counts from the first midnight after the
--          opt-in, or after first contact where no opt-in was told in its week. Curves and intervals are computed in Go
--
-- Not seen from its first day on, a spell enters late: on the 7th day after first contact, when the risk begins, or when
-- the account's data or the window begin. If nobody knows when it began (entered_late), it is left out.
WITH
-- shared: loaded
86400000  AS day_ms,
-- shared: unreachable
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
-- A spell is in sight but for the days on which its address was known not to exist. It comes back if there was a sign of life; else that is how it ended.
stretches AS
(
    SELECT
        s.business_id AS business_id, s.contact_id AS contact_id, s.* EXCEPT (business_id, contact_id), u.gone_on AS gone_on, u.back_on AS back_on,
        s.first_day + s.seen_from   AS sight_from,
        s.first_day + s.seen_to + 1 AS sight_to,
        arrayFilter(part -> part.1 < part.2, arrayMap((back, gone) -> (greatest(sight_from, back), least(sight_to, gone)),
            arrayPushFront(back_on, sight_from), arrayPushBack(gone_on, sight_to))) AS parts
    FROM spells AS s
    LEFT JOIN unreachable AS u ON u.business_id = s.business_id AND u.contact_id = s.contact_id
),
lives AS
(
    SELECT
        business_id, own_market, own_channel, own_promise, unknown,
        if((business_id, contact_id, first_day) IN opt_ins, 0, 7)               AS late,
        part.1 - first_day + late                                               AS from_t,
        part.2 - 1 - first_day + late                                           AS to_t,
        part.2 = sight_to                                                       AS is_last,
        multiIf(NOT is_last, '', has_blocked, 'block', has_left, 'opt_out', has(arrayZip(gone_on, back_on), (part.2, 2147483647)), 'unreachable', '') AS cause,
        arrayFirst(d -> d.1 + late = 7, first_doses)                            AS initial,
        arrayExists(d -> d.1 + late = 7, first_doses) AND to_t >= 7             AS has_initial
    FROM stretches
    ARRAY JOIN parts AS part
),
-- The dose of the first week is known on the 7th day: from then on the groups are compared, and who left before is in neither.
by_segment AS
(
    SELECT
        business_id, unknown, is_last, of.1 AS dimension, of.2 AS segment, cause, to_t,
        if(dimension = 'initial_dose', greatest(7, from_t), from_t) AS entry_t
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
    sum(countIf(side.2 = 1 AND is_last AND unknown)) OVER (PARTITION BY business_id, dimension, segment) AS unknown_start
FROM by_segment AS b
ARRAY JOIN [(entry_t, 0), (to_t, 1)] AS side
INNER JOIN loaded AS c ON c.business_id = b.business_id
GROUP BY business_id, dimension, segment, spell_day
ORDER BY business_id, dimension, segment, spell_day
