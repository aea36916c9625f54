-- zoned_rows: as segment_rows, of cells of local time, with where the time is from. What follows `-- shared: zoned_rows` in a model, as there.
--
-- A cell is below 256. Those from 256 on count again which of its messages have their time by the contact's zone, those from 512 on which by UTC. By the
-- market's are the others: they are most, so that they are not counted again.
    'crude'            AS identification,
    sumIf(s.all_n, intDiv(s.cell, 256) = 1) AS zoned_contact,
    messages - zoned_contact - sumIf(s.all_n, intDiv(s.cell, 256) = 2) AS zoned_market,
    sumIf(s.contacts_n, s.cell < 256) AS contacts,
    sumIf(s.all_n, s.cell < 256)      AS messages,
    sumIf(s.all_y, s.cell < 256)      AS outcomes,
    sumIf(s.nn, s.cell < 256)         AS sum_nn,
    sumIf(s.yy, s.cell < 256)         AS sum_yy,
    sumIf(s.ny, s.cell < 256)         AS sum_ny
FROM summed AS s
INNER JOIN segment_names AS g ON g.told_as = s.told_as
INNER JOIN loaded AS l ON l.business_id = g.business_id
GROUP BY business_id, dimension, segment, pooled, outcome, s.cell % 256
ORDER BY business_id, dimension, segment, pooled, outcome, s.cell % 256
