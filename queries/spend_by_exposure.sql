-- spend_by_exposure: what does the n-th message of 7 days cost per open and per reply?
-- grain:   one row per (dimension, segment, currency, exposure bin)
-- reads:   spend_by_exposure (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          currency String =
-- returns: dimension String, segment String, identification String, currency String, exposure_from UInt16, exposure_to UInt16, contacts UInt64,
--          messages UInt64, charged UInt64, matured_without_price UInt64, amount Decimal(38, 9), opened UInt64, replied UInt64, why String,
--          per_open Nullable(Float64), per_open_lower Nullable(Float64), per_open_upper Nullable(Float64), per_reply Nullable(Float64),
--          per_reply_lower Nullable(Float64), per_reply_upper Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   amounts in currency; an association; exposure_to 65535 is no upper end; why says why figures are NULL; an empty parameter asks for every value
SELECT
    dimension, segment, identification, currency, exposure_from, exposure_to, contacts, messages, charged, matured_without_price, amount,
    opened, replied, why, per_open, per_open_lower, per_open_upper, per_reply, per_reply_lower, per_reply_upper, cutoff
FROM spend_by_exposure
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({currency:String} = '' OR currency = {currency:String})
ORDER BY dimension, segment, currency, exposure_from
