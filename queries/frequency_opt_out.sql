-- frequency_opt_out: how does the hazard of opting out change with the messages of the week before?
-- grain:   one row per (market, dose bin); `all` is every market together
-- reads:   frequency_opt_out (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          market String =
-- returns: market String, dose_from UInt16, dose_to UInt16, identification String, contacts UInt64, person_days UInt64, opt_outs UInt64,
--          suppressed UInt8, rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),
--          design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are opt-outs per person-day at risk; dose_to 65535 is no upper end; an empty market asks
--          for every one; rate and interval are NULL in suppressed cells (under 30 contacts or 5 opt-outs)
SELECT
    market,
    dose_from,
    dose_to,
    identification,
    contacts,
    person_days,
    opt_outs,
    suppressed,
    rate,
    lower,
    upper,
    design_effect,
    cutoff
FROM frequency_opt_out
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({market:String} = '' OR market = {market:String})
ORDER BY market, dose_from
