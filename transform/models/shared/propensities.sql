-- propensities: how much the contacts of a segment engage whatever the exposure, by dose of their days and group of contacts.
--
-- A contact with y outcomes of n(1), ..., n(8) messages by exposure, of rates that go as falls(1), ..., falls(8), has the
-- propensity y / sum falls n: its rate at the first exposure. Per group: days by dose [12] of the contacts with messages, their sums
-- of propensity x days [12], and the change of these sums by falls(1), ..., falls(8) [8 x 12]; the latter two in millionths.
-- An exposure that falls says 0 of is left out.
WITH
told AS
(
    SELECT
        toUInt8(cityHash64(contact_id) % 200) AS contact_group,
        days,
        {falls:Array(Float64)} AS falls,
        arrayMap((n, f) -> if(f > 0, n, 0), multiIf({outcome:String} = 'open', open_n, {outcome:String} = 'click', click_n, reply_n), falls) AS own_n,
        arraySum(arrayMap((y, f) -> if(f > 0, y, 0), multiIf({outcome:String} = 'open', open_y, {outcome:String} = 'click', click_y, reply_y), falls)) AS own_y,
        arraySum(arrayMap((n, f) -> n * f, own_n, falls)) AS expected
    FROM contact_doses
    WHERE business_id = {business:String}
      AND window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND ({dimension:String} = 'all' OR {dimension:String} = 'market' AND market = {segment:String} OR {dimension:String} = 'channel' AND channel = {segment:String})
)
SELECT
    contact_group,
    sumForEach(arrayConcat(
        arrayMap(d -> toInt64(d), days),
        arrayMap(d -> toInt64(round(1e6 * own_y / expected * d)), days),
        arrayFlatten(arrayMap(n -> arrayMap(d -> toInt64(round(-1e6 * own_y / expected / expected * n * d)), days), own_n)))) AS sums
FROM told
WHERE expected > 0
GROUP BY contact_group
ORDER BY contact_group
