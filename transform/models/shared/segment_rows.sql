-- segment_rows: how a model of one row per segment and cell ends, behind the columns that say what a cell is. What follows `-- shared: segment_rows` in a
-- model that has `loaded`, the sums `summed`, and `segment_names`: which segments are told under a number.
    'crude'            AS identification,
    sum(s.contacts_n)  AS contacts,
    sum(s.all_n)       AS messages,
    sum(s.all_y)       AS outcomes,
    sum(s.nn)          AS sum_nn,
    sum(s.yy)          AS sum_yy,
    sum(s.ny)          AS sum_ny
FROM summed AS s
INNER JOIN segment_names AS g ON g.told_as = s.told_as
INNER JOIN loaded AS l ON l.business_id = g.business_id
GROUP BY business_id, dimension, segment, pooled, outcome, s.cell
ORDER BY business_id, dimension, segment, pooled, outcome, s.cell
