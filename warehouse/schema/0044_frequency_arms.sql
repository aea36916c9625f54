-- frequency_arms says why a test is not believed, what sizes its arms were to have, and how likely its differences are by chance.
ALTER TABLE frequency_arms
    ADD COLUMN IF NOT EXISTS why String COMMENT 'why there are no differences; empty if randomised',
    ADD COLUMN IF NOT EXISTS planned_share Float64 COMMENT 'of the contacts of all arms, as planned: values.arms of the configuration, else all alike',
    ADD COLUMN IF NOT EXISTS p_value Nullable(Float64) COMMENT 'of the difference, two-sided; not of sent, which the arms decide',
    ADD COLUMN IF NOT EXISTS p_adjusted Nullable(Float64) COMMENT 'adjusted for all differences of the business, Holm 1979'
