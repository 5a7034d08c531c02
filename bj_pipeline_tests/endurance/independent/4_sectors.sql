-- Figures over companies: medians, totals, buckets, ranks, the market.

CREATE TEMPORARY TABLE own_measured AS
SELECT issue, sector, code, 'pe_ttm' AS measure, 'base' AS which, pe_ttm_base AS value,
    pe_ttm_base_is_loss AS is_loss
FROM own_company WHERE sector IS NOT NULL
UNION ALL
SELECT issue, sector, code, 'pe_ttm', 'close', pe_ttm, pe_ttm_is_loss
FROM own_company WHERE sector IS NOT NULL
UNION ALL
SELECT issue, sector, code, 'market_cap', 'base', market_cap_base, 0
FROM own_company WHERE sector IS NOT NULL
UNION ALL
SELECT issue, sector, code, 'market_cap', 'close', market_cap, 0
FROM own_company WHERE sector IS NOT NULL
UNION ALL
SELECT issue, sector, code, 'change', 'close', change, 0
FROM own_company WHERE sector IS NOT NULL
UNION ALL
SELECT issue, '全部', code, 'change', 'close', change, 0
FROM own_company WHERE sector IS NOT NULL;

-- The middle one, or the mean of the two middle ones; a loss of unknown size ranks below every
-- number, and a median that falls on one is unknown.
CREATE TEMPORARY TABLE own_median AS
SELECT
    issue,
    sector,
    measure,
    which,
    CASE WHEN SUM(is_loss) = 0 THEN AVG(value) END AS median
FROM (
    SELECT
        issue,
        sector,
        measure,
        which,
        value,
        is_loss,
        ROW_NUMBER() OVER (
            PARTITION BY issue, sector, measure, which ORDER BY is_loss DESC, value
        ) AS place,
        COUNT(*) OVER (PARTITION BY issue, sector, measure, which) AS many
    FROM own_measured
    WHERE value IS NOT NULL OR is_loss = 1
) AS ordered
WHERE place IN ((many + 1) / 2, (many + 2) / 2)
GROUP BY issue, sector, measure, which;

CREATE TEMPORARY TABLE own_sector AS
SELECT
    week.issue,
    curated_sector.sector,
    (
        SELECT COUNT(*)
        FROM own_company AS company
        WHERE company.issue = week.issue AND company.sector = curated_sector.sector
    ) AS companies,
    pe_base.median AS pe_ttm_median_base,
    pe_close.median AS pe_ttm_median,
    cap_base.median AS market_cap_median_base,
    cap_close.median AS market_cap_median,
    (
        SELECT CASE WHEN COUNT(*) = 0 THEN 0 ELSE SUM(company.market_cap_base) END
        FROM own_company AS company
        WHERE company.issue = week.issue AND company.sector = curated_sector.sector
    ) AS total_market_cap_base,
    (
        SELECT CASE WHEN COUNT(*) = 0 THEN 0 ELSE SUM(company.market_cap) END
        FROM own_company AS company
        WHERE company.issue = week.issue AND company.sector = curated_sector.sector
    ) AS total_market_cap
FROM week
CROSS JOIN curated_sector
LEFT JOIN own_median AS pe_base
    ON pe_base.issue = week.issue AND pe_base.sector = curated_sector.sector
    AND pe_base.measure = 'pe_ttm' AND pe_base.which = 'base'
LEFT JOIN own_median AS pe_close
    ON pe_close.issue = week.issue AND pe_close.sector = curated_sector.sector
    AND pe_close.measure = 'pe_ttm' AND pe_close.which = 'close'
LEFT JOIN own_median AS cap_base
    ON cap_base.issue = week.issue AND cap_base.sector = curated_sector.sector
    AND cap_base.measure = 'market_cap' AND cap_base.which = 'base'
LEFT JOIN own_median AS cap_close
    ON cap_close.issue = week.issue AND cap_close.sector = curated_sector.sector
    AND cap_close.measure = 'market_cap' AND cap_close.which = 'close';

-- Closed on the left; a loss of unknown size is in the bucket that is open below.
CREATE TEMPORARY TABLE own_bucket AS
SELECT
    week.issue,
    curated_sector.sector,
    bucket.measure,
    bucket.label AS bucket,
    SUM(CASE WHEN measured.which = 'base' THEN 1 ELSE 0 END) AS companies_base,
    SUM(CASE WHEN measured.which = 'close' THEN 1 ELSE 0 END) AS companies
FROM week
CROSS JOIN curated_sector
CROSS JOIN curated_bucket AS bucket
LEFT JOIN own_measured AS measured
    ON measured.issue = week.issue AND measured.sector = curated_sector.sector
    AND measured.measure = bucket.measure
    AND (
        (measured.is_loss = 1 AND bucket.low IS NULL)
        OR (
            measured.is_loss = 0
            AND measured.value IS NOT NULL
            AND (bucket.low IS NULL OR measured.value >= bucket.low)
            AND (bucket.high IS NULL OR measured.value < bucket.high)
        )
    )
GROUP BY week.issue, curated_sector.sector, bucket.measure, bucket.label;

CREATE TEMPORARY TABLE own_mover AS
SELECT ranked.issue, ranked.sector, ranked.rank, ranked.code, company.name, ranked.change
FROM (
    SELECT
        issue,
        sector,
        code,
        value AS change,
        ROW_NUMBER() OVER (PARTITION BY issue, sector ORDER BY value DESC, code) AS rank
    FROM own_measured
    WHERE measure = 'change' AND value IS NOT NULL
) AS ranked
JOIN own_company AS company ON company.issue = ranked.issue AND company.code = ranked.code
WHERE ranked.rank <= 10;

-- Rising and falling as printed, in percent with two decimals.
CREATE TEMPORARY TABLE own_pool_figures AS
SELECT
    week.issue,
    COUNT(company.code) AS pool_size,
    COUNT(company.change) AS companies_with_change,
    COALESCE(SUM(CASE WHEN ROUND(company.change * 100, 2) > 0 THEN 1 ELSE 0 END), 0) AS rising,
    COALESCE(SUM(CASE WHEN ROUND(company.change * 100, 2) < 0 THEN 1 ELSE 0 END), 0) AS falling,
    COALESCE(SUM(CASE WHEN ROUND(company.change * 100, 2) = 0 THEN 1 ELSE 0 END), 0) AS unchanged,
    COALESCE(SUM(CASE WHEN company.status = 'suspended' THEN 1 ELSE 0 END), 0) AS suspended,
    COALESCE(SUM(CASE WHEN company.status = 'new' THEN 1 ELSE 0 END), 0) AS new
FROM week
LEFT JOIN own_company AS company ON company.issue = week.issue AND company.sector IS NOT NULL
GROUP BY week.issue;

CREATE TEMPORARY TABLE own_market AS
SELECT issue, 'pool_size' AS metric, CAST(pool_size AS NUMERIC) AS value FROM own_pool_figures
UNION ALL
SELECT issue, 'companies_with_change', companies_with_change FROM own_pool_figures
UNION ALL
SELECT issue, 'rising_companies', rising FROM own_pool_figures
UNION ALL
SELECT issue, 'falling_companies', falling FROM own_pool_figures
UNION ALL
SELECT issue, 'unchanged_companies', unchanged FROM own_pool_figures
UNION ALL
SELECT issue, 'suspended_companies', suspended FROM own_pool_figures
UNION ALL
SELECT issue, 'new_companies', new FROM own_pool_figures
UNION ALL
SELECT issue, 'rising_share', rising * 1.0 / NULLIF(pool_size, 0) FROM own_pool_figures
UNION ALL
SELECT week.issue, 'median_change', own_median.median
FROM week
LEFT JOIN own_median
    ON own_median.issue = week.issue AND own_median.sector = '全部'
    AND own_median.measure = 'change'
UNION ALL
SELECT
    week.issue,
    'index_change_' || curated_index.code,
    ROUND(CAST(1.0 * CAST(now.close AS NUMERIC) / CAST(before.close AS NUMERIC) - 1 AS NUMERIC), 12)
FROM week
CROSS JOIN curated_index
LEFT JOIN raw_index_quotes AS now
    ON now.issue = week.issue AND now.code = curated_index.code
    AND now.date = week.close_date AND now.close > 0
LEFT JOIN raw_index_quotes AS before
    ON before.issue = week.issue AND before.code = curated_index.code
    AND before.date = week.base_date AND before.close > 0;

-- A figure that an issue lacks is filled from the base figures of the issue after it.
CREATE TEMPORARY TABLE own_trend AS
SELECT
    shown.issue,
    shown.trend_issue,
    curated_sector.sector,
    COALESCE(there.pe_ttm_median, after.pe_ttm_median_base) AS pe_ttm_median,
    COALESCE(there.total_market_cap, after.total_market_cap_base) AS total_market_cap
FROM shown
CROSS JOIN curated_sector
LEFT JOIN own_sector AS there
    ON there.issue = shown.trend_issue AND there.sector = curated_sector.sector
LEFT JOIN own_sector AS after
    ON after.issue = shown.next_issue AND after.sector = curated_sector.sector;
