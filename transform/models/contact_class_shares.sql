-- contact_class_shares: how many contacts of a segment are in each saturation class.
-- grain:   one row per (business_id, dimension, segment, class)
-- reads:   contact_classes (a run replaces its window, so nothing to deduplicate)
-- params:  from, to DateTime64(3, 'UTC'); the window of contact_classes
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, class String, contacts UInt64, base UInt64
-- units:   contacts; base those of the segment. Shares and intervals are computed in Go
WITH
['no_recommendation', 'too_little_data', 'undersaturated', 'on_target', 'saturated', 'saturated_declining'] AS names,
counted AS
(
    SELECT
        t.business_id AS business_id, of.1 AS dimension, of.2 AS segment,
        max(t.cutoff)                                                     AS loaded_to,
        sumForEach(arrayMap(name -> toUInt64(name = t.class), names))      AS by_class,
        count()                                                          AS base
    FROM contact_classes AS t
    ARRAY JOIN [('all', ''), ('market', toString(t.market)), ('channel', toString(t.channel))] AS of
    WHERE t.window_from = toDate({from:DateTime64(3, 'UTC')})
      AND t.window_to = toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id, of
)
SELECT
    toString(business_id) AS business_id,
    loaded_to             AS cutoff,
    dimension,
    segment,
    name                  AS class,
    n                     AS contacts,
    base
FROM counted
ARRAY JOIN by_class AS n, names AS name
ORDER BY business_id, dimension, segment, class
