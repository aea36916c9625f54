-- survey_sums, survey_estimates, survey_comparisons, survey_ranks, survey_quality, stated_observed, stated_frequency, stated_joined, stated_agreement,
-- published_figures: results of the metrics of these names (docs/metrics.md). A run replaces all of them.
CREATE TABLE IF NOT EXISTS survey_sums
(
    business_id     LowCardinality(String),
    survey_id       LowCardinality(String),
    markets         LowCardinality(String) COMMENT 'how several markets are put together: population: by the given totals; mean of markets: each counts alike; empty: there is one',
    question_id     LowCardinality(String) COMMENT 'empty: the design, all respondents',
    stratum         LowCardinality(String),
    cluster         String COMMENT 'sampling unit; empty: each respondent is one',
    dimension       LowCardinality(String) COMMENT 'cell: a market and an age; else a group that the mapping names',
    market          LowCardinality(String),
    age             LowCardinality(String),
    segment         LowCardinality(String) COMMENT 'of the named group',
    option          UInt16 COMMENT '0: the base, whoever was asked and answered',
    other_option    UInt16 COMMENT 'greater than option only where several options may be chosen and there is no cluster',
    respondents     UInt64 COMMENT 'who chose both',
    weight          UInt64 COMMENT 'their weights, the heaviest of the survey being 2^36',
    weight_squares  UInt128
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, question_id, stratum, cluster, dimension, market, age, segment, option, other_option)
-- statement
CREATE TABLE IF NOT EXISTS survey_estimates
(
    business_id     LowCardinality(String),
    survey_id       LowCardinality(String),
    window_from     Date COMMENT 'first day on which it was answered',
    window_to       Date COMMENT 'day after the last one',

    dimension       LowCardinality(String) COMMENT 'all, market, age, market_age, or a group that the mapping names',
    segment         String COMMENT 'value of the dimension, of market_age as in PH / 18-24; of all it is empty, or mean of markets',
    markets         LowCardinality(String) COMMENT 'how several markets are put together: population: by the given totals; mean of markets: each counts alike; empty: there is one',
    question_id     LowCardinality(String),
    position        UInt16 COMMENT 'of the question',
    measures        LowCardinality(String) COMMENT 'frequency, uses, pains, ...; empty: the client''s own',
    statistic       LowCardinality(String) COMMENT 'share; at_least: share of this or a higher category of a frequency scale; mean: of the scores of a scale',
    option          UInt16 COMMENT '0 of a mean',
    option_position UInt16,
    label           String,
    pain            LowCardinality(String) COMMENT 'the observed pain point that the option speaks of',

    n               Nullable(UInt64) COMMENT 'respondents who chose it, unweighted; NULL where suppressed',
    base_n          Nullable(UInt64) COMMENT 'respondents who were asked and answered, unweighted; NULL for 1 to 9, and where it could be found by subtraction',
    value           Nullable(Float64) COMMENT 'weighted share, or mean',
    std_error       Nullable(Float64) COMMENT 'linearised; 0 where all answers are the same',
    df              Nullable(UInt64) COMMENT 'sampling units less strata of the base',
    lower           Nullable(Float64) COMMENT 'of a share on the logit scale, of 0 and 1 by Korn and Graubard; of a mean by t',
    upper           Nullable(Float64),
    kg_lower        Nullable(Float64) COMMENT 'of a share by Korn and Graubard, for no more than base_n',
    kg_upper        Nullable(Float64),
    design_effect   Nullable(Float64) COMMENT 'variance over that of as many independent respondents',
    n_eff           Nullable(Float64) COMMENT 'independent respondents that tell as much of this figure',
    kish_n_eff      Nullable(Float64) COMMENT 'equally weighted respondents that the weights of the base are worth',
    why             String COMMENT 'why there is no value; empty if there is one',
    flags           Array(String) COMMENT 'complement: only the share of the others is too uncertain; df<8; single_unit_stratum: centred at the mean of all',
    synthetic       UInt8
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, dimension, segment, question_id, statistic, option)
-- statement
CREATE TABLE IF NOT EXISTS survey_comparisons
(
    business_id     LowCardinality(String),
    survey_id       LowCardinality(String),
    window_from     Date,
    window_to       Date,

    comparison      LowCardinality(String) COMMENT 'options: option less other_option, of the same respondents; rest: segment less the rest of its dimension; segments: segment less other_segment; independence: does the share of the option differ between the segments at all',
    dimension       LowCardinality(String),
    segment         String COMMENT 'empty for all, and of independence',
    other_segment   String COMMENT 'of segments, else empty',
    markets         LowCardinality(String) COMMENT 'as in survey_estimates',
    question_id     LowCardinality(String),
    measures        LowCardinality(String),
    option          UInt16,
    other_option    UInt16 COMMENT 'of options, else 0',

    base_n          UInt64 COMMENT 'respondents in the comparison',
    difference      Nullable(Float64) COMMENT 'of weighted shares; NULL of independence',
    std_error       Nullable(Float64),
    df              Float64 COMMENT 'sampling units less strata; of independence the denominator''s of F',
    lower           Nullable(Float64) COMMENT 'by t; NULL where a limit leaves [-1,1]',
    upper           Nullable(Float64),
    f               Nullable(Float64) COMMENT 'of independence: Pearson''s statistic corrected for the design',
    f_df            Nullable(Float64) COMMENT 'the numerator''s degrees of freedom',
    p_value         Float64,
    p_adjusted      Float64,
    adjustment      LowCardinality(String) COMMENT 'holm, benjamini_hochberg',
    family          String COMMENT 'the comparisons that p_adjusted answers for, in words',
    family_size     UInt32
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, comparison, dimension, segment, other_segment, question_id, option, other_option)
-- statement
CREATE TABLE IF NOT EXISTS survey_ranks
(
    business_id     LowCardinality(String),
    survey_id       LowCardinality(String),
    window_from     Date,
    window_to       Date,

    dimension       LowCardinality(String),
    segment         String,
    markets         LowCardinality(String) COMMENT 'as in survey_estimates',
    question_id     LowCardinality(String),
    measures        LowCardinality(String),
    option          UInt16,
    label           String,
    pain            LowCardinality(String),

    base_n          UInt64,
    value           Float64 COMMENT 'weighted share',
    lower           Float64,
    upper           Float64,
    rank            UInt16 COMMENT 'by share, from 1; equal shares have the better rank both',
    rank_best       UInt16 COMMENT 'best and worst rank that cannot be ruled out',
    rank_worst      UInt16,
    ranked          UInt16 COMMENT 'options of the segment that are ranked: all that are shown and not exclusive'
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, dimension, segment, question_id, option)
-- statement
CREATE TABLE IF NOT EXISTS survey_quality
(
    business_id     LowCardinality(String),
    survey_id       LowCardinality(String),
    window_from     Date,
    window_to       Date,

    check           LowCardinality(String) COMMENT 'no_answer, straight_liner, categories_do_not_add_up, or a flag that the import put on an answer such as exclusive_violated',
    question_id     LowCardinality(String) COMMENT 'empty: of the respondent',
    respondents     UInt64 COMMENT 'for whom it holds, unweighted',
    base_n          UInt64 COMMENT 'for whom it could hold',
    share           Nullable(Float64),
    lower           Nullable(Float64) COMMENT 'of Wilson 1927',
    upper           Nullable(Float64)
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, check, question_id)
-- statement
CREATE TABLE IF NOT EXISTS stated_observed
(
    business_id        LowCardinality(String),
    survey_id          LowCardinality(String),
    window_from        Date COMMENT 'first day of the log that is compared',
    window_to          Date COMMENT 'day after its last one',
    cutoff             DateTime64(3, 'UTC') COMMENT 'latest event of the business; 1970: it has no log',

    dimension          LowCardinality(String) COMMENT 'all, market',
    segment            String COMMENT 'market; of all it is empty, or mean of markets',
    pain               LowCardinality(String),
    label              String COMMENT 'what the option of the survey says',
    stated_population  String,
    observed_population String,
    recall_days        UInt16 COMMENT 'days before the answer that the question asks about',

    base_n             Nullable(UInt64) COMMENT 'respondents',
    stated             Nullable(Float64) COMMENT 'weighted share that names the pain',
    stated_std_error   Nullable(Float64),
    stated_lower       Nullable(Float64),
    stated_upper       Nullable(Float64),
    contacts           UInt64 COMMENT 'contacts at risk of the pain in the window',
    hit                UInt64 COMMENT 'of these, hit',
    observed           Nullable(Float64) COMMENT 'hit over contacts; NULL with fewer than 30 contacts or 5 hit',
    observed_std_error Nullable(Float64),
    observed_lower     Nullable(Float64) COMMENT 'of Wilson 1927',
    observed_upper     Nullable(Float64),
    difference         Nullable(Float64) COMMENT 'stated less observed',
    difference_std_error Nullable(Float64),
    difference_lower   Nullable(Float64),
    difference_upper   Nullable(Float64),
    why                String COMMENT 'why there is no difference; empty if there is one',
    synthetic          UInt8
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, dimension, segment, pain, label)
-- statement
CREATE TABLE IF NOT EXISTS stated_frequency
(
    business_id        LowCardinality(String),
    survey_id          LowCardinality(String),
    window_from        Date COMMENT 'first day of the log that is compared',
    window_to          Date COMMENT 'day after its last one',
    cutoff             DateTime64(3, 'UTC'),

    dimension          LowCardinality(String) COMMENT 'all, market',
    segment            String,
    question_id        LowCardinality(String),
    option             UInt16,
    option_position    UInt16,
    label              String,
    stated_population  String,
    observed_population String,

    base_n             Nullable(UInt64),
    stated             Nullable(Float64) COMMENT 'weighted share',
    stated_lower       Nullable(Float64),
    stated_upper       Nullable(Float64),
    contacts           UInt64 COMMENT 'contacts known for all of the window',
    observed_n         UInt64 COMMENT 'of these, in the category; 0 where suppressed',
    observed           Nullable(Float64),
    observed_lower     Nullable(Float64) COMMENT 'of Wilson 1927',
    observed_upper     Nullable(Float64),
    why                String,
    synthetic          UInt8
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, dimension, segment, question_id, option)
-- statement
CREATE TABLE IF NOT EXISTS stated_joined
(
    business_id        LowCardinality(String),
    survey_id          LowCardinality(String),
    cutoff             DateTime64(3, 'UTC'),

    subject            LowCardinality(String) COMMENT 'frequency, or a pain',
    stated             String COMMENT 'category of the answer; of a pain named, not named',
    stated_position    UInt16,
    observed           String COMMENT 'category of what the log shows in the days asked about; of a pain hit, not hit',
    observed_position  UInt16,
    respondents        Nullable(UInt64) COMMENT 'joined by consent; NULL where 1 to 9, and where these could be found by subtraction',
    synthetic          UInt8
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, subject, stated_position, observed_position)
-- statement
CREATE TABLE IF NOT EXISTS stated_agreement
(
    business_id        LowCardinality(String),
    survey_id          LowCardinality(String),
    cutoff             DateTime64(3, 'UTC'),

    dimension          LowCardinality(String) COMMENT 'joined: persons joined by consent; all, market: shares of both populations',
    segment            String,
    subject            LowCardinality(String) COMMENT 'frequency, pains, or one pain',
    statistic          LowCardinality(String) COMMENT 'kappa, kappa_linear, kappa_quadratic; exact, over_reported, under_reported: share of persons; named_if_hit, named_if_not_hit: share of persons who name the pain; spearman: of the ranks of pains',
    n                  UInt64 COMMENT 'persons; of spearman pains',
    value              Nullable(Float64),
    lower              Nullable(Float64),
    upper              Nullable(Float64),
    why                String COMMENT 'why there is no value; empty if there is one',
    synthetic          UInt8
)
ENGINE = MergeTree
ORDER BY (business_id, survey_id, dimension, segment, subject, statistic)
-- statement
CREATE TABLE IF NOT EXISTS published_figures
(
    figure_id    LowCardinality(String) COMMENT 'the figures of one id are the categories of one question, or stand alone',
    statement    String,
    category     String COMMENT 'empty of a figure that stands alone',
    market       String COMMENT 'as the source names it',
    value        Float64,
    unit         LowCardinality(String) COMMENT 'percent, people, messages a month, ...',
    qualifier    LowCardinality(String) COMMENT 'about, over, up to; empty: as it stands',
    base         String COMMENT 'who was asked; empty: the source does not say',
    adds_to_100  UInt8 COMMENT '1: the categories of the id are all there are',
    source       String,
    year         UInt16,
    certainty    LowCardinality(String) COMMENT 'A: two or more outlets agree; B: one outlet; C: outlets conflict or the wording is unclear'
)
ENGINE = MergeTree
ORDER BY (figure_id, category, market)
