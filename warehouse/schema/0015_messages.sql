-- messages: one row per message of the business, as the model `messages` computes it from
-- message_facts and contact_facts. A run replaces whole sent days.
--
-- repeatable: messages holds all rows at every step.
DROP TABLE IF EXISTS messages_next
-- statement
CREATE TABLE messages_next
(
    business_id        LowCardinality(String),
    account_id         LowCardinality(String),
    channel            LowCardinality(String),
    provider           LowCardinality(String),
    contact_id         UUID,
    message_id         UInt64,

    purpose            LowCardinality(String) COMMENT 'proactive or response',
    author             LowCardinality(String),
    category           LowCardinality(String),
    template_id        LowCardinality(String),
    campaign_id        LowCardinality(String),
    message_tag        LowCardinality(String),
    arm                LowCardinality(String),
    scope              LowCardinality(String),
    promised_frequency LowCardinality(String),
    market             LowCardinality(String),
    language           LowCardinality(String),
    zone               LowCardinality(String),
    pricing_type       LowCardinality(String),
    pricing_model      LowCardinality(String),
    billable           LowCardinality(String),
    error_code         LowCardinality(String) COMMENT 'of a failure that stands',

    exposure           Nullable(UInt16) COMMENT 'of a proactive send not known to have failed: how many of these the contact was sent in the 7 x 24 h up to and including it; NULL for other sends, and in the first 7 days of the account''s data',
    replies            UInt16 COMMENT 'inbound messages attributed to this one',

    sent_at            DateTime64(3, 'UTC'),
    delivered_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'as reported; an open does not fill it in',
    delivered_method   LowCardinality(String) COMMENT 'by_mid: told of this message; by_watermark: a receipt for all up to an instant covers it',
    opened_at          Nullable(DateTime64(3, 'UTC')),
    opened_method      LowCardinality(String) COMMENT 'by_mid, by_watermark, as of the delivery',
    clicked_at         Nullable(DateTime64(3, 'UTC')),
    replied_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'first attributed reply',
    failed_at          Nullable(DateTime64(3, 'UTC')) COMMENT 'NULL if a delivery or an open contradicts it',
    opted_out_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'opt-out attributed to this message, within 7 days'
)
ENGINE = MergeTree
PARTITION BY toDate(sent_at)
ORDER BY (business_id, contact_id, sent_at, message_id)
-- statement
INSERT INTO messages_next
    (business_id, account_id, channel, provider, contact_id, message_id, purpose, author, category, template_id, campaign_id, message_tag, arm, scope, promised_frequency, market, language, zone, pricing_type, pricing_model, billable, error_code, exposure, replies, sent_at, delivered_at, delivered_method, opened_at, opened_method, clicked_at, replied_at, failed_at, opted_out_at)
SELECT
    business_id,
    account_id,
    channel,
    provider,
    contact_id,
    toUInt64(bitAnd(toUInt128(message_id), 0xFFFFFFFFFFFFFFFF)),
    purpose,
    author,
    category,
    template_id,
    campaign_id,
    message_tag,
    arm,
    scope,
    promised_frequency,
    market,
    language,
    zone,
    pricing_type,
    pricing_model,
    billable,
    error_code,
    exposure,
    replies,
    sent_at,
    delivered_at,
    if(delivered_at IS NULL, '', 'by_mid'),
    opened_at,
    if(opened_at IS NULL, '', 'by_mid'),
    clicked_at,
    replied_at,
    failed_at,
    opted_out_at
FROM messages
SETTINGS max_partitions_per_insert_block = 0
-- statement
EXCHANGE TABLES messages AND messages_next
-- statement
DROP TABLE messages_next
