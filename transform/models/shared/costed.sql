-- costed: each message with what it cost and what it brought. What follows `-- shared: costed` in a model, behind the name of its rows.
--
-- Amounts are whole thousand millionths of a unit of currency, so that their sums are exact. Both sides are large, so they are joined in parts.
costed AS
(
    SELECT
        m.business_id AS business_id, m.contact_id AS contact_id, c.cutoff AS loaded_to,
        toString(m.channel) AS channel, toString(m.market) AS market, toString(c.category) AS category, toString(m.campaign_id) AS campaign,
        m.sent_at AS sent, m.purpose = 'proactive' AND m.failed_at IS NULL AS counts, m.exposure AS exposure,
        c.charged AS charged, c.charged = 1 AND c.has_price = 0 AS no_price, c.why IN ('not_told', 'no_card') AS not_told,
        toString(c.currency) AS currency, toInt128(toDecimal128(c.amount, 9) * 1000000000) AS nanos,
        m.sent_at <= c.cutoff - INTERVAL 7 DAY AS old_enough,
        old_enough AND NOT not_told AS matured, -- what may have cost something is not set beside what cost nothing
        matured AND ifNull(m.opened_at <= m.sent_at + INTERVAL 7 DAY, 0)   AS opened,
        matured AND ifNull(m.clicked_at <= m.sent_at + INTERVAL 7 DAY, 0)  AS clicked,
        matured AND ifNull(m.replied_at <= m.sent_at + INTERVAL 24 HOUR, 0) AS replied
    FROM
    (
        SELECT * FROM messages WHERE sent_at >= {from:DateTime64(3, 'UTC')} AND sent_at < {to:DateTime64(3, 'UTC')}
    ) AS m
    INNER JOIN
    (
        SELECT *
        FROM message_costs
        WHERE window_from = toDate({from:DateTime64(3, 'UTC')}) AND window_to = toDate({to:DateTime64(3, 'UTC')})
    ) AS c ON c.business_id = m.business_id AND c.contact_id = m.contact_id AND c.message_id = m.message_id
),
-- Of each business, in a fixed order; an empty one for what has no amount.
currencies AS
(
    SELECT business_id, arraySort(arrayDistinct(arrayPushBack(groupUniqArray(toString(currency)), ''))) AS known
    FROM message_costs
    WHERE window_from = toDate({from:DateTime64(3, 'UTC')}) AND window_to = toDate({to:DateTime64(3, 'UTC')})
    GROUP BY business_id
),
