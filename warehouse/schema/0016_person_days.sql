-- person_days: one row per contact and UTC day at risk, as the model `person_days` computes it (docs/metrics.md).
-- What depends on the dose of a day reads it. A run replaces whole days.
CREATE TABLE IF NOT EXISTS person_days
(
    business_id        LowCardinality(String),
    contact_id         UUID,
    day                Date,

    market             LowCardinality(String),
    channel            LowCardinality(String) COMMENT 'the only one of the contact''s sends and inbound messages, else several',
    promised_frequency LowCardinality(String) COMMENT 'of the newest opt-in before the day',
    arm                LowCardinality(String) COMMENT 'the only one of the contact''s sends before the day''s end; several, if there are more',

    spell              UInt16 COMMENT 'of being at risk: 1, 2, ...',
    spell_day          UInt16 COMMENT 'whole days since the spell''s first day at risk',
    entered_late       UInt8 COMMENT '1: first heard of, without an opt-in, in the first 7 days of the account''s data, so the spell may be older than it seems',

    dose               UInt16 COMMENT 'proactive sends not known to have failed in the 7 x 24 h before the day',
    next_dose          Nullable(UInt16) COMMENT 'the same in the 7 x 24 h after the day; NULL if these do not end before the cutoff and in the window that was run',

    sent               UInt16 COMMENT 'proactive sends not known to have failed on the day',
    opened             UInt16 COMMENT 'proactive messages opened on the day, within 7 x 24 h',
    clicked            UInt16 COMMENT 'the same of clicks',
    replied            UInt16 COMMENT 'proactive messages first answered on the day, within 24 h',

    prior_engaged      Nullable(UInt16) COMMENT 'days with an open, a click or an inbound message among the 28 before the dose''s week; NULL if the account''s data do not cover them',

    opted_out          UInt8 COMMENT '1: the last day of the spell, which an opt-out ended',
    blocked            UInt8 COMMENT '1: that opt-out was told as a block'
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (business_id, contact_id, day)
SETTINGS default_compression_codec = 'ZSTD(1)'
