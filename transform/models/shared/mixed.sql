-- mixed: contacts whose rated messages are of more than one kind, which is a channel, market, category and topic. What follows `-- shared: mixed` in
-- a model: their numbers, cityHash64(business_id, contact_id), and whether they are on more than one channel or in more than one market. Any other
-- contact is the same cluster in all segments of its kind: its messages are told once for all of these, under the number of the kind.
-- staged by: contact
-- shared: rated
mixed AS
(
    SELECT contact, min(line) != max(line) AS on_lines
    FROM
    (
        SELECT
            cityHash64(business_id, contact_id) AS contact, cityHash64(own_channel, own_market) AS line,
            cityHash64(line, own_category, own_topic) AS kind
        FROM rated
    )
    GROUP BY contact
    HAVING min(kind) != max(kind)
),
