-- frequency_recommendation: which weekly dose is worth most, as sums over contacts that Go turns into curves.
-- grain:   three statements: one row per (business_id, market, channel, promised frequency or all of them, group of contacts); the second is shared
--          part propensities; the third, of randomised tests: one row per (business_id, arm, group of contacts)
-- reads:   contact_doses (one row per contact), person_days (one row per contact and day), messages (one row per message), coverage, and in Go
--          frequency_curves and frequency_arms
-- params:  from, to DateTime64(3, 'UTC'); the window of contact_doses, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), market String, channel String, is_promised UInt8, promise String,
--          contact_group UInt8, sums Array(UInt64)
--          the third: business_id String, arm String, contact_group UInt8, sums Array(UInt64)
-- units:   groups split the contacts of a business into 200 by a hash; sums are those of shared part `sums_by_group`, in its order. Those of an arm: contacts;
--          days as assigned whose messages are 7 x 24 h old at the cutoff; looks that opened their messages in the base in time, and these messages that were clicked, replied to in time [3];
--          from the day on which the arm is known: days at risk, opt-outs, days as assigned; all days as assigned; messages sent on days at risk
-- shared: sums_by_group
-- statement
-- shared: propensities
-- statement
WITH
-- shared: loaded
-- shared: rated
-- shared: assigned
in_arms AS
(
    SELECT *, least(own_end, toDate(cut_at - INTERVAL 7 DAY)) AS told_to -- the day after the last whose messages are all old enough
    FROM assigned
    WHERE own_arm NOT IN ('', 'several')
),
engaged AS
(
    SELECT a.business_id AS business_id, a.contact_id AS contact_id, uniqExactIf((r.own_channel, r.opened_minute), r.open_y) AS opens, countIf(r.click_y) AS clicks, countIf(r.reply_y) AS replies
    FROM rated AS r
    INNER JOIN in_arms AS a ON a.business_id = r.business_id AND a.contact_id = r.contact_id
    WHERE toDate(r.sent) >= a.first_on
      AND toDate(r.sent) < a.told_to
    GROUP BY business_id, contact_id
)
SELECT
    a.business_id AS business_id, a.own_arm AS arm, toUInt8(cityHash64(a.contact_id) % 200) AS contact_group,
    [
        count(), sum(toUInt64(greatest(0, a.told_to - a.first_on))), sum(e.opens), sum(e.clicks), sum(e.replies),
        sum(a.risk_days_n), sum(a.opt_outs_n), sum(a.known_days_n), sum(a.days_n), sum(a.sent_n)
    ] AS sums
FROM in_arms AS a
LEFT JOIN engaged AS e ON e.business_id = a.business_id AND e.contact_id = a.contact_id
GROUP BY business_id, arm, contact_group
ORDER BY business_id, arm, contact_group
