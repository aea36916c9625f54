-- surveys, survey_questions, survey_respondents, survey_answers, survey_margins: what was imported of surveys (docs/surveys.md).
-- PARTITION BY survey: an import stages its tables and puts the partitions in place of the earlier ones, so a survey is replaced
-- as a whole, and its rows are unique as they stand.
CREATE TABLE IF NOT EXISTS surveys
(
    business_id   LowCardinality(String),
    survey_id     LowCardinality(String),

    title         String,
    population    String COMMENT 'who could be asked, in words',
    synthetic     UInt8 COMMENT '1: made by a simulation',
    respondents   UInt32,
    rejected      UInt32 COMMENT 'rows of the files that were left out, as the mapping allowed',
    answered_from Date COMMENT 'first day on which it was answered',
    answered_to   Date COMMENT 'the last one itself',

    weighted      UInt8 COMMENT '1: the file carries design weights; 0: each is 1 before raking',
    raked         UInt8 COMMENT '1: weights were raked to survey_margins',
    rake_rounds   UInt16 COMMENT 'over all margins until all were met, of the last raking',
    rake_gap      Float64 COMMENT 'largest relative distance of a total from its target at the end',
    trim          Float64 COMMENT 'weights above so many times the median were cut; 0: none',
    trimmed       UInt32 COMMENT 'respondents whose weight was cut',
    effect_design Float64 COMMENT 'design effect of the design weights (Kish 1965): n times the sum of squares over the squared sum',
    effect_raked  Float64 COMMENT 'the same after raking, before weights were cut',
    effect_final  Float64 COMMENT 'the same of the final weights'
)
ENGINE = MergeTree
PARTITION BY (business_id, survey_id)
ORDER BY (business_id, survey_id)
-- statement
CREATE TABLE IF NOT EXISTS survey_questions
(
    business_id     LowCardinality(String),
    survey_id       LowCardinality(String),
    question_id     LowCardinality(String),
    position        UInt16 COMMENT 'of the question, from 1',
    type            LowCardinality(String) COMMENT 'single, multiple, scale, open',
    measures        LowCardinality(String) COMMENT 'what Drumbeat knows it as: frequency, uses, pains, preference, trend, intent, expected_reply, matters, business_uses; empty: the client''s own',
    wording         String,
    base            String COMMENT 'who was asked, in words',
    recall_days     UInt16 COMMENT 'days before the answer that the question asks about; 0: it names none',
    options_order   LowCardinality(String) COMMENT 'fixed, randomised; empty: not known',

    option          UInt16 COMMENT 'from 1 in the order of the mapping; 0: the one row of an open question',
    option_code     LowCardinality(String) COMMENT 'stable name of the option',
    option_label    String,
    option_position UInt16 COMMENT 'from 1; of an ordered scale from its first category',
    exclusive       UInt8 COMMENT '1: none of these',
    pain            LowCardinality(String) COMMENT 'the observed pain point that the option speaks of; empty: none',
    score           Nullable(Float64) COMMENT 'of a scale'
)
ENGINE = MergeTree
PARTITION BY (business_id, survey_id)
ORDER BY (business_id, survey_id, question_id, option)
-- statement
CREATE TABLE IF NOT EXISTS survey_respondents
(
    business_id   LowCardinality(String),
    survey_id     LowCardinality(String),
    respondent_id UInt64 COMMENT 'keyed hash',
    answered_on   Date,
    weight        Float64 COMMENT 'design weight; 1 where the file has none',
    final_weight  Float64 COMMENT 'after raking; weight, if there was none',
    stratum       LowCardinality(String),
    cluster       LowCardinality(String) COMMENT 'sampling unit; empty: the respondent alone',
    market        LowCardinality(String),
    age           LowCardinality(String) COMMENT 'band',
    domains       Map(LowCardinality(String), LowCardinality(String)) COMMENT 'further groups that the mapping names',
    contact_id    Nullable(UUID) COMMENT 'only of those who agreed to be joined to the log'
)
ENGINE = MergeTree
PARTITION BY (business_id, survey_id)
ORDER BY (business_id, survey_id, respondent_id)
-- statement
CREATE TABLE IF NOT EXISTS survey_answers
(
    business_id   LowCardinality(String),
    survey_id     LowCardinality(String),
    question_id   LowCardinality(String),
    respondent_id UInt64,
    shown         UInt8 COMMENT '0: the respondent was not asked',
    answered      UInt8 COMMENT '1: shown, and gave any answer: the base of the question',
    options       Array(UInt16) COMMENT 'chosen, ascending; empty of a question that was not answered, and of open text',
    characters    UInt32 COMMENT 'of open text; 0: none',
    text          String COMMENT 'only of a question whose mapping says store: true',
    flags         Array(LowCardinality(String)) COMMENT 'exclusive_violated: none of these beside others; answered_not_shown; nothing_chosen: options were there and none is'
)
ENGINE = MergeTree
PARTITION BY (business_id, survey_id)
ORDER BY (business_id, survey_id, question_id, respondent_id)
-- statement
CREATE TABLE IF NOT EXISTS survey_margins
(
    business_id LowCardinality(String),
    survey_id   LowCardinality(String),
    dimension   LowCardinality(String) COMMENT 'what the margin is by: market, age, stratum, a group that the mapping names, or several as in market / age',
    category    String COMMENT 'as in PH, and PH / 18-24 of several',
    target      Float64 COMMENT 'of the population; all margins of a survey have the same total'
)
ENGINE = MergeTree
PARTITION BY (business_id, survey_id)
ORDER BY (business_id, survey_id, dimension, category)
