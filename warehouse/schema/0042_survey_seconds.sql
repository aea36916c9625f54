-- How long respondents took, where the file tells it; who was far faster than most is counted in survey_quality.
ALTER TABLE survey_respondents
    ADD COLUMN IF NOT EXISTS seconds Nullable(Float64) COMMENT 'from the first question to the last; NULL: not told'
