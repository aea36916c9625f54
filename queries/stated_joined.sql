-- stated_joined: what did persons say, by what the log shows of them?
-- grain:   one row per (survey_id, subject, stated_position, observed_position)
-- reads:   stated_joined (a run replaces it, so nothing to deduplicate)
-- params:  business String = <only business>
--          survey String =
--          subject String =
-- returns: survey_id String, cutoff DateTime64(3, 'UTC'), subject String, stated String, stated_position UInt16, observed String,
--          observed_position UInt16, respondents Nullable(UInt64), synthetic UInt8
-- units:   respondents who agreed to be joined, unweighted; NULL for 1 to 9, and where these could be found; an empty survey or subject asks for every one
SELECT
    t.survey_id AS survey_id,
    t.cutoff AS cutoff,
    t.subject AS subject,
    t.stated AS stated,
    t.stated_position AS stated_position,
    t.observed AS observed,
    t.observed_position AS observed_position,
    t.respondents AS respondents,
    t.synthetic AS synthetic
FROM stated_joined AS t
WHERE t.business_id = {business:String}
  AND ({survey:String} = '' OR t.survey_id = {survey:String})
  AND ({subject:String} = '' OR t.subject = {subject:String})
ORDER BY t.survey_id, t.subject, t.stated_position, t.observed_position
