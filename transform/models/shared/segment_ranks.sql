-- segment_ranks: the segments of each dimension, the 50 with the most messages under their names, the others as one. What follows
-- `-- shared: segment_ranks` in a model. A message's segment has the number cityHash64(business_id, dimension, segment), and is told under the number
-- `told_as`; pooled counts the segments of `other`, and is 0 for every other. All segments of a message's kind but campaign and promise have
-- the number cityHash64(business_id, 'only', channel, market, category, topic) too, for the contacts who are of no other kind: see `mixed`.
-- staged by: number
-- shared: rated
-- shared: promises
-- shared: promised
segment_ranks AS
(
    SELECT
        business_id, dimension, segment, pooled, number,
        if(number = own_number AND pooled > 0, CAST(cityHash64(business_id, dimension), 'UInt64'), number) AS told_as
    FROM
    (
        SELECT
            business_id, dimension, kinds,
            CAST(cityHash64(business_id, dimension, own_segment), 'UInt64') AS own_number,
            row_number() OVER (PARTITION BY business_id, dimension ORDER BY messages DESC, own_segment) AS place,
            count() OVER (PARTITION BY business_id, dimension) AS segments,
            if(place <= 50, own_segment, 'other')       AS segment,
            toUInt32(if(place <= 50, 0, segments - 50)) AS pooled
        FROM
        (
            SELECT business_id, slice.1 AS dimension, slice.2 AS own_segment, sum(n) AS messages, groupUniqArray(slice.3) AS kinds
            FROM
            (
                SELECT
                    business_id, own_channel, own_market, own_category, own_campaign, own_topic, promise, count() AS n,
                    cityHash64(business_id, 'only', own_channel, own_market, own_category, own_topic) AS kind
                FROM promised
                GROUP BY business_id, own_channel, own_market, own_category, own_campaign, own_topic, promise
            )
            ARRAY JOIN [('all', '', kind), ('channel', toString(own_channel), kind), ('market', toString(own_market), kind),
                ('category', toString(own_category), kind), ('topic', toString(own_topic), kind),
                ('campaign', toString(own_campaign), 0), ('promised_frequency', promise, 0)] AS slice
            GROUP BY business_id, dimension, own_segment
        )
    )
    ARRAY JOIN if(dimension IN ('campaign', 'promised_frequency'), [own_number], arrayPushFront(kinds, own_number)) AS number
),
