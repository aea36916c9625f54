-- pain_contacts, pain_points: results of the metrics of these names (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS pain_contacts
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    contact_id         UUID,
    week               Date COMMENT 'Monday of an ISO week (UTC)',
    market             LowCardinality(String) COMMENT 'of the contact; empty: unknown',
    channel            LowCardinality(String) COMMENT 'of these cases and messages',

    at_risk            Map(LowCardinality(String), UInt32) COMMENT 'by pain: cases or messages of the week that could hit',
    hits               Map(LowCardinality(String), UInt32) COMMENT 'by pain: those that did; none: no key'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, contact_id, week, channel)
-- statement
CREATE TABLE IF NOT EXISTS pain_points
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, market, channel, week',
    segment            String COMMENT 'value of the dimension, of a week its Monday; empty for all, and where none is known',
    pain               LowCardinality(String) COMMENT 'no_reply, slow_reply, repeat_contact, nudged, window_expired, failed_delivery, too_many_messages, night_message, message_after_opt_out, irrelevant',
    confidence         LowCardinality(String) COMMENT 'measured; proxy: something else may be behind it',
    setting            String COMMENT 'where the line is drawn, in words',

    contacts           UInt64 COMMENT 'contacts at risk: with a case or message that could hit',
    hit                UInt64 COMMENT 'of these, hit at least once',
    units              UInt64 COMMENT 'cases or messages that could hit',
    unit_hits          UInt64 COMMENT 'of these, those that did',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts at risk or 5 hit, so the reach is NULL',
    reach              Nullable(Float64) COMMENT 'hit over contacts at risk',
    std_error          Nullable(Float64) COMMENT 'of the reach; NULL where nobody or everybody is hit',
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    rank_best          Nullable(UInt8) COMMENT 'by reach among the pains of the segment that have one, from 1: the best and the worst rank that cannot be ruled out',
    rank_worst         Nullable(UInt8),
    ranked             UInt8 COMMENT 'pains of the segment that have a rank; 0: fewer than two, so none',

    identification     LowCardinality(String) COMMENT 'of the excess: standardised; an association',
    hit_weeks          UInt64 COMMENT 'contact-weeks with a hit after which the contact was at risk of leaving, in strata with both kinds',
    hit_opt_outs       UInt64 COMMENT 'of these, with an opt-out in the 7 days after the week',
    other_weeks        UInt64 COMMENT 'contact-weeks without a hit that could have had one, in the same strata',
    other_opt_outs     UInt64,
    overlap            Nullable(Float64) COMMENT 'share of the contact-weeks with a hit that lie in such strata',
    excess             Nullable(Float64) COMMENT 'opt-outs per contact-week after a hit, less those of weeks without in the same strata',
    excess_std_error   Nullable(Float64),
    excess_lower       Nullable(Float64),
    excess_upper       Nullable(Float64),
    why                String COMMENT 'why there is no reach or no excess; empty if there are both'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, pain)
