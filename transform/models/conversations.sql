-- conversations: the cases of each contact and channel, when they were answered and by whom.
-- grain:   one row per case: (business_id, contact_id, channel, started_at)
-- reads:   message_facts, contact_facts (FINAL: unique by key), coverage, open_hours (of one market intervals are apart)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on started_at, whole UTC days; first_contact, last_contact UUID: the
--          contacts of one pass, both included; zones Array(String): zone names in the data; markets, market_zones Array(String):
--          main zones of markets, side by side
-- returns: the columns of conversations, in its order
-- units:   instants are UTC; waits are milliseconds
--
-- All messages of a line up to the cutoff are read, whatever the window: where a case begins depends on those before it.
-- docs/metrics.md defines cases, answers and turns.
WITH
-- shared: loaded
86400000  AS day_ms,
604800000 AS week_ms,
sends AS
(
    SELECT
        business_id, contact_id, channel, message_id, market, zone,
        assumeNotNull(sent_at) AS sent,
        multiIf(author = 'human', 1, author = 'bot', 2, 0) AS by,
        -- As in messages: a delivery or an open contradicts a failure, but an e-mail may bounce after its delivery.
        failed_at IS NOT NULL
            AND opened_at IS NULL
            AND (delivered_at IS NULL OR channel = 'email' AND ifNull(delivered_at <= failed_at, 0)) AS has_failed,
        replaceAll(message_tag, '-', '_') = 'auto_acknowledgement' OR replaceAll(category, '-', '_') = 'auto_acknowledgement' AS is_acknowledgement,
        purpose = 'proactive'
            OR purpose != 'response'
                AND (campaign_id != '' OR template_id != '' OR message_tag != '' OR scope != '' OR promised_frequency != ''
                     OR replaceAll(category, '-', '_') IN ('marketing', 'marketing_lite', 'utility', 'group_marketing', 'group_utility',
                                                           'authentication', 'authentication_international')) AS is_broadcast,
        NOT has_failed AND NOT is_acknowledgement AND NOT is_broadcast AS is_answer
    FROM message_facts FINAL
    WHERE is_test = 0
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
      AND sent_at IS NOT NULL
),
told AS
(
    SELECT business_id, contact_id, channel, event_type, event_time, in_reply_to, reason, market, zone
    FROM contact_facts FINAL
    WHERE is_test = 0
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- Messages by which contacts opted out.
leaving AS
(
    SELECT i.business_id AS business_id, i.contact_id AS contact_id, i.channel AS channel, i.event_time AS event_time
    FROM
    (
        SELECT business_id, contact_id, channel, event_time
        FROM told
        WHERE event_type = 'reply'
          AND (business_id, contact_id, channel) IN (SELECT business_id, contact_id, channel FROM told WHERE event_type = 'opt_out' AND reason = 'keyword')
    ) AS i
    ASOF INNER JOIN (SELECT business_id, contact_id, channel, event_time FROM told WHERE event_type = 'opt_out' AND reason = 'keyword') AS o
        ON o.business_id = i.business_id AND o.contact_id = i.contact_id AND o.channel = i.channel AND i.event_time <= o.event_time
    WHERE o.event_time < i.event_time + INTERVAL 1 MINUTE
),
-- Of an inbound message, also the message it quotes; of an answer, who wrote it. Of one instant, inbound ones come first.
-- Who never wrote has no case.
lines AS
(
    SELECT
        t.business_id AS business_id, t.contact_id AS contact_id, t.channel AS channel,
        any(l.loaded_to) AS loaded_to,
        arraySort(groupArray((toUnixTimestamp64Milli(t.at), t.side, t.about))) AS messages
    FROM
    (
        SELECT business_id, contact_id, channel, event_time AS at, toUInt8(0) AS side, in_reply_to AS about
        FROM told
        WHERE event_type = 'reply'
          AND (business_id, contact_id, channel, event_time) NOT IN leaving
        UNION ALL
        SELECT business_id, contact_id, channel, sent, toUInt8(1), toUInt64(by) FROM sends WHERE is_answer
    ) AS t
    INNER JOIN loaded AS l ON l.business_id = t.business_id
    WHERE t.at <= l.loaded_to
    GROUP BY business_id, contact_id, channel
    HAVING min(t.side) = 0
),
-- Message by message: 1 begins a case, 0 belongs to the one that is open, 2 is an answer while none is. Kept are the last message of the
-- case and the first of its unanswered turn; 0: all is answered.
split AS
(
    SELECT
        business_id, contact_id, channel, loaded_to,
        arrayFold((state, m) -> (
            if(m.2 = 0 OR m.1 < state.1 + day_ms OR state.2 != 0 AND m.1 < state.2 + week_ms, m.1, state.1),
            multiIf(m.2 = 0 AND state.2 != 0 AND (m.1 < state.1 + day_ms OR m.1 < state.2 + week_ms), state.2,
                    m.2 = 0, m.1,
                    m.1 < state.1 + day_ms OR state.2 != 0 AND m.1 < state.2 + week_ms, 0,
                    state.2),
            arrayPushBack(state.3, toUInt8(multiIf(m.1 < state.1 + day_ms OR state.2 != 0 AND m.1 < state.2 + week_ms, 0, m.2 = 0, 1, 2)))
        ), messages, (toInt64(-604800000), toInt64(0), emptyArrayUInt8())) AS folded,
        arrayFilter((m, what) -> what != 2, messages, folded.3) AS kept,
        arraySplit((m, what) -> what = 1, kept, arrayFilter(what -> what != 2, folded.3)) AS cases
    FROM lines
),
-- A case and the beginning of the next one; first_answer is the place of the first answer, one behind the end if there is none.
told_apart AS
(
    SELECT
        business_id, contact_id, channel, loaded_to, m,
        m[1].1                                                        AS started,
        m[1].3                                                        AS quoted,
        m[-1].1                                                       AS ended,
        arrayFirst(x -> x.2 = 1, m).1                                 AS any_at,
        arrayFirst(x -> x.2 = 1 AND x.3 = 1, m).1                     AS human_at,
        arrayFirst(x -> x.2 = 1 AND x.3 = 2, m).1                     AS bot_at,
        if(any_at = 0, length(m) + 1, arrayFirstIndex(x -> x.2 = 1, m)) AS first_answer,
        arrayCount(x -> x.2 = 0, m)                                   AS inbound,
        arrayCount(d -> d != 0, arrayDifference(arrayMap(x -> toInt8(x.2), m))) + 1 AS turns,
        arrayCount((x, i) -> i < first_answer AND x.1 > m[1].1 + 600000, m, arrayEnumerate(m)) AS nudges,
        arrayFirst(x -> x.1 > m[1].1 + 600000, m).1                   AS nudge_at, -- a nudge only if there are any
        greatest(ended + day_ms, if(m[-1].2 = 0, m[arrayLastIndex(x -> x.2 = 1, m) + 1].1 + week_ms, 0)) AS closed,
        -- An inbound message whose 24 h ended, by the cutoff, before anything else was written.
        arrayFilter(e -> e.1 > 0, arrayMap((x, i) -> (
            if(x.2 = 0 AND x.1 + day_ms <= if(i < length(m), m[i + 1].1, toUnixTimestamp64Milli(loaded_to)), x.1 + day_ms, 0), i < first_answer),
            m, arrayEnumerate(m)))                                    AS expiries,
        arrayFirst(e -> e.2, expiries).1                              AS first_expiry,
        next_started
    FROM
    (
        SELECT
            business_id, contact_id, channel, loaded_to, m, next_started
        FROM split
        ARRAY JOIN cases AS m, arrayPushBack(arrayMap(c -> c[1].1, arraySlice(cases, 2)), toInt64(0)) AS next_started
    )
),
-- In the window, with the case before it for what its beginning says of that one: all of a line, for who begins the next must be known.
opened AS
(
    SELECT
        c.*,
        s.message_id AS sent_id,
        s.sent       AS sent_before
    FROM (SELECT *, fromUnixTimestamp64Milli(started, 'UTC') AS begun FROM told_apart) AS c
    ASOF LEFT JOIN
    (
        SELECT business_id, contact_id, channel, sent, max(message_id) AS message_id
        FROM sends
        WHERE NOT has_failed
        GROUP BY business_id, contact_id, channel, sent
    ) AS s
        ON s.business_id = c.business_id AND s.contact_id = c.contact_id AND s.channel = c.channel AND c.begun > s.sent
),
-- The reply rule of messages: what is quoted, and nothing else; else the latest message of 24 h.
begun AS
(
    SELECT
        o.*,
        multiIf(quoted != 0, if(q.quoted_at_least > begun - INTERVAL 24 HOUR AND q.message_id != 0, quoted, 0),
                sent_id != 0 AND sent_before > begun - INTERVAL 24 HOUR, sent_id, 0) AS opening
    FROM opened AS o
    LEFT JOIN (SELECT business_id, contact_id, message_id, sent AS quoted_at_least FROM sends) AS q
        ON q.business_id = o.business_id AND q.contact_id = o.contact_id AND q.message_id = o.quoted
),
chained AS
(
    SELECT
        *,
        leadInFrame(opening, 1) OVER (PARTITION BY business_id, contact_id, channel ORDER BY started ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_opening
    FROM begun
),
owners AS
(
    SELECT
        business_id, contact_id,
        max(own_market)                                                                        AS market,
        argMaxIf(own_zone, (named_at, own_zone), has({zones:Array(String)}, own_zone)) AS zone
    FROM
    (
        SELECT business_id, contact_id, market AS own_market, zone AS own_zone, sent AS named_at FROM sends
        UNION ALL
        SELECT business_id, contact_id, market, zone, event_time FROM told
    )
    WHERE named_at < {to:DateTime64(3, 'UTC')}
    GROUP BY business_id, contact_id
),
zoned AS
(
    SELECT
        r.*,
        {{offset}} AS offset_s
    FROM
    (
        SELECT
            c.*,
            o.market                                                                  AS own_market,
            c.begun                                                                   AS sent,
            transform(own_market, {markets:Array(String)}, {market_zones:Array(String)}, '') AS main_zone,
            if(o.zone != '', o.zone, main_zone)                                       AS found_zone,
            multiIf(o.zone != '', 'contact', main_zone != '', 'market', 'none')       AS zoned_by,
            toUnixTimestamp64Milli(c.loaded_to)                                       AS cut,
            least(cut, c.started + week_ms, c.closed)                                 AS until,
            if(c.any_at = 0 OR c.any_at >= c.started + week_ms, 0, c.any_at)          AS any_answer,
            if(c.human_at = 0 OR c.human_at >= c.started + week_ms, 0, c.human_at)    AS human_answer,
            if(c.bot_at = 0 OR c.bot_at >= c.started + week_ms, 0, c.bot_at)          AS bot_answer
        FROM chained AS c
        LEFT JOIN owners AS o ON o.business_id = c.business_id AND o.contact_id = c.contact_id
        WHERE c.begun >= {from:DateTime64(3, 'UTC')}
          AND c.begun < {to:DateTime64(3, 'UTC')}
    ) AS r
),
-- Open time of the market up to an instant, from the nearest interval that began by then. The cases go through this join and are
-- gathered again, so that they are computed once.
clocked AS
(
    SELECT
        p.business_id AS business_id, p.contact_id AS contact_id, p.channel AS channel, p.begun AS begun,
        any(p.loaded_to) AS loaded_to, any(p.own_market) AS own_market, any(p.found_zone) AS found_zone, any(p.zoned_by) AS zoned_by,
        any(p.offset_s) AS offset_s, any(p.m) AS m, any(p.started) AS started, any(p.ended) AS ended, any(p.closed) AS closed,
        any(p.opening) AS opening, any(p.next_started) AS next_started, any(p.next_opening) AS next_opening,
        any(p.turns) AS turns, any(p.inbound) AS inbound, any(p.nudges) AS nudges, any(p.nudge_at) AS nudge_at,
        any(p.first_answer) AS first_answer, any(p.any_answer) AS any_answer, any(p.human_answer) AS human_answer, any(p.bot_answer) AS bot_answer,
        any(p.until) AS until, any(p.cut) AS cut, any(p.expiries) AS expiries, any(p.first_expiry) AS first_expiry,
        groupArrayIf((p.at, h.open_ms_before + toUnixTimestamp64Milli(least(p.instant, h.closes_at)) - toUnixTimestamp64Milli(h.opens_at)),
                     toUnixTimestamp64Milli(h.opens_at) != 0) AS clock
    FROM
    (
        SELECT *, at, fromUnixTimestamp64Milli(at, 'UTC') AS instant
        FROM zoned
        ARRAY JOIN arrayFilter(i -> i != 0, arrayDistinct([started, until, any_answer, human_answer, bot_answer])) AS at
    ) AS p
    ASOF LEFT JOIN open_hours AS h ON h.market = p.own_market AND p.instant >= h.opens_at
    GROUP BY business_id, contact_id, channel, begun
)
SELECT
    z.business_id AS business_id,
    z.contact_id  AS contact_id,
    z.channel     AS channel,
    z.own_market  AS market,

    if(z.opening = 0, 'contact', 'business')               AS started_by,
    z.opening                                              AS opening_message_id,
    z.begun                                                AS started_at,
    fromUnixTimestamp64Milli(z.ended, 'UTC')               AS ended_at,
    fromUnixTimestamp64Milli(z.closed, 'UTC')              AS closed_at,
    toDate(z.begun + toIntervalSecond(z.offset_s))         AS local_day,
    toDayOfWeek(z.begun + toIntervalSecond(z.offset_s))    AS local_weekday,
    toHour(z.begun + toIntervalSecond(z.offset_s))         AS local_hour,
    z.found_zone                                           AS zone,
    z.zoned_by                                             AS zoned_by,

    toUInt32(z.turns)                                      AS turns,
    toUInt32(z.inbound)                                    AS inbound,
    toUInt32(length(z.m) - z.inbound)                      AS outbound,
    toUInt32(z.nudges)                                     AS nudges,

    if(z.nudges = 0, NULL, fromUnixTimestamp64Milli(z.nudge_at, 'UTC'))            AS nudged_at,
    if(z.any_answer = 0, NULL, fromUnixTimestamp64Milli(z.any_answer, 'UTC'))     AS answered_at,
    if(z.human_answer = 0, NULL, fromUnixTimestamp64Milli(z.human_answer, 'UTC')) AS human_answered_at,
    if(z.bot_answer = 0, NULL, fromUnixTimestamp64Milli(z.bot_answer, 'UTC'))     AS bot_answered_at,
    fromUnixTimestamp64Milli(z.until, 'UTC')               AS observed_to,
    multiIf(z.any_answer != 0, '', z.cut < z.started + week_ms, 'cutoff', '7 days') AS censored,
    if(z.any_answer = 0, z.until, z.any_answer) - z.started     AS wait_ms,
    if(z.human_answer = 0, z.until, z.human_answer) - z.started AS human_wait_ms,
    if(z.bot_answer = 0, z.until, z.bot_answer) - z.started     AS bot_wait_ms,
    notEmpty(z.clock)                                      AS has_calendar,
    -- Without a calendar wall-clock time.
    if(has_calendar, arrayFirst(p -> p.1 = if(z.any_answer = 0, z.until, z.any_answer), z.clock).2 - arrayFirst(p -> p.1 = z.started, z.clock).2, wait_ms)           AS business_wait_ms,
    if(has_calendar, arrayFirst(p -> p.1 = if(z.human_answer = 0, z.until, z.human_answer), z.clock).2 - arrayFirst(p -> p.1 = z.started, z.clock).2, human_wait_ms) AS human_business_wait_ms,
    if(has_calendar, arrayFirst(p -> p.1 = if(z.bot_answer = 0, z.until, z.bot_answer), z.clock).2 - arrayFirst(p -> p.1 = z.started, z.clock).2, bot_wait_ms)       AS bot_business_wait_ms,

    z.any_answer != 0 AND z.any_answer < z.m[z.first_answer - 1].1 + day_ms       AS answered_in_window,
    if(z.first_expiry = 0, NULL, fromUnixTimestamp64Milli(z.first_expiry, 'UTC')) AS window_expired_at,
    toUInt32(arrayCount(e -> NOT e.2, z.expiries))         AS later_windows_expired,
    z.closed < z.ended + 3 * day_ms AND z.ended + 3 * day_ms <= z.cut             AS repeat_known,
    if(repeat_known AND z.next_started != 0 AND z.next_started < z.ended + 3 * day_ms AND z.next_opening = 0,
       fromUnixTimestamp64Milli(z.next_started, 'UTC'), NULL)                     AS repeated_at,
    z.loaded_to                                            AS cutoff
FROM clocked AS z
