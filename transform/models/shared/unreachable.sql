-- unreachable: when the address of a contact was known not to exist. What follows `-- shared: unreachable` in a model; one row per
-- (business_id, contact_id) that ever was, with half-open runs of days, numbered from 1970-01-01: gone_on the first, back_on the end.
-- staged by: business_id, contact_id
--
-- Gone from the day after a permanent failure until the day after the next sign of life: a delivery, an open, a click, a quotation, or anything that the
-- contact did. So each day is decided by what was known before it. That no sign of life ever follows is known later only, and an opt-out
-- is a sign of life: to leave out the days of those who are never heard of again would keep, of all that seemed gone, those who left.
--
-- Permanent is a failure that says the address does not exist: Twilio's codes, and the status codes of RFC 3463 and RFC 7505. Codes that may
-- be temporary or a refusal (SMTP 550, WhatsApp 131026), and tokens that expired, say nothing about the contact.
['21211', '21614', '30005', '30006']             AS codes_of_twilio,
['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10']   AS codes_of_email,
-- Few contacts. What else says which kind of failure it is may not be known until facts are merged.
suspects AS (SELECT DISTINCT business_id, contact_id FROM message_facts WHERE has(arrayConcat(codes_of_twilio, codes_of_email), error_code)),
unreachable AS
(
    SELECT
        business_id, contact_id,
        arrayMap(run -> run.1, runs) AS gone_on,
        arrayMap(run -> run.2, runs) AS back_on -- 2147483647: not back
    FROM
    (
        SELECT
            business_id, contact_id,
            -- Of failures that follow a failure, and of signs of life that follow one, only the first counts.
            arrayPushFront(arraySort(groupArrayArray(turns)), (toDateTime64(0, 3, 'UTC'), 1)) AS every_turn,
            arrayFilter((turn, before) -> turn.2 != before.2, arrayPopFront(every_turn), arrayPopBack(every_turn)) AS kept,
            arrayMap(turn -> toInt32(toDate(turn.1)) + 1, arrayFilter(turn -> turn.2 = 0, kept)) AS starts,
            arrayMap(turn -> toInt32(toDate(turn.1)) + 1, arrayFilter(turn -> turn.2 = 1, kept)) AS ends,
            arrayFilter(run -> run.1 < run.2, arrayZip(starts, arrayResize(ends, length(starts), 2147483647))) AS runs
        FROM
        (
            SELECT
                business_id, contact_id,
                arrayConcat(
                    if(failed_at IS NOT NULL AND (provider = 'twilio' AND has(codes_of_twilio, error_code)
                            OR channel = 'email' AND has(codes_of_email, error_code)),
                        [(assumeNotNull(failed_at), 0)], []),
                    arrayMap(t -> (assumeNotNull(t), 1), arrayFilter(t -> t IS NOT NULL, [delivered_at, opened_at, clicked_at, quoted_at]))) AS turns
            FROM message_facts FINAL
            WHERE is_test = 0
              AND (business_id, contact_id) IN suspects
            UNION ALL
            SELECT business_id, contact_id, [(event_time, 1)]
            FROM contact_facts FINAL
            WHERE is_test = 0
              AND (business_id, contact_id) IN suspects
        )
        GROUP BY business_id, contact_id
    )
    WHERE notEmpty(runs)
),
