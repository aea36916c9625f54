-- contact_classes: what each contact at risk got and did lately, and the range of frequencies that its segment's data support.
-- grain:   one row per (business_id, contact_id) at risk at as_of
-- reads:   messages (one row per message), person_days (one row per contact and day), frequency_recommendation (a run
--          replaces its window, so nothing to deduplicate), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to), whole UTC days; without 28 days of it and of data before as_of: no rows
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), contact_id UUID, as_of DateTime64(3, 'UTC'), market String, channel String,
--          never_sent UInt8, known_28_days UInt8, messages_28_days UInt16, dimension String, segment String, identification String,
--          plausible_from Nullable(UInt32), plausible_to Nullable(UInt32), known_49_days UInt8,
--          late_messages UInt16, late_engaged UInt16, early_messages UInt16, early_engaged UInt16
-- units:   messages; as_of is the midnight after the last day that is over; the plausible range is in messages per 28 days, four times that
--          of a week, its ends NULL where nothing beyond was compared; late are the 14 days before as_of - 7 days, so that all are matured, early the 28 days before these.
--          Class and test are computed in Go
WITH
-- shared: rated
limits AS
(
    SELECT
        business_id,
        max(cutoff)                                                               AS loaded_to,
        least({to:DateTime64(3, 'UTC')}, toDateTime64(toDate(loaded_to), 3, 'UTC')) AS as_of
    FROM coverage
    GROUP BY business_id
    HAVING as_of - INTERVAL 28 DAY >= greatest({from:DateTime64(3, 'UTC')}, min(data_from))
),
at_risk AS
(
    SELECT p.business_id AS business_id, p.contact_id AS contact_id, toString(p.market) AS own_market, toString(p.channel) AS own_channel, l.loaded_to AS loaded_to, l.as_of AS as_of
    FROM person_days AS p
    INNER JOIN limits AS l ON l.business_id = p.business_id
    WHERE p.day >= toDate({from:DateTime64(3, 'UTC')})
      AND p.day < toDate({to:DateTime64(3, 'UTC')})
      AND p.day = toDate(l.as_of) - 1
      AND p.opted_out = 0
),
did AS
(
    SELECT
        business_id,
        contact_id,
        count()                                AS sends,
        max(told_from)                         AS own_from,
        countIf(sent >= as_of - INTERVAL 28 DAY) AS sends_28_days,
        countIf(is_judged AND is_late)         AS late_n,
        countIf(is_engaged AND is_late)        AS late_y,
        countIf(is_judged AND is_early)        AS early_n,
        countIf(is_engaged AND is_early)       AS early_y
    FROM
    (
        SELECT
            r.business_id AS business_id, r.contact_id AS contact_id, r.told_from AS told_from, r.sent AS sent, l.as_of AS as_of,
            r.sent >= l.as_of - INTERVAL 21 DAY AND r.sent < l.as_of - INTERVAL 7 DAY  AS is_late,
            r.sent >= l.as_of - INTERVAL 49 DAY AND r.sent < l.as_of - INTERVAL 21 DAY AS is_early,
            r.open_n OR r.click_n OR r.reply_n AND r.old_enough          AS is_judged,
            is_judged AND (r.open_y OR r.click_y OR r.reply_y)           AS is_engaged
        FROM rated AS r
        INNER JOIN limits AS l ON l.business_id = r.business_id
        WHERE r.sent < l.as_of
    )
    GROUP BY business_id, contact_id
),
targets AS
(
    SELECT
        business_id, toString(dimension) AS of_dimension, segment AS of_segment,
        any(toString(identification)) AS level,
        -- A limit is one only where a dose beyond it was compared and is not plausible: of what was not compared nobody knows.
        if(minIf(dose_from, plausible = 1) > min(dose_from), toNullable(toUInt32(4 * minIf(dose_from, plausible = 1))), NULL) AS low,
        if(maxIf(dose_from, plausible = 1) < max(dose_from), toNullable(toUInt32(4 * maxIf(dose_to, plausible = 1))), NULL)   AS high
    FROM frequency_recommendation
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')})
      AND window_to = toDate({to:DateTime64(3, 'UTC')})
      AND dimension IN ('all', 'market')
      AND identification = 'within' -- a test compares arms, not doses
      AND candidate = 1
      AND advice = 'recommended'
    GROUP BY business_id, of_dimension, of_segment
)
SELECT
    c.business_id AS business_id,
    c.loaded_to   AS cutoff,
    c.contact_id  AS contact_id,
    c.as_of       AS as_of,
    c.own_market  AS market,
    c.own_channel AS channel,

    d.sends = 0                                      AS never_sent,
    d.own_from <= c.as_of - INTERVAL 28 DAY          AS known_28_days,
    toUInt16(least(d.sends_28_days, 65535))          AS messages_28_days,
    if(m.level != '', m.of_dimension, e.of_dimension) AS dimension,
    if(m.level != '', m.of_segment, e.of_segment)     AS segment,
    if(m.level != '', m.level, e.level)               AS identification,
    if(m.level != '', m.low, e.low)                  AS plausible_from,
    if(m.level != '', m.high, e.high)                AS plausible_to,

    c.as_of - INTERVAL 49 DAY >= greatest({from:DateTime64(3, 'UTC')}, d.own_from + INTERVAL 7 DAY) AS known_49_days,
    toUInt16(least(d.late_n, 65535))                 AS late_messages,
    toUInt16(least(d.late_y, 65535))                 AS late_engaged,
    toUInt16(least(d.early_n, 65535))                AS early_messages,
    toUInt16(least(d.early_y, 65535))                AS early_engaged
FROM at_risk AS c
LEFT JOIN did AS d ON d.business_id = c.business_id AND d.contact_id = c.contact_id
LEFT JOIN (SELECT * FROM targets WHERE of_dimension = 'market') AS m ON m.business_id = c.business_id AND m.of_segment = c.own_market
LEFT JOIN (SELECT * FROM targets WHERE of_dimension = 'all') AS e ON e.business_id = c.business_id
ORDER BY business_id, contact_id
