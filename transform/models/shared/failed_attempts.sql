-- failed_attempts: the proactive messages over WhatsApp that failed in a window. What follows `-- shared: failed_attempts` in a model.
-- staged by: business_id, account_id, contact_id
--
-- A failure may be all that is told of a message. Nobody asked for it, unless the source or the category says so. Of facts that are not
-- merged yet none tells more than the merged one, so those that tell of such a failure are all that need merging.
unsent AS
(
    SELECT
        business_id, account_id, contact_id, message_id, assumeNotNull(failed_at) AS tried_at,
        1 AS unsent, toString(error_code) AS code, toString(market) AS own_market
    FROM message_facts FINAL
    PREWHERE (business_id, contact_id, message_id) IN
    (
        SELECT business_id, contact_id, message_id
        FROM message_facts
        WHERE sent_at IS NULL
          AND delivered_at IS NULL
          AND opened_at IS NULL
          AND is_test = 0
          AND failed_at >= {from:DateTime64(3, 'UTC')}
          AND failed_at < {to:DateTime64(3, 'UTC')}
    )
    WHERE sent_at IS NULL
      AND delivered_at IS NULL
      AND opened_at IS NULL
      AND is_test = 0
      AND channel = 'whatsapp'
      AND failed_at >= {from:DateTime64(3, 'UTC')}
      AND failed_at < {to:DateTime64(3, 'UTC')}
      AND (purpose = 'proactive' OR purpose = '' AND replaceAll(toString(category), '-', '_') NOT IN
          ('authentication', 'authentication_international', 'service', 'group_service'))
),
failed_attempts AS
(
    SELECT
        business_id, account_id, contact_id, message_id, sent_at AS tried_at,
        0 AS unsent, toString(error_code) AS code, toString(market) AS own_market
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')}
      AND sent_at < {to:DateTime64(3, 'UTC')}
      AND purpose = 'proactive'
      AND channel = 'whatsapp'
      AND failed_at IS NOT NULL
    UNION ALL
    SELECT * FROM unsent
),
