-- frequency_withheld: how many messages WhatsApp withheld, by how many the contact had been sent in the 7 days before.
-- grain:   one row per (business_id, dimension, segment, error_code or any, prior bin or any number)
-- reads:   messages (one row per message, so nothing to deduplicate), message_facts (FINAL: unique by key), coverage
-- params:  from, to DateTime64(3, 'UTC'); window [from, to) of attempts, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), dimension String, segment String, error_code String, reason String,
--          prior_from UInt16, prior_to UInt16, identification String, without_send UInt64, contacts UInt64,
--          attempts UInt64, withheld UInt64, sum_nn UInt64, sum_yy UInt64, sum_ny UInt64
-- units:   an attempt is a proactive message that was sent, or that failed without one, dated by its failure; prior counts
--          proactive messages not known to have failed, before the attempt; 0 to 65535 is any number. Rate and interval
--          are computed from these in Go
WITH
-- WhatsApp's codes for what it does not deliver though the number can be reached, and their twins at Twilio.
-- limit: too much marketing for this person of late; experiment: the person is in a group that gets none;
-- stopped: the person stopped this business's marketing. Sources: "Error codes", WhatsApp Business Platform,
-- developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes;
-- twilio.com/docs/api/errors/63049; twilio.com/docs/whatsapp/api/error-code-mapping (63032 is 472, the older 130472).
['131049', '63049', '130472', '63032', '131050']                 AS codes,
['limit', 'limit', 'experiment', 'experiment', 'stopped'] AS reasons,
sends AS
(
    SELECT
        business_id, account_id, contact_id, message_id, toUnixTimestamp64Milli(sent_at) AS tried_ms,
        failed_at IS NULL AS counts, 0 AS unsent, toString(error_code) AS code, toString(market) AS own_market
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND sent_at < {to:DateTime64(3, 'UTC')}
      AND purpose = 'proactive'
      AND channel = 'whatsapp'
),
-- A failure may be all that is told of a message. Nobody asked for it, unless the source or the category says so.
unsent AS
(
    SELECT
        business_id, account_id, contact_id, message_id, toUnixTimestamp64Milli(assumeNotNull(failed_at)) AS tried_ms,
        0 AS counts, 1 AS unsent, toString(error_code) AS code, toString(market) AS own_market
    FROM message_facts FINAL
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
attempts AS
(
    SELECT * FROM sends
    UNION ALL
    SELECT * FROM unsent
),
-- Messages on other channels are no attempts here, but they count before one.
others AS
(
    SELECT business_id, contact_id, groupArray(toUnixTimestamp64Milli(sent_at)) AS others_ms
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND sent_at < {to:DateTime64(3, 'UTC')}
      AND purpose = 'proactive'
      AND failed_at IS NULL
      AND channel != 'whatsapp'
      AND (business_id, contact_id) IN (SELECT business_id, contact_id FROM attempts)
    GROUP BY business_id, contact_id
),
-- An account that never gave a failure its code does not tell what was withheld.
measured AS
(
    SELECT a.business_id AS business_id, a.account_id AS account_id, any(c.cutoff) AS loaded_to,
           toUnixTimestamp64Milli(any(c.cutoff)) - 86400000     AS last_ms,
           toUnixTimestamp64Milli(any(c.data_from)) + 604800000 AS first_ms
    FROM attempts AS a
    INNER JOIN coverage AS c ON c.business_id = a.business_id AND c.account_id = a.account_id
    WHERE a.tried_ms >= toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')})
    GROUP BY business_id, account_id
    HAVING countIf(a.code != '') > 0
),
-- (instant, 0 for the end of a week and 1 for an attempt, message, change of the number before, in the base, the rest).
-- A send counts for the 7 x 24 h after it, the instant at their end excluded.
histories AS
(
    SELECT
        a.business_id AS business_id, a.contact_id AS contact_id, max(m.loaded_to) AS cut_at,
        arraySort(p -> (p.1, p.2, p.3), arrayConcat(
            groupArray((tried_ms, 1, message_id, toInt32(counts),
                m.last_ms > 0 AND tried_ms >= toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) AND tried_ms BETWEEN m.first_ms AND m.last_ms,
                unsent, code, own_market) AS point),
            groupArrayIf((tried_ms + 604800000, 0, toUInt64(0), toInt32(-1), 0, 0, '', ''), counts),
            arrayMap(t -> (t, 1, toUInt64(0), toInt32(1), 0, 0, '', ''), any(o.others_ms)),
            arrayMap(t -> (t + 604800000, 0, toUInt64(0), toInt32(-1), 0, 0, '', ''), any(o.others_ms)))) AS points,
        arrayCumSum(p -> p.4, points) AS running
    FROM attempts AS a
    LEFT JOIN measured AS m ON m.business_id = a.business_id AND m.account_id = a.account_id
    LEFT JOIN others AS o ON o.business_id = a.business_id AND o.contact_id = a.contact_id
    GROUP BY business_id, contact_id
),
tried AS
(
    SELECT
        business_id, contact_id, cut_at, p.6 AS was_unsent, p.7 AS code,
        run - p.4 AS prior,
        -- A failure alone names no category or campaign, so neither is a dimension here.
        [('all', ''), ('market', p.8)] AS slices,
        toUInt16(multiIf(prior <= 5, prior, prior <= 7, 6, prior <= 10, 8, 11)) AS bin
    FROM histories
    ARRAY JOIN points AS p, running AS run
    WHERE p.5
),
per_contact AS
(
    SELECT
        business_id, max(cut_at) AS cutoff_at, slice, of_bin.1 AS bin_from, of_bin.2 AS bin_to, contact_id,
        count() AS n, sum(was_unsent) AS unsent_n,
        arrayConcat([countIf(has(codes, code))], sumForEach(arrayMap(c -> code = c, codes))) AS y
    FROM tried
    ARRAY JOIN slices AS slice
    ARRAY JOIN [(toUInt16(0), toUInt16(65535)), (bin, toUInt16(multiIf(bin <= 5, bin, bin = 6, 7, bin = 8, 10, 65535)))] AS of_bin
    GROUP BY business_id, slice, bin_from, bin_to, contact_id
)
SELECT
    business_id,
    max(cutoff_at)             AS cutoff,
    slice.1                    AS dimension,
    slice.2                    AS segment,
    of_code                    AS error_code,
    transform(of_code, codes, reasons, '') AS reason,
    bin_from                   AS prior_from,
    bin_to                     AS prior_to,
    'crude'                    AS identification,
    sum(unsent_n)              AS without_send,
    count()                    AS contacts,
    sum(n)                     AS attempts,
    sum(own_y)                 AS withheld,
    sum(n * n)                 AS sum_nn,
    sum(own_y * own_y)         AS sum_yy,
    sum(n * own_y)             AS sum_ny
FROM per_contact
ARRAY JOIN y AS own_y, arrayConcat([''], codes) AS of_code
GROUP BY business_id, slice, of_code, bin_from, bin_to
-- A code that the business never met has no rows.
QUALIFY of_code = '' OR sum(withheld) OVER (PARTITION BY business_id, of_code) > 0
ORDER BY business_id, dimension, segment, error_code, prior_from, prior_to
