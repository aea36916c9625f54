-- first_response: how long do contacts wait for the first response, the unanswered counted in?
-- grain:   one row per (dimension, segment, author, clock, measure, at_s, at_share)
-- reads:   first_response (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          dimension String = all
--          segment String =
--          author String = any
--          clock String = wall
-- returns: dimension String, segment String, author String, clock String, measure String, at_s UInt32, at_share Float64, contacts UInt64,
--          cases UInt64, answered UInt64, calendar_cases UInt64, observed_s Float64, suppressed UInt8, estimate Nullable(Float64),
--          std_error Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), why String, cutoff DateTime64(3, 'UTC')
-- units:   cases and answered count cases; within is a ratio in [0,1] answered within at_s seconds, quantile the seconds by which the share
--          at_share is answered; a quantile that is NULL and not suppressed is more than observed_s, and so is its upper limit; an empty
--          dimension, segment, author or clock asks for every one
SELECT
    dimension,
    segment,
    author,
    clock,
    measure,
    at_s,
    at_share,
    contacts,
    cases,
    answered,
    calendar_cases,
    observed_s,
    suppressed,
    estimate,
    std_error,
    lower,
    upper,
    why,
    cutoff
FROM first_response
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({dimension:String} = '' OR dimension = {dimension:String})
  AND ({segment:String} = '' OR segment = {segment:String})
  AND ({author:String} = '' OR author = {author:String})
  AND ({clock:String} = '' OR clock = {clock:String})
ORDER BY dimension, segment, author, clock, measure, at_s, at_share
