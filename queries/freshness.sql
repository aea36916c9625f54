-- freshness: up to when is the data loaded, and up to when have the metrics been computed?
-- grain:   one row per business_id
-- reads:   events (unique by key), frequency_engagement, frequency_opt_out
-- params:  business String =
-- returns: business_id String, events UInt64, cutoff DateTime64(3, 'UTC'), last_ingested_at DateTime64(3, 'UTC'),
--          future_events UInt64, computed_to Nullable(DateTime64(3, 'UTC'))
-- units:   cutoff is the latest event_time not after its ingested_at (1970 if there is none); future_events lie after their
--          own ingested_at; computed_to is the newest cutoff of a metric, NULL before the first run; test traffic is left out, as the
--          metrics' cutoff does; an empty business asks for every one
WITH
loaded AS
(
    SELECT
        business_id,
        count()                                       AS facts,
        maxIf(event_time, event_time <= ingested_at)  AS loaded_to,
        max(ingested_at)                              AS arrived_last,
        countIf(event_time > ingested_at)             AS ahead
    FROM events
    WHERE is_test = 0
      AND ({business:String} = '' OR business_id = {business:String})
    GROUP BY business_id
),
computed AS
(
    SELECT business_id, toNullable(max(metric_cutoff)) AS newest
    FROM
    (
        SELECT business_id, cutoff AS metric_cutoff FROM frequency_engagement
        UNION ALL
        SELECT business_id, cutoff AS metric_cutoff FROM frequency_opt_out
    )
    GROUP BY business_id
)
SELECT
    loaded.business_id AS business_id,
    facts              AS events,
    loaded_to          AS cutoff,
    arrived_last       AS last_ingested_at,
    ahead              AS future_events,
    newest             AS computed_to
FROM loaded
LEFT JOIN computed ON computed.business_id = loaded.business_id
ORDER BY business_id
