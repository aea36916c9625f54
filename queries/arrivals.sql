-- arrivals: what arrived for the events of a window, and how much of it was a duplicate or late?
-- grain:   one row per (channel, event_type)
-- reads:   events (unique by key; `copies` says how often a fact arrived)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          late_hours UInt16 = 24
-- returns: channel String, event_type String, arrived UInt64, unique_events UInt64, duplicates UInt64, late UInt64,
--          first_event_at DateTime64(3, 'UTC'), last_event_at DateTime64(3, 'UTC')
-- units:   counts, exact; window [from, to) on event_time; a fact is late if another of the window that happened more than
--          late_hours after it had arrived before it: so a backfill in the right order is not late. Counts may change with re-delivery
WITH
-- The clock of a fact is what had arrived strictly before it. Times ahead of our clock are no clock.
facts AS
(
    SELECT
        channel,
        event_type,
        event_time,
        copies,
        max(if(event_time <= ingested_at, event_time, toDateTime64(0, 3, 'UTC'))) OVER (
            ORDER BY toUnixTimestamp64Milli(ingested_at) RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS known_to
    FROM events
    WHERE business_id = {business:String}
      AND event_time >= {from:Date}
      AND event_time < {to:Date}
)
SELECT
    channel,
    event_type,
    sum(copies)                                                            AS arrived,
    count()                                                                AS unique_events,
    toUInt64(arrived - unique_events)                                      AS duplicates,
    countIf(event_time < known_to - toIntervalHour({late_hours:UInt16}))   AS late,
    min(event_time)                                                        AS first_event_at,
    max(event_time)                                                        AS last_event_at
FROM facts
GROUP BY channel, event_type
ORDER BY channel, event_type
