-- Shares, caps and PE: the vendor's row of the day, or its last one before if the company did not
-- trade that day; each figure from the first vendor that has it.

CREATE TEMPORARY TABLE own_day AS
SELECT issue, 'base' AS which, base_date AS date FROM week
UNION ALL
SELECT issue, 'close', close_date FROM week;

CREATE TEMPORARY TABLE own_said AS
SELECT
    valued.issue,
    day.which,
    valued.code,
    valued.vendor,
    CASE WHEN valued.total_shares > 0 THEN CAST(valued.total_shares AS NUMERIC) END AS shares,
    CASE WHEN valued.market_cap > 0 THEN CAST(valued.market_cap AS NUMERIC) END AS cap,
    CAST(valued.pe_ttm AS NUMERIC) AS pe,
    CASE WHEN valued.pe_ttm IS NULL AND valued.pe_ttm_is_loss THEN 1 ELSE 0 END AS is_loss
FROM raw_valuations AS valued
JOIN own_day AS day ON day.issue = valued.issue
JOIN (
    SELECT past.issue, since.which, past.code, past.vendor, MAX(past.date) AS date
    FROM raw_valuations AS past
    JOIN own_day AS since ON since.issue = past.issue AND past.date <= since.date
    GROUP BY past.issue, since.which, past.code, past.vendor
) AS newest
    ON newest.issue = valued.issue AND newest.which = day.which AND newest.code = valued.code
    AND newest.vendor = valued.vendor AND newest.date = valued.date
WHERE
    valued.date = day.date
    OR NOT EXISTS (
        SELECT 1
        FROM own_price AS price
        WHERE
            price.issue = valued.issue AND price.code = valued.code AND price.date = day.date
    );

CREATE TEMPORARY TABLE own_ranked AS
SELECT
    said.issue,
    said.which,
    preferred.purpose,
    said.code,
    said.vendor,
    said.shares,
    said.cap,
    said.pe,
    said.is_loss,
    ROW_NUMBER() OVER (
        PARTITION BY said.issue, said.which, preferred.purpose, said.code
        ORDER BY CASE WHEN said.shares IS NULL THEN 1 ELSE 0 END, preferred.place
    ) AS for_shares,
    ROW_NUMBER() OVER (
        PARTITION BY said.issue, said.which, preferred.purpose, said.code
        ORDER BY CASE WHEN said.cap IS NULL THEN 1 ELSE 0 END, preferred.place
    ) AS for_cap,
    ROW_NUMBER() OVER (
        PARTITION BY said.issue, said.which, preferred.purpose, said.code
        ORDER BY
            CASE WHEN said.pe IS NULL AND said.is_loss = 0 THEN 1 ELSE 0 END, preferred.place
    ) AS for_pe
FROM own_said AS said
JOIN preferred ON preferred.vendor = said.vendor;

CREATE TEMPORARY TABLE own_valued AS
SELECT
    issue,
    which,
    purpose,
    code,
    MAX(CASE WHEN for_shares = 1 THEN shares END) AS shares,
    MAX(CASE WHEN for_cap = 1 THEN cap END) AS cap,
    MAX(CASE WHEN for_pe = 1 THEN pe END) AS pe,
    MAX(CASE WHEN for_pe = 1 THEN is_loss END) AS is_loss,
    MAX(CASE WHEN for_pe = 1 AND (pe IS NOT NULL OR is_loss = 1) THEN vendor END) AS vendor
FROM own_ranked
GROUP BY issue, which, purpose, code;

-- The last full year that was public by the close date; without a day of publication a year
-- counts as published at the legal deadline, 30 April of the next year.
CREATE TEMPORARY TABLE own_year AS
SELECT result.issue, result.code, result.fiscal_year, result.revenue, result.net_profit
FROM raw_financials AS result
JOIN (
    SELECT past.issue, past.code, MAX(past.fiscal_year) AS fiscal_year
    FROM raw_financials AS past
    JOIN week ON week.issue = past.issue
    WHERE
        (past.revenue IS NOT NULL OR past.net_profit IS NOT NULL)
        AND (
            past.published <= week.close_date
            OR (past.published IS NULL AND past.fiscal_year <= week.last_year_due)
        )
    GROUP BY past.issue, past.code
) AS newest
    ON newest.issue = result.issue AND newest.code = result.code
    AND newest.fiscal_year = result.fiscal_year;

CREATE TEMPORARY TABLE own_company AS
SELECT
    universe.issue,
    universe.code,
    universe.name,
    universe.sector,
    move.close_base,
    move.close,
    move.change,
    move.status,
    CASE
        WHEN move.had_market = 1
            THEN COALESCE(ROUND(CAST(move.close_base * base.shares AS NUMERIC), 2), base.cap)
    END AS market_cap_base,
    COALESCE(ROUND(CAST(move.close * now.shares AS NUMERIC), 2), now.cap) AS market_cap,
    CASE WHEN move.had_market = 1 THEN base.pe END AS pe_ttm_base,
    now.pe AS pe_ttm,
    CASE WHEN move.had_market = 1 THEN COALESCE(base.is_loss, 0) ELSE 0 END AS pe_ttm_base_is_loss,
    COALESCE(now.is_loss, 0) AS pe_ttm_is_loss,
    now.vendor AS pe_ttm_vendor,
    year.fiscal_year,
    CAST(year.revenue AS NUMERIC) AS revenue,
    CAST(year.net_profit AS NUMERIC) AS net_profit
FROM own_universe AS universe
JOIN own_move AS move ON move.issue = universe.issue AND move.code = universe.code
LEFT JOIN own_valued AS base
    ON base.issue = universe.issue AND base.code = universe.code
    AND base.which = 'base' AND base.purpose = 'pool'
LEFT JOIN own_valued AS now
    ON now.issue = universe.issue AND now.code = universe.code
    AND now.which = 'close' AND now.purpose = 'pool'
LEFT JOIN own_year AS year ON year.issue = universe.issue AND year.code = universe.code;

-- The AI-chain table: without ST companies, with a vendor of its own for PE.
CREATE TEMPORARY TABLE own_ai_chain AS
SELECT
    chain.issue,
    chain.code,
    company.name,
    chain.segment,
    company.market_cap,
    now.pe AS pe_ttm,
    COALESCE(now.is_loss, 0) AS pe_ttm_is_loss,
    now.vendor AS pe_ttm_vendor,
    company.fiscal_year,
    company.revenue,
    company.net_profit
FROM own_chain AS chain
JOIN own_company AS company ON company.issue = chain.issue AND company.code = chain.code
LEFT JOIN own_valued AS now
    ON now.issue = chain.issue AND now.code = chain.code
    AND now.which = 'close' AND now.purpose = 'chain'
WHERE company.name NOT LIKE 'ST%' AND company.name NOT LIKE '*ST%';
