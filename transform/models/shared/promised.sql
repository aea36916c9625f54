-- promised: the rated messages with the promised frequency, which is the message's own, else what the contact was promised when it opted in last; and with
-- their segments, by name and by number. What follows `-- shared: promised` in a model, behind `rated` and `promises`. A segment has the number
-- cityHash64(business_id, dimension, segment); numbers are those of channel, market, category, topic, campaign and promised frequency, in this order.
-- What a message counts in is one byte: from the lowest bit the bases of open, click, reply and opt-out, then the outcomes.
-- staged by: business_id, contact_id, sent, message_id
-- shared: rated
-- shared: promises
promised AS
(
    SELECT
        r.business_id AS business_id, r.contact_id AS contact_id, r.sent AS sent, r.message_id AS message_id, loaded_to, told_from, own_zone, exposure, bin, in_base, old_enough,
        cityHash64(r.business_id, r.contact_id) AS contact,
        own_channel, own_market, own_category, own_topic, own_campaign, if(own_promise != '', toString(own_promise), p.promised) AS promise,
        [cityHash64(r.business_id, 'channel', own_channel), cityHash64(r.business_id, 'market', own_market), cityHash64(r.business_id, 'category', own_category),
         cityHash64(r.business_id, 'topic', own_topic), cityHash64(r.business_id, 'campaign', own_campaign),
         cityHash64(r.business_id, 'promised_frequency', promise)] AS numbers,
        toUInt8(open_n + 2 * click_n + 4 * reply_n + 8 * opt_out_n + 16 * open_y + 32 * click_y + 64 * reply_y + 128 * opt_out_y) AS rates
    FROM rated AS r
    ASOF LEFT JOIN promises AS p
        ON p.business_id = r.business_id AND p.contact_id = r.contact_id AND p.promised_at <= r.sent
),
