-- frequency_what_if tells of how many days it assumes that contacts engage like the others; two more tables say on which level they stand.
ALTER TABLE frequency_what_if
    ADD COLUMN IF NOT EXISTS assumed_days UInt64
        COMMENT 'person-days with a dose of contacts without a message in the base, who are taken to engage like the others at it; 0 of other measures' AFTER days_above
-- statement
ALTER TABLE frequency_distribution
    ADD COLUMN IF NOT EXISTS identification LowCardinality(String) DEFAULT 'counted' COMMENT 'counted: what contacts were sent; nothing is compared'
-- statement
ALTER TABLE contact_class_shares
    ADD COLUMN IF NOT EXISTS identification LowCardinality(String) DEFAULT 'counted' COMMENT 'counted: contacts by class; the level that the limits of a class rest on is in contact_classes'
