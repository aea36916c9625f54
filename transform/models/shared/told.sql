-- told: the rated messages, each with the numbers under which it is told: of the contact's kind, and of its segment in each dimension in which the contact
-- is in several; of a segment that is one of `other`, that number. What follows `-- shared: told` in a model; segment_ranks says whose numbers they are.
-- staged by: business_id, contact_id, sent, message_id
-- shared: rated
-- shared: promises
-- shared: promised
-- shared: kinds
-- shared: segment_ranks
told AS
(
    WITH
    (SELECT groupArray(number) FROM segment_ranks WHERE told_as != number)  AS pooled_numbers,
    (SELECT groupArray(told_as) FROM segment_ranks WHERE told_as != number) AS pooled_as
    SELECT
        p.business_id AS business_id, p.contact_id AS contact_id, p.contact AS contact, sent, message_id, loaded_to, told_from, own_market, own_zone, exposure, bin, in_base, old_enough,
        rates,
        arrayPushFront(arrayMap(number -> transform(number, pooled_numbers, pooled_as), arrayFilter((number, several) -> several, p.numbers, k.several)), k.kind) AS numbers
    FROM promised AS p
    INNER JOIN kinds AS k ON k.contact = p.contact
),
