-- conversation_frequency: how many contacts write how often, on the scale of surveys.
-- grain:   one row per (business_id, dimension, segment, category)
-- reads:   contact_frequency (a run replaces its window, so nothing to deduplicate)
-- params:  from, to DateTime64(3, 'UTC'); window [from, to), whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), as_of DateTime64(3, 'UTC'), dimension String, segment String,
--          category String, position UInt8, base UInt64, contacts UInt64, at_least_contacts UInt64
-- units:   contacts. Shares and intervals are computed from these in Go
WITH
['several times a day', 'daily', 'several times a week', 'weekly', 'every 2-3 weeks', 'monthly', 'less often', 'never'] AS categories,
counted AS
(
    SELECT
        business_id,
        max(cutoff) AS loaded_to,
        max(as_of)  AS end_at,
        slice,
        arrayMap(c -> toUInt64(c), sumForEach(arrayMap(c -> c = category, categories))) AS own
    FROM contact_frequency
    ARRAY JOIN [('all', ''), ('market', toString(market))] AS slice
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id, slice
)
SELECT
    business_id,
    loaded_to AS cutoff,
    end_at    AS as_of,
    slice.1   AS dimension,
    slice.2   AS segment,
    category,
    toUInt8(place)                   AS position,
    toUInt64(arraySum(own))          AS base,
    contacts,
    toUInt64(arraySum(arraySlice(own, 1, place))) AS at_least_contacts
FROM counted
ARRAY JOIN own AS contacts, categories AS category, arrayEnumerate(own) AS place
ORDER BY business_id, dimension, segment, position
