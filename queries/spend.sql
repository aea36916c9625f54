-- spend: what did messages cost, and what did an open, a reply and an engaged contact cost?
-- grain:   one row per (dimension, segment, month or whole window, currency)
-- reads:   spend (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
--          currency String =
-- returns: dimension String, segment String, month Date, currency String, messages UInt64, charged UInt64, without_price UInt64, not_told UInt64,
--          amount Decimal(38, 9), contacts UInt64, matured_amount Decimal(38, 9), matured_without_price UInt64, opened UInt64, replied UInt64,
--          engaged_contacts UInt64, why String, per_open Nullable(Float64), per_open_lower Nullable(Float64), per_open_upper Nullable(Float64),
--          per_reply Nullable(Float64), per_reply_lower Nullable(Float64), per_reply_upper Nullable(Float64), per_engaged Nullable(Float64),
--          per_engaged_lower Nullable(Float64), per_engaged_upper Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   amounts in currency, never added up over currencies; counts are those of the segment; month 1970-01-01 is the whole window; an empty
--          currency: nothing had a price; why says why figures are NULL; an empty parameter asks for every value
SELECT
    dimension, segment, month, currency, messages, charged, without_price, not_told, amount, contacts, matured_amount,
    matured_without_price, opened, replied, engaged_contacts, why, per_open, per_open_lower, per_open_upper, per_reply, per_reply_lower,
    per_reply_upper, per_engaged, per_engaged_lower, per_engaged_upper, cutoff
FROM spend
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({currency:String} = '' OR currency = {currency:String})
ORDER BY dimension, segment, month, currency
