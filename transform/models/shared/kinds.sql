-- kinds: of each contact, in which dimensions its rated messages are of several segments, in the order of the numbers of `promised`. In all others the
-- contact is the same cluster: its messages are told once for all of these, under the number of its kind. What follows `-- shared: kinds` in a model.
-- staged by: contact
-- shared: rated
-- shared: promises
-- shared: promised
kinds AS
(
    SELECT
        contact,
        minForEach(numbers) AS least_numbers, maxForEach(numbers) AS greatest_numbers,
        arrayMap((a, b) -> a != b, least_numbers, greatest_numbers) AS several,
        cityHash64(any(business_id), 'only', arrayMap((a, b) -> if(a = b, a, 0), least_numbers, greatest_numbers)) AS kind
    FROM promised
    GROUP BY contact
),
