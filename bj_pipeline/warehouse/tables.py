"""The tables of the warehouse: the one place where names, types, units and meanings stand.

Every table is partitioned by ``issue``, but for the index of the landing. Money is yuan, changes
are fractions, dates are days in Shanghai. Column comments are shown by ``bj-pipeline show`` and in
the Dagster UI.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

METADATA = MetaData()

RAW_QUOTES = "raw_quotes"
RAW_VALUATIONS = "raw_valuations"
RAW_INDEX_QUOTES = "raw_index_quotes"
RAW_LISTINGS = "raw_listings"
RAW_FINANCIALS = "raw_financials"
RAW_ANNOUNCEMENTS = "raw_announcements"
RAW_TABLES = (
    RAW_QUOTES,
    RAW_VALUATIONS,
    RAW_INDEX_QUOTES,
    RAW_LISTINGS,
    RAW_FINANCIALS,
    RAW_ANNOUNCEMENTS,
)
COMPANY_UNIVERSE = "company_universe"
AI_CHAIN_CLASSIFICATION = "ai_chain_classification"
COMPANY_METRICS = "company_metrics"
AI_CHAIN_METRICS = "ai_chain_metrics"
SECTOR_METRICS = "sector_metrics"
BUCKET_COUNTS = "bucket_counts"
MOVERS = "movers"
MARKET_METRICS = "market_metrics"
SECTOR_TRENDS = "sector_trends"
FACTS = "facts"
REPORT_DOCUMENT = "report_document"
REPORT_FIGURES = "report_figures"
INPUT_FILES = "input_files"
LANDING = "landing"
CHECK_RESULTS = "check_results"
APPROVALS = "approvals"
APPROVED_FACTS = "approved_facts"
APPROVED_TEXTS = "approved_texts"
APPROVED_FIGURES = "approved_figures"
SIGN_OFF = (APPROVALS, APPROVED_FACTS, APPROVED_TEXTS)
APPROVED = "approved"
WITHDRAWN = "withdrawn"
PARTITIONS = "partitions"


def _table(name: str, comment: str, key: tuple[str, ...], *columns: Column[object]) -> Table:
    issue: Column[int] = Column("issue", Integer, nullable=False, comment="issue number")
    return Table(
        name, METADATA, issue, *columns, PrimaryKeyConstraint("issue", *key), comment=comment
    )


def _text(name: str, comment: str, *, required: bool = False) -> Column[object]:
    return Column(name, String, nullable=not required, comment=comment)


def _number(name: str, comment: str, *, required: bool = False) -> Column[object]:
    return Column(name, Double, nullable=not required, comment=comment)


def _count(name: str, comment: str) -> Column[object]:
    return Column(name, Integer, nullable=False, comment=comment)


def _flag(name: str, comment: str) -> Column[object]:
    return Column(name, Boolean, nullable=False, comment=comment)


def _day(name: str, comment: str, *, required: bool = False) -> Column[object]:
    return Column(name, Date, nullable=not required, comment=comment)


def _code() -> Column[object]:
    return _text("code", "present code with exchange, such as 920493.BJ", required=True)


_table(
    RAW_QUOTES,
    "Daily closes from the base date (or the last price before it) to the close date",
    ("code", "date"),
    _code(),
    _day("date", "trading day", required=True),
    _text("vendor_code", "code as the vendor wrote it; an old code before 2025-10-09"),
    _number("close", "unadjusted close, yuan"),
    _number("adj_factor", "adjustment factor: close × factor is comparable over time"),
    _number("volume", "shares traded"),
    _text("source_file", "name of the file that the close came from"),
)
_table(
    RAW_VALUATIONS,
    "Shares, market cap and PE by company, day and vendor",
    ("code", "date", "vendor"),
    _code(),
    _day("date", "trading day", required=True),
    _text(
        "vendor", "whose figures these are: tushare, ifind, wind, akshare, sample", required=True
    ),
    _text("vendor_code", "code as the vendor wrote it"),
    _number("total_shares", "total shares, in shares"),
    _number("market_cap", "market cap as the vendor gives it, yuan"),
    _number("pe_ttm", "price ÷ trailing twelve months' earnings, ×; empty where unknown"),
    _flag("pe_ttm_is_loss", "the vendor says loss without a size (it documents a blank as a loss)"),
    _text("source_file", "name of the file that the row came from"),
)
_table(
    RAW_INDEX_QUOTES,
    "Daily closes of the indices",
    ("code", "date"),
    _text("code", "index code with exchange, such as 899050.BJ", required=True),
    _day("date", "trading day", required=True),
    _number("close", "close, points"),
    _text("source_file", "name of the file that the row came from"),
)
_table(
    RAW_LISTINGS,
    "When companies were listed, as the vendor lists them",
    ("code",),
    _code(),
    _text("vendor_code", "code as the vendor wrote it"),
    _text("name", "the vendor's name: may carry XD, DR, N, *ST or be cut; never joined on"),
    _day("listed", "first trading day"),
    _day("delisted", "last trading day"),
    _text("source_file", "name of the file that the row came from"),
)
_table(
    RAW_FINANCIALS,
    "Full-year results",
    ("code", "fiscal_year"),
    _code(),
    Column("fiscal_year", Integer, nullable=False, comment="calendar year of the accounts"),
    _text("vendor_code", "code as the vendor wrote it"),
    _number("revenue", "total revenue, yuan"),
    _number("net_profit", "net profit attributable to the parent's shareholders, yuan"),
    _day("published", "day of publication, where the vendor gives one"),
    _text("source_file", "name of the file that the row came from"),
)
_table(
    RAW_ANNOUNCEMENTS,
    "Announcements of companies dated in the issue's week",
    ("code", "date", "title"),
    _code(),
    _day("date", "day of the announcement", required=True),
    _text("title", "title as published", required=True),
    _text("vendor_code", "code as the vendor wrote it"),
    _text("name", "the vendor's name for the company"),
    _text("category", "the vendor's kind of announcement"),
    _text("url", "where it can be read"),
    _text("source_file", "name of the file that the row came from"),
)
_table(
    COMPANY_UNIVERSE,
    "Companies that the issue covers: the pool, and AI-chain companies outside it",
    ("code",),
    _code(),
    _text("name", "curated name", required=True),
    _text("sector", "sector of the pool; empty outside the pool"),
    _flag("is_st", "under special treatment (ST or *ST) at the close date"),
    _day("listed", "first trading day, where the source gives one"),
    _text("basis", "source of the membership: published, proposed or sample"),
)
_table(
    AI_CHAIN_CLASSIFICATION,
    "AI-chain companies and their segments",
    ("code",),
    _code(),
    _text("name", "curated name", required=True),
    _text("segment", "segment of the AI chain", required=True),
    _text("description", "what the company does, in our words", required=True),
    _flag("is_st", "under special treatment; left out of the report's table"),
)
_table(
    COMPANY_METRICS,
    "One row a covered company: prices, change, market cap, PE and last full year",
    ("code",),
    _code(),
    _text("name", "curated name", required=True),
    _text("sector", "sector of the pool; empty for AI-chain companies outside the pool"),
    _number("close_base", "unadjusted close at the base date (or last before it), yuan"),
    _number("close", "unadjusted close at the close date (or last before it), yuan"),
    _number(
        "change",
        "adjusted close ÷ adjusted close at the base date − 1, a fraction; "
        "empty without a price at the base date",
    ),
    _number("market_cap_base", "unadjusted close × total shares at the base date, yuan"),
    _number("market_cap", "unadjusted close × total shares at the close date, yuan"),
    _number("pe_ttm_base", "PE TTM at the base date, ×"),
    _number("pe_ttm", "PE TTM at the close date, ×"),
    _text("status", "trading, suspended, new, resumed or no_price", required=True),
    _flag("pe_ttm_base_is_loss", "loss of unknown size at the base date"),
    _flag("pe_ttm_is_loss", "loss of unknown size at the close date"),
    _text("pe_ttm_vendor", "whose PE this is"),
    Column(
        "fiscal_year", Integer, nullable=True, comment="last full year published by the close date"
    ),
    _number("revenue", "revenue of that year, yuan"),
    _number("net_profit", "net profit of that year, yuan"),
)
_table(
    AI_CHAIN_METRICS,
    "The AI-chain table of the report",
    ("code",),
    _code(),
    _text("name", "curated name", required=True),
    _text("segment", "segment of the AI chain", required=True),
    _number("market_cap", "market cap at the close date, yuan"),
    _number("pe_ttm", "PE TTM at the close date by this table's vendor, ×"),
    _flag("pe_ttm_is_loss", "loss of unknown size"),
    _text("pe_ttm_vendor", "whose PE this is"),
    Column(
        "fiscal_year", Integer, nullable=True, comment="last full year published by the close date"
    ),
    _number("revenue", "revenue of that year, yuan"),
    _number("net_profit", "net profit of that year, yuan"),
)
_table(
    SECTOR_METRICS,
    "One row a sector: companies, PE median, total and median market cap, at both dates",
    ("sector",),
    _text("sector", "sector of the pool", required=True),
    _count("companies", "companies of the pool in the sector"),
    _number("pe_ttm_median_base", "median PE TTM at the base date, ×"),
    _number("pe_ttm_median", "median PE TTM at the close date, ×"),
    _number("total_market_cap_base", "sum of market caps at the base date, yuan"),
    _number("total_market_cap", "sum of market caps at the close date, yuan"),
    _number("market_cap_median_base", "median market cap at the base date, yuan"),
    _number("market_cap_median", "median market cap at the close date, yuan"),
)
_table(
    BUCKET_COUNTS,
    "Companies by sector and bucket of PE or market cap, at both dates",
    ("sector", "measure", "bucket"),
    _text("sector", "sector of the pool", required=True),
    _text("measure", "pe_ttm or market_cap", required=True),
    _text("bucket", "label of the bucket, such as 20~30; closed on the left", required=True),
    _count("companies_base", "companies in the bucket at the base date"),
    _count("companies", "companies in the bucket at the close date"),
)
_table(
    MOVERS,
    "Largest changes of the week, for the pool and for each sector",
    ("sector", "rank"),
    _text("sector", "sector, or 全部 for the whole pool", required=True),
    _count("rank", "1 is the largest; equal changes are ranked by code"),
    _code(),
    _text("name", "curated name", required=True),
    _number("change", "change of the week, a fraction", required=True),
)
_table(
    MARKET_METRICS,
    "Figures of the whole pool and of the indices",
    ("metric",),
    _text(
        "metric",
        "pool_size, rising_companies, median_change, index_change_899050.BJ, …",
        required=True,
    ),
    _number("value", "counts, or fractions for shares and changes"),
)
_table(
    SECTOR_TRENDS,
    "Sector metrics of the trailing issues that an issue's trend charts show",
    ("trend_issue", "sector"),
    Column("trend_issue", Integer, nullable=False, comment="issue that the figures speak of"),
    _day("trend_date", "close date of that issue", required=True),
    _text("sector", "sector of the pool", required=True),
    _number("pe_ttm_median", "median PE TTM, ×; empty where that issue is not in the warehouse"),
    _number("total_market_cap", "sum of market caps, yuan; empty likewise"),
)
_table(
    FACTS,
    "Every number that the report prints, and where it came from",
    ("fact",),
    _text("fact", "name of the fact", required=True),
    _text("display", "as printed, without unit", required=True),
    _number("value", "unrounded value; empty for dates and words"),
    _text("unit", "unit as printed", required=True),
    _text("table", "warehouse table that it was taken from", required=True),
    _text("row", "key of the row or rows", required=True),
    _text("column", "column", required=True),
    _text("formula", "how it was computed", required=True),
    _text("files", "input files that it rests on", required=True),
)
_table(
    REPORT_DOCUMENT,
    "The report as data, from which every form is rendered",
    (),
    Column("document", Text, nullable=False, comment="the document as JSON"),
)
_table(
    REPORT_FIGURES,
    "The report's charts as drawn, the same in every form",
    ("figure",),
    _text("figure", "id of the figure in the document", required=True),
    Column("svg", Text, nullable=False, comment="the drawing"),
)
_table(
    INPUT_FILES,
    "What each raw table of an issue was read from",
    ("table", "position"),
    _text("table", "raw table", required=True),
    _text("name", "file name as the operator knows it", required=True),
    _text("vendor", "whose file it is", required=True),
    _text("interface", "layout or vendor interface by which it was read", required=True),
    _text("sha256", "SHA-256 of the bytes", required=True),
    _text("source", "source that delivered it: a source's name, or a profile", required=True),
    _count("position", "order of preference, from 0: earlier files win over later ones"),
    _count("bytes", "size"),
    _count("rows", "rows taken into the table"),
)
Table(
    LANDING,
    METADATA,
    # A key over the texts themselves would be too long for an index of PostgreSQL.
    Column("arrival", String(64), comment="SHA-256 over content and what it is"),
    Column("sha256", String(64), nullable=False, comment="SHA-256 of the bytes"),
    Column("vendor", String, nullable=False, comment="who sent it; empty where only content tells"),
    Column("interface", String, nullable=False, comment="the vendor's interface; empty for a file"),
    Column("parameters", Text, nullable=False, comment="what it was called with, as sorted JSON"),
    Column("name", String, nullable=False, comment="file name as the operator knows it"),
    Column("fetched_at", DateTime, nullable=False, comment="when it first arrived, UTC"),
    Column("confirmed_at", DateTime, nullable=False, comment="when it last came so again, UTC"),
    Column("bytes", Integer, nullable=False, comment="size"),
    PrimaryKeyConstraint("arrival"),
    Index("landing_by_call", "vendor", "interface"),
    Index("landing_by_content", "sha256"),
    comment="Everything that vendors sent; the bytes lie in the landing folder under their SHA-256",
)
_table(
    CHECK_RESULTS,
    "Latest result of each check of an issue",
    ("check",),
    _text("check", "name of the check", required=True),
    _text("asset", "asset that the check guards", required=True),
    _text("severity", "critical blocks what follows, warning shows", required=True),
    _flag("passed", "whether it passed"),
    _text("data_version", "version of the data that the check has seen", required=True),
    Column("failed_rows", Integer, nullable=False, comment="rows that broke a rule"),
    Column("summary", Text, nullable=False, comment="what is wrong, and the first rows, as JSON"),
)
_table(
    APPROVALS,
    "Who signed off or withdrew which revision of an issue; rows are only ever added",
    ("revision", "state"),
    _count("revision", "revision of the issue, from 1"),
    _text("state", "approved or withdrawn", required=True),
    _text("by", "who", required=True),
    _text("at", "when, UTC, as 2026-03-02T01:15:00+00:00", required=True),
    Column("hashes", Text, nullable=False, comment="SHA-256 of the published files, as JSON"),
    Column("data_versions", Text, nullable=False, comment="of the workbook's tables, as JSON"),
    Column("note", Text, nullable=False, comment="what the person said; for a withdrawal: why"),
)
_table(
    APPROVED_FACTS,
    "Facts of each approved revision, as they were approved",
    ("revision", "fact"),
    _count("revision", "revision of the issue"),
    _text("fact", "name of the fact", required=True),
    _text("label", "the fact in the reader's words", required=True),
    _text("display", "as printed, without unit", required=True),
    _number("value", "unrounded value; empty for dates and words"),
    _text("unit", "unit as printed", required=True),
    _text("table", "warehouse table that it was taken from", required=True),
    _text("row", "key of the row or rows", required=True),
    _text("column", "column", required=True),
    _text("formula", "how it was computed", required=True),
    _text("files", "input files that it rests on", required=True),
)
_table(
    APPROVED_TEXTS,
    "Texts of each approved revision, in reading order",
    ("revision", "position"),
    _count("revision", "revision of the issue"),
    _count("position", "order, from 0"),
    _text("place", "part of the document that it stands in", required=True),
    _text("heading", "heading that it stands under", required=True),
    Column("wording", Text, nullable=False, comment="the text with names of facts for numbers"),
    Column("text", Text, nullable=False, comment="the text as printed"),
)
_table(
    APPROVED_FIGURES,
    "Rows of each approved revision that the site shows, as they were approved",
    ("revision", "table"),
    _count("revision", "revision of the issue"),
    _text("table", "warehouse table that they were taken from", required=True),
    Column("rows", Text, nullable=False, comment="the rows, as JSON"),
)
_PARTITIONS = _table(
    PARTITIONS,
    "What each table holds of an issue: version and size",
    ("table",),
    _text("table", "table", required=True),
    _text("data_version", "SHA-256 over the rows", required=True),
    _count("rows", "number of rows"),
)
Index("partitions_by_table", _PARTITIONS.c.table, _PARTITIONS.c.issue)


def table(name: str) -> Table:
    """The table of that name."""
    return METADATA.tables[name]


def columns(name: str) -> tuple[str, ...]:
    """Column names of a table, without ``issue``."""
    return tuple(column.name for column in table(name).columns if column.name != "issue")


def has_versions(name: str) -> bool:
    """Whether a table is replaced as a whole partition, and so has a data version."""
    kept = {INPUT_FILES, CHECK_RESULTS, PARTITIONS, LANDING, *SIGN_OFF, APPROVED_FIGURES}
    return name not in kept


def key(name: str) -> tuple[str, ...]:
    """Columns that identify a row within an issue."""
    return tuple(column.name for column in table(name).primary_key if column.name != "issue")
