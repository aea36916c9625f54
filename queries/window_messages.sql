-- window_messages: how many messages and contacts does the window hold, and how many cannot enter the curve?
-- grain:   one row, even where the window is empty
-- reads:   messages (one row per message_id, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
-- returns: contacts UInt64, messages UInt64, proactive UInt64, responses UInt64, failed UInt64, exposure_unknown UInt64
-- units:   counts, exact; contacts received a proactive message; failed and exposure_unknown are proactive messages
--          that stay out of the curve: known to have failed, and sent in the first 7 days of an account's data
SELECT
    uniqExactIf(contact_id, purpose = 'proactive')                              AS contacts,
    count()                                                                     AS messages,
    countIf(purpose = 'proactive')                                              AS proactive,
    countIf(purpose != 'proactive')                                             AS responses,
    countIf(purpose = 'proactive' AND failed_at IS NOT NULL)                    AS failed,
    countIf(purpose = 'proactive' AND failed_at IS NULL AND exposure IS NULL)   AS exposure_unknown
FROM messages
WHERE business_id = {business:String}
  AND sent_at >= {from:Date}
  AND sent_at < {to:Date}
