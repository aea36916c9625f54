-- first_promises: the promised frequency of the first day at risk in the window, of the contacts of a pass, by number, whose days are not all of one.
-- What follows `-- shared: first_promises` in a model.
--
-- It was known when these days began. A segment of those who were promised several would hold those who stayed long enough to be.
first_promises AS
(
    SELECT CAST(cityHash64(business_id, contact_id), 'UInt64') AS of_contact, argMin(promised_frequency, day) AS first_promise
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
    GROUP BY of_contact
    HAVING min(cityHash64(promised_frequency)) != max(cityHash64(promised_frequency))
),
