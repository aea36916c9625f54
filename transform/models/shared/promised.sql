-- promised: the rated messages in a base, with the promised frequency: the message's own, else what the contact was promised when it
-- opted in last. What follows `-- shared: promised` in a model, behind `rated` and `promises`.
promised AS
(
    SELECT
        r.business_id AS business_id, r.contact_id AS contact_id, r.bin AS bin,
        own_channel, own_market, own_category, own_campaign, own_topic, if(own_promise != '', toString(own_promise), p.promised) AS promise,
        open_n, open_y, click_n, click_y, reply_n, reply_y, opt_out_n, opt_out_y
    FROM rated AS r
    ASOF LEFT JOIN promises AS p
        ON p.business_id = r.business_id AND p.contact_id = r.contact_id AND p.promised_at <= r.sent
    WHERE r.in_base
),
