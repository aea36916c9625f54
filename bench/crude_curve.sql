-- crude_curve: messages and opens by trailing exposure; the least that gives the curve.
-- Per contact: the sends, sorted; then each send, and each send's end seven days later, in one sorted row of numbers
-- (the lowest bit tells which); a running sum over these counts the sends that have not ended.
SELECT
    toInt64(multiIf(trailing <= 5, trailing, trailing <= 7, 6, trailing <= 10, 8, 11)) AS exposure_from,
    toInt64(count())     AS messages,
    toInt64(sum(opened)) AS opens
FROM
(
    WITH
    arraySort(groupArray(code)) AS sends,
    arraySort(arrayConcat(
        arrayMap(c -> bitShiftRight(c, 1) * 4 + 2 * 1209600000, sends),
        arrayMap(c -> c * 2 + 1, sends))) AS changes
    SELECT
        arrayFilter((n, c) -> bitTest(c, 0), arrayCumSum(c -> if(bitTest(c, 0), 1, -1), changes), changes) AS running,
        arrayMap(c -> bitTest(c, 0), sends) AS flags
    FROM
    ({facts}
    )
    GROUP BY business, contact_id
)
ARRAY JOIN running AS trailing, flags AS opened
GROUP BY exposure_from
ORDER BY exposure_from
