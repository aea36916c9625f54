-- rate_card: prices, as loaded from files. A file replaces the rows of its channels and dates.
CREATE TABLE IF NOT EXISTS rate_card
(
    date_from    Date COMMENT 'first UTC day of the price',
    channel      LowCardinality(String),
    market       LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2; *: any without a row of its own',
    category     LowCardinality(String) COMMENT '*: any without a row of its own',
    unit         LowCardinality(String) COMMENT 'message, conversation',
    tier_from    UInt64 COMMENT 'units charged in the month before the first of this price',
    price        Decimal(18, 9) COMMENT 'of one unit',
    currency     LowCardinality(String) COMMENT 'ISO 4217'
)
ENGINE = MergeTree
PARTITION BY (channel, date_from)
ORDER BY (channel, unit, market, category, date_from, tier_from)
-- statement
-- message_costs, spend, spend_by_exposure, spend_what_if: results of the models of these names (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS message_costs
(
    business_id    LowCardinality(String),
    window_from    Date,
    window_to      Date,
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    contact_id     UUID,
    message_id     UInt64,
    channel        LowCardinality(String),
    market         LowCardinality(String),
    category       LowCardinality(String),
    campaign_id    LowCardinality(String),
    sent_at        DateTime64(3, 'UTC'),
    unit           LowCardinality(String) COMMENT 'message, conversation; empty: what is charged is not known',
    charged        UInt8,
    why            LowCardinality(String) COMMENT 'of an uncharged message: failed, same_conversation, not_billable, the free pricing type, not_delivered, not_told, no_card',
    charged_before UInt64 COMMENT 'of a charged one: units charged before it in the month, of the same channel, unit, market and category',
    has_price      UInt8 COMMENT '0 beside charged 1: the card has no price for it',
    amount         Decimal(18, 9) COMMENT '0 unless has_price',
    currency       LowCardinality(String) COMMENT 'of the amount; empty without a price'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, contact_id, sent_at, message_id)
-- statement
CREATE TABLE IF NOT EXISTS spend
(
    business_id      LowCardinality(String),
    window_from      Date,
    window_to        Date,
    cutoff           DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension        LowCardinality(String) COMMENT 'all, channel, market, category, campaign',
    segment          String COMMENT 'value of the dimension; empty for all, and where none is known',
    month            Date COMMENT 'first day of the UTC month of sending; 1970-01-01: the whole window',
    currency         LowCardinality(String) COMMENT 'empty: messages that cost nothing, or whose price is not known',

    messages         UInt64,
    charged          UInt64 COMMENT 'charged units',
    without_price    UInt64 COMMENT 'charged units of which the card has no price: not in amount',
    not_told         UInt64 COMMENT 'messages of which nobody told whether they are charged, or on a channel without a card',
    amount           Decimal(38, 9) COMMENT 'of the charged units with a price, in the currency',

    contacts         UInt64 COMMENT 'of the matured messages, whatever their currency',
    matured_amount   Decimal(38, 9) COMMENT 'of messages 7 x 24 h before the cutoff or earlier of which it is known whether they are charged: matured',
    matured_without_price UInt64,
    opened           UInt64 COMMENT 'matured messages opened within 7 x 24 h, whatever their currency',
    replied          UInt64 COMMENT 'matured messages answered within 24 h, whatever their currency',
    engaged_contacts UInt64 COMMENT 'contacts with an open, click or reply to one of the matured messages',
    sum_a            Float64 COMMENT 'of matured messages, over contacts: amount in thousand millionths, a',
    sum_aa           Float64 COMMENT 'a squared',
    sum_o            Float64 COMMENT 'opened messages, o',
    sum_oo           Float64,
    sum_ao           Float64,
    sum_r            Float64 COMMENT 'answered messages, r',
    sum_rr           Float64,
    sum_ar           Float64,
    sum_e            Float64 COMMENT 'e: 1 if the contact engaged',
    sum_ee           Float64,
    sum_ae           Float64,

    why              LowCardinality(String) COMMENT 'why there are no figures: few contacts, few outcomes, no amount, prices missing',
    per_open         Nullable(Float64) COMMENT 'matured_amount over opened',
    per_open_lower   Nullable(Float64),
    per_open_upper   Nullable(Float64),
    per_reply        Nullable(Float64),
    per_reply_lower  Nullable(Float64),
    per_reply_upper  Nullable(Float64),
    per_engaged      Nullable(Float64) COMMENT 'matured_amount over engaged_contacts',
    per_engaged_lower Nullable(Float64),
    per_engaged_upper Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, month, currency)
-- statement
CREATE TABLE IF NOT EXISTS spend_by_exposure
(
    business_id      LowCardinality(String),
    window_from      Date,
    window_to        Date,
    cutoff           DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension        LowCardinality(String) COMMENT 'all, channel, market',
    segment          String COMMENT 'value of the dimension; empty for all, and where none is known',
    identification   LowCardinality(String) COMMENT 'crude: an association, of contacts who may differ in more than this',
    currency         LowCardinality(String),
    exposure_from    UInt16,
    exposure_to      UInt16 COMMENT '65535: no upper end',

    contacts         UInt64,
    messages         UInt64 COMMENT 'matured proactive messages, as in spend, not known to have failed, of this exposure',
    charged          UInt64,
    matured_without_price UInt64 COMMENT 'charged units of which the card has no price: not in amount',
    amount           Decimal(38, 9),
    opened           UInt64,
    replied          UInt64,
    sum_a            Float64 COMMENT 'sums over contacts, as in spend',
    sum_aa           Float64,
    sum_o            Float64,
    sum_oo           Float64,
    sum_ao           Float64,
    sum_r            Float64,
    sum_rr           Float64,
    sum_ar           Float64,

    why              LowCardinality(String) COMMENT 'why there are no figures: few contacts, few outcomes, no amount, prices missing',
    per_open         Nullable(Float64),
    per_open_lower   Nullable(Float64),
    per_open_upper   Nullable(Float64),
    per_reply        Nullable(Float64),
    per_reply_lower  Nullable(Float64),
    per_reply_upper  Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, currency, exposure_from)
-- statement
CREATE TABLE IF NOT EXISTS spend_what_if
(
    business_id      LowCardinality(String),
    window_from      Date,
    window_to        Date,
    cutoff           DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension        LowCardinality(String) COMMENT 'all, market, channel',
    segment          String COMMENT 'the market or channel; empty for all',
    cap              UInt8 COMMENT 'sends in any 7 days at most, 1 to 10',
    currency         LowCardinality(String),

    contacts         UInt64,
    messages         UInt64 COMMENT 'matured proactive messages not known to have failed, from which the mean amount is',
    without_price    UInt64 COMMENT 'charged units of which the card has no price, and messages of which nobody told whether they are charged',
    sum_n            Float64 COMMENT 'over contacts: messages, n',
    sum_nn           Float64,
    sum_a            Float64 COMMENT 'amount in thousand millionths, a',
    sum_aa           Float64,
    sum_an           Float64,
    observed_sends   Nullable(Float64) COMMENT 'of frequency_what_if, per 1,000 contacts at risk and 30 days',
    capped_sends     Nullable(Float64),
    change_sends     Nullable(Float64),
    change_sends_std_error Nullable(Float64),
    mean_amount      Nullable(Float64) COMMENT 'amount per proactive message',

    why              LowCardinality(String) COMMENT 'why there are no figures: few contacts, no amount, prices missing, no forecast',
    observed         Nullable(Float64) COMMENT 'spend per 1,000 contacts at risk and 30 days, as the doses were',
    capped           Nullable(Float64) COMMENT 'the same under the cap',
    saving           Nullable(Float64) COMMENT 'observed less capped',
    saving_lower     Nullable(Float64),
    saving_upper     Nullable(Float64),
    assumption       String
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, currency, cap)
-- statement
-- delivery_funnel, delivery_failures: results of the models of these names (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS delivery_funnel
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first sent day',
    window_to      Date COMMENT 'day after the last sent day',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    channel        LowCardinality(String),
    purpose        LowCardinality(String) COMMENT 'proactive, response; all: both',
    market         LowCardinality(String) COMMENT 'all: every market together',
    state          LowCardinality(String) COMMENT 'failed, delivered, opened, clicked, replied',
    method         LowCardinality(String) COMMENT 'of delivered and opened: by_mid, by_watermark, or both',

    sent           UInt64 COMMENT 'all messages sent, measured or not',
    contacts       UInt64 COMMENT 'G, the clusters',
    messages       UInt64 COMMENT 'matured messages of accounts that report the state',
    in_state       UInt64 COMMENT 'of these, messages that reached it in time',
    sum_nn         UInt64 COMMENT 'per contact: sum of messages squared',
    sum_yy         UInt64 COMMENT 'per contact: sum of in_state squared',
    sum_ny         UInt64 COMMENT 'per contact: sum of messages times in_state',

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts or 5 messages of the state, so rate and interval are NULL',
    rate           Nullable(Float64) COMMENT 'in_state over messages',
    std_error      Nullable(Float64),
    lower          Nullable(Float64),
    upper          Nullable(Float64),
    design_effect  Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, channel, purpose, market, state)
-- statement
CREATE TABLE IF NOT EXISTS delivery_failures
(
    business_id    LowCardinality(String),
    window_from    Date COMMENT 'first day of attempts',
    window_to      Date COMMENT 'day after the last day of attempts',
    cutoff         DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    channel        LowCardinality(String) COMMENT 'all: every channel together',
    market         LowCardinality(String) COMMENT 'all: every market together',
    cause          LowCardinality(String) COMMENT 'invalid_address, blocked, window, limit, template, technical, unknown; any: all of them',
    error_code     LowCardinality(String) COMMENT 'as the platform reports it; empty: all codes of the cause',

    without_send   UInt64 COMMENT 'of the attempts, those of which only the failure was told',
    contacts       UInt64 COMMENT 'G, the clusters',
    attempts       UInt64 COMMENT 'messages that were sent, or failed without it, 24 h before the cutoff or earlier',
    failed         UInt64 COMMENT 'of these, failed of the cause',
    sum_nn         UInt64 COMMENT 'per contact: sum of attempts squared',
    sum_yy         UInt64 COMMENT 'per contact: sum of failed squared',
    sum_ny         UInt64 COMMENT 'per contact: sum of attempts times failed',

    suppressed     UInt8 COMMENT '1: fewer than 30 contacts or 5 failures, so rate and interval are NULL',
    rate           Nullable(Float64) COMMENT 'failed over attempts',
    std_error      Nullable(Float64),
    lower          Nullable(Float64),
    upper          Nullable(Float64),
    design_effect  Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, channel, market, cause, error_code)
