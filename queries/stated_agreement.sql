-- stated_agreement: how far does what people say agree with the log?
-- grain:   one row per (survey_id, dimension, segment, subject, statistic)
-- reads:   stated_agreement (a run replaces it, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
--          dimension String =
-- returns: survey_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, subject String, statistic String, n UInt64,
--          value Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), why String, synthetic UInt8
-- units:   kappa and spearman are in [-1,1], the others ratios in [0,1]; NULL where why says so; an empty survey or dimension asks for every one
SELECT
    t.survey_id AS survey_id,
    t.cutoff AS cutoff,
    t.dimension AS dimension,
    t.segment AS segment,
    t.subject AS subject,
    t.statistic AS statistic,
    t.n AS n,
    t.value AS value,
    t.lower AS lower,
    t.upper AS upper,
    t.why AS why,
    t.synthetic AS synthetic
FROM stated_agreement AS t
WHERE t.business_id = {business:String}
  AND ({survey:String} = '' OR t.survey_id = {survey:String})
  AND ({dimension:String} = '' OR t.dimension = {dimension:String})
ORDER BY t.survey_id, t.dimension, t.segment, t.subject, t.statistic
