-- spend_what_if: what would a cap on the sends of any 7 days have saved?
-- grain:   one row per (dimension, segment, currency, cap)
-- reads:   spend_what_if (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          currency String =
-- returns: dimension String, segment String, cap UInt8, currency String, contacts UInt64, messages UInt64, without_price UInt64,
--          mean_amount Nullable(Float64), why String, observed Nullable(Float64), capped Nullable(Float64), saving Nullable(Float64),
--          saving_lower Nullable(Float64), saving_upper Nullable(Float64), assumption String, cutoff DateTime64(3, 'UTC')
-- units:   observed, capped, saving: currency per 1,000 contacts at risk and 30 days; NULL where why says so; an empty parameter asks for every value
SELECT
    dimension, segment, cap, currency, contacts, messages, without_price, mean_amount, why, observed, capped, saving, saving_lower,
    saving_upper, assumption, cutoff
FROM spend_what_if
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({currency:String} = '' OR currency = {currency:String})
ORDER BY dimension, segment, currency, cap
