-- prices_missing: what was charged that the rate card has no price for?
-- grain:   one row per (channel, unit, market, category, month), the most units first
-- reads:   message_costs (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
-- returns: channel String, unit String, market String, category String, month Date, units UInt64, first_sent_at DateTime64(3, 'UTC'), cutoff DateTime64(3, 'UTC')
-- units:   charged units; add a row to the card from the day of first_sent_at at the latest, and run the job consent again
SELECT
    channel,
    unit,
    market,
    category,
    toStartOfMonth(sent_at) AS month,
    count()                 AS units,
    min(sent_at)            AS first_sent_at,
    max(cutoff)             AS cutoff
FROM message_costs
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND charged = 1
  AND has_price = 0
GROUP BY channel, unit, market, category, month
ORDER BY units DESC, channel, unit, market, category, month
