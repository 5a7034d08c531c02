-- Every figure that the report may state, under the name that the report gives it.

CREATE TEMPORARY TABLE own_fact AS
SELECT issue, 'company_metrics/' || code || '/change' AS fact, change AS value FROM own_company
UNION ALL
SELECT issue, 'company_metrics/' || code || '/market_cap', market_cap FROM own_company
UNION ALL
SELECT issue, 'company_metrics/' || code || '/pe_ttm', pe_ttm FROM own_company
UNION ALL
SELECT issue, 'company_metrics/' || code || '/revenue', revenue FROM own_company
UNION ALL
SELECT issue, 'company_metrics/' || code || '/net_profit', net_profit FROM own_company
UNION ALL
SELECT issue, 'ai_chain_metrics/' || code || '/market_cap', market_cap FROM own_ai_chain
UNION ALL
SELECT issue, 'ai_chain_metrics/' || code || '/pe_ttm', pe_ttm FROM own_ai_chain
UNION ALL
SELECT issue, 'ai_chain_metrics/' || code || '/revenue', revenue FROM own_ai_chain
UNION ALL
SELECT issue, 'ai_chain_metrics/' || code || '/net_profit', net_profit FROM own_ai_chain
UNION ALL
SELECT issue, 'ai_chain_metrics/companies', COUNT(*) FROM own_ai_chain GROUP BY issue
UNION ALL
SELECT issue, 'ai_chain_metrics/' || segment || '/companies', COUNT(*)
FROM own_ai_chain GROUP BY issue, segment
UNION ALL
SELECT issue, 'ai_chain_metrics/' || segment || '/market_cap', SUM(market_cap)
FROM own_ai_chain GROUP BY issue, segment
UNION ALL
SELECT issue, 'sector_metrics/' || sector || '/companies', companies FROM own_sector
UNION ALL
SELECT issue, 'sector_metrics/' || sector || '/pe_ttm_median_base', pe_ttm_median_base
FROM own_sector
UNION ALL
SELECT issue, 'sector_metrics/' || sector || '/pe_ttm_median', pe_ttm_median FROM own_sector
UNION ALL
SELECT issue, 'sector_metrics/' || sector || '/total_market_cap_base', total_market_cap_base
FROM own_sector
UNION ALL
SELECT issue, 'sector_metrics/' || sector || '/total_market_cap', total_market_cap FROM own_sector
UNION ALL
SELECT issue, 'sector_metrics/' || sector || '/market_cap_median_base', market_cap_median_base
FROM own_sector
UNION ALL
SELECT issue, 'sector_metrics/' || sector || '/market_cap_median', market_cap_median
FROM own_sector
UNION ALL
-- A change between a loss and a profit has no meaning as a percentage.
SELECT issue, 'sector_metrics/' || sector || '/pe_ttm_median_change',
    CASE WHEN pe_ttm_median_base > 0 AND pe_ttm_median > 0
        THEN 1.0 * pe_ttm_median / pe_ttm_median_base - 1 END
FROM own_sector
UNION ALL
SELECT issue, 'sector_metrics/' || sector || '/total_market_cap_change',
    CASE WHEN total_market_cap_base > 0 AND total_market_cap > 0
        THEN 1.0 * total_market_cap / total_market_cap_base - 1 END
FROM own_sector
UNION ALL
SELECT sector.issue, 'company_metrics/' || sector.sector || '/change_median', middle.median
FROM own_sector AS sector
LEFT JOIN own_median AS middle
    ON middle.issue = sector.issue AND middle.sector = sector.sector
    AND middle.measure = 'change'
UNION ALL
SELECT issue, 'bucket_counts/' || sector || '/' || measure || '/' || bucket || '/companies_base',
    companies_base
FROM own_bucket
UNION ALL
SELECT issue, 'bucket_counts/' || sector || '/' || measure || '/' || bucket || '/companies',
    companies
FROM own_bucket
UNION ALL
SELECT issue, 'market_metrics/' || metric, value FROM own_market
UNION ALL
SELECT week.issue, 'distribution/' || span.label, COUNT(measured.code)
FROM week
CROSS JOIN span
LEFT JOIN own_measured AS measured
    ON measured.issue = week.issue AND measured.measure = 'change' AND measured.sector = '全部'
    AND (span.low IS NULL OR measured.value >= span.low)
    AND (span.high IS NULL OR measured.value < span.high)
    AND measured.value IS NOT NULL
GROUP BY week.issue, span.label
UNION ALL
SELECT issue, 'sector_trends/' || sector || '/' || CAST(trend_issue AS TEXT) || '/pe_ttm_median',
    pe_ttm_median
FROM own_trend
UNION ALL
SELECT issue,
    'sector_trends/' || sector || '/' || CAST(trend_issue AS TEXT) || '/total_market_cap',
    total_market_cap
FROM own_trend;
