-- delivery_funnel: how far did messages get, by what each channel reports?
-- grain:   one row per (channel, purpose, market, state)
-- reads:   delivery_funnel (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          channel String =
--          purpose String = all
--          market String = all
-- returns: channel String, purpose String, market String, state String, method String, sent UInt64, contacts UInt64, messages UInt64,
--          in_state UInt64, suppressed UInt8, rate Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),
--          design_effect Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   rate, lower, upper are ratios in [0,1], with contacts as clusters; NULL where suppressed (under 30 contacts or 5 outcomes);
--          each state has its own base; an empty parameter asks for every value
SELECT
    channel, purpose, market, state, method, sent, contacts, messages, in_state, suppressed, rate, lower, upper, design_effect, cutoff
FROM delivery_funnel
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({channel:String} = '' OR channel = {channel:String})
  AND ({purpose:String} = '' OR purpose = {purpose:String})
  AND ({market:String} = '' OR market = {market:String})
ORDER BY channel, purpose, market, state
