-- Who is covered: the pool's members and the AI chain at the close date, if listed by then.
-- A company whose listing date nobody gives counts as listed once it has a price.

CREATE TEMPORARY TABLE own_listed AS
SELECT week.issue, known.code
FROM week
CROSS JOIN (SELECT code FROM curated_pool UNION SELECT code FROM curated_chain) AS known
LEFT JOIN raw_listings AS listing ON listing.issue = week.issue AND listing.code = known.code
WHERE
    (listing.delisted IS NULL OR listing.delisted >= week.close_date)
    AND (
        listing.listed <= week.close_date
        OR (
            listing.listed IS NULL
            AND EXISTS (
                SELECT 1
                FROM raw_quotes AS quote
                WHERE quote.issue = week.issue AND quote.code = known.code AND quote.close > 0
            )
        )
    );

CREATE TEMPORARY TABLE own_pool AS
SELECT week.issue, member.code, member.name, member.sector
FROM week
JOIN curated_pool AS member
    ON member.joined <= week.close_date
    AND (member.ended IS NULL OR member.ended > week.close_date)
JOIN own_listed ON own_listed.issue = week.issue AND own_listed.code = member.code;

CREATE TEMPORARY TABLE own_chain AS
SELECT week.issue, link.code, link.name, link.segment
FROM week
JOIN curated_chain AS link
    ON link.joined <= week.close_date
    AND (link.ended IS NULL OR link.ended > week.close_date)
JOIN own_listed ON own_listed.issue = week.issue AND own_listed.code = link.code;

CREATE TEMPORARY TABLE own_universe AS
SELECT issue, code, name, sector FROM own_pool
UNION ALL
SELECT chain.issue, chain.code, chain.name, NULL
FROM own_chain AS chain
WHERE NOT EXISTS (
    SELECT 1 FROM own_pool WHERE own_pool.issue = chain.issue AND own_pool.code = chain.code
);
