-- units: the person-days with their dose, and the messages sent on them with their exposure, of the contacts of one pass. What
-- follows `-- shared: units` in a model, behind `rated` and `measured_days`. Bits of told: the outcome is measured; of had: the unit has it; from the
-- lowest open, click, reply, any, opt_out. k is dose or exposure, x the day's sends (of a message 0), z the next dose.
days AS
(
    SELECT
        business_id, contact_id, day, market, channel, dose, sent, next_dose, prior_engaged,
        toUInt8((opened > 0) + 2 * (clicked > 0) + 4 * (replied > 0) + 8 * (opened + clicked + replied > 0) + 16 * opted_out) AS had
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
-- Behind a join by a hash of them, the messages take less memory than the days.
exposed AS
(
    SELECT
        business_id, contact_id, toDate(sent) AS day, assumeNotNull(exposure) AS k,
        toUInt8(open_n + 2 * click_n + 4 * reply_n + 8 * (open_n OR click_n OR reply_n)) AS told,
        toUInt8(open_y + 2 * click_y + 4 * reply_y + 8 * (open_y OR click_y OR reply_y)) AS had
    FROM rated
    WHERE old_enough
      AND contact_id BETWEEN {first_contact:UUID} AND {last_contact:UUID}
),
units AS
(
    SELECT
        toUInt8(1) AS is_day, p.business_id AS business_id, p.contact_id AS contact_id, p.market AS market, p.channel AS channel, p.day AS day,
        p.dose AS k, p.sent AS x, p.next_dose AS z, p.prior_engaged AS prior_engaged, toUInt8(m.told) AS told, p.had AS had
    FROM days AS p
    INNER JOIN measured_days AS m ON m.business_id = p.business_id AND m.channel = p.channel
    UNION ALL
    SELECT
        0, p.business_id, p.contact_id, p.market, p.channel, p.day,
        e.k, 0, p.next_dose, p.prior_engaged, e.told, e.had
    FROM days AS p
    INNER JOIN exposed AS e ON e.business_id = p.business_id AND e.contact_id = p.contact_id AND e.day = p.day
),
