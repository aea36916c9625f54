-- frequency_opt_out: the hazard of opting out by the dose of the week before, as sufficient statistics of a clustered rate.
-- grain:   one row per (business_id, market, dose bin); `all` is every market together
-- reads:   messages (one row per message), message_facts (a minimum: copies do no harm), contact_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of person-days, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), market String, dose_from UInt16, dose_to UInt16,
--          contacts UInt64, person_days UInt64, opt_outs UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   person-days at risk, whole UTC days; sums are over contacts, of products of person-days and opt-outs;
--          dose_to 65535 is no upper end. Rate and interval are computed from these in Go
--
-- A contact's days are not spelled out: a point is a day, numbered from 1970-01-01, on which the dose, the being
-- at risk or the leaving changes. Between two points nothing changes, so the days between them are one count.
WITH
toInt32(toDate({from:DateTime64(3, 'UTC')}))  AS first_day,
toInt32(toDate({to:DateTime64(3, 'UTC')}))    AS end_day,
toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
86400000                                      AS day_ms,
told AS
(
    SELECT
        business_id, contact_id, account_id, market,
        least(ifNull(sent_at, never), ifNull(delivered_at, never), ifNull(opened_at, never), ifNull(machine_opened_at, never),
              ifNull(clicked_at, never), ifNull(failed_at, never), ifNull(quoted_at, never)) AS told_at,
        '' AS consent
    FROM message_facts
    WHERE told_at < never
      AND (business_id, contact_id, message_id) NOT IN (SELECT business_id, contact_id, message_id FROM message_facts WHERE is_test = 1)
    UNION ALL
    SELECT business_id, contact_id, account_id, market, event_time AS told_at, event_type AS consent
    FROM contact_facts FINAL
    WHERE is_test = 0
),
contacts AS
(
    SELECT
        business_id,
        contact_id,
        min(told_at)                                          AS first_at,
        argMin(account_id, (told_at, account_id))             AS first_account,
        max(market)                                           AS own_market,
        arraySort(groupArrayIf(told_at, consent = 'opt_in'))  AS opted_in,
        arraySort(groupArrayIf(told_at, consent = 'opt_out')) AS opted_out
    FROM told
    GROUP BY business_id, contact_id
),
-- At risk from the first opt-in, if it came before any opt-out, else from first contact.
beginnings AS
(
    SELECT
        business_id, contact_id, first_account, own_market, first_at, opted_in, opted_out,
        notEmpty(opted_in) AND (empty(opted_out) OR opted_in[1] <= opted_out[1]) AS asked
    FROM contacts
),
turns AS
(
    SELECT
        business_id, contact_id, first_account, own_market, asked,
        arraySort(arrayConcat(
            if(asked, [], [(toUnixTimestamp64Milli(first_at), 0)]),
            arrayMap(t -> (toUnixTimestamp64Milli(t), 0), opted_in),
            arrayMap(t -> (toUnixTimestamp64Milli(t), 1), opted_out))) AS told_turns
    FROM beginnings
),
-- Of an opt-in that follows an opt-in, and of an opt-out that follows an opt-out, only the first counts: what is left alternates.
alternating AS
(
    SELECT
        business_id, contact_id, first_account, own_market, asked,
        arrayFilter((turn, before) -> turn.2 != before.2, told_turns, arrayPushFront(arrayPopBack(told_turns), (0, 2))) AS kept
    FROM turns
),
starts_and_ends AS
(
    SELECT
        t.business_id AS business_id, t.contact_id AS contact_id, t.own_market AS own_market, v.cutoff AS loaded_to, t.asked AS asked,
        arrayMap(turn -> turn.1, arrayFilter(turn -> turn.2 = 0, t.kept)) AS starts,
        arrayMap(turn -> turn.1, arrayFilter(turn -> turn.2 = 1, t.kept)) AS ends,
        greatest(first_day, toInt32(intDiv(toUnixTimestamp64Milli(v.data_from) + 8 * day_ms - 1, day_ms))) AS low_day,
        least(end_day, toInt32(toDate(v.cutoff))) AS high_day
    FROM alternating AS t
    INNER JOIN coverage AS v ON v.business_id = t.business_id AND v.account_id = t.first_account
),
-- Half-open runs of days at risk, cut to the days that are over, inside the window, and whose look-back lies inside
-- the account's data; with 1 if the last of them is the day of leaving. After first contact a week is left out.
spells AS
(
    SELECT
        business_id, contact_id, own_market, loaded_to,
        arrayFilter(run -> run.1 < run.2, arrayMap((start, ended, number) -> (
            greatest(low_day, toInt32(intDiv(start + if(number = 1 AND NOT asked, 8, 1) * day_ms - 1, day_ms))),
            least(high_day, toInt32(intDiv(ended, day_ms)) + 1),
            toInt32(intDiv(ended, day_ms) < high_day)),
            starts,
            arrayResize(ends, length(starts), toUnixTimestamp64Milli(never)),
            arrayEnumerate(starts))) AS runs
    FROM starts_and_ends
),
doses AS
(
    SELECT business_id, contact_id, groupArray(toInt32(toDate(sent_at))) AS sent_days
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND sent_at < {to:DateTime64(3, 'UTC')}
      AND purpose = 'proactive'
      AND failed_at IS NULL
    GROUP BY business_id, contact_id
),
-- (day, change of dose, of being at risk, of leaving); a send is part of the dose of the seven days after its own.
points AS
(
    SELECT
        s.business_id AS business_id, s.contact_id AS contact_id, s.own_market AS own_market, s.loaded_to AS loaded_to,
        arraySort(p -> p.1, arrayConcat(
            arrayMap(day -> (day + 1, 1, 0, 0), m.sent_days),
            arrayMap(day -> (day + 8, -1, 0, 0), m.sent_days),
            arrayMap(run -> (run.1, 0, 1, 0), s.runs),
            arrayMap(run -> (run.2, 0, -1, 0), s.runs),
            arrayMap(run -> (run.2 - 1, 0, 0, run.3), s.runs),
            arrayMap(run -> (run.2, 0, 0, -run.3), s.runs))) AS changes
    FROM spells AS s
    LEFT JOIN doses AS m ON m.business_id = s.business_id AND m.contact_id = s.contact_id
    WHERE notEmpty(s.runs)
),
stretches AS
(
    SELECT
        business_id, contact_id, own_market, loaded_to,
        arrayMap((p, next) -> next.1 - p.1, changes, arrayPushBack(arrayPopFront(changes), changes[-1])) AS lengths,
        arrayCumSum(p -> p.2, changes) AS dose,
        arrayCumSum(p -> p.3, changes) AS at_risk,
        arrayCumSum(p -> p.4, changes) AS leaving
    FROM points
),
per_contact AS
(
    SELECT
        business_id,
        loaded_to,
        arrayJoin([own_market, 'all']) AS of_market,
        multiIf(of_dose <= 5, of_dose, of_dose <= 7, 6, of_dose <= 10, 8, 11) AS bin,
        contact_id,
        toUInt64(sum(n))           AS days_n,
        toUInt64(sum(n * leaves))  AS days_y
    FROM stretches
    ARRAY JOIN lengths AS n, dose AS of_dose, at_risk AS risk, leaving AS leaves
    WHERE risk > 0 AND n > 0
    GROUP BY business_id, loaded_to, of_market, bin, contact_id
)
SELECT
    business_id,
    loaded_to     AS cutoff,
    of_market     AS market,
    toUInt16(bin) AS dose_from,
    toUInt16(multiIf(bin <= 5, bin, bin = 6, 7, bin = 8, 10, 65535)) AS dose_to,
    count()       AS contacts,
    sum(days_n)   AS person_days,
    sum(days_y)   AS opt_outs,
    sum(days_n * days_n) AS sum_nn,
    sum(days_y * days_y) AS sum_yy,
    sum(days_n * days_y) AS sum_ny
FROM per_contact
GROUP BY business_id, loaded_to, of_market, bin
ORDER BY business_id, market, dose_from
