-- One look into a chat opens all that waits there: the comparison of doses counts it once (docs/metrics.md).
ALTER TABLE contact_doses
    ADD COLUMN IF NOT EXISTS opened UInt32 COMMENT 'messages opened in time, however many in one look',
    COMMENT COLUMN open_y 'looks that opened some of these in time, each at the exposure of the earliest of them'
