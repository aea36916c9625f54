-- promises: what contacts were promised when they opted in. What follows `-- shared: promises` in a model; only of those who were promised anything.
-- staged by: business_id, contact_id
promises AS
(
    SELECT business_id, contact_id, event_time AS promised_at, max(promised_frequency) AS promised
    FROM contact_facts FINAL
    WHERE event_type = 'opt_in'
      AND is_test = 0
      AND (business_id, contact_id) IN (SELECT business_id, contact_id FROM contact_facts WHERE event_type = 'opt_in' AND promised_frequency != '')
    GROUP BY business_id, contact_id, promised_at
),
