-- frequency_recommendation also says what would be, were an engagement worth half or twice as much, and which opt-outs the utility counts.
ALTER TABLE frequency_recommendation
    ADD COLUMN IF NOT EXISTS utility_opt_out_rate Nullable(Float64) COMMENT 'the opt-outs per day that utility counts: of an arm per day as assigned, whether still at risk or not; else opt_out_rate',
    ADD COLUMN IF NOT EXISTS plausible_value_half UInt8 COMMENT 'as plausible, were an engagement worth half',
    ADD COLUMN IF NOT EXISTS plausible_value_double UInt8 COMMENT 'the same, were an engagement worth double',
    ADD COLUMN IF NOT EXISTS recommended_value_half UInt8 COMMENT 'as recommended, were an engagement worth half',
    ADD COLUMN IF NOT EXISTS recommended_value_double UInt8 COMMENT 'the same, were an engagement worth double'
