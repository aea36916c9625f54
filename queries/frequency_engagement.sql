-- frequency_engagement: how do open, click and reply rates change with the number of messages in 7 days?
-- grain:   one row per (channel, market, outcome, exposure bin); `all` is every channel or market together
-- reads:   frequency_engagement (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          channel String =
--          market String =
--          outcome String =
-- returns: channel String, market String, outcome String, exposure_from UInt16, exposure_to UInt16,
--          identification String, contacts UInt64, messages UInt64, outcomes UInt64, suppressed UInt8, rate Nullable(Float64),
--          lower Nullable(Float64), upper Nullable(Float64), design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1] over messages; exposure_to 65535 is no upper end; an empty channel,
--          market or outcome asks for every one; rate and interval are NULL in suppressed cells (under 30 contacts or 5 outcomes)
SELECT
    channel,
    market,
    outcome,
    exposure_from,
    exposure_to,
    identification,
    contacts,
    messages,
    outcomes,
    suppressed,
    rate,
    lower,
    upper,
    design_effect,
    cutoff
FROM frequency_engagement
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({channel:String} = '' OR channel = {channel:String})
  AND ({market:String} = '' OR market = {market:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
ORDER BY channel, market, outcome, exposure_from
