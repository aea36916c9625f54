-- survey_sums: what the answers of one survey add up to, for shares, differences and their errors.
-- grain:   one row per (question_id, stratum, cluster, dimension, market, age, segment, option, other_option)
-- reads:   survey_respondents, survey_answers, survey_margins (an import replaces a survey, so nothing to deduplicate)
-- params:  business, survey String; questions, multiple, wide Array(String): its questions, those where several options may be
--          chosen, those whose options have numbers above 63
-- returns: business_id String, survey_id String, markets String, question_id String, stratum String, cluster String, dimension String,
--          market String, age String, segment String, option UInt16, other_option UInt16, respondents UInt64, weight UInt64, weight_squares UInt128
-- units:   weights are whole numbers, the heaviest of the survey 2^36, so that no order of adding moves a sum; weight_squares sums
--          their squares. Option 0 is the base: whoever was asked and answered. Question '' is the design: all respondents. A row counts
--          those who chose both options; the two differ only where several may be chosen and no cluster binds respondents. Dimension
--          `cell` is a market and an age, any other a group that the mapping names. A cluster of one respondent is none. Weights of a
--          market add up to its population where all markets have one, else to the same for each
WITH
sized AS
(
    SELECT
        market, heaviest, several, target,
        toFloat64(sum(toUInt64(round(final_weight / heaviest * 68719476736)))) AS total,
        toFloat64(max(toUInt64(round(final_weight / heaviest * 68719476736)))) AS greatest
    FROM survey_respondents AS r
    CROSS JOIN
    (
        SELECT max(final_weight) AS heaviest, uniqExact(market) > 1 AS several
        FROM survey_respondents
        WHERE business_id = {business:String} AND survey_id = {survey:String}
    ) AS s
    LEFT JOIN
    (
        SELECT category, target
        FROM survey_margins
        WHERE business_id = {business:String} AND survey_id = {survey:String} AND dimension = 'market'
    ) AS m ON m.category = r.market
    WHERE r.business_id = {business:String} AND r.survey_id = {survey:String}
    GROUP BY market, heaviest, several, target
),
scaled AS
(
    SELECT market, heaviest, of_markets, factor, max(greatest * factor) OVER () AS top
    FROM
    (
        SELECT
            market, heaviest, greatest,
            multiIf(several = 0, '', min(target) OVER () > 0, 'population', 'mean of markets')       AS of_markets,
            multiIf(of_markets = '', 1, of_markets = 'population', target / total, 1 / total)       AS factor
        FROM sized
    )
),
clusters AS
(
    SELECT cluster, 1 AS binds
    FROM survey_respondents
    WHERE business_id = {business:String} AND survey_id = {survey:String} AND cluster != ''
    GROUP BY cluster
    HAVING count() > 1
),
respondents AS
(
    SELECT
        respondent_id, of_markets, w, toUInt128(w) * w AS ww, binds, stratum, of_cluster, market, age, domains,
        toUInt32(dense_rank() OVER (ORDER BY stratum, of_cluster, market, age, toString(domains))) AS place
    FROM
    (
        SELECT
            r.respondent_id AS respondent_id, s.of_markets AS of_markets,
            toUInt64(round(round(r.final_weight / s.heaviest * 68719476736) * s.factor / s.top * 68719476736)) AS w,
            c.binds AS binds, toString(r.stratum) AS stratum, if(c.binds = 1, toString(r.cluster), '') AS of_cluster,
            toString(r.market) AS market, toString(r.age) AS age, CAST(r.domains, 'Map(String, String)') AS domains
        FROM survey_respondents AS r
        INNER JOIN scaled AS s ON s.market = r.market
        LEFT JOIN clusters AS c ON c.cluster = r.cluster
        WHERE r.business_id = {business:String} AND r.survey_id = {survey:String}
    )
),
places AS
(
    SELECT DISTINCT place, of_markets, stratum, of_cluster, market, age, domains
    FROM respondents
),
packed AS -- place and weight in one number, w being at most 2^36: a join fetches each column apart
(
    SELECT respondent_id, bitShiftLeft(toUInt64(place), 37) + w AS packed
    FROM respondents
),
chosen AS -- whoever is alike and answered alike counts once from here on
(
    SELECT question_id, place, bitPositionsToArray(bits) AS options, n, total, squares
    FROM
    (
        SELECT
            question_id,
            bitShiftRight(packed, 37)                           AS place,
            arraySum(o -> bitShiftLeft(toUInt64(1), o), options) AS bits, -- an array takes twice as long to group by
            count()                                             AS n,
            sum(bitAnd(packed, 137438953471) AS w)              AS total,
            sum(toUInt128(w) * w)                               AS squares
        FROM survey_answers AS a
        INNER JOIN packed AS r ON r.respondent_id = a.respondent_id
        WHERE business_id = {business:String} AND survey_id = {survey:String} AND answered AND question_id IN {questions:Array(String)}
          AND question_id NOT IN {wide:Array(String)}
        GROUP BY question_id, place, bits
    )
    UNION ALL
    SELECT
        question_id, bitShiftRight(packed, 37) AS place, CAST(options, 'Array(UInt64)') AS options,
        count() AS n, sum(bitAnd(packed, 137438953471) AS w) AS total, sum(toUInt128(w) * w) AS squares
    FROM survey_answers AS a
    INNER JOIN (SELECT * FROM packed WHERE notEmpty({wide:Array(String)})) AS r ON r.respondent_id = a.respondent_id
    WHERE business_id = {business:String} AND survey_id = {survey:String} AND answered AND question_id IN {wide:Array(String)}
    GROUP BY question_id, place, options
    UNION ALL -- the design
    SELECT '' AS question_id, place, [] AS options, count() AS n, sum(w) AS total, sum(ww) AS squares
    FROM respondents
    GROUP BY place
)
SELECT
    {business:String}          AS business_id,
    {survey:String}            AS survey_id,
    any(of_markets)            AS markets,
    question_id,
    l.stratum                  AS stratum,
    l.of_cluster               AS cluster,
    cell.1                     AS dimension,
    cell.2                     AS market,
    cell.3                     AS age,
    cell.4                     AS segment,
    option,
    other_option,
    sum(n)                     AS respondents,
    sum(total)                 AS weight,
    sum(squares)               AS weight_squares
FROM
(
    SELECT question_id, place, option, other_option, sum(n) AS n, sum(total) AS total, sum(squares) AS squares
    FROM
    (
        SELECT c.question_id AS question_id, c.place AS place, arrayMap(o -> toUInt16(o), c.options) AS options,
            c.n AS n, c.total AS total, c.squares AS squares,
            l.of_cluster = '' AND c.question_id IN {multiple:Array(String)} AS in_pairs
        FROM chosen AS c
        INNER JOIN places AS l ON l.place = c.place
    )
    ARRAY JOIN arrayPushFront(options, 0) AS option
    ARRAY JOIN if(in_pairs AND option > 0, options, [option]) AS other_option
    WHERE option <= other_option
    GROUP BY question_id, place, option, other_option
) AS p
INNER JOIN places AS l ON l.place = p.place
ARRAY JOIN arrayConcat([('cell', l.market, l.age, '')], arrayMap(d -> (d.1, '', '', d.2), CAST(l.domains, 'Array(Tuple(String, String))'))) AS cell
GROUP BY question_id, stratum, cluster, dimension, market, age, segment, option, other_option
