-- sums_by_group: sums over the contacts of each market, channel and group, and (is_promised) of each promised frequency
-- within these. The first statement of the models that use it.
--
-- The sums are one array, in this order: contacts [1]; for open, click, reply each messages by exposure [8], those with the
-- outcome [8], and between each exposure and the next the contacts with both [7], and the terms of the ratio of their rates,
-- above [7] and below [7], in millionths; days by dose [12]; doses of the days with 11 or more [1]; contacts by binned
-- dose [9]; days [45], opt-outs [45] and contacts [45] by prior engagement and binned dose; messages opened, however many in one look [1]; quiet
-- days [5] and opt-outs on them [5] by prior engagement. Contacts at dose 0 are those with a quiet day: of dose 0, and nothing sent on it.
--
-- Ratio of the rates at two exposures within contacts, y of n messages at the lower, v of m at the higher:
-- sum v n / (n + m) over sum y m / (n + m), as Mantel and Haenszel have it for rates, each contact a stratum.
SELECT
    business_id, max(cutoff) AS cutoff, market, channel, is_promised, if(is_promised, promised_frequency, '') AS promise,
    toUInt8(cityHash64(contact_id) % 200) AS contact_group,
    arrayConcat(
        [count()],
        sumForEach(open_n), sumForEach(open_y), sumForEach(arrayMap((n, m) -> n > 0 AND m > 0, lower_opens, higher_opens)),
        sumForEach(arrayMap((n, m, v) -> intDiv(toUInt64(v) * n * 1000000, greatest(n + m, 1)), lower_opens, higher_opens, arraySlice(open_y, 2, 7))),
        sumForEach(arrayMap((n, m, y) -> intDiv(toUInt64(y) * m * 1000000, greatest(n + m, 1)), lower_opens, higher_opens, arraySlice(open_y, 1, 7))),
        sumForEach(click_n), sumForEach(click_y), sumForEach(arrayMap((n, m) -> n > 0 AND m > 0, lower_clicks, higher_clicks)),
        sumForEach(arrayMap((n, m, v) -> intDiv(toUInt64(v) * n * 1000000, greatest(n + m, 1)), lower_clicks, higher_clicks, arraySlice(click_y, 2, 7))),
        sumForEach(arrayMap((n, m, y) -> intDiv(toUInt64(y) * m * 1000000, greatest(n + m, 1)), lower_clicks, higher_clicks, arraySlice(click_y, 1, 7))),
        sumForEach(reply_n), sumForEach(reply_y), sumForEach(arrayMap((n, m) -> n > 0 AND m > 0, lower_replies, higher_replies)),
        sumForEach(arrayMap((n, m, v) -> intDiv(toUInt64(v) * n * 1000000, greatest(n + m, 1)), lower_replies, higher_replies, arraySlice(reply_y, 2, 7))),
        sumForEach(arrayMap((n, m, y) -> intDiv(toUInt64(y) * m * 1000000, greatest(n + m, 1)), lower_replies, higher_replies, arraySlice(reply_y, 1, 7))),
        sumForEach(days), [sum(doses)],
        sumForEach(arrayMap((a, b, c, d, e) -> a > 0 OR b > 0 OR c > 0 OR d > 0 OR e > 0, arraySlice(spent_days, 1, 9), arraySlice(spent_days, 10, 9),
            arraySlice(spent_days, 19, 9), arraySlice(spent_days, 28, 9), arraySlice(spent_days, 37, 9))),
        sumForEach(stratum_days), sumForEach(stratum_opt_outs), sumForEach(arrayMap(n -> n > 0, spent_days)), [sum(opened)],
        sumForEach(quiet_days), sumForEach(quiet_opt_outs)) AS sums
FROM
(
    SELECT
        *,
        arrayMap((n, i) -> if(i % 9 = 1, quiet_days[intDiv(i, 9) + 1], n), stratum_days, arrayEnumerate(stratum_days)) AS spent_days,
        arraySlice(open_n, 1, 7)  AS lower_opens,   arraySlice(open_n, 2, 7)  AS higher_opens,
        arraySlice(click_n, 1, 7) AS lower_clicks,  arraySlice(click_n, 2, 7) AS higher_clicks,
        arraySlice(reply_n, 1, 7) AS lower_replies, arraySlice(reply_n, 2, 7) AS higher_replies
    FROM contact_doses
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
)
ARRAY JOIN [0, 1] AS is_promised
GROUP BY business_id, market, channel, is_promised, promise, contact_group
ORDER BY business_id, market, channel, is_promised, promise, contact_group
