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
-- shared: loaded
-- WhatsApp's codes for what it does not deliver though the number can be reached, and their twins at Twilio.
-- limit: too much marketing for this person of late; experiment: the person is in a group that gets none;
-- stopped: the person stopped this business's marketing. Sources: "Error codes", WhatsApp Business Platform,
-- developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes;
-- twilio.com/docs/api/errors/63049; twilio.com/docs/whatsapp/api/error-code-mapping (63032 is 472, the older 130472).
['131049', '63049', '130472', '63032', '131050']                 AS codes,
['limit', 'limit', 'experiment', 'experiment', 'stopped'] AS reasons,
-- shared: failed_attempts
-- An account that never gave a failure its code does not tell what was withheld.
measured AS
(
    SELECT
        f.business_id AS business_id, f.account_id AS account_id,
        any(c.data_from) + INTERVAL 7 DAY AS first_at, any(c.cutoff) - INTERVAL 1 DAY AS last_at
    FROM failed_attempts AS f
    INNER JOIN coverage AS c ON c.business_id = f.business_id AND c.account_id = f.account_id
    GROUP BY business_id, account_id
    HAVING countIf(f.code != '') > 0
),
-- What counts before an attempt, by instant and message. What was sent on another channel at the instant of an attempt comes before it.
counting AS
(
    SELECT business_id, account_id, contact_id, if(channel = 'whatsapp', message_id, 0) AS place, sent_at, exposure, toString(market) AS own_market
    FROM messages
    WHERE sent_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 7 DAY
      AND sent_at < {to:DateTime64(3, 'UTC')}
      AND purpose = 'proactive'
      AND failed_at IS NULL
      AND business_id IN (SELECT business_id FROM measured)
),
-- A send that counts has its prior in its exposure, unless it shares its instant with another channel. A failure has no exposure.
tied AS
(
    SELECT business_id, contact_id, sent_at
    FROM counting
    WHERE place = 0
),
unexposed AS
(
    SELECT * FROM failed_attempts
    UNION ALL
    SELECT business_id, account_id, contact_id, place AS message_id, sent_at AS tried_at, 0 AS unsent, '' AS code, own_market
    FROM counting
    WHERE place != 0
      AND sent_at >= {from:DateTime64(3, 'UTC')}
      AND (business_id, contact_id, sent_at) IN tied
),
sent_before AS
(
    SELECT business_id, contact_id, groupArray((sent_at, place)) AS sends
    FROM counting
    WHERE (business_id, contact_id) IN (SELECT business_id, contact_id FROM unexposed)
    GROUP BY business_id, contact_id
),
tried AS
(
    SELECT business_id, account_id, contact_id, sent_at AS tried_at, own_market, toUInt16(exposure - 1) AS prior, 0 AS unsent, '' AS code
    FROM counting
    WHERE place != 0
      AND sent_at >= {from:DateTime64(3, 'UTC')}
      AND exposure IS NOT NULL
      AND (business_id, contact_id, sent_at) NOT IN tied
    UNION ALL
    SELECT
        u.business_id, u.account_id, u.contact_id, u.tried_at, u.own_market,
        toUInt16(least(65535, arrayCount(s -> s.1 > u.tried_at - INTERVAL 7 DAY AND s < (u.tried_at, u.message_id), s.sends))), u.unsent, u.code
    FROM unexposed AS u
    LEFT JOIN sent_before AS s ON s.business_id = u.business_id AND s.contact_id = u.contact_id
),
-- The priors of a contact's attempts: of all, of those without a send, and with its code of each that was withheld. A failure alone
-- names no category or campaign, so neither is a dimension here.
by_market AS
(
    SELECT
        t.business_id AS business_id, t.contact_id AS contact_id, t.own_market AS own_market,
        groupArray(t.prior)                                 AS tries,
        groupArrayIf(t.prior, t.unsent)                     AS unsent_tries,
        groupArrayIf((t.prior, t.code), has(codes, t.code)) AS withheld_tries
    FROM tried AS t
    INNER JOIN measured AS m ON m.business_id = t.business_id AND m.account_id = t.account_id
    WHERE t.tried_at BETWEEN m.first_at AND m.last_at
    GROUP BY business_id, contact_id, own_market
),
by_slice AS
(
    SELECT
        business_id, contact_id, slice,
        groupArrayArray(tries) AS priors, groupArrayArray(unsent_tries) AS unsent_priors, groupArrayArray(withheld_tries) AS withheld_priors
    FROM by_market
    ARRAY JOIN [('all', ''), ('market', own_market)] AS slice
    GROUP BY business_id, contact_id, slice
),
per_contact AS
(
    SELECT
        business_id, slice, of_bin.1 AS bin_from, of_bin.2 AS bin_to,
        arrayCount(p -> p BETWEEN bin_from AND bin_to, priors)        AS n,
        arrayCount(p -> p BETWEEN bin_from AND bin_to, unsent_priors) AS unsent_n,
        arrayMap(w -> w.2, arrayFilter(w -> w.1 BETWEEN bin_from AND bin_to, withheld_priors)) AS withheld_by,
        if(empty(withheld_by), [], arrayPushFront(arrayMap(c -> countEqual(withheld_by, c), codes), length(withheld_by))) AS y
    FROM by_slice
    ARRAY JOIN [(0, 65535), (0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 7), (8, 10), (11, 65535)] AS of_bin
    WHERE n > 0
),
cells AS
(
    SELECT
        business_id, slice, bin_from, bin_to, sum(unsent_n) AS without_send, count() AS contacts, sum(n) AS attempts, sum(n * n) AS sum_nn,
        arrayResize(sumForEach(y), length(codes) + 1)                       AS withheld_n,
        arrayResize(sumForEach(arrayMap(x -> x * x, y)), length(codes) + 1) AS withheld_yy,
        arrayResize(sumForEach(arrayMap(x -> x * n, y)), length(codes) + 1) AS withheld_ny
    FROM per_contact
    GROUP BY business_id, slice, bin_from, bin_to
)
SELECT
    k.business_id                          AS business_id,
    c.loaded_to                            AS cutoff,
    slice.1                                AS dimension,
    slice.2                                AS segment,
    of_code                                AS error_code,
    transform(of_code, codes, reasons, '') AS reason,
    toUInt16(bin_from)                     AS prior_from,
    toUInt16(bin_to)                       AS prior_to,
    'crude'                                AS identification,
    without_send,
    contacts,
    attempts,
    withheld,
    sum_nn,
    sum_yy,
    sum_ny
FROM cells AS k
ARRAY JOIN arrayConcat([''], codes) AS of_code, withheld_n AS withheld, withheld_yy AS sum_yy, withheld_ny AS sum_ny
INNER JOIN loaded AS c ON c.business_id = k.business_id
-- A code that the business never met has no rows.
QUALIFY of_code = '' OR sum(withheld) OVER (PARTITION BY business_id, of_code) > 0
ORDER BY business_id, dimension, segment, error_code, prior_from, prior_to
