-- Prices at both dates, change and status. A price of nought is no price; a date's price is the
-- last one up to it. A missing factor is the one before it, else the one after it, else 1.
-- (SQLite keeps 8.0 as 8 and divides whole numbers whole: 1.0 stands before every division.)

CREATE TEMPORARY TABLE own_price AS
SELECT
    quote.issue,
    quote.code,
    quote.date,
    CAST(quote.close AS NUMERIC) AS close,
    CAST(
        COALESCE(
            (
                SELECT earlier.adj_factor
                FROM raw_quotes AS earlier
                WHERE
                    earlier.issue = quote.issue AND earlier.code = quote.code
                    AND earlier.date <= quote.date AND earlier.adj_factor > 0
                ORDER BY earlier.date DESC
                LIMIT 1
            ),
            (
                SELECT later.adj_factor
                FROM raw_quotes AS later
                WHERE
                    later.issue = quote.issue AND later.code = quote.code
                    AND later.date > quote.date AND later.date <= week.close_date
                    AND later.adj_factor > 0
                ORDER BY later.date
                LIMIT 1
            ),
            1.0
        ) AS NUMERIC
    ) AS factor
FROM raw_quotes AS quote
JOIN week ON week.issue = quote.issue
WHERE quote.close > 0 AND quote.date <= week.close_date;

CREATE TEMPORARY TABLE own_last AS
SELECT price.issue, price.code, price.date, price.close, price.factor
FROM own_price AS price
JOIN (
    SELECT issue, code, MAX(date) AS date FROM own_price GROUP BY issue, code
) AS newest
    ON newest.issue = price.issue AND newest.code = price.code AND newest.date = price.date;

CREATE TEMPORARY TABLE own_before AS
SELECT price.issue, price.code, price.date, price.close, price.factor
FROM own_price AS price
JOIN (
    SELECT past.issue, past.code, MAX(past.date) AS date
    FROM own_price AS past
    JOIN week ON week.issue = past.issue AND past.date <= week.base_date
    GROUP BY past.issue, past.code
) AS newest
    ON newest.issue = price.issue AND newest.code = price.code AND newest.date = price.date;

-- Factors that were derived from forward-adjusted closes (close - b) / c move with every price:
-- where all points of the week (three or more) lie on one such line, to a fen, or all lie as far
-- above theirs (c is 1; two do then), nothing was paid.
CREATE TEMPORARY TABLE own_point AS
SELECT
    price.issue,
    price.code,
    CAST(price.close AS DOUBLE PRECISION) AS x,
    CAST(price.close AS DOUBLE PRECISION) * CAST(price.factor AS DOUBLE PRECISION) AS y
FROM own_price AS price
JOIN own_before AS before
    ON before.issue = price.issue AND before.code = price.code AND before.date <= price.date
JOIN own_last AS last ON last.issue = price.issue AND last.code = price.code
WHERE last.factor <> before.factor;

CREATE TEMPORARY TABLE own_line AS
SELECT
    point.issue,
    point.code,
    COUNT(*) AS points,
    MIN(middle.x) AS x,
    MIN(middle.y) AS y,
    SUM((point.x - middle.x) * (point.y - middle.y))
    / NULLIF(SUM((point.x - middle.x) * (point.x - middle.x)), 0) AS slope
FROM own_point AS point
JOIN (
    SELECT issue, code, AVG(x) AS x, AVG(y) AS y FROM own_point GROUP BY issue, code
) AS middle ON middle.issue = point.issue AND middle.code = point.code
GROUP BY point.issue, point.code;

CREATE TEMPORARY TABLE own_unpaid AS
SELECT line.issue, line.code
FROM own_line AS line
JOIN own_point AS point ON point.issue = line.issue AND point.code = line.code
WHERE
    line.points >= 3
    AND line.slope > 0 AND line.slope <= 1.001
    AND line.slope * line.x - line.y >= 0
GROUP BY line.issue, line.code
HAVING MAX(ABS(point.y - line.y - line.slope * (point.x - line.x))) <= 0.01
UNION
SELECT issue, code
FROM own_point
GROUP BY issue, code
HAVING MAX(x - y) - MIN(x - y) <= 0.01 AND MIN(x - y) > 0;

CREATE TEMPORARY TABLE own_move AS
SELECT
    universe.issue,
    universe.code,
    before.close AS close_base,
    last.close,
    ROUND(
        CAST(
            1.0 * last.close / before.close
            * CASE WHEN unpaid.code IS NULL THEN 1.0 * last.factor / before.factor ELSE 1 END
            - 1 AS NUMERIC
        ),
        12
    ) AS change,
    CASE
        WHEN last.code IS NULL THEN 'no_price'
        WHEN last.date < week.close_date THEN 'suspended'
        WHEN before.date = week.base_date THEN 'trading'
        WHEN before.code IS NULL AND listing.listed > week.base_date THEN 'new'
        ELSE 'resumed'
    END AS status,
    -- A company that was not listed at the base date had no market then, whatever vendors say.
    CASE
        WHEN before.code IS NULL AND listing.listed > week.base_date THEN 0 ELSE 1
    END AS had_market
FROM own_universe AS universe
JOIN week ON week.issue = universe.issue
LEFT JOIN raw_listings AS listing
    ON listing.issue = universe.issue AND listing.code = universe.code
LEFT JOIN own_last AS last ON last.issue = universe.issue AND last.code = universe.code
LEFT JOIN own_before AS before ON before.issue = universe.issue AND before.code = universe.code
LEFT JOIN own_unpaid AS unpaid ON unpaid.issue = universe.issue AND unpaid.code = universe.code;
