-- segment_ranks: the segments of each dimension, the 50 with the most messages under their names, the others as one. What follows
-- `-- shared: segment_ranks` in a model. A segment's own number (see `promised`) is told as `told_as`; the numbers of the kinds of contacts (see `kinds`) that
-- are in no other segment of the dimension are told as they are. pooled counts the segments of `other`, and is 0 for every other.
-- staged by: number
-- shared: rated
-- shared: promises
-- shared: promised
-- shared: kinds
segment_ranks AS
(
    SELECT
        business_id, dimension, segment, pooled, segments, place, number,
        if(number = own_number AND pooled > 0, CAST(cityHash64(business_id, dimension), 'UInt64'), number) AS told_as
    FROM
    (
        SELECT
            business_id, dimension, own_kinds,
            CAST(cityHash64(business_id, dimension, own_segment), 'UInt64') AS own_number,
            toUInt32(row_number() OVER (PARTITION BY business_id, dimension ORDER BY messages DESC, own_segment)) AS place,
            toUInt32(count() OVER (PARTITION BY business_id, dimension)) AS segments,
            if(place <= 50, own_segment, 'other') AS segment,
            if(place <= 50, 0, segments - 50)      AS pooled
        FROM
        (
            SELECT
                business_id, slice.1 AS dimension, slice.2 AS own_segment, sum(n) AS messages,
                groupUniqArrayIf(kind, slice.3 = 0 OR NOT several[slice.3]) AS own_kinds
            FROM
            (
                SELECT business_id, own_channel, own_market, own_category, own_topic, own_campaign, promise, k.kind AS kind, any(k.several) AS several, count() AS n
                FROM promised AS p
                INNER JOIN kinds AS k ON k.contact = p.contact
                WHERE in_base
                GROUP BY business_id, own_channel, own_market, own_category, own_topic, own_campaign, promise, kind
            )
            ARRAY JOIN [('all', '', 0), ('channel', toString(own_channel), 1), ('market', toString(own_market), 2), ('category', toString(own_category), 3),
                ('topic', toString(own_topic), 4), ('campaign', toString(own_campaign), 5), ('promised_frequency', promise, 6)] AS slice
            GROUP BY business_id, dimension, own_segment
        )
    )
    ARRAY JOIN arrayPushFront(own_kinds, own_number) AS number
),
