-- local: the rated messages of the contacts of a pass with their local time. What follows `-- shared: local` in a model, behind `rated`.
--
-- The zone is the newest that an event of the contact named, else the main zone of the message's market, else UTC.
-- A function needs a constant zone, so {{offset}} stands for one branch per zone that the data hold.
contact_zones AS
(
    SELECT cityHash64(business_id, contact_id) AS contact, argMax(named_zone, (named_at, named_zone)) AS zone
    FROM
    (
        SELECT business_id, contact_id, own_zone AS named_zone, sent AS named_at
        FROM rated
        WHERE has({zones:Array(String)}, own_zone)
          AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
        UNION ALL
        SELECT business_id, contact_id, zone AS named_zone, event_time AS named_at
        FROM contact_facts FINAL
        WHERE has({zones:Array(String)}, zone)
          AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
          AND is_test = 0
          AND event_time < {to:DateTime64(3, 'UTC')}
    )
    GROUP BY contact
),
zoned AS
(
    SELECT
        r.*,
        c.zone != ''                                  AS by_contact,
        transform(r.own_market, {markets:Array(String)}, {market_zones:Array(String)}, '') AS main_zone,
        c.zone = '' AND main_zone != ''               AS by_market,
        if(by_contact, c.zone, main_zone)             AS found_zone,
        {{offset}}                                    AS offset_s,
        r.sent + toIntervalSecond(offset_s)           AS local -- as if local time were UTC
    FROM rated AS r
    LEFT JOIN contact_zones AS c ON c.contact = cityHash64(r.business_id, r.contact_id)
    WHERE r.contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
