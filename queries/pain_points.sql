-- pain_points: what bothers contacts most, how many does it hit, and do they leave more often?
-- grain:   one row per (dimension, segment, pain)
-- reads:   pain_points (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          pain String =
-- returns: dimension String, segment String, pain String, confidence String, setting String, contacts UInt64, hit UInt64, units UInt64,
--          unit_hits UInt64, suppressed UInt8, reach Nullable(Float64), std_error Nullable(Float64), lower Nullable(Float64),
--          upper Nullable(Float64), rank_best Nullable(UInt8), rank_worst Nullable(UInt8), ranked UInt8, identification String,
--          hit_weeks UInt64, hit_opt_outs UInt64, other_weeks UInt64, other_opt_outs UInt64, overlap Nullable(Float64),
--          excess Nullable(Float64), excess_std_error Nullable(Float64), excess_lower Nullable(Float64), excess_upper Nullable(Float64),
--          why String, cutoff DateTime64(3, 'UTC')
-- units:   contacts and hit count contacts, units and unit_hits cases or messages, weeks contact-weeks; reach and overlap are ratios in
--          [0,1]; excess is opt-outs per contact-week, an association; an empty dimension, segment or pain asks for every one; NULL where why
--          says so
SELECT
    dimension,
    segment,
    pain,
    confidence,
    setting,
    contacts,
    hit,
    units,
    unit_hits,
    suppressed,
    reach,
    std_error,
    lower,
    upper,
    rank_best,
    rank_worst,
    ranked,
    identification,
    hit_weeks,
    hit_opt_outs,
    other_weeks,
    other_opt_outs,
    overlap,
    excess,
    excess_std_error,
    excess_lower,
    excess_upper,
    why,
    cutoff
FROM pain_points
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({pain:String} = '' OR pain = {pain:String})
ORDER BY dimension, segment, reach DESC NULLS LAST, pain
