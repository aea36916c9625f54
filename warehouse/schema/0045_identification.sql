-- The two curves that compare as it came say so, as the other tables do.
ALTER TABLE frequency_engagement
    ADD COLUMN IF NOT EXISTS identification LowCardinality(String) DEFAULT 'crude' COMMENT 'crude: an association, of contacts who may differ in more than this'
-- statement
ALTER TABLE frequency_opt_out
    ADD COLUMN IF NOT EXISTS identification LowCardinality(String) DEFAULT 'crude' COMMENT 'crude: an association, of contacts who may differ in more than this'
