-- segments: all messages of a business, each channel and each market, as numbers, which take less time and memory than names. What follows
-- `-- shared: segments` in a model: the name of a segment by the number that
-- cityHash64(business_id, dimension, segment) gives it. A contact has a number too: cityHash64(business_id, contact_id).
-- staged by: number
-- shared: rated
segments AS
(
    SELECT DISTINCT business_id, dimension, segment, cityHash64(business_id, dimension, segment) AS number
    FROM (SELECT DISTINCT business_id, toString(own_channel) AS channel_name, toString(own_market) AS market_name FROM rated)
    ARRAY JOIN ['all', 'channel', 'market'] AS dimension, ['', channel_name, market_name] AS segment
),
