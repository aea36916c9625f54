-- consent_facts: opt-ins and opt-outs, one row per fact, with the topic that they are about. What follows `-- shared: consent_facts`
-- in a model. The copies of one fact share its key, so they are merged by it and event_log needs no FINAL.
-- staged by: business_id, contact_id
consent_facts AS
(
    SELECT
        business_id,
        contact_id,
        CAST(event_type = 'opt_in', 'UInt8') AS is_opt_in, -- a table takes no LowCardinality of it
        min(event_time)                   AS at,
        toString(max(channel))            AS channel,
        if(max(scope) IN ('', 'all', 'marketing_messages', 'plugin'), 'all', max(scope)) AS topic,
        if(max(promised_frequency) IN ('daily', 'weekly', 'monthly'), max(promised_frequency), '') AS promise,
        max(expires_at)                   AS expires,
        max(reason)                       AS own_reason,
        own_reason = 'block'              AS is_block,
        if(max(attributes['origin']) != '', max(attributes['origin']), own_reason) AS source,
        toString(max(event_log.market))   AS market,
        max(event_log.zone)               AS zone
    FROM event_log
    WHERE event_type IN ('opt_in', 'opt_out')
    GROUP BY business_id, contact_id, message_id, event_type, event_id
    HAVING max(is_test) = 0
),
