-- delivery_failures: how many messages failed, and why?
-- grain:   one row per (channel, market, cause, error_code)
-- reads:   delivery_failures (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          channel String =
--          market String = all
--          cause String =
-- returns: channel String, market String, cause String, error_code String, without_send UInt64, contacts UInt64, attempts UInt64, failed UInt64,
--          suppressed UInt8, rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64),
--          cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1], with contacts as clusters; NULL where suppressed (under 30 contacts or 5 outcomes);
--          an empty error_code is all of the cause, cause any all failures; an empty parameter asks for every value
SELECT
    channel, market, cause, error_code, without_send, contacts, attempts, failed, suppressed, rate, lower, upper, design_effect, cutoff
FROM delivery_failures
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({channel:String} = '' OR channel = {channel:String})
  AND ({market:String} = '' OR market = {market:String})
  AND ({cause:String} = '' OR cause = {cause:String})
ORDER BY channel, market, cause, error_code
