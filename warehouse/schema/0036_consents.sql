-- consents, opt_in_funnel, consent_survival, promise_periods, promise_kept, promise_engagement, send_windows, breaches, breach_rates,
-- send_window_shares, window_refusals, service_windows: results of the models of these names (docs/metrics.md). A run replaces its window.
CREATE TABLE IF NOT EXISTS consents
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    contact_id         UUID,
    channel            LowCardinality(String),
    topic              String COMMENT 'all: all marketing',
    promised_frequency LowCardinality(String) COMMENT 'daily, weekly, monthly; empty: none',
    source             LowCardinality(String) COMMENT 'origin of the first opt-in, else its reason',
    market             LowCardinality(String),
    zone               LowCardinality(String) COMMENT 'as told, else the main zone of the market, else UTC',
    zone_told          UInt8 COMMENT '1: an opt-in of the spell named it',

    begun              LowCardinality(String) COMMENT 'first, resumed, again, changed',
    from_at            DateTime64(3, 'UTC') COMMENT 'the opt-in, included',
    to_at              DateTime64(3, 'UTC') COMMENT 'excluded; of a spell that is on: as-of, included',
    ended              LowCardinality(String) COMMENT 'expired, blocked, stopped, changed, used, on',
    reason             LowCardinality(String) COMMENT 'of the opt-out that ended it',
    renewals           UInt32,
    renewed_at         Array(DateTime64(3, 'UTC')),
    expires_at         Nullable(DateTime64(3, 'UTC')),
    used_by            UInt64 COMMENT 'of a one-time token: the message that used it; 0: none'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, contact_id, channel, topic, from_at)
-- statement
CREATE TABLE IF NOT EXISTS opt_in_funnel
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, channel, topic, promised_frequency, source, market',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',

    opted_in           UInt64 COMMENT 'spells that began first of their key',
    resumed            UInt64 COMMENT 'spells that began after a stop or a block',
    again              UInt64 COMMENT 'spells that began after an expiry, or a token after another',
    changed            UInt64 COMMENT 'spells that began with another promise',
    renewed            UInt64 COMMENT 'renewals',
    stopped            UInt64 COMMENT 'spells ended by an opt-out that is no block',
    blocked            UInt64,
    expired            UInt64,
    used               UInt64 COMMENT 'one-time tokens used',
    running            UInt64 COMMENT 'spells that are on at as-of',

    contacts           UInt64 COMMENT 'G, the clusters: contacts asked',
    asked              UInt64 COMMENT 'requests older than 7 x 24 h at the cutoff; 0 where nobody told of any',
    answered           UInt64 COMMENT 'of these, answered by an opt-in within 7 x 24 h',
    sum_nn             UInt64 COMMENT 'per contact: sum of requests squared',
    sum_yy             UInt64 COMMENT 'per contact: sum of answered squared',
    sum_ny             UInt64 COMMENT 'per contact: sum of requests times answered',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 answered, so rate and interval are NULL',
    rate               Nullable(Float64) COMMENT 'answered over asked',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    design_effect      Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment)
-- statement
CREATE TABLE IF NOT EXISTS consent_survival
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, channel, topic, promised_frequency',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',
    identification     LowCardinality(String) COMMENT 'crude: an association, of contacts who may differ in more than this',
    cause              LowCardinality(String) COMMENT 'any, stopped, blocked, expired, used',
    from_day           UInt16 COMMENT 'first day of the curve: all shares are of those still there when it begins',
    spell_day          UInt16 COMMENT 'whole 24 h since the opt-in',

    at_risk            UInt64 COMMENT 'spells that lasted to the day',
    entered            UInt64 COMMENT 'of these, spells seen from this day on',
    censored           UInt64 COMMENT 'of these, spells of which nothing more is known, or that another promise took over',
    outcomes           UInt64 COMMENT 'of these, spells that the cause ended on the day',

    suppressed         UInt8 COMMENT '1: fewer than 30 at risk, or 5 outcomes from the first day to this one: all that follows is NULL',
    hazard             Nullable(Float64) COMMENT 'outcomes over spells at risk on the day',
    incidence          Nullable(Float64) COMMENT 'share of consents that the cause has ended by the end of the day; of any: 1 less the survival',
    incidence_std_error Nullable(Float64),
    incidence_lower    Nullable(Float64),
    incidence_upper    Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, cause, spell_day)
-- statement
CREATE TABLE IF NOT EXISTS send_windows
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    contact_id         UUID,
    message_id         UInt64,
    account_id         LowCardinality(String),
    channel            LowCardinality(String),
    market             LowCardinality(String),
    category           LowCardinality(String),
    campaign_id        LowCardinality(String),
    topic              LowCardinality(String) COMMENT 'scope of the message; all: all marketing',
    sent_at            DateTime64(3, 'UTC'),
    failed             UInt8 COMMENT '1: known to have failed',
    proactive          UInt8,
    marketing          UInt8 COMMENT '1: a marketing message: proactive, not known to have failed, and no service',
    needs_opt_in       UInt8 COMMENT '1: a marketing message whose opt-in would be on record',

    state              LowCardinality(String) COMMENT 'no_window, standard, human_agent, free_entry_point, ad_entry, one_time_token, recurring_token, message_tag, paid_template, sponsored, unknown, none',
    covered_by         LowCardinality(String) COMMENT 'of a marketing message: topic of the spell that covers it; empty: none',
    covered_from       DateTime64(3, 'UTC') COMMENT 'beginning of that spell; 1970: none',
    breach             LowCardinality(String) COMMENT 'after_opt_out, after_expiry, without_opt_in; empty: none',
    way                LowCardinality(String) COMMENT 'of a breach after an opt-out: its reason',
    consent_ended_at   Nullable(DateTime64(3, 'UTC')) COMMENT 'of a breach: the opt-out or the expiry'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, contact_id, sent_at, message_id)
-- statement
CREATE TABLE IF NOT EXISTS promise_periods
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    contact_id         UUID,
    channel            LowCardinality(String),
    topic              LowCardinality(String),
    promised_frequency LowCardinality(String) COMMENT 'daily, weekly, monthly',
    zone               LowCardinality(String),
    market             LowCardinality(String),
    period_from        Date COMMENT 'first local day',
    period_to          Date COMMENT 'local day after the last',
    messages           UInt32 COMMENT 'marketing messages covered by the consent, in the period',
    state              LowCardinality(String) COMMENT 'kept: one message; exceeded: more; unused: none in a whole period; partial: none in a part of one',
    last_sent_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'of the last message in the period'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, contact_id, channel, topic, promised_frequency, zone, period_from)
-- statement
CREATE TABLE IF NOT EXISTS promise_kept
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, channel, topic, promised_frequency, market',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',
    state              LowCardinality(String) COMMENT 'kept, exceeded, unused',
    partial            UInt64 COMMENT 'periods of which only a part was promised and that had no message: in no share',

    contacts           UInt64 COMMENT 'G, the clusters',
    periods            UInt64,
    in_state           UInt64 COMMENT 'of these, periods of the state',
    sum_nn             UInt64 COMMENT 'per contact: sum of periods squared',
    sum_yy             UInt64 COMMENT 'per contact: sum of in_state squared',
    sum_ny             UInt64 COMMENT 'per contact: sum of periods times in_state',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 periods of the state, so rate and interval are NULL',
    rate               Nullable(Float64) COMMENT 'in_state over periods',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    design_effect      Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, state)
-- statement
CREATE TABLE IF NOT EXISTS promise_engagement
(
    business_id        LowCardinality(String),
    window_from        Date COMMENT 'first day',
    window_to          Date COMMENT 'day after the last day',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    identification     LowCardinality(String) COMMENT 'crude, standardised: an association both',
    outcome            LowCardinality(String) COMMENT 'open, click, reply, any: on a person-day; opt_out',
    promised_frequency LowCardinality(String) COMMENT 'daily, weekly, monthly; empty: no promise',

    contacts           UInt64,
    person_days        UInt64 COMMENT 'days at risk',
    outcomes           UInt64 COMMENT 'of these, days with the outcome',
    overlap            Nullable(Float64) COMMENT 'of standardised: share of the person-days whose stratum has every promise that is compared',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 outcomes, or too little overlap: no rate',
    rate               Nullable(Float64) COMMENT 'days with the outcome over days at risk',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, identification, outcome, promised_frequency)
-- statement
CREATE TABLE IF NOT EXISTS breaches
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    sent_at            DateTime64(3, 'UTC'),
    contact_id         UUID,
    message_id         UInt64,
    account_id         LowCardinality(String),
    channel            LowCardinality(String),
    market             LowCardinality(String),
    topic              LowCardinality(String),
    campaign_id        LowCardinality(String),
    breach             LowCardinality(String) COMMENT 'after_opt_out, after_expiry, without_opt_in',
    way                LowCardinality(String) COMMENT 'reason of the opt-out',
    consent_ended_at   Nullable(DateTime64(3, 'UTC')) COMMENT 'the opt-out or the expiry',
    hours_after        Nullable(Float64) COMMENT 'from then to the message'
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, sent_at, contact_id, message_id)
-- statement
CREATE TABLE IF NOT EXISTS breach_rates
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, channel, topic, market, campaign',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',
    breach             LowCardinality(String) COMMENT 'any, after_opt_out, after_expiry, without_opt_in',
    way                LowCardinality(String) COMMENT 'of after_opt_out: reason of the opt-out; any: all of them',

    contacts           UInt64 COMMENT 'G, the clusters',
    messages           UInt64 COMMENT 'marketing messages',
    broken             UInt64 COMMENT 'of these, breaches of the kind',
    sum_nn             UInt64 COMMENT 'per contact: sum of messages squared',
    sum_yy             UInt64 COMMENT 'per contact: sum of broken squared',
    sum_ny             UInt64 COMMENT 'per contact: sum of messages times broken',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 breaches, so rate and interval are NULL',
    rate               Nullable(Float64) COMMENT 'broken over messages',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    design_effect      Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, breach, way)
-- statement
CREATE TABLE IF NOT EXISTS send_window_shares
(
    business_id        LowCardinality(String),
    window_from        Date,
    window_to          Date,
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, channel, market, topic, campaign',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',
    state              LowCardinality(String) COMMENT 'as in send_windows, but for no_window',

    failed             UInt64 COMMENT 'of in_state, known to have failed',
    contacts           UInt64 COMMENT 'G, the clusters',
    messages           UInt64 COMMENT 'messages on channels with windows, failed or not',
    in_state           UInt64 COMMENT 'of these, messages of the state',
    sum_nn             UInt64 COMMENT 'per contact: sum of messages squared',
    sum_yy             UInt64 COMMENT 'per contact: sum of in_state squared',
    sum_ny             UInt64 COMMENT 'per contact: sum of messages times in_state',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 messages of the state, so rate and interval are NULL',
    rate               Nullable(Float64) COMMENT 'in_state over messages',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    design_effect      Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, state)
-- statement
CREATE TABLE IF NOT EXISTS window_refusals
(
    business_id        LowCardinality(String),
    window_from        Date COMMENT 'first day of attempts',
    window_to          Date COMMENT 'day after the last day of attempts',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, channel, market, state',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known; of state: as in send_windows, not_sent where only the failure was told',
    error_code         LowCardinality(String) COMMENT 'as the platform reports it; empty: any of the codes that mean outside the window',

    contacts           UInt64 COMMENT 'G, the clusters',
    attempts           UInt64 COMMENT 'messages on channels with windows that were sent or failed without it, 24 h before the cutoff or earlier',
    refused            UInt64 COMMENT 'of these, failed with the code',
    sum_nn             UInt64 COMMENT 'per contact: sum of attempts squared',
    sum_yy             UInt64 COMMENT 'per contact: sum of refused squared',
    sum_ny             UInt64 COMMENT 'per contact: sum of attempts times refused',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 refused, so rate and interval are NULL',
    rate               Nullable(Float64) COMMENT 'refused over attempts',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    design_effect      Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment, error_code)
-- statement
CREATE TABLE IF NOT EXISTS service_windows
(
    business_id        LowCardinality(String),
    window_from        Date COMMENT 'first day on which they opened',
    window_to          Date COMMENT 'day after the last',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; see coverage',

    dimension          LowCardinality(String) COMMENT 'all, channel, market, account',
    segment            String COMMENT 'value of the dimension; empty for all, and where none is known',

    opened             UInt64 COMMENT 'windows, over or not',
    still_open         UInt64 COMMENT 'of these, not over at as-of',
    contacts           UInt64 COMMENT 'G, the clusters: contacts with a window that is over',
    windows            UInt64 COMMENT 'windows that are over',
    unanswered         UInt64 COMMENT 'of these, without a message of the business',
    sum_nn             UInt64 COMMENT 'per contact: sum of windows squared',
    sum_yy             UInt64 COMMENT 'per contact: sum of unanswered squared',
    sum_ny             UInt64 COMMENT 'per contact: sum of windows times unanswered',
    actions            UInt64 COMMENT 'of contacts, in windows that are over',
    replies            UInt64 COMMENT 'messages of the business not known to have failed, in windows that are over',
    replies_yy         UInt64 COMMENT 'per contact: sum of replies squared',
    replies_ny         UInt64 COMMENT 'per contact: sum of windows times replies',

    suppressed         UInt8 COMMENT '1: fewer than 30 contacts or 5 unanswered, so rate and interval are NULL',
    rate               Nullable(Float64) COMMENT 'unanswered over windows',
    std_error          Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    design_effect      Nullable(Float64),
    replies_per_window Nullable(Float64) COMMENT 'NULL: fewer than 30 contacts or 5 replies',
    replies_lower      Nullable(Float64),
    replies_upper      Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (window_from, window_to)
ORDER BY (business_id, dimension, segment)
