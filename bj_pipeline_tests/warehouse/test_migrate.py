"""The schema's revisions, in SQLite and in PostgreSQL: nothing is lost, nothing happens unasked."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy import Column, Integer, MetaData, String, Table, event, inspect

from bj_pipeline.cli import main
from bj_pipeline.outages import OutageError
from bj_pipeline.warehouse import migrate, store, tables
from bj_pipeline.warehouse.migrate import HEAD, SCHEMA, DatabaseVersionError, revision
from bj_pipeline.warehouse.store import Warehouse, connect
from bj_pipeline_tests.warehouse.databases import PASSWORD, postgresql_address, sqlite_address

NEXT = "0002"
NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table("holidays", sa.Column("year", sa.Integer(), primary_key=True))
    with op.batch_alter_table("movers") as batch:
        batch.add_column(sa.Column("remark", sa.String(), server_default="", nullable=False))
        batch.alter_column("name", existing_type=sa.String(), nullable=True)
    op.drop_table("report_figures")
"""
BROKEN = '    op.execute("INSERT INTO nowhere VALUES (1)")\n'


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """Address of an empty database."""
    if request.param == "sqlite":
        return sqlite_address(tmp_path)
    return postgresql_address(request.getfixturevalue("postgresql"))


@pytest.fixture
def engine(address):
    engine = connect(address)
    yield engine
    engine.dispose()


def schema_with(tmp_path, script):
    """The schema of a later version of the program."""
    scripts = tmp_path / "100% later"
    shutil.copytree(SCHEMA.scripts, scripts)
    (scripts / "versions" / "v0002_later.py").write_text(script, encoding="utf-8")
    metadata = MetaData()
    for table in tables.METADATA.sorted_tables:
        if table.name != "report_figures":
            table.to_metadata(metadata)
    movers = metadata.tables["movers"]
    movers.append_column(Column("remark", String, nullable=False, server_default=""))
    movers.c.name.nullable = True
    Table("holidays", metadata, Column("year", Integer, primary_key=True))
    return replace(SCHEMA, metadata=metadata, scripts=scripts, head=NEXT)


@pytest.fixture
def later(tmp_path):
    return schema_with(tmp_path, NEXT_REVISION)


def movers():
    return pd.DataFrame(
        [{"sector": "汽车", "rank": 1, "code": "920060.BJ", "name": "*ST云创", "change": 0.1 + 0.2}]
    )


def differences(engine, schema):
    """What tables lack or have too much; another comment needs no revision."""
    with engine.connect() as connection:
        options = {"version_table": migrate.VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        found = compare_metadata(context, schema.metadata)
    each = [one for some in found for one in (some if isinstance(some, list) else [some])]
    return [one for one in each if not one[0].endswith("comment")]


def columns(engine):
    with engine.connect() as connection:
        return migrate._columns(connection)


def test_the_tables_of_an_empty_database_are_those_of_the_program(engine):
    SCHEMA.prepare(engine)
    assert differences(engine, SCHEMA) == []
    assert revision(engine) == HEAD


def test_the_revisions_lead_to_the_tables_of_the_program(engine):
    # If this fails, a revision is missing: see bj_pipeline/warehouse/migrations/write.py.
    with engine.execution_options(writes=True).begin() as connection:
        SCHEMA._run_scripts(connection)
    assert differences(engine, SCHEMA) == []
    assert revision(engine) == HEAD


def test_the_program_works_with_the_latest_of_its_numbered_revisions():
    found = [script.revision for script in ScriptDirectory(str(SCHEMA.scripts)).walk_revisions()]
    assert found == [f"{number:04}" for number in range(len(found), 0, -1)]
    assert found[0] == HEAD


def test_opening_the_warehouse_asks_one_question(engine):
    SCHEMA.prepare(engine)
    asked = []
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    SCHEMA.prepare(engine)
    assert len([statement for statement in asked if not statement.startswith("BEGIN")]) == 1


def test_opening_the_warehouse_does_not_wait_for_alembic(address):
    program = (
        "import sys; from bj_pipeline.warehouse.store import Warehouse; "
        "Warehouse(sys.argv[1]).read('partitions'); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, address], check=False).returncode == 0


def test_an_older_database_is_refused_and_the_remedy_named(engine, later):
    SCHEMA.prepare(engine)
    with pytest.raises(DatabaseVersionError, match=r"0001.*0002.*bj-pipeline migrate") as refused:
        later.prepare(engine)
    assert PASSWORD not in str(refused.value)


def test_an_upgrade_keeps_the_rows_and_says_what_changed(address, engine, later):
    warehouse = Warehouse(address)
    warehouse.replace(65, {tables.MOVERS: movers()})
    done = later.upgrade(engine)
    assert (done.current, done.target) == ("0001", NEXT)
    assert done.changes == (
        "new table holidays",
        "table report_figures goes",
        "column movers.name becomes VARCHAR (was VARCHAR NOT NULL)",
        "new column movers.remark (VARCHAR NOT NULL)",
    )
    later.prepare(engine)
    assert differences(engine, later) == []
    with engine.connect() as connection:
        (row,) = connection.execute(later.metadata.tables["movers"].select()).all()
    assert row == (65, "汽车", 1, "920060.BJ", "*ST云创", 0.1 + 0.2, "")
    warehouse.engine.dispose()


def test_postgresql_says_what_each_column_means_after_an_upgrade_too(postgresql, later):
    engine = connect(postgresql_address(postgresql))
    SCHEMA.prepare(engine)
    table = later.metadata.tables["movers"]
    table.c.remark.comment = "what the analyst thinks of it"
    later.upgrade(engine)
    found = inspect(engine).get_columns("movers")
    assert {one["name"]: one["comment"] for one in found} == {
        column.name: column.comment for column in table.columns
    }
    engine.dispose()


def test_an_upgrade_can_be_run_twice(engine, later):
    SCHEMA.prepare(engine)
    later.upgrade(engine)
    again = later.upgrade(engine)
    assert (again.current, again.changes, again.statements) == (NEXT, (), ())


def test_a_dry_run_tells_the_same_and_changes_nothing(engine, later):
    SCHEMA.prepare(engine)
    before = columns(engine)
    told = later.upgrade(engine, keep=False)
    assert any(statement.startswith("CREATE TABLE holidays") for statement in told.statements)
    assert columns(engine) == before
    assert revision(engine) == "0001"
    assert later.upgrade(engine) == told


def test_an_upgrade_that_fails_leaves_everything_as_it_was(engine, tmp_path):
    SCHEMA.prepare(engine)
    before = columns(engine)
    with pytest.raises(OutageError):
        schema_with(tmp_path, NEXT_REVISION + BROKEN).upgrade(engine)
    assert columns(engine) == before
    assert revision(engine) == "0001"


def test_a_database_that_is_newer_than_the_program_is_refused(address, engine, later, command_line):
    SCHEMA.prepare(engine)
    later.upgrade(engine)
    with pytest.raises(DatabaseVersionError, match="newer"):
        SCHEMA.upgrade(engine)
    shown = command_line("show", "movers", BJ_DATABASE_URL=address)
    assert shown.returncode == DatabaseVersionError.exit_code
    assert "newer" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert PASSWORD not in shown.stderr


def test_tables_without_a_revision_are_not_touched(engine):
    with engine.execution_options(writes=True).begin() as connection:
        tables.METADATA.create_all(connection)
    before = columns(engine)
    for use in (SCHEMA.prepare, SCHEMA.upgrade):
        with pytest.raises(DatabaseVersionError, match="before the first release"):
            use(engine)
    assert columns(engine) == before


def test_tables_of_dagster_in_the_same_database_are_left_alone(engine):
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('of Dagster')")
    SCHEMA.prepare(engine)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    assert kept == ["of Dagster"]
    assert revision(engine) == HEAD


def test_the_operator_is_led_from_the_error_over_the_dry_run_to_the_upgrade(
    address, engine, later, monkeypatch, tmp_path
):
    SCHEMA.prepare(engine)
    monkeypatch.setenv("BJ_HOME", str(tmp_path))
    monkeypatch.setenv("BJ_DATABASE_URL", address)
    monkeypatch.setattr(migrate, "SCHEMA", later)
    monkeypatch.setattr(store, "SCHEMA", later)

    def run(*arguments):
        done = CliRunner().invoke(main, arguments)
        assert PASSWORD not in done.output
        return done

    refused = run("show", "movers")
    assert refused.exit_code == DatabaseVersionError.exit_code
    assert "bj-pipeline migrate" in refused.output
    told = run("migrate", "--dry-run")
    assert "CREATE TABLE holidays" in told.output
    assert "would go from revision 0001 to 0002. Nothing was changed." in told.output
    assert "holidays" not in inspect(engine).get_table_names()
    done = run("migrate")
    assert "new column movers.remark (VARCHAR NOT NULL)" in done.output
    assert "went from revision 0001 to 0002." in done.output
    assert "nothing to do" in run("migrate").output
    assert run("show", "movers").exit_code == 0
