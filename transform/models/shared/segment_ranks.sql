-- segment_ranks: the segments of each dimension by number, the 50 with the most messages under their names, the others as one. What
-- follows `-- shared: segment_ranks` in a model. A message's segment has the number cityHash64(business_id, dimension, segment), and
-- is told under the number `told_as`; pooled counts the segments of `other`, and is 0 for every other.
-- staged by: number
-- shared: rated
-- shared: promises
-- shared: promised
segment_ranks AS
(
    SELECT
        business_id, dimension,
        CAST(cityHash64(business_id, dimension, own_segment), 'UInt64') AS number,
        row_number() OVER (PARTITION BY business_id, dimension ORDER BY messages DESC, own_segment) AS place,
        count() OVER (PARTITION BY business_id, dimension) AS segments,
        if(place <= 50, own_segment, 'other')       AS segment,
        toUInt32(if(place <= 50, 0, segments - 50)) AS pooled,
        CAST(cityHash64(business_id, dimension, segment, pooled), 'UInt64') AS told_as
    FROM
    (
        SELECT business_id, slice.1 AS dimension, slice.2 AS own_segment, sum(n) AS messages
        FROM
        (
            SELECT business_id, own_channel, own_market, own_category, own_campaign, own_topic, promise, count() AS n
            FROM promised
            GROUP BY business_id, own_channel, own_market, own_category, own_campaign, own_topic, promise
        )
        ARRAY JOIN [('all', ''), ('channel', toString(own_channel)), ('market', toString(own_market)), ('category', toString(own_category)),
        ('campaign', toString(own_campaign)), ('topic', toString(own_topic)), ('promised_frequency', promise)] AS slice
        GROUP BY business_id, dimension, own_segment
    )
),
