-- segments: all messages of a business, each channel and each market, by the numbers that messages are told under, which take less time and memory
-- than names. What follows `-- shared: segments` in a model. A segment has the number cityHash64(business_id, dimension, segment); the three segments of
-- a channel and a market have the number cityHash64(business_id, 'only', channel, market) too, for the contacts who are in no others: see `mixed`.
-- staged by: number
-- shared: rated
segments AS
(
    SELECT DISTINCT business_id, dimension, segment, number
    FROM
    (
        SELECT
            business_id, ['all', 'channel', 'market'] AS dimensions, ['', toString(own_channel), toString(own_market)] AS names,
            arrayMap((d, s) -> cityHash64(business_id, d, s), dimensions, names) AS numbers,
            cityHash64(business_id, 'only', own_channel, own_market)             AS only
        FROM (SELECT DISTINCT business_id, own_channel, own_market FROM rated)
    )
    ARRAY JOIN
        arrayConcat(dimensions, dimensions) AS dimension, arrayConcat(names, names) AS segment, arrayConcat(numbers, [only, only, only]) AS number
),
