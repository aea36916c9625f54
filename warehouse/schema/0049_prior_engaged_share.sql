-- Prior engagement is the share of a contact's messages that it engaged with, no longer the number of days on which it did so, which grows with the
-- messages. Days in old rows would be read as shares: they have none, which means not known, until a run computes them anew.
ALTER TABLE person_days
    DROP COLUMN IF EXISTS prior_engaged
-- statement
ALTER TABLE person_days
    ADD COLUMN IF NOT EXISTS prior_engaged Nullable(Float32) COMMENT 'of the proactive messages, not known to have failed, of the 28 days before the dose''s week, the share opened, clicked or answered in time in these days; NULL if there are none, or the data of the account or the contact do not cover the days' AFTER replied
-- statement
ALTER TABLE person_days
    COMMENT COLUMN IF EXISTS channel 'the one that the contact''s earliest send, inbound message or opt-in names',
    COMMENT COLUMN IF EXISTS entered_late '1: first heard of, without an opt-in in the entry week, in the first 7 days of the account''s data, so the spell may be older than it seems',
    COMMENT COLUMN IF EXISTS next_dose 'the same in the 7 x 24 h after the day; NULL if these are not all days at risk before the cutoff and in the window that was run'
-- statement
ALTER TABLE contact_doses
    COMMENT COLUMN IF EXISTS promised_frequency 'as in person_days, of the contact''s first day'
