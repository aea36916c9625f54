-- promise_periods: the periods for which a consent promised one message, and how many came.
-- grain:   one row per (business_id, contact_id, channel, topic, promised_frequency, zone, period_from)
-- reads:   consents, send_windows (of the same run)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on the first instant of the period, whole UTC days
-- returns: the columns of promise_periods, in its order
-- units:   periods are local days, ISO weeks and calendar months of the zone; messages counts marketing messages that the consent covers
--
-- A function needs a constant zone, so a placeholder stands for the UTC offset of an instant in own_zone, in seconds, one branch per zone.
WITH
spells AS
(
    SELECT
        business_id, contact_id, channel, topic, promised_frequency, market, from_at, cutoff,
        toString(zone)                                   AS own_zone,
        if(ended = 'on', to_at + toIntervalMillisecond(cutoff = to_at), to_at) AS until, -- as-of itself is within
        -- The local day of the last instant before a spell begins says whether the spell has the whole of the next.
        from_at - toIntervalMillisecond(1)               AS eve,
        until - toIntervalMillisecond(1)                 AS last_at
    FROM consents
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND promised_frequency != ''
      AND topic != 'one_time'
      AND (to_at > from_at OR ended = 'on')
),
dated AS
(
    SELECT
        *,
        toDate(from_at + toIntervalSecond({{offset from_at}}))    AS first_day,
        toDate(eve + toIntervalSecond({{offset eve}}))            AS eve_day,
        toDate(last_at + toIntervalSecond({{offset last_at}}))    AS last_day,
        toDate(until + toIntervalSecond({{offset until}}))        AS next_day,
        toDateTime64({from:DateTime64(3, 'UTC')}, 3, 'UTC') - toIntervalMillisecond(1) AS before_window,
        toDateTime64({to:DateTime64(3, 'UTC')}, 3, 'UTC') - toIntervalMillisecond(1)   AS last_of_window,
        toDate(before_window + toIntervalSecond({{offset before_window}}))   AS before_day,
        toDate(last_of_window + toIntervalSecond({{offset last_of_window}})) AS end_day
    FROM spells
),
periods AS
(
    SELECT
        business_id, contact_id, channel, topic, promised_frequency, own_zone, market, cutoff, eve_day, next_day,
        arrayJoin(multiIf(
            promised_frequency = 'daily',
                arrayMap(i -> addDays(first_day, i), range(toUInt64(greatest(last_day - first_day + 1, 0)))),
            promised_frequency = 'weekly',
                arrayMap(i -> addDays(toMonday(first_day), 7 * i), range(toUInt64(greatest(intDiv(toMonday(last_day) - toMonday(first_day), 7) + 1, 0)))),
            arrayMap(i -> addMonths(toStartOfMonth(first_day), i), range(toUInt64(greatest(dateDiff('month', first_day, last_day) + 1, 0)))))) AS period,
        multiIf(promised_frequency = 'daily', addDays(period, 1), promised_frequency = 'weekly', addDays(period, 7), addMonths(period, 1)) AS period_end,
        eve_day < period AND next_day >= period_end AS is_whole
    FROM dated
    WHERE period > before_day
      AND period <= end_day
),
owed AS
(
    SELECT
        business_id, contact_id, channel, topic, promised_frequency, own_zone, period, any(period_end) AS period_end,
        max(market) AS market, max(cutoff) AS cutoff, max(is_whole) AS is_whole
    FROM periods
    GROUP BY business_id, contact_id, channel, topic, promised_frequency, own_zone, period
),
sent AS
(
    SELECT
        business_id, contact_id, channel, topic, promised_frequency, own_zone,
        toDate(sent_at + toIntervalSecond({{offset sent_at}})) AS local_day,
        multiIf(promised_frequency = 'daily', local_day, promised_frequency = 'weekly', toMonday(local_day), toStartOfMonth(local_day)) AS period,
        count() AS n, max(sent_at) AS last_sent
    FROM
    (
        SELECT s.business_id AS business_id, s.contact_id AS contact_id, s.channel AS channel, s.topic AS topic, s.promised_frequency AS promised_frequency, s.own_zone AS own_zone, m.sent_at AS sent_at
        FROM send_windows AS m
        INNER JOIN spells AS s
            ON s.business_id = m.business_id AND s.contact_id = m.contact_id AND s.channel = m.channel AND s.topic = m.covered_by AND s.from_at = m.covered_from
        WHERE m.window_from = toDate({from:DateTime64(3, 'UTC')})
          AND m.window_to = toDate({to:DateTime64(3, 'UTC')})
          AND m.covered_by != ''
    )
    GROUP BY business_id, contact_id, channel, topic, promised_frequency, own_zone, local_day, period
),
counted AS
(
    SELECT business_id, contact_id, channel, topic, promised_frequency, own_zone, period, sum(n) AS n, max(last_sent) AS last_sent
    FROM sent
    GROUP BY business_id, contact_id, channel, topic, promised_frequency, own_zone, period
)
SELECT
    o.business_id AS business_id,
    toDate({from:DateTime64(3, 'UTC')}) AS window_from,
    toDate({to:DateTime64(3, 'UTC')})   AS window_to,
    o.cutoff             AS cutoff,
    o.contact_id         AS contact_id,
    o.channel            AS channel,
    o.topic              AS topic,
    o.promised_frequency AS promised_frequency,
    o.own_zone           AS zone,
    o.market             AS market,
    o.period             AS period_from,
    o.period_end         AS period_to,
    c.n                  AS messages,
    multiIf(messages > 1, 'exceeded', messages = 1, 'kept', o.is_whole, 'unused', 'partial') AS state,
    if(messages > 0, toNullable(c.last_sent), NULL) AS last_sent_at
FROM owed AS o
LEFT JOIN counted AS c
    ON c.business_id = o.business_id AND c.contact_id = o.contact_id AND c.channel = o.channel AND c.topic = o.topic
   AND c.promised_frequency = o.promised_frequency AND c.own_zone = o.own_zone AND c.period = o.period
