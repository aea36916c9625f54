-- pain_contacts: which pains hit which contacts, and in which week?
-- grain:   one row per (contact_id, week, channel)
-- reads:   pain_contacts (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          pain String =
-- returns: contact_id UUID, week Date, market String, channel String, at_risk Map(LowCardinality(String), UInt32),
--          hits Map(LowCardinality(String), UInt32), cutoff DateTime64(3, 'UTC')
-- units:   at_risk and hits count cases and messages by pain; with a pain, only the rows that it hit; contact_id is a pseudonym
SELECT
    contact_id,
    week,
    market,
    channel,
    at_risk,
    hits,
    cutoff
FROM pain_contacts
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({pain:String} = '' OR mapContains(hits, {pain:String}))
ORDER BY contact_id, week, channel
