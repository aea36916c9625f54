-- consent_survival: how long consents last, as entries and ends by day; Go makes the curves.
-- grain:   one row per (business_id, dimension, segment, spell_day)
-- reads:   consents (of the same run)
-- params:  from, to DateTime64(3, 'UTC'); spells that were on in the window [from, to), whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, spell_day UInt16, entered UInt64,
--          ended UInt64, stopped UInt64, blocked UInt64, expired UInt64, used UInt64
-- units:   spells; spell_day counts whole 24 h since the opt-in. ended is all ends, whatever the cause, censorings included
WITH
dated AS
(
    SELECT
        business_id, slice, cutoff, ended,
        toUInt16(least(intDiv(greatest(toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) - toUnixTimestamp64Milli(from_at), 0), 86400000), 65535)) AS entry_day,
        toUInt16(least(intDiv(toUnixTimestamp64Milli(to_at) - toUnixTimestamp64Milli(from_at), 86400000), 65535)) AS end_day
    FROM consents
    ARRAY JOIN [('all', ''), ('channel', toString(channel)), ('topic', topic), ('promised_frequency', toString(promised_frequency))] AS slice
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND to_at >= {from:DateTime64(3, 'UTC')}
),
sides AS
(
    SELECT
        business_id, slice, max(cutoff) AS cutoff_at, side.1 AS spell_day,
        countIf(side.2 = 0) AS entered, countIf(side.2 = 1) AS ends,
        arrayMap(c -> c, sumForEach(arrayMap(c -> toUInt64(side.2 = 1 AND ended = c), ['stopped', 'blocked', 'expired', 'used']))) AS causes
    FROM dated
    ARRAY JOIN [(entry_day, 0), (end_day, 1)] AS side
    GROUP BY business_id, slice, spell_day
)
SELECT
    business_id,
    cutoff_at AS cutoff,
    slice.1   AS dimension,
    slice.2   AS segment,
    spell_day,
    entered,
    ends      AS ended,
    causes[1] AS stopped,
    causes[2] AS blocked,
    causes[3] AS expired,
    causes[4] AS used
FROM sides
ORDER BY business_id, dimension, segment, spell_day
