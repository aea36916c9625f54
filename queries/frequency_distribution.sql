-- frequency_distribution: how many proactive messages are contacts sent in a week, and is it becoming more?
-- grain:   one row per (dimension, segment, measure, period, period_from)
-- reads:   frequency_distribution (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String =
--          segment String =
-- returns: dimension String, segment String, measure String, period String, period_from Date, period_to Date, weeks UInt16,
--          identification String, contacts UInt64, units UInt64, messages UInt64, none UInt64, suppressed UInt8, mean Nullable(Float64),
--          mean_lower Nullable(Float64), mean_upper Nullable(Float64), median Nullable(UInt16), median_lower Nullable(UInt16),
--          median_upper Nullable(UInt16), p90 Nullable(UInt16), p90_lower Nullable(UInt16), p90_upper Nullable(UInt16),
--          none_share Nullable(Float64), none_lower Nullable(Float64), none_upper Nullable(Float64), trend Nullable(Float64),
--          trend_lower Nullable(Float64), trend_upper Nullable(Float64), cutoff DateTime64(3, 'UTC')
-- units:   mean, median, p90 are messages per unit: a contact-week of 7 days at risk (measure week), or a day at risk with the
--          7 x 24 h before it (7_days); none_share is a ratio in [0,1]; trend is messages per contact and week, per week; days
--          and ISO weeks are UTC; an empty dimension or segment asks for every one; all are NULL under 30 contacts
SELECT
    dimension,
    segment,
    measure,
    period,
    period_from,
    period_to,
    weeks,
    identification,
    contacts,
    units,
    messages,
    none,
    suppressed,
    mean,
    mean_lower,
    mean_upper,
    median,
    median_lower,
    median_upper,
    p90,
    p90_lower,
    p90_upper,
    none_share,
    none_lower,
    none_upper,
    trend,
    trend_lower,
    trend_upper,
    cutoff
FROM frequency_distribution
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY dimension, segment, measure, period, period_from
