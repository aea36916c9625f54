-- promised_several: the contacts of a pass, by number, whose days in the window are not all of one promised frequency. What follows
-- `-- shared: promised_several` in a model.
promised_several AS
(
    SELECT CAST(cityHash64(business_id, contact_id), 'UInt64') AS contact
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY contact
    HAVING min(cityHash64(promised_frequency)) != max(cityHash64(promised_frequency))
),
