-- crude_curve: messages and opens by trailing exposure; the least that gives the curve.
-- Per contact: the sends, sorted, as codes: twice the time in milliseconds, and 1 more if it was opened. A send has an exposure above k if
-- the k-th send before it is less than seven days older: the bins ask this of seven k, and no more. A contact_id is a hash of
-- business and address, so it is a key by itself.
WITH
1209600000 AS week -- in codes
SELECT
    toInt64([0, 1, 2, 3, 4, 5, 6, 8, 11][passed + 2]) AS exposure_from,
    toInt64(count())                                 AS messages,
    toInt64(sum(bitTest(code, 0)))                   AS opens
FROM
(
    WITH
    {sends} AS sends,
    arrayMap(c -> bitAnd(c, -2), sends) AS times
    SELECT
        sends,
        arrayMap((c, a1, a2, a3, a4, a5, a7, a10) ->
            toUInt8((c - a1 < week) + (c - a2 < week) + (c - a3 < week) + (c - a4 < week) + (c - a5 < week) + (c - a7 < week) + (c - a10 < week)),
            times, arrayShiftRight(times, 1), arrayShiftRight(times, 2), arrayShiftRight(times, 3), arrayShiftRight(times, 4),
            arrayShiftRight(times, 5), arrayShiftRight(times, 7), arrayShiftRight(times, 10)) AS passing
    FROM
    ({facts}
    )
    GROUP BY contact_id
)
ARRAY JOIN passing AS passed, sends AS code
GROUP BY exposure_from
ORDER BY exposure_from
