-- cell_sums: sums over contacts of messages and outcomes, by number that they are told under and cell. What follows `-- shared: cell_sums` in a model, behind
-- `contact_cells`. Contacts alike are one row.
alike AS
(
    SELECT place, counts, count() AS contacts
    FROM by_contact
    ARRAY JOIN own_places AS place, own_counts AS counts
    GROUP BY place, counts
),
summed AS
(
    SELECT
        toUInt64(bitShiftRight(place, 56)) AS told_as, toUInt16(bitAnd(place, 65535)) AS cell, of_outcome,
        sum(alike_contacts) AS contacts_n, sum(alike_contacts * n) AS all_n, sum(alike_contacts * y) AS all_y,
        sum(alike_contacts * n * n) AS nn, sum(alike_contacts * y * y) AS yy, sum(alike_contacts * n * y) AS ny
    FROM
    (
        SELECT place, contacts AS alike_contacts, o + 1 AS of_outcome, one_of(counts, o) AS n, one_of(counts, o + 4) AS y
        FROM alike
        ARRAY JOIN range(4) AS o
    )
    WHERE n > 0
    GROUP BY place, of_outcome
)
