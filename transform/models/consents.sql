-- consents: the facts that begin, renew, use and end consents; Go puts them together to spells.
-- grain:   one row per (business_id, contact_id, channel, at, what, topic); opt-ins of one instant are one
-- reads:   event_log (its copies are merged here), message_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); facts up to the cutoff and before to, however old
-- returns: business_id String, contact_id UUID, channel String, at DateTime64(3, 'UTC'), what UInt8, topic String, promise String,
--          expires_at Nullable(DateTime64(3, 'UTC')), source String, own_market String, any_market String, zone String, reason String,
--          message_id UInt64, cutoff DateTime64(3, 'UTC'), as_of DateTime64(3, 'UTC')
-- units:   what is 0 for an opt-in, 1 for a block, 2 for another opt-out, 3 for a message that uses a one-time token: the order at equal times
--
-- Spells need the order of facts, which no aggregate has, and there are few facts per contact.
WITH
bounds AS
(
    SELECT business_id, max(cutoff) AS loaded_to, least(loaded_to, {to:DateTime64(3, 'UTC')}) AS as_of
    FROM coverage
    GROUP BY business_id
    HAVING {from:DateTime64(3, 'UTC')} < {to:DateTime64(3, 'UTC')}
),
-- shared: consent_facts
tokens AS
(
    SELECT business_id, contact_id
    FROM consent_facts
    WHERE topic = 'one_time'
      AND is_opt_in
),
points AS
(
    SELECT
        business_id, contact_id, channel, at, 0 AS what, topic,
        max(promise) AS promise, max(expires) AS expires_at, max(source) AS source, max(market) AS own_market, max(zone) AS zone,
        '' AS reason, 0 AS message_id
    FROM consent_facts
    WHERE is_opt_in
    GROUP BY business_id, contact_id, channel, at, topic
    UNION ALL
    SELECT
        business_id, contact_id, channel, at, if(is_block, 1, 2) AS what, topic,
        '', NULL, '', max(market), '', max(own_reason), 0
    FROM consent_facts
    WHERE NOT is_opt_in
    GROUP BY business_id, contact_id, channel, at, what, topic
    UNION ALL
    SELECT
        business_id, contact_id, channel, assumeNotNull(sent_at), 3, 'one_time',
        '', NULL, '', '', '', '', message_id
    FROM message_facts FINAL
    WHERE (business_id, contact_id) IN tokens
      AND scope = 'one_time'
      AND is_test = 0
      AND sent_at IS NOT NULL
      AND purpose != 'response'
      AND (purpose = 'proactive' OR replaceAll(toString(category), '-', '_') NOT IN ('authentication', 'authentication_international'))
      -- As in messages: a delivery or an open contradicts a failure.
      AND (failed_at IS NULL OR opened_at IS NOT NULL OR delivered_at IS NOT NULL)
),
markets AS
(
    SELECT business_id, contact_id, max(named) AS any_market
    FROM
    (
        SELECT business_id, contact_id, toString(market) AS named FROM message_facts WHERE market != ''
        UNION ALL
        SELECT business_id, contact_id, toString(market) FROM contact_facts WHERE market != ''
    )
    WHERE (business_id, contact_id) IN (SELECT business_id, contact_id FROM consent_facts WHERE is_opt_in)
    GROUP BY business_id, contact_id
)
SELECT
    p.business_id AS business_id, p.contact_id AS contact_id, p.channel AS channel, p.at AS at, toUInt8(p.what) AS what, p.topic AS topic,
    p.promise AS promise, p.expires_at AS expires_at, p.source AS source, p.own_market AS own_market, k.any_market AS any_market,
    p.zone AS zone, p.reason AS reason, toUInt64(p.message_id) AS message_id,
    b.loaded_to AS cutoff, b.as_of AS as_of
FROM points AS p
INNER JOIN bounds AS b ON b.business_id = p.business_id
LEFT JOIN markets AS k ON k.business_id = p.business_id AND k.contact_id = p.contact_id
WHERE p.at <= b.loaded_to
  AND p.at < {to:DateTime64(3, 'UTC')}
ORDER BY business_id, contact_id, channel, at, what, topic, message_id
