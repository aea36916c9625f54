-- Gaps, hours and positions are told in every dimension of frequency_segments, with the same row for all segments beyond the first; what is by the
-- contact, by its promised frequency too.
ALTER TABLE frequency_gap
    ADD COLUMN IF NOT EXISTS pooled UInt32 COMMENT 'of the row that holds all segments beyond the 50 with the most messages: how many these are; 0: one segment' AFTER segment,
    COMMENT COLUMN dimension 'all, channel, market, category, campaign, topic, promised_frequency'
-- statement
ALTER TABLE frequency_hour
    ADD COLUMN IF NOT EXISTS pooled UInt32 COMMENT 'of the row that holds all segments beyond the 50 with the most messages, of category, campaign and topic beyond the 10: how many these are; 0: one segment' AFTER segment,
    COMMENT COLUMN dimension 'all, channel, market, category, campaign, topic, promised_frequency'
-- statement
ALTER TABLE frequency_position
    ADD COLUMN IF NOT EXISTS pooled UInt32 COMMENT 'of the row that holds all segments beyond the 50 with the most messages: how many these are; 0: one segment' AFTER segment,
    COMMENT COLUMN dimension 'all, channel, market, category, campaign, topic, promised_frequency'
-- statement
ALTER TABLE frequency_distribution
    COMMENT COLUMN dimension 'all, channel, market, promised_frequency'
-- statement
ALTER TABLE frequency_curves
    COMMENT COLUMN dimension 'all, market, channel, promised_frequency; of messages also category, campaign, topic'
-- statement
ALTER TABLE contact_doses
    ADD COLUMN IF NOT EXISTS promised_frequency LowCardinality(String) COMMENT 'as in person_days, the only one of the contact''s days; else several' AFTER channel
-- statement
ALTER TABLE frequency_recommendation
    COMMENT COLUMN dimension 'all, market, channel, promised_frequency'
-- statement
ALTER TABLE frequency_what_if
    COMMENT COLUMN dimension 'all, market, channel, promised_frequency'
