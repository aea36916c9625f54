-- frequency_withheld: how many messages did WhatsApp withhold, by how many the contact had been sent in the 7 days before?
-- grain:   one row per (dimension, segment, error_code or any, prior bin or any number)
-- reads:   frequency_withheld (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, error_code String, reason String, prior_from UInt16, prior_to UInt16,
--          identification String, without_send UInt64, contacts UInt64, attempts UInt64, withheld UInt64, suppressed UInt8, rate Nullable(Float64),
--          lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1] over attempts; an empty error_code is any of the codes; prior 0 to 65535 is any
--          number of messages; without_send counts attempts of which only the failure was told; an empty dimension or segment
--          asks for every one; rate and interval are NULL in suppressed cells (under 30 contacts or 5 withheld)
SELECT
    dimension,
    segment,
    error_code,
    reason,
    prior_from,
    prior_to,
    identification,
    without_send,
    contacts,
    attempts,
    withheld,
    suppressed,
    rate,
    lower,
    upper,
    design_effect,
    cutoff
FROM frequency_withheld
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, error_code, prior_from, prior_to DESC
