-- person_days: the days on which a contact was at risk of leaving, with the dose of the week before and what the contact did.
-- grain:   one row per (business_id, contact_id, day)
-- reads:   messages (one row per message), message_facts, contact_facts, event_log (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of person-days, whole UTC days;
--          first_contact, last_contact UUID: the contacts of one pass, both included
-- returns: the columns of person_days, in its order
-- units:   dose, next_dose, sent, opened, clicked, replied count messages; prior_engaged is a share of messages, in [0,1]; days are UTC
--
-- One pass over each contact's facts leaves arrays of days, numbered from 1970-01-01. From them follows for each
-- day how many came before it, and every count over days is a difference of two of these.
WITH
toInt32(toDate({from:DateTime64(3, 'UTC')}))  AS first_day,
toInt32(toDate({to:DateTime64(3, 'UTC')}))    AS end_day,
first_day - 35                                AS low_day,
toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
86400000                                      AS day_ms,
-- shared: unreachable
told AS
(
    SELECT
        business_id, contact_id, account_id, market, '' AS consent, '' AS promise, '' AS why,
        least(ifNull(sent_at, never), ifNull(delivered_at, never), ifNull(opened_at, never), ifNull(machine_opened_at, never),
              ifNull(clicked_at, never), ifNull(failed_at, never), ifNull(quoted_at, never)) AS told_at,
        if(sent_at IS NULL, '', channel) AS own_channel,
        if(sent_at IS NULL OR arm = '', CAST(map(), 'Map(String, Int32)'), map(arm, toInt32(toDate(assumeNotNull(sent_at))))) AS armed_from,
        0 AS dose_on, 0 AS open_on, 0 AS click_on, 0 AS answer_on, 0 AS engaged_on
    FROM message_facts FINAL
    WHERE is_test = 0
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND told_at < never
    UNION ALL
    SELECT
        business_id, contact_id, account_id, market, event_type, promised_frequency, reason, event_time,
        if(event_type IN ('reply', 'opt_in'), channel, ''),
        CAST(map(), 'Map(String, Int32)'),
        0, 0, 0, 0, 0
    FROM contact_facts FINAL
    WHERE is_test = 0
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    UNION ALL
    -- A contact of an arm that is sent nothing: its arm is told by a fact that names no message. Few businesses have any.
    SELECT
        business_id, contact_id, account_id, market, '', '', '', event_time, '', map(arm, toInt32(toDate(event_time))), 0, 0, 0, 0, 0
    FROM event_log FINAL
    WHERE is_test = 0
      AND arm != ''
      AND message_id = 0
      AND (business_id, contact_id) IN
      (
          SELECT business_id, contact_id
          FROM event_log
          WHERE arm != '' AND message_id = 0 AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      )
    UNION ALL
    SELECT
        business_id, contact_id, '', '', '', '', '', never, '', CAST(map(), 'Map(String, Int32)'),
        toInt32(toDate(sent_at)) AS sent_on,
        if(ifNull(opened_at <= sent_at + INTERVAL 7 DAY, 0), toInt32(toDate(assumeNotNull(opened_at))), 0) AS opened_on,
        if(ifNull(clicked_at <= sent_at + INTERVAL 7 DAY, 0), toInt32(toDate(assumeNotNull(clicked_at))), 0) AS clicked_on,
        if(ifNull(replied_at <= sent_at + INTERVAL 24 HOUR, 0), toInt32(toDate(assumeNotNull(replied_at))), 0) AS replied_on,
        -- The first of these, and not before the day of the send, whatever clocks say.
        if(opened_on + clicked_on + replied_on = 0, 0, greatest(sent_on, arrayMin(arrayFilter(on -> on > 0, [opened_on, clicked_on, replied_on]))))
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 35 DAY
      AND sent_at < {to:DateTime64(3, 'UTC')}
      AND purpose = 'proactive'
      AND failed_at IS NULL
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
contacts AS
(
    SELECT
        business_id,
        contact_id,
        min(told_at)                                                   AS first_at,
        argMin(account_id, (told_at, account_id))                      AS first_account,
        max(market)                                                    AS own_market,
        argMinIf(own_channel, (told_at, own_channel), own_channel != '') AS first_channel, -- known from the beginning: that of several takes time to become
        minMap(armed_from)                                             AS arms,
        arraySort(groupArrayIf((told_at, promise), consent = 'opt_in')) AS opted_in,
        arraySort(groupArrayIf((told_at, why), consent = 'opt_out'))   AS opted_out,
        groupArrayIf(dose_on, dose_on > 0)                             AS sent_days,
        groupArrayIf(open_on, open_on > 0)                             AS open_days,
        groupArrayIf(click_on, click_on > 0)                           AS click_days,
        groupArrayIf(answer_on, answer_on > 0)                         AS answer_days,
        groupArrayIf(engaged_on, engaged_on > 0)                       AS engaged_days, -- of the messages engaged with,
        groupArrayIf(dose_on, engaged_on > 0)                          AS engaging_days -- and on which these were sent
    FROM told
    GROUP BY business_id, contact_id
),
-- At risk from the first opt-in, if it came before any opt-out and before the risk begins without one, else from first contact. A later opt-in
-- moves no beginning: only who is still there can give it.
beginnings AS
(
    SELECT
        *,
        notEmpty(opted_in) AND (empty(opted_out) OR opted_in[1].1 <= opted_out[1].1)
            AND toUnixTimestamp64Milli(opted_in[1].1) <= (intDiv(toUnixTimestamp64Milli(first_at) + day_ms - 1, day_ms) + 7) * day_ms AS asked,
        arraySort(arrayConcat(
            if(asked, [], [(toUnixTimestamp64Milli(first_at), 0, '')]),
            arrayMap(t -> (toUnixTimestamp64Milli(t.1), 0, ''), opted_in),
            arrayMap(t -> (toUnixTimestamp64Milli(t.1), 1, t.2), opted_out))) AS turns
    FROM contacts
),
-- Of an opt-in that follows an opt-in, and of an opt-out that follows an opt-out, only the first counts: what is left alternates.
alternating AS
(
    SELECT
        *,
        arrayFilter((turn, before) -> turn.2 != before.2, turns, arrayPushFront(arrayPopBack(turns), (0, 2, ''))) AS kept,
        arrayMap(turn -> turn.1, arrayFilter(turn -> turn.2 = 0, kept)) AS starts,
        arrayFilter(turn -> turn.2 = 1, kept)                           AS ends
    FROM beginnings
),
-- Half-open runs of days at risk, cut to the days that are over, inside the window, and whose look-back lies inside the
-- account's data; whether an opt-out ended them, and how; number and first day of the spell. After first contact a week is left
-- out, and so are the days on which the address was known not to exist.
spells AS
(
    SELECT
        a.business_id AS business_id, a.contact_id AS contact_id, a.* EXCEPT (business_id, contact_id),
        toInt32(intDiv(toUnixTimestamp64Milli(v.data_from) + day_ms - 1, day_ms)) AS data_day,
        greatest(data_day, toInt32(intDiv(toUnixTimestamp64Milli(first_at) + day_ms - 1, day_ms))) AS known_day, -- the contact's first whole day
        least(end_day, toInt32(toDate(v.cutoff)))                                 AS high_day,
        NOT asked AND first_at < v.data_from + INTERVAL 7 DAY                     AS unknown_start,
        arrayFilter(run -> run.1 < run.2, arrayMap((start, ended, number) -> (
            greatest(first_day, data_day + 7, toInt32(intDiv(start + if(number = 1 AND NOT asked, 8, 1) * day_ms - 1, day_ms))),
            least(high_day, toInt32(intDiv(ended.1, day_ms)) + 1),
            toInt32(intDiv(ended.1, day_ms)) < high_day,
            ended.3,
            number,
            toInt32(intDiv(start + if(number = 1 AND NOT asked, 8, 1) * day_ms - 1, day_ms))),
            starts,
            arrayResize(ends, length(starts), (toUnixTimestamp64Milli(never), 1, '')),
            arrayEnumerate(starts))) AS whole_runs,
        arrayFlatten(arrayMap(run -> arrayFilter(part -> part.1 < part.2, arrayMap(
            (back, gone) -> (greatest(run.1, back), least(run.2, gone), run.3 AND gone >= run.2, run.4, run.5, run.6),
            arrayPushFront(u.back_on, run.1), arrayPushBack(u.gone_on, run.2))), whole_runs)) AS runs
    FROM alternating AS a
    LEFT JOIN unreachable AS u ON u.business_id = a.business_id AND u.contact_id = a.contact_id
    INNER JOIN coverage AS v ON v.business_id = a.business_id AND v.account_id = a.first_account
    WHERE notEmpty(runs)
),
-- For each day from low_day to end_day, how many lie before it: among markers (even) and days (odd) in order, what stands
-- before a marker less the markers before it.
counted AS
(
    SELECT
        * EXCEPT (sent_days, open_days, click_days, answer_days, engaged_days, engaging_days),
        arrayMap(d -> 2 * d, range(low_day, end_day + 1)) AS markers,
        arrayMap(days -> arrayMap((place, number) -> place - number,
                arrayFilter((place, x) -> x % 2 = 0, arrayEnumerate(days), days),
                arrayEnumerate(markers)),
            arrayMap(days -> arraySort(arrayConcat(markers, arrayMap(d -> 2 * d + 1, days))),
                [sent_days, open_days, click_days, answer_days, engaged_days, engaging_days])) AS before
    FROM spells
),
runs_apart AS
(
    SELECT
        business_id, contact_id, own_market, first_channel, opted_in, unknown_start, known_day, before,
        arraySort(a -> a.2, arrayZip(mapKeys(arms), mapValues(arms))) AS armed,
        armed[1].1                                         AS first_arm,
        if(empty(armed), 2147483647, armed[1].2)           AS armed_day,
        if(length(armed) < 2, 2147483647, armed[2].2)      AS mixed_day,
        run.3 AS left_at_end, run.4 AS left_how, run.5 AS number, run.6 AS spell_from,
        run.1 AS from_day, run.2 - run.1 AS n, from_day - low_day + 1 AS at,
        range(from_day, run.2) AS days
    FROM counted
    ARRAY JOIN runs AS run
)
SELECT
    business_id,
    contact_id,
    toDate(d) AS day,

    own_market AS market,
    first_channel AS channel,
    arrayLast(t -> t.1 < toDateTime64(toDate(d), 3, 'UTC'), opted_in).2                 AS promised_frequency,
    multiIf(d >= mixed_day, 'several', d >= armed_day, first_arm, '') AS arm,

    number         AS spell,
    d - spell_from AS spell_day,
    number = 1 AND unknown_start AS entered_late,

    least(day_dose, 65535)                                 AS dose,
    if(d + 8 <= from_day + n, least(day_next_dose, 65535), NULL) AS next_dose,

    least(day_sent, 65535)     AS sent,
    least(day_opened, 65535)   AS opened,
    least(day_clicked, 65535)  AS clicked,
    least(day_answered, 65535) AS replied,

    if(d - 35 >= known_day AND day_prior_sent > 0, toFloat32(day_prior_engaged / day_prior_sent), NULL) AS prior_engaged,

    left_at_end AND d = days[n]         AS opted_out,
    opted_out AND left_how = 'block'    AS blocked
FROM runs_apart
ARRAY JOIN
    days AS d,
    arrayMap((a, b) -> b - a, arrayResize(arraySlice(before[1], at - 7, n), n), arrayResize(arraySlice(before[1], at, n), n))     AS day_dose,
    arrayMap((a, b) -> b - a, arrayResize(arraySlice(before[1], at + 1, n), n), arrayResize(arraySlice(before[1], at + 8, n), n)) AS day_next_dose,
    arrayMap((a, b) -> b - a, arrayResize(arraySlice(before[1], at, n), n), arrayResize(arraySlice(before[1], at + 1, n), n))     AS day_sent,
    arrayMap((a, b) -> b - a, arrayResize(arraySlice(before[2], at, n), n), arrayResize(arraySlice(before[2], at + 1, n), n))     AS day_opened,
    arrayMap((a, b) -> b - a, arrayResize(arraySlice(before[3], at, n), n), arrayResize(arraySlice(before[3], at + 1, n), n))     AS day_clicked,
    arrayMap((a, b) -> b - a, arrayResize(arraySlice(before[4], at, n), n), arrayResize(arraySlice(before[4], at + 1, n), n))     AS day_answered,
    arrayMap((a, b) -> b - a, arrayResize(arraySlice(before[1], at - 35, n), n), arrayResize(arraySlice(before[1], at - 7, n), n)) AS day_prior_sent,
    -- Engaged with before the dose's week, less those that were sent before these days: whatever these were engaged with, it was before that week.
    arrayMap((a, b) -> b - a, arrayResize(arraySlice(before[6], at - 35, n), n), arrayResize(arraySlice(before[5], at - 7, n), n)) AS day_prior_engaged
SETTINGS max_block_size = 8192
