-- contact_frequency: how often did each contact write of its own accord in the last 28 days?
-- grain:   one row per contact_id
-- reads:   contact_frequency (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          market String =
--          category String =
-- returns: contact_id UUID, as_of DateTime64(3, 'UTC'), market String, days UInt8, runs UInt16, category String, cutoff DateTime64(3, 'UTC')
-- units:   days are local days of 28; contact_id is a pseudonym; an empty market or category asks for every one
SELECT
    contact_id,
    as_of,
    market,
    days,
    runs,
    category,
    cutoff
FROM contact_frequency
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({market:String} = '' OR market = {market:String})
  AND ({category:String} = '' OR category = {category:String})
ORDER BY contact_id
