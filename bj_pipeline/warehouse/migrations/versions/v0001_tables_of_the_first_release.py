"""Tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "ai_chain_classification",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("is_st", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "code"),
    )
    op.create_table(
        "ai_chain_metrics",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("market_cap", sa.Double(), nullable=True),
        sa.Column("pe_ttm", sa.Double(), nullable=True),
        sa.Column("pe_ttm_is_loss", sa.Boolean(), nullable=False),
        sa.Column("pe_ttm_vendor", sa.String(), nullable=True),
        sa.Column("fiscal_year", sa.Integer(), nullable=True),
        sa.Column("revenue", sa.Double(), nullable=True),
        sa.Column("net_profit", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code"),
    )
    op.create_table(
        "approvals",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("hashes", sa.Text(), nullable=False),
        sa.Column("data_versions", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "revision", "state"),
    )
    op.create_table(
        "approved_facts",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("fact", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("display", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("table", sa.String(), nullable=False),
        sa.Column("row", sa.String(), nullable=False),
        sa.Column("column", sa.String(), nullable=False),
        sa.Column("formula", sa.String(), nullable=False),
        sa.Column("files", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "revision", "fact"),
    )
    op.create_table(
        "approved_figures",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("table", sa.String(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "revision", "table"),
    )
    op.create_table(
        "approved_texts",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("heading", sa.String(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "revision", "position"),
    )
    op.create_table(
        "bucket_counts",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("sector", sa.String(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("bucket", sa.String(), nullable=False),
        sa.Column("companies_base", sa.Integer(), nullable=False),
        sa.Column("companies", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "sector", "measure", "bucket"),
    )
    op.create_table(
        "check_results",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("check", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("data_version", sa.String(), nullable=False),
        sa.Column("failed_rows", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "check"),
    )
    op.create_table(
        "company_metrics",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sector", sa.String(), nullable=True),
        sa.Column("close_base", sa.Double(), nullable=True),
        sa.Column("close", sa.Double(), nullable=True),
        sa.Column("change", sa.Double(), nullable=True),
        sa.Column("market_cap_base", sa.Double(), nullable=True),
        sa.Column("market_cap", sa.Double(), nullable=True),
        sa.Column("pe_ttm_base", sa.Double(), nullable=True),
        sa.Column("pe_ttm", sa.Double(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("pe_ttm_base_is_loss", sa.Boolean(), nullable=False),
        sa.Column("pe_ttm_is_loss", sa.Boolean(), nullable=False),
        sa.Column("pe_ttm_vendor", sa.String(), nullable=True),
        sa.Column("fiscal_year", sa.Integer(), nullable=True),
        sa.Column("revenue", sa.Double(), nullable=True),
        sa.Column("net_profit", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code"),
    )
    op.create_table(
        "company_universe",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sector", sa.String(), nullable=True),
        sa.Column("is_st", sa.Boolean(), nullable=False),
        sa.Column("listed", sa.Date(), nullable=True),
        sa.Column("basis", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code"),
    )
    op.create_table(
        "facts",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("fact", sa.String(), nullable=False),
        sa.Column("display", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("table", sa.String(), nullable=False),
        sa.Column("row", sa.String(), nullable=False),
        sa.Column("column", sa.String(), nullable=False),
        sa.Column("formula", sa.String(), nullable=False),
        sa.Column("files", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "fact"),
    )
    op.create_table(
        "input_files",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("table", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("interface", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "table", "position"),
    )
    op.create_table(
        "landing",
        sa.Column("arrival", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("interface", sa.String(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("arrival"),
    )
    with op.batch_alter_table("landing", schema=None) as batch_op:
        batch_op.create_index("landing_by_call", ["vendor", "interface"], unique=False)
        batch_op.create_index("landing_by_content", ["sha256"], unique=False)

    op.create_table(
        "market_metrics",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "metric"),
    )
    op.create_table(
        "movers",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("sector", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("change", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "sector", "rank"),
    )
    op.create_table(
        "partitions",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("table", sa.String(), nullable=False),
        sa.Column("data_version", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "table"),
    )
    with op.batch_alter_table("partitions", schema=None) as batch_op:
        batch_op.create_index("partitions_by_table", ["table", "issue"], unique=False)

    op.create_table(
        "raw_announcements",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("vendor_code", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("source_file", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code", "date", "title"),
    )
    op.create_table(
        "raw_financials",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("vendor_code", sa.String(), nullable=True),
        sa.Column("revenue", sa.Double(), nullable=True),
        sa.Column("net_profit", sa.Double(), nullable=True),
        sa.Column("published", sa.Date(), nullable=True),
        sa.Column("source_file", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code", "fiscal_year"),
    )
    op.create_table(
        "raw_index_quotes",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("close", sa.Double(), nullable=True),
        sa.Column("source_file", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code", "date"),
    )
    op.create_table(
        "raw_listings",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("vendor_code", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("listed", sa.Date(), nullable=True),
        sa.Column("delisted", sa.Date(), nullable=True),
        sa.Column("source_file", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code"),
    )
    op.create_table(
        "raw_quotes",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("vendor_code", sa.String(), nullable=True),
        sa.Column("close", sa.Double(), nullable=True),
        sa.Column("adj_factor", sa.Double(), nullable=True),
        sa.Column("volume", sa.Double(), nullable=True),
        sa.Column("source_file", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code", "date"),
    )
    op.create_table(
        "raw_valuations",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("vendor_code", sa.String(), nullable=True),
        sa.Column("total_shares", sa.Double(), nullable=True),
        sa.Column("market_cap", sa.Double(), nullable=True),
        sa.Column("pe_ttm", sa.Double(), nullable=True),
        sa.Column("pe_ttm_is_loss", sa.Boolean(), nullable=False),
        sa.Column("source_file", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "code", "date", "vendor"),
    )
    op.create_table(
        "report_document",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issue"),
    )
    op.create_table(
        "report_figures",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("figure", sa.String(), nullable=False),
        sa.Column("svg", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "figure"),
    )
    op.create_table(
        "sector_metrics",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("sector", sa.String(), nullable=False),
        sa.Column("companies", sa.Integer(), nullable=False),
        sa.Column("pe_ttm_median_base", sa.Double(), nullable=True),
        sa.Column("pe_ttm_median", sa.Double(), nullable=True),
        sa.Column("total_market_cap_base", sa.Double(), nullable=True),
        sa.Column("total_market_cap", sa.Double(), nullable=True),
        sa.Column("market_cap_median_base", sa.Double(), nullable=True),
        sa.Column("market_cap_median", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "sector"),
    )
    op.create_table(
        "sector_trends",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("trend_issue", sa.Integer(), nullable=False),
        sa.Column("trend_date", sa.Date(), nullable=False),
        sa.Column("sector", sa.String(), nullable=False),
        sa.Column("pe_ttm_median", sa.Double(), nullable=True),
        sa.Column("total_market_cap", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("issue", "trend_issue", "sector"),
    )
