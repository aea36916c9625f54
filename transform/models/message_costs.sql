-- message_costs: is each message charged, and at what price?
-- grain:   one row per (business_id, contact_id, message_id) that was sent
-- reads:   message_facts (FINAL: unique by key), rate_card, coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) on sent_at, whole UTC days
-- returns: the columns of message_costs, in its order
-- units:   amount is in units of currency; charged_before counts charged units. What is charged is what the platform said, by docs/metrics.md
--
-- It reads from the beginning of the month, because tiers count from there, and 7 days more, because a conversation may have begun before.
WITH
-- shared: loaded
toStartOfMonth({from:DateTime64(3, 'UTC')})                AS month_from,
toDateTime64('2025-07-01 00:00:00', 3, 'UTC')              AS conversations_end, -- "Pricing", WhatsApp Business Platform
facts AS
(
    SELECT
        f.business_id AS business_id, f.contact_id AS contact_id, f.message_id AS message_id, toString(f.channel) AS channel, toString(f.market) AS market,
        replaceAll(toString(f.category), '-', '_') AS kind, toString(f.campaign_id) AS campaign_id, assumeNotNull(f.sent_at) AS sent, b.loaded_to AS loaded_to,
        toString(f.pricing_type) AS type, toString(f.billable) AS billable, f.conversation_id AS conversation_id,
        -- As in messages: a delivery or an open contradicts a failure, but for an e-mail that bounces after its delivery.
        f.failed_at IS NOT NULL AND f.opened_at IS NULL
            AND (f.delivered_at IS NULL OR f.channel = 'email' AND ifNull(f.delivered_at <= f.failed_at, 0)) AS has_failed,
        f.delivered_at IS NOT NULL OR f.opened_at IS NOT NULL AS has_arrived,
        multiIf(
            f.conversation_id != 0 AND (f.pricing_model = 'CBP' OR f.pricing_model = '' AND sent < conversations_end), 'conversation',
            f.pricing_model = 'PMP', 'message',
            f.pricing_model != '' OR f.channel = 'whatsapp', 'not_told',
            f.channel IN (SELECT channel FROM rate_card WHERE unit = 'message'), 'by_card',
            'no_card') AS way
    FROM (SELECT * FROM message_facts FINAL WHERE is_test = 0 AND sent_at IS NOT NULL) AS f
    INNER JOIN loaded AS b ON b.business_id = f.business_id
    WHERE sent >= toDateTime64(month_from, 3, 'UTC') - INTERVAL 7 DAY
      AND sent < {to:DateTime64(3, 'UTC')}
      AND sent <= b.loaded_to
),
conversations AS
(
    SELECT
        business_id, contact_id, conversation_id,
        argMinIf(message_id, (sent, message_id), NOT has_failed) AS first_id,
        max(billable = 'yes') = 0 AND max(billable = 'no') = 1   AS is_free
    FROM facts
    WHERE way = 'conversation'
    GROUP BY business_id, contact_id, conversation_id
),
judged AS
(
    SELECT
        f.business_id AS business_id, f.contact_id AS contact_id, f.message_id AS message_id, f.channel AS channel, f.market AS market, f.kind AS kind,
        f.campaign_id AS campaign_id, f.sent AS sent, f.loaded_to AS loaded_to,
        multiIf(f.way = 'conversation', 'conversation', f.way IN ('message', 'by_card'), 'message', '') AS unit,
        multiIf(
            f.has_failed, 'failed',
            f.way = 'conversation' AND c.first_id != f.message_id, 'same_conversation',
            f.way = 'conversation' AND c.is_free, 'not_billable',
            f.way = 'message' AND f.type NOT IN ('', 'regular'), f.type,
            f.way = 'message' AND f.type = '' AND f.billable = 'no', 'not_billable',
            f.way = 'message' AND NOT f.has_arrived, 'not_delivered',
            f.way IN ('not_told', 'no_card'), f.way,
            '') AS why
    FROM facts AS f
    LEFT JOIN conversations AS c ON c.business_id = f.business_id AND c.contact_id = f.contact_id AND c.conversation_id = f.conversation_id
),
charged AS
(
    SELECT
        business_id, contact_id, message_id, channel, unit, market, kind, toDate(sent) AS day,
        toUInt64(row_number() OVER (PARTITION BY business_id, channel, unit, market, kind, toStartOfMonth(sent) ORDER BY sent, message_id, contact_id)) - 1 AS before
    FROM judged
    WHERE why = ''
      AND sent >= toDateTime64(month_from, 3, 'UTC')
),
-- The prices of each day: of the rows that fit a market and category best, those of the latest date.
fitting AS
(
    SELECT
        k.channel AS channel, k.unit AS unit, k.market AS market, k.kind AS kind, k.day AS day,
        (p.market != '*', p.category != '*', p.date_from) AS fit,
        arraySort(groupArray((p.tier_from, p.price, toString(p.currency)))) AS tiers
    FROM (SELECT DISTINCT channel, unit, market, kind, day FROM charged) AS k
    INNER JOIN rate_card AS p ON p.channel = k.channel AND p.unit = k.unit
    WHERE p.market IN (k.market, '*')
      AND p.category IN (k.kind, '*')
      AND p.date_from <= k.day
    GROUP BY channel, unit, market, kind, day, fit
),
prices AS
(
    SELECT channel, unit, market, kind, day, argMax(tiers, fit) AS tiers
    FROM fitting
    GROUP BY channel, unit, market, kind, day
),
priced AS
(
    SELECT
        c.business_id AS business_id, c.contact_id AS contact_id, c.message_id AS message_id, c.before AS before,
        arrayLast(t -> t.1 <= c.before, p.tiers) AS tier,
        notEmpty(p.tiers) AS is_priced
    FROM charged AS c
    LEFT JOIN prices AS p ON p.channel = c.channel AND p.unit = c.unit AND p.market = c.market AND p.kind = c.kind AND p.day = c.day
)
SELECT
    j.business_id                       AS business_id,
    toDate({from:DateTime64(3, 'UTC')}) AS window_from,
    toDate({to:DateTime64(3, 'UTC')})   AS window_to,
    j.loaded_to                         AS cutoff,
    j.contact_id                        AS contact_id,
    j.message_id                        AS message_id,
    j.channel                           AS channel,
    j.market                            AS market,
    j.kind                              AS category,
    j.campaign_id                       AS campaign_id,
    j.sent                              AS sent_at,
    j.unit                              AS unit,
    j.why = ''                          AS charged,
    j.why                               AS why,
    p.before                            AS charged_before,
    p.is_priced                         AS has_price,
    if(has_price, p.tier.2, toDecimal64(0, 9)) AS amount,
    if(has_price, p.tier.3, '')         AS currency
FROM judged AS j
LEFT JOIN priced AS p ON p.business_id = j.business_id AND p.contact_id = j.contact_id AND p.message_id = j.message_id
WHERE j.sent >= {from:DateTime64(3, 'UTC')}
