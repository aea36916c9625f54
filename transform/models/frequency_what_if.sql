-- frequency_what_if: what a cap on the weekly dose would have changed, as sums over contacts that Go turns into expectations.
-- grain:   three statements: one row per (business_id, market, channel, promised frequency or all of them, group of contacts); the second is shared
--          part propensities; the third: one row per (business_id, contact_id) with a send
-- reads:   contact_doses (one row per contact), person_days (one row per contact and day), messages (one row per message), coverage, and in Go
--          frequency_curves
-- params:  from, to DateTime64(3, 'UTC'); the window of contact_doses, whole UTC days; of the third also first_contact, last_contact UUID: the
--          contacts of one pass, both included
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), market String, channel String, is_promised UInt8, promise String,
--          contact_group UInt8, sums Array(UInt64)
--          the third: business_id String, market String, channel String, promise String, contact_group UInt8, sends Array(Int64), days Array(UInt16)
-- units:   groups split the contacts of a business into 200 by a hash; sums are those of shared part `sums_by_group`, in its order. sends are
--          those of exposure's count, in order, in ms since 1970, of the 7 days before the window too; days are those at risk, since 1970
-- shared: sums_by_group
-- statement
-- shared: propensities
-- statement
WITH
-- shared: rated
sent AS
(
    SELECT business_id, contact_id, arraySort(groupArray(toUnixTimestamp64Milli(sent))) AS sends
    FROM rated
    WHERE contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY business_id, contact_id
),
at_risk AS
(
    SELECT business_id, contact_id, groupArray(toUInt16(day)) AS days
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY business_id, contact_id
)
SELECT
    c.business_id AS business_id, toString(c.market) AS market, toString(c.channel) AS channel, toString(c.promised_frequency) AS promise,
    toUInt8(cityHash64(c.contact_id) % 200) AS contact_group, s.sends AS sends, d.days AS days
FROM sent AS s
INNER JOIN at_risk AS d ON d.business_id = s.business_id AND d.contact_id = s.contact_id
INNER JOIN
(
    SELECT *
    FROM contact_doses
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
) AS c ON c.business_id = s.business_id AND c.contact_id = s.contact_id
