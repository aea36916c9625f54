-- propensities: how much the contacts of segments engage whatever the exposure, by dose of their days and group of contacts. The second
-- statement of the models that use it; params: businesses, dimensions, names, outcomes Array(String), falls Array(Array(Float64)),
-- of each segment side by side; the place in these numbers the segment.
--
-- A contact with y outcomes of n(1), ..., n(8) messages by exposure, of rates that go as falls(1), ..., falls(8), has the
-- propensity y / sum falls n: its rate at the first exposure. Per group: days by dose [12] of the contacts with messages, their sums
-- of propensity x days [12], and the change of these sums by falls(1), ..., falls(8) [8 x 12]; the latter two in millionths.
-- An exposure that falls says 0 of is left out.
WITH
told AS
(
    SELECT
        segment_number,
        toUInt8(cityHash64(contact_id) % 200) AS contact_group,
        days,
        arrayMap((n, f) -> if(f > 0, n, 0), multiIf(outcome = 'open', open_n, outcome = 'click', click_n, reply_n), own_falls) AS own_n,
        arraySum(arrayMap((y, f) -> if(f > 0, y, 0), multiIf(outcome = 'open', open_y, outcome = 'click', click_y, reply_y), own_falls)) AS own_y,
        arraySum(arrayMap((n, f) -> n * f, own_n, own_falls)) AS expected
    FROM contact_doses
    ARRAY JOIN
        {businesses:Array(String)} AS business, {dimensions:Array(String)} AS dimension, {names:Array(String)} AS name,
        {outcomes:Array(String)} AS outcome, {falls:Array(Array(Float64))} AS own_falls, arrayEnumerate({businesses:Array(String)}) AS segment_number
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND business_id = business
      AND (dimension = 'all' OR dimension = 'market' AND market = name OR dimension = 'channel' AND channel = name
          OR dimension = 'promised_frequency' AND promised_frequency = name)
)
SELECT
    toUInt32(segment_number) AS number,
    contact_group,
    sumForEach(arrayConcat(
        arrayMap(d -> toInt64(d), days),
        arrayMap(d -> toInt64(round(1e6 * own_y / expected * d)), days),
        arrayFlatten(arrayMap(n -> arrayMap(d -> toInt64(round(-1e6 * own_y / expected / expected * n * d)), days), own_n)))) AS sums
FROM told
WHERE expected > 0
GROUP BY number, contact_group
ORDER BY number, contact_group
