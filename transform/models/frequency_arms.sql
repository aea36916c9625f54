-- frequency_arms: what happened to the contacts of each arm of a randomised test, as assigned, as sufficient statistics.
-- grain:   one row per (business_id, arm, outcome); businesses with fewer than two arms have none
-- reads:   person_days (one row per contact and day), message_facts, event_log (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of days, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), arm String, outcome String, contacts UInt64, person_days UInt64,
--          outcomes UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64, mixed_contacts UInt64, began_before UInt8
-- units:   a contact's days run from the first day on which any contact of the business had an arm, or its own first day at risk if that
--          is later, to the end of the window, whether it left or not; of opt-outs from the first on which its own arm was known: had it left before, it
--          would be in no arm. An outcome is a day with at least one, of `sent` a message; sums are over contacts;
--          began_before is 1 where somebody had an arm before the window: who left until then is in no row
WITH
['open', 'click', 'reply', 'any', 'opt_out', 'sent'] AS names,
-- shared: loaded
-- shared: assigned
earlier AS
(
    SELECT DISTINCT business_id
    FROM
    (
        SELECT business_id, sent_at AS armed_at
        FROM message_facts FINAL
        WHERE is_test = 0
          AND arm != ''
          AND (business_id, contact_id) IN (SELECT business_id, contact_id FROM message_facts WHERE arm != '')
        UNION ALL
        SELECT business_id, event_time
        FROM event_log FINAL
        WHERE is_test = 0
          AND arm != ''
          AND message_id = 0
          AND (business_id, contact_id) IN (SELECT business_id, contact_id FROM event_log WHERE arm != '' AND message_id = 0)
    )
    WHERE armed_at < {from:DateTime64(3, 'UTC')}
      AND business_id IN (SELECT business_id FROM coverage WHERE data_from + INTERVAL 7 DAY < {from:DateTime64(3, 'UTC')}) -- else nobody was at risk before
),
by_arm AS
(
    SELECT business_id, cut_at, own_arm, name, count() AS g, sum(n) AS sn, sum(y) AS sy, sum(n * n) AS nn, sum(y * y) AS yy, sum(n * y) AS ny
    FROM assigned
    ARRAY JOIN
        names AS name, [opened_days, clicked_days, replied_days, engaged_days, opt_outs_n, sent_n] AS y,
        arrayMap(o -> if(o = 'opt_out', known_days_n, days_n), names) AS n
    WHERE own_arm != ''
    GROUP BY business_id, cut_at, own_arm, name
)
SELECT
    a.business_id AS business_id, a.cut_at AS cutoff, a.own_arm AS arm, a.name AS outcome,
    g AS contacts, sn AS person_days, sy AS outcomes, nn AS sum_nn, yy AS sum_yy, ny AS sum_ny,
    m.mixed AS mixed_contacts,
    toUInt8(a.business_id IN (SELECT business_id FROM earlier)) AS began_before
FROM by_arm AS a
INNER JOIN
(
    SELECT business_id, uniqExactIf(own_arm, own_arm != 'several') AS arms, sumIf(g, own_arm = 'several' AND name = 'sent') AS mixed
    FROM by_arm
    GROUP BY business_id
) AS m ON m.business_id = a.business_id
WHERE arms > 1
  AND own_arm != 'several'
ORDER BY business_id, outcome, arm
