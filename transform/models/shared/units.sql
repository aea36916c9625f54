-- units: the person-days with their dose, and the messages sent on them with their exposure, of one chunk of contacts. What
-- follows `-- shared: units` in a model, behind `rated`. is_told: the outcome is measured; with: the unit has it; in the order
-- open, click, reply, any, opt_out.
--
-- An outcome that nobody on a channel had in the window is not measured there.
measured_days AS
(
    SELECT
        business_id, channel,
        [sum(opened) > 0, sum(clicked) > 0, sum(replied) > 0, sum(opened + clicked + replied) > 0, 1] AS is_told
    FROM person_days
    WHERE day >= toDate({from:DateTime64(3, 'UTC')})
      AND day < toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id, channel
),
days AS
(
    SELECT p.*, m.is_told AS is_told
    FROM person_days AS p
    INNER JOIN measured_days AS m ON m.business_id = p.business_id AND m.channel = p.channel
    WHERE p.day >= toDate({from:DateTime64(3, 'UTC')})
      AND p.day < toDate({to:DateTime64(3, 'UTC')})
      AND cityHash64(p.contact_id) % {chunks:UInt32} = {chunk:UInt32}
),
units AS
(
    SELECT
        'person_day' AS unit, business_id, contact_id, market, channel, day, dose AS k, sent AS x, next_dose AS z, prior_engaged, is_told,
        [opened > 0, clicked > 0, replied > 0, opened + clicked + replied > 0, opted_out] AS with
    FROM days
    UNION ALL
    SELECT
        'message', d.business_id, d.contact_id, d.market, d.channel, d.day, assumeNotNull(r.exposure), 0, d.next_dose, d.prior_engaged,
        [r.open_n, r.click_n, r.reply_n, r.open_n OR r.click_n OR r.reply_n, 0],
        [r.open_y, r.click_y, r.reply_y, r.open_y OR r.click_y OR r.reply_y, 0]
    FROM rated AS r
    INNER JOIN days AS d ON d.business_id = r.business_id AND d.contact_id = r.contact_id AND d.day = toDate(r.sent)
    WHERE r.old_enough
      AND cityHash64(r.contact_id) % {chunks:UInt32} = {chunk:UInt32}
),
