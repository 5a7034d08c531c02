"""Moving a warehouse: every value arrives, or nothing does."""

import math
from datetime import datetime

import pandas as pd
import pytest
from sqlalchemy import insert, select

from bj_pipeline.errors import ConfigurationError, MissingDataError, PipelineError
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.migrate import DatabaseVersionError
from bj_pipeline.warehouse.store import Warehouse, connect, data_version
from bj_pipeline.warehouse.transfer import content, transfer
from bj_pipeline_tests.warehouse.databases import PASSWORD, postgresql_address, sqlite_address

ISSUES = range(60, 66)
ROWS_EACH = 700  # of all issues together, more than two batches


def movers():
    return pd.DataFrame(
        {
            "sector": "全部",
            "rank": range(ROWS_EACH),
            "code": "920060.BJ",
            "name": ["*ST云创", "万源通'\"\\", "", "亿\n能", "𠮷"] * (ROWS_EACH // 5),
            "change": [math.nextafter(0.1, number) for number in range(ROWS_EACH)],
        }
    )


def landed(number):
    return {
        "arrival": f"{number:064}",
        "sha256": "0" * 64,
        "vendor": "",
        "interface": "daily",
        "parameters": '{"日期": "20260227"}',
        "name": "行情.csv",
        "fetched_at": datetime(2026, 2, 27, 10, 0, 0, 123456),  # noqa: DTZ001 - UTC, as kept
        "confirmed_at": datetime(2026, 2, 27, 10, 0),  # noqa: DTZ001
        "bytes": 2**31 - 1,
    }


@pytest.fixture
def filled(tmp_path):
    """A warehouse in SQLite with some rows in some tables."""
    warehouse = Warehouse(sqlite_address(tmp_path))
    for issue in ISSUES:
        warehouse.replace(issue, {tables.MOVERS: movers()})
    with warehouse.writing() as connection:
        rows = [landed(1), landed(2)]
        connection.execute(insert(tables.table(tables.LANDING)), rows)
    yield warehouse
    warehouse.engine.dispose()


@pytest.fixture(params=["postgresql", "sqlite"])
def target(request, tmp_path):
    """An empty database."""
    if request.param == "sqlite":
        engine = connect(sqlite_address(tmp_path))
    else:
        engine = connect(postgresql_address(request.getfixturevalue("postgresql")))
    yield engine
    engine.dispose()


def contents(engine):
    with engine.connect() as connection:
        return {table.name: content(connection, table) for table in tables.METADATA.sorted_tables}


def rows(engine):
    return {name: found.rows for name, found in contents(engine).items() if found.rows}


def test_every_table_arrives_as_it_was(filled, target):
    copied = {each.table: each.rows for each in transfer(filled.engine, target)}
    assert copied == dict.fromkeys(tables.METADATA.tables, 0) | {
        tables.MOVERS: len(ISSUES) * ROWS_EACH,
        tables.PARTITIONS: len(ISSUES),
        tables.LANDING: 2,
    }
    assert contents(target) == contents(filled.engine)


def test_there_and_back_again_nothing_has_changed(filled, postgresql, tmp_path):
    there = connect(postgresql_address(postgresql))
    back = Warehouse(sqlite_address(tmp_path))
    list(transfer(filled.engine, there))
    there_again = connect(back.url)
    list(transfer(there, there_again))
    for issue in ISSUES:
        assert data_version(back.read(tables.MOVERS, issue)) == filled.versions(issue)["movers"]
    for engine in (there, there_again, back.engine):
        engine.dispose()


def test_a_target_that_holds_rows_is_refused_and_keeps_them(filled, target):
    list(transfer(filled.engine, target))
    before = contents(target)
    filled.replace(66, {tables.MOVERS: movers()})
    with pytest.raises(ConfigurationError, match="holds rows already, in landing, movers"):
        list(transfer(filled.engine, target))
    assert contents(target) == before


def test_a_transfer_that_breaks_off_leaves_nothing_and_can_be_repeated(filled, target):
    steps = transfer(filled.engine, target)
    while next(steps).table != tables.MOVERS:
        pass
    steps.close()
    assert rows(target) == {}
    list(transfer(filled.engine, target))
    assert contents(target) == contents(filled.engine)


@pytest.mark.parametrize(
    "fault",
    [
        "BEGIN NEW.change := NEW.change + 1e-15; RETURN NEW; END",
        "BEGIN IF NEW.rank = 3 THEN RETURN NULL; END IF; RETURN NEW; END",
    ],
    ids=["a value changed", "a row was lost"],
)
def test_what_arrives_otherwise_than_it_was_sent_is_noticed_and_not_kept(filled, postgresql, fault):
    target = Warehouse(postgresql_address(postgresql))
    with target.writing() as connection:
        connection.exec_driver_sql(
            f"CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ {fault} $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER spoil BEFORE INSERT ON movers FOR EACH ROW EXECUTE FUNCTION spoil()"
        )
    with pytest.raises(PipelineError, match="movers differs after the copy"):
        list(transfer(filled.engine, target.engine))
    assert rows(target.engine) == {}
    target.engine.dispose()


def test_where_there_is_no_warehouse_nothing_is_copied(target, tmp_path):
    with pytest.raises(MissingDataError, match="no warehouse"):
        list(transfer(connect(sqlite_address(tmp_path)), target))


def test_a_target_of_another_version_is_refused(filled, target):
    Warehouse(target.url.render_as_string(hide_password=False)).engine.dispose()
    with target.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE warehouse_version SET version_num = '9999'")
    with pytest.raises(DatabaseVersionError, match="newer"):
        list(transfer(filled.engine, target))
    assert rows(target) == {}


def test_content_does_not_depend_on_the_order_of_rows_but_on_every_value(tmp_path):
    table = tables.table(tables.MOVERS)
    found = []
    for frame in (movers(), movers().iloc[::-1], movers().assign(name="*ST云创")):
        warehouse = Warehouse(sqlite_address(tmp_path))
        with warehouse.writing() as connection:
            connection.execute(insert(table), frame.assign(issue=65).to_dict("records"))
            found.append(content(connection, table))
        warehouse.engine.dispose()
    assert found[0] == found[1] != found[2]


def test_an_operator_moves_a_built_issue_with_one_command(sample_issue, postgresql):
    address = postgresql_address(postgresql)
    done = sample_issue("transfer", "--to", address)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    source = Warehouse(f"sqlite:///{sample_issue.home / 'warehouse.db'}")
    target = Warehouse(address)
    for name in tables.METADATA.tables:
        with source.engine.connect() as connection:
            count = len(connection.execute(select(tables.table(name))).all())
        assert f"{name:<26}{count:>10,} rows, the same in both" in done.stdout
        pd.testing.assert_frame_equal(target.read(name), source.read(name))
    for name, version in target.versions(65).items():
        assert data_version(target.read(name, 65)) == version
    again = sample_issue("transfer", "--to", address)
    assert again.returncode == ConfigurationError.exit_code
    assert "holds rows already" in again.stderr
    assert PASSWORD not in again.stdout + again.stderr
    source.engine.dispose()
    target.engine.dispose()
