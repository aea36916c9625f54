-- leavers_behind: which are some of the opt-outs behind each dose bin of the hazard?
-- grain:   one row per contact and day of an opt-out, at most 50 per dose bin, chosen by a hash of the contact
-- reads:   person_days (one row per contact and day; a run replaces its days)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          market String =
-- returns: dose_from UInt16, contact String, day Date, dose UInt16, spell_day UInt16, channel String, market String
-- units:   dose counts proactive messages in the 7 days before the day; contact is the beginning of a pseudonym; bins of fewer than 30 contacts at risk
--          or 5 opt-outs have no rows; an empty market asks for every one
WITH binned AS
(
    SELECT
        multiIf(dose <= 5, dose, dose <= 7, 6, dose <= 10, 8, 11) AS bin_from,
        contact_id, day, dose, spell_day, channel, market, opted_out
    FROM person_days
    WHERE business_id = {business:String}
      AND day >= {from:Date}
      AND day < {to:Date}
      AND ({market:String} = '' OR market = {market:String})
)
SELECT
    toUInt16(bin_from)                    AS dose_from,
    substring(toString(contact_id), 1, 8) AS contact,
    day,
    toUInt16(dose)                        AS dose,
    toUInt16(spell_day)                   AS spell_day,
    channel,
    market
FROM binned
WHERE opted_out = 1
  AND bin_from IN (SELECT bin_from FROM binned GROUP BY bin_from HAVING uniqExact(contact_id) >= 30 AND countIf(opted_out = 1) >= 5)
ORDER BY dose_from, cityHash64(contact_id), contact_id, day
LIMIT 50 BY dose_from
