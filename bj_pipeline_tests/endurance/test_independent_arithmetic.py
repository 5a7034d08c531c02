"""Every figure again, by SQL alone, from the raw tables and the curated lists.

The queries in ``independent/`` are written from the definitions of the words that the report uses,
not from ``metrics/``; they run on SQLite (in floats) and on PostgreSQL (in decimals, so that the
printed digits can be compared too).
"""

import math
import random
import re
from contextlib import contextmanager
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import pandas as pd
from hypothesis import given
from sqlalchemy import Column, Date, Integer, MetaData, Numeric, String, Table, insert, text

from bj_pipeline.issues import by_number, trailing
from bj_pipeline.report.rounding import LOSS
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse, _in_order
from bj_pipeline_tests.metrics import real_weeks
from bj_pipeline_tests.warehouse.conftest import warehouse  # noqa: F401 - a fixture

from .weeks import (
    TREND,
    Week,
    computed,
    curated,
    document_of,
    examples,
    sample_week,
    sector_trends,
    some_companies,
    week_of,
)

QUERIES = sorted((Path(__file__).parent / "independent").glob("*.sql"))
OWN = {
    tables.COMPANY_METRICS: ("own_company", ["code"]),
    tables.AI_CHAIN_METRICS: ("own_ai_chain", ["code"]),
    tables.SECTOR_METRICS: ("own_sector", ["sector"]),
    tables.BUCKET_COUNTS: ("own_bucket", ["sector", "measure", "bucket"]),
    tables.MOVERS: ("own_mover", ["sector", "rank"]),
    tables.MARKET_METRICS: ("own_market", ["metric"]),
    tables.SECTOR_TRENDS: ("own_trend", ["trend_issue", "sector"]),
}
EDGES = range(-10, 11, 2)
"""Percent between which the chart of the pool's changes counts companies."""
CLOSE_ENOUGH = 1e-9


def _scratch(table, /, **columns):
    kinds = {"text": String, "day": Date, "whole": Integer, "number": Numeric}
    return Table(
        table,
        MetaData(),
        *(Column(column, kinds[kind]) for column, kind in columns.items()),
        prefixes=["TEMPORARY"],
    )


WEEK = _scratch("week", issue="whole", base_date="day", close_date="day", last_year_due="whole")
SHOWN = _scratch("shown", issue="whole", trend_issue="whole", next_issue="whole")
POOL = _scratch("curated_pool", code="text", name="text", sector="text", joined="day", ended="day")
CHAIN = _scratch(
    "curated_chain", code="text", name="text", segment="text", joined="day", ended="day"
)
SECTOR = _scratch("curated_sector", sector="text")
INDEX = _scratch("curated_index", code="text")
BUCKET = _scratch("curated_bucket", measure="text", label="text", low="number", high="number")
SPAN = _scratch("span", label="text", low="number", high="number")
PREFERRED = _scratch("preferred", purpose="text", vendor="text", place="whole")


def last_year_due(day):
    """The last year whose results the exchange wants by then: 30 April of the year after."""
    return day.year - (1 if day >= date(day.year, 4, 30) else 2)


def curated_rows(week, issues, vendors):
    reference, day = week.reference, week.issue.close_date
    yield (
        WEEK,
        [(i.number, i.base_date, i.close_date, last_year_due(i.close_date)) for i in issues],
    )
    shown = [
        (issue.number, one.number, after.number if after else None)
        for issue in issues
        for line in [trailing(issue, TREND)]
        for one, after in zip(line, [*line[1:], None], strict=True)
    ]
    yield SHOWN, shown
    yield POOL, [(m.code, m.name, m.sector, m.joined, m.left) for m in reference.memberships]
    yield CHAIN, [(c.code, c.name, c.segment, c.joined, c.left) for c in reference.chain]
    yield SECTOR, [(sector,) for sector in reference.sectors]
    yield INDEX, [(index.code,) for index in reference.indices]
    buckets = [
        (edge.measure, edge.label, edge.low, edge.high)
        for measure in ("pe_ttm", "market_cap")
        for edge in reference.buckets(measure, day)
    ]
    yield BUCKET, buckets
    bounds = [None, *EDGES, None]
    spans = [
        (
            f"<{EDGES[0]}%"
            if low is None
            else f"≥{EDGES[-1]}%"
            if high is None
            else f"{low}~{high}%",
            None if low is None else Decimal(low) / 100,
            None if high is None else Decimal(high) / 100,
        )
        for low, high in pairwise(bounds)
    ]
    yield SPAN, spans
    for purpose, first in (("pool", week.vendors), ("chain", week.chain_vendors)):
        order = [*first, *sorted(set(vendors) - set(first))]
        yield PREFERRED, [(purpose, vendor, place) for place, vendor in enumerate(order)]


@contextmanager
def recomputed(engine, week, issues):
    """A connection on which the queries have run; nothing of it stays."""
    with engine.connect() as connection:
        found = connection.execute(text("SELECT DISTINCT vendor FROM raw_valuations"))
        vendors = list(found.scalars())
        made = set()
        for table, rows in curated_rows(week, issues, vendors):
            if table.name not in made:
                table.create(connection)
                made.add(table.name)
            if rows:
                names = table.columns.keys()
                connection.execute(
                    insert(table), [dict(zip(names, row, strict=True)) for row in rows]
                )
        for path in QUERIES:
            for statement in filter(str.strip, uncommented(path).split(";")):
                connection.execute(text(statement))
        yield connection
        connection.rollback()


def uncommented(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def counts_in_decimals(engine):
    return engine.dialect.name == "postgresql"


def rows_of(connection, table, issue):
    found = connection.execute(text(f"SELECT * FROM {table} WHERE issue = {issue}"))  # noqa: S608
    return [dict(row) for row in found.mappings()]


def assert_equal(found, expected, where):
    """A figure of ours and the product's: equal, but for the dust of floats."""
    missing = expected is None or expected is pd.NA or expected != expected  # noqa: PLR0124 - NaN
    if found is None or missing:
        assert found is None, where
        assert missing, where
    elif isinstance(expected, str):
        assert found == expected, where
    else:
        assert math.isclose(float(found), float(expected), rel_tol=CLOSE_ENOUGH, abs_tol=1e-11), (
            where
        )


def assert_tables_agree(connection, issue, figures):
    for name, (own, key) in OWN.items():
        theirs = {
            tuple(row[column] for column in key): row for row in figures[name].to_dict("records")
        }
        ours = {
            tuple(row[column] for column in key): row for row in rows_of(connection, own, issue)
        }
        assert ours.keys() == theirs.keys(), name
        for place, row in ours.items():
            for column in row.keys() - {"issue", *key}:
                assert_equal(row[column], theirs[place][column], (name, place, column))


_SCALES = {"亿元": Decimal(10**8), "万元": Decimal(10**4), "%": Decimal("0.01")}


def printed(value, fact):
    """A decimal as the fact's unit and digits want it, rounded half up."""
    digits = len(fact.text.partition(".")[2])
    number = (value / _SCALES.get(fact.unit, 1)).quantize(
        Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP
    )
    return f"{number:+f}" if number and fact.text.startswith("+") else f"{number or abs(number):f}"


def assert_facts_agree(connection, issue, facts, *, digits):
    own = {row["fact"]: row["value"] for row in rows_of(connection, "own_fact", issue)}
    for fact in facts:
        if fact.table in {tables.RAW_ANNOUNCEMENTS, "topic"}:
            continue
        assert fact.id in own, fact.id
        assert_equal(own[fact.id], fact.value, fact.id)
        if digits and own[fact.id] is not None and fact.text != LOSS:
            assert printed(Decimal(own[fact.id]), fact) == fact.text, (fact.id, own[fact.id])


def assert_week_agrees(warehouse, weeks):  # noqa: F811
    """Metrics and facts of some weeks with one curated list against SQL's."""
    for week in weeks:
        warehouse.replace(week.issue.number, week.raw)
    issues = [week.issue for week in weeks]
    results = [(week, computed(week)) for week in weeks]
    there = pd.concat(
        one[tables.SECTOR_METRICS].assign(issue=week.issue.number) for week, one in results
    )
    with recomputed(warehouse.engine, weeks[0], issues) as connection:
        for week, figures in results:
            complete = figures | {tables.SECTOR_TRENDS: sector_trends(week, there)}
            number = week.issue.number
            assert_tables_agree(connection, number, complete)
            ordered = {name: _in_order(name, frame) for name, frame in complete.items()}
            facts = document_of(week, ordered).facts.values()
            assert_facts_agree(
                connection, number, facts, digits=counts_in_decimals(warehouse.engine)
            )


def test_made_up_weeks_of_every_kind_agree_with_sql(warehouse, thorough):  # noqa: F811
    @examples(6, thorough=thorough)
    @given(some_companies(most=12))
    def holds(companies):
        assert_week_agrees(warehouse, [week_of(companies)])

    holds()


def test_issues_of_the_sample_agree_with_sql(warehouse, thorough):  # noqa: F811
    drawn = random.Random(65).sample(range(1, 65), 29 if thorough else 1)  # noqa: S311 - a draw
    numbers = sorted({*drawn, 65})
    assert_week_agrees(warehouse, [sample_week(by_number(number)) for number in numbers])


@real_weeks.needs_market
def test_real_weeks_agree_with_sql(warehouse):  # noqa: F811
    listings = real_weeks.universe().reindex(columns=list(tables.columns(tables.RAW_LISTINGS)))
    weeks = []
    for number in (32, 46, 64, 65):
        raw = {
            name: pd.DataFrame(columns=list(tables.columns(name))) for name in tables.RAW_TABLES
        } | {
            tables.RAW_QUOTES: real_weeks.quotes(number),
            tables.RAW_INDEX_QUOTES: real_weeks.index_quotes(number),
            tables.RAW_LISTINGS: listings,
            tables.RAW_FINANCIALS: real_weeks.financials(),
        }
        if number == 65:
            raw[tables.RAW_VALUATIONS] = real_weeks.valuations()
        ordered = {name: _in_order(name, frame) for name, frame in raw.items()}
        weeks.append(Week(ordered, curated(), by_number(number), is_sample=False))
    assert_week_agrees(warehouse, weeks)


def test_a_built_issue_agrees_with_sql(sample_issue):
    path = sample_issue.home / "warehouse.db"
    built = Warehouse(f"sqlite:///{path}")
    issue = by_number(65)
    week = sample_week(issue)
    figures = {name: built.read(name, 65) for name in OWN}
    with recomputed(built.engine, week, [issue]) as connection:
        assert_tables_agree(connection, 65, figures)
        facts = [
            type("Stated", (), {"id": row.fact, **row._asdict()})
            for row in built.read(tables.FACTS, 65).itertuples(index=False)
        ]
        assert_facts_agree(connection, 65, facts, digits=False)
    built.engine.dispose()


def test_the_queries_read_raw_tables_and_curated_lists_alone():
    computed_tables = set(tables.METADATA.tables) - set(tables.RAW_TABLES)
    for path in QUERIES:
        read = re.findall(r"(?:FROM|JOIN) (\w+)", uncommented(path))
        assert read
        assert computed_tables.isdisjoint(read), path.name
