-- published_figures: what others have published, as context and never part of a business's own figures.
-- grain:   one row per (figure_id, category, market)
-- reads:   nothing: figures is the file published_figures.csv
-- params:  figures String
-- returns: the columns of published_figures, in its order
-- units:   value is in unit
WITH
published AS
(
    SELECT *
    FROM format('CSVWithNames',
        'figure_id String, statement String, category String, market String, value Float64, unit String, qualifier String, base String, adds_to_100 UInt8, source String, year UInt16, certainty String',
        {figures:String})
)
SELECT figure_id, statement, category, market, value, unit, qualifier, base, adds_to_100, source, year, certainty
FROM published
