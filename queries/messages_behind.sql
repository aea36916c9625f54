-- messages_behind: which are some of the messages behind each exposure bin of the curve of engagement?
-- grain:   one row per message, at most 50 per exposure bin, chosen by a hash of their ids
-- reads:   messages (one row per message_id, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          market String =
-- returns: exposure_from UInt16, contact String, sent_on Date, channel String, market String, category String,
--          opened UInt8, clicked UInt8, replied UInt8
-- units:   proactive messages not known to have failed, of known exposure; contact is the beginning of a pseudonym, the day is UTC; bins of
--          fewer than 30 contacts have no rows; an empty market asks for every one
WITH binned AS
(
    SELECT
        multiIf(exposure <= 5, exposure, exposure <= 7, 6, exposure <= 10, 8, 11) AS bin_from,
        contact_id,
        message_id,
        sent_at,
        channel,
        market,
        category,
        opened_at IS NOT NULL  AS was_opened,
        clicked_at IS NOT NULL AS was_clicked,
        replies > 0            AS was_answered
    FROM messages
    WHERE business_id = {business:String}
      AND sent_at >= {from:Date}
      AND sent_at < {to:Date}
      AND purpose = 'proactive'
      AND failed_at IS NULL
      AND exposure IS NOT NULL
      AND ({market:String} = '' OR market = {market:String})
)
SELECT
    toUInt16(assumeNotNull(bin_from))   AS exposure_from,
    substring(toString(contact_id), 1, 8) AS contact,
    toDate(sent_at)                     AS sent_on,
    channel,
    market,
    category,
    was_opened                          AS opened,
    was_clicked                         AS clicked,
    was_answered                        AS replied
FROM binned
WHERE bin_from IN (SELECT bin_from FROM binned GROUP BY bin_from HAVING uniqExact(contact_id) >= 30)
ORDER BY exposure_from, cityHash64(message_id), message_id
LIMIT 50 BY exposure_from
