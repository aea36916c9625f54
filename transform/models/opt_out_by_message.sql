-- opt_out_by_message: the hazard of opting out with the n-th proactive message of a spell, as risk sets.
-- grain:   one row per (business_id, dimension, segment, number)
-- reads:   messages (one row per message), message_facts, contact_facts (FINAL: unique by key), coverage
-- params:  first_contact, last_contact UUID: the contacts of one pass, both included; what is counted of all passes adds up;
--          from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, number UInt16, at_risk UInt64,
--          contacts UInt64, opt_outs UInt64, left_otherwise UInt64, censored UInt64, unknown_start UInt64
-- units:   spells, and contacts; number counts the proactive messages of the spell not known to have failed, from 1 to 100, by
--          sent_at and then message_id. Hazard, survival and intervals are computed in Go
--
-- A spell is as in person_days, but told by the instant: it begins with the opt-in, or with first contact where none was told
-- before an opt-out and before the risk begins without one, and ends with the opt-out. Nobody knows the number of a message if the spell may be older than the
-- account's data or had sends before the window: it is left out. To let it in later would need just that number.
WITH
-- shared: loaded
toDateTime64('2200-01-01 00:00:00', 3, 'UTC')    AS never,
toUnixTimestamp64Milli(never)                    AS never_ms,
toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) AS from_ms,
toUnixTimestamp64Milli({to:DateTime64(3, 'UTC')})   AS to_ms,
86400000                                         AS day_ms,
100                                              AS most,
-- Most facts of a contact name the same account, market and channel: the earliest of each is enough.
told AS
(
    SELECT
        business_id, contact_id, account_id, market, if(sent_at IS NULL, '', channel) AS own_channel, '' AS consent, '' AS promise,
        min(least(ifNull(sent_at, never), ifNull(delivered_at, never), ifNull(opened_at, never), ifNull(machine_opened_at, never),
                  ifNull(clicked_at, never), ifNull(failed_at, never), ifNull(quoted_at, never))) AS told_at,
        max(ifNull(if(sent_at < {from:DateTime64(3, 'UTC')}, toUnixTimestamp64Milli(sent_at), 0), 0)) AS sent_before_ms
    FROM message_facts FINAL
    WHERE is_test = 0
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY business_id, contact_id, account_id, market, own_channel
    HAVING told_at < never
    UNION ALL
    SELECT
        business_id, contact_id, account_id, market, if(event_type IN ('reply', 'opt_in'), channel, ''), event_type, promised_frequency, event_time, 0
    FROM contact_facts FINAL
    WHERE is_test = 0
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- Instant and message_id in one number, in whose order they are. Few sends have an opt-out.
sent AS
(
    SELECT
        business_id,
        contact_id,
        arraySort(groupArray(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(sent_at)), 64) + message_id AS send)) AS sends,
        arraySort(groupArrayIf((send, toUnixTimestamp64Milli(assumeNotNull(opted_out_at))), opted_out_at IS NOT NULL)) AS left
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')}
      AND sent_at < {to:DateTime64(3, 'UTC')}
      AND purpose = 'proactive'
      AND failed_at IS NULL
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY business_id, contact_id
),
contacts AS
(
    SELECT
        business_id,
        contact_id,
        min(told_at)                                                   AS first_at,
        argMin(account_id, (told_at, account_id))                      AS first_account,
        max(market)                                                    AS own_market,
        argMinIf(own_channel, (told_at, own_channel), own_channel != '') AS first_channel,
        max(sent_before_ms)                                            AS last_before_ms,
        arraySort(groupArrayIf((toUnixTimestamp64Milli(told_at), promise), consent = 'opt_in')) AS opted_in,
        arraySort(groupArrayIf(toUnixTimestamp64Milli(told_at), consent = 'opt_out'))           AS opted_out
    FROM told
    GROUP BY business_id, contact_id
),
-- As in person_days: of an opt-in that follows an opt-in, and of an opt-out that follows an opt-out, only the first counts.
alternating AS
(
    SELECT
        *,
        notEmpty(opted_in) AND (empty(opted_out) OR opted_in[1].1 <= opted_out[1])
            AND opted_in[1].1 <= (intDiv(toUnixTimestamp64Milli(first_at) + day_ms - 1, day_ms) + 7) * day_ms AS asked,
        arraySort(arrayConcat(
            if(asked, [], [(toUnixTimestamp64Milli(first_at), 0, '')]),
            arrayMap(t -> (t.1, 0, t.2), opted_in),
            arrayMap(t -> (t, 1, ''), opted_out))) AS turns,
        arrayFilter((turn, before) -> turn.2 != before.2, turns, arrayPushFront(arrayPopBack(turns), (0, 2, ''))) AS kept,
        arrayFilter(turn -> turn.2 = 0, kept)                          AS starts,
        arrayMap(turn -> turn.1, arrayFilter(turn -> turn.2 = 1, kept)) AS ends
    FROM contacts
),
-- Each spell with sends in the window; how many of these are matured, and which of them the opt-out that ended it belongs to.
spells AS
(
    SELECT
        a.business_id AS business_id, a.contact_id AS contact_id, a.own_market AS own_market,
        a.first_channel AS own_channel,
        start.1 <= a.last_before_ms
            OR number = 1 AND NOT a.asked AND a.first_at < v.data_from + INTERVAL 7 DAY AS unknown,
        start.3                                                                AS own_promise,
        bitShiftLeft(toUInt128(start.1), 64)                                   AS first_send,
        arrayFilter(m -> m >= first_send AND m < bitShiftLeft(toUInt128(ended + 1), 64), s.sends) AS own_sends,
        arrayCount(m -> m < bitShiftLeft(toUInt128(toUnixTimestamp64Milli(v.cutoff) - 604799999), 64), own_sends) AS matured,
        indexOf(own_sends, arrayFirst(l -> l.1 >= first_send AND l.2 = ended, s.left).1) AS left_with,
        if(left_with > 0, least(left_with, matured), matured)                  AS last,
        left_with > 0 AND left_with <= matured                                 AS has_left,
        -- What ended later may belong to a message that was sent later.
        ended < to_ms AND left_with = 0 AND matured = length(own_sends)        AS has_left_otherwise
    FROM alternating AS a
    INNER JOIN sent AS s ON s.business_id = a.business_id AND s.contact_id = a.contact_id
    INNER JOIN coverage AS v ON v.business_id = a.business_id AND v.account_id = a.first_account
    ARRAY JOIN
        a.starts AS start,
        arrayResize(a.ends, length(a.starts), never_ms) AS ended,
        arrayEnumerate(a.starts) AS number
    WHERE last > 0
),
-- How many spells have which last number, in arrays by number; longer ones end with the last that is looked at, still there.
totals AS
(
    SELECT
        business_id, dimension, segment,
        arrayReverse(arrayCumSum(arrayReverse(sumForEach(arrayMap(n -> if(n = of_last, spells_n, 0), range(1, most + 1)))))) AS at_risk,
        arrayReverse(arrayCumSum(arrayReverse(sumForEach(arrayMap(n -> if(n = of_last, contacts_n, 0), range(1, most + 1)))))) AS contacts_at_risk,
        sumForEach(arrayMap(n -> if(n = of_last, left_n, 0), range(1, most + 1)))      AS left,
        sumForEach(arrayMap(n -> if(n = of_last, otherwise_n, 0), range(1, most + 1))) AS otherwise,
        sumForEach(arrayMap(n -> if(n = of_last, ended_n, 0), range(1, most + 1)))     AS ended_here,
        sum(unknown_n) AS unknown_start
    FROM
    (
        SELECT
            business_id, of.1 AS dimension, of.2 AS segment, spell.1 AS of_last,
            countIf(NOT unknown)                                  AS spells_n,
            countIf(NOT unknown AND place = 1)                    AS contacts_n,
            countIf(NOT unknown AND spell.2)                      AS left_n,
            countIf(NOT unknown AND spell.3)                      AS otherwise_n,
            countIf(NOT unknown AND spell.4)                      AS ended_n,
            countIf(unknown)                                      AS unknown_n
        FROM
        (
            -- The longest spell first.
            SELECT
                business_id, of, unknown,
                arrayReverseSort(groupArray((least(last, most), has_left AND last <= most, has_left_otherwise AND last <= most, last <= most))) AS of_contact
            FROM spells
            ARRAY JOIN [('all', ''), ('market', own_market), ('channel', own_channel), ('promised_frequency', own_promise)] AS of
            GROUP BY business_id, contact_id, of, unknown
        )
        ARRAY JOIN of_contact AS spell, arrayEnumerate(of_contact) AS place
        GROUP BY business_id, of, of_last
    )
    GROUP BY business_id, dimension, segment
)
SELECT
    t.business_id  AS business_id,
    c.loaded_to    AS cutoff,
    t.dimension    AS dimension,
    t.segment      AS segment,
    toUInt16(n)    AS number,
    toUInt64(r)    AS at_risk,
    toUInt64(contacts_at_risk[n])   AS contacts,
    toUInt64(left[n])               AS opt_outs,
    toUInt64(otherwise[n])          AS left_otherwise,
    toUInt64(ended_here[n] - left[n] - otherwise[n]) AS censored,
    toUInt64(t.unknown_start)       AS unknown_start
FROM totals AS t
ARRAY JOIN t.at_risk AS r, arrayEnumerate(t.at_risk) AS n
INNER JOIN loaded AS c ON c.business_id = t.business_id
ORDER BY business_id, dimension, segment, number
