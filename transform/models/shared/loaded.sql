-- loaded: up to when the events of each business are loaded. What follows `-- shared: loaded` in a model; one row per business_id.
loaded AS (SELECT business_id, max(cutoff) AS loaded_to FROM coverage GROUP BY business_id),
