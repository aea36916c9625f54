-- open_hours: the span of time for which opening hours are wanted: from the first event to the cutoff.
-- grain:   one row
-- reads:   coverage
-- params:  none
-- returns: data_from DateTime64(3, 'UTC'), cutoff DateTime64(3, 'UTC')
-- units:   instants. The intervals, one row each, are computed in Go from the calendars
WITH spans AS
(
    SELECT data_from, cutoff FROM coverage WHERE cutoff >= data_from
)
SELECT
    min(spans.data_from) AS data_from,
    max(spans.cutoff)    AS cutoff
FROM spans
HAVING count() > 0
