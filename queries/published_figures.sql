-- published_figures: what have others published, as context?
-- grain:   one row per (figure_id, category, market)
-- reads:   published_figures (a run replaces it, so nothing to deduplicate)
-- params:  figure String =
-- returns: figure_id String, statement String, category String, market String, value Float64, unit String, qualifier String, base String,
--          adds_to_100 UInt8, source String, year UInt16, certainty String
-- units:   value is in unit; certainty A: two or more outlets agree, B: one outlet, C: they conflict or the wording is unclear; year 0: not
--          known; an empty figure asks for every one
SELECT
    figure_id,
    statement,
    category,
    market,
    value,
    unit,
    qualifier,
    base,
    adds_to_100,
    source,
    year,
    certainty
FROM published_figures
WHERE ({figure:String} = '' OR figure_id = {figure:String})
ORDER BY figure_id, market, category
