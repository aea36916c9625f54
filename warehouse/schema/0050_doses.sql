-- One look into a chat opens all that waits there: the comparison of doses counts it once. And whoever gets nothing is seen on days without a message in the
-- week before and on the day itself (docs/metrics.md).
ALTER TABLE contact_doses
    ADD COLUMN IF NOT EXISTS opened UInt32 COMMENT 'messages opened in time, however many in one look',
    ADD COLUMN IF NOT EXISTS quiet_days Array(UInt32) COMMENT 'person-days of dose 0 on which nothing was sent either, by prior engagement',
    ADD COLUMN IF NOT EXISTS quiet_opt_outs Array(UInt32) COMMENT 'opt-outs on these',
    COMMENT COLUMN open_y 'looks that opened some of these in time, each at the exposure of the earliest of them'
-- statement
ALTER TABLE contact_classes
    COMMENT COLUMN plausible_from 'L: least plausible number in 28 days; NULL beside an identification: nothing smaller was compared and found worse',
    COMMENT COLUMN plausible_to 'U: greatest plausible number in 28 days; NULL beside an identification: nothing greater was compared and found worse'
