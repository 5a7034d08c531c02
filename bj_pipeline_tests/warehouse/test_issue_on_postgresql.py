"""One variable moves everything to PostgreSQL: the warehouse, and Dagster's own storage."""

import hashlib
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import text

from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse, connect
from bj_pipeline_tests.command_line import PROJECT, CommandLine
from bj_pipeline_tests.warehouse.databases import PASSWORD, postgresql_address


@pytest.fixture(scope="module")
def address(postgresql):
    return postgresql_address(postgresql)


@pytest.fixture(scope="module")
def built(address, tmp_path_factory):
    """The home of issue 65 of the sample, built with PostgreSQL, and what the program said."""
    command_line = CommandLine(tmp_path_factory.mktemp("on-postgresql") / "home")
    return command_line, command_line("run", "--issue", 65, BJ_DATABASE_URL=address)


def rows(address, query):
    engine = connect(address)
    with engine.connect() as connection:
        found = connection.execute(text(query)).all()
    engine.dispose()
    return found


def test_an_issue_is_built_on_postgresql(built):
    command_line, done = built
    assert done.returncode == 0, done.stderr
    assert command_line.artifact(65, "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("built")
def test_dagster_keeps_its_runs_there_too(address):
    ((status, partition),) = rows(address, "SELECT status, partition FROM runs")
    assert (status, partition) == ("SUCCESS", "65")
    materialized = "SELECT asset_key FROM asset_keys WHERE last_materialization IS NOT NULL"
    assert {json.loads(key)[0] for (key,) in rows(address, materialized)} > {*tables.RAW_TABLES}


def test_nothing_is_kept_in_sqlite_any_more(built):
    assert not list(built[0].home.rglob("*.db"))


def test_both_databases_hold_the_same_report(built, sample_issue, address):
    def shown(command_line, table, **environment):
        done = command_line("show", table, "--issue", 65, "--format", "csv", **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for table in (tables.FACTS, tables.COMPANY_METRICS, tables.INPUT_FILES, tables.CHECK_RESULTS):
        on_postgresql = shown(built[0], table, BJ_DATABASE_URL=address)
        assert on_postgresql == shown(sample_issue, table)


def test_the_password_is_written_nowhere(built, address):
    command_line, done = built
    assert PASSWORD not in done.stdout + done.stderr
    files = [path for path in command_line.home.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert PASSWORD.encode() not in path.read_bytes(), path
    told = rows(address, "SELECT event FROM event_logs")
    told += rows(address, "SELECT run_body FROM runs")
    told += [
        zlib.decompress(body) for (body,) in rows(address, "SELECT snapshot_body FROM snapshots")
    ]
    assert "raw_quotes" in str(told)
    assert PASSWORD not in str(told)


def test_a_program_outlives_a_restart_of_the_server(postgresql):
    address = postgresql_address(postgresql)
    warehouse = Warehouse(address)
    assert warehouse.issues(tables.FACTS) == []
    closed = rows(
        address,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert closed
    assert warehouse.issues(tables.FACTS) == []
    warehouse.engine.dispose()


def test_a_delivery_that_comes_again_is_indexed_once(warehouse, tmp_path):
    noon = datetime(2026, 2, 27, 12, tzinfo=UTC)
    landing = Landing(tmp_path / "landing", warehouse)
    for hours in (0, 2, 1):
        at = noon + timedelta(hours=hours)
        landing.store(Delivery("tushare", "daily.csv", b"close\n1\n", "daily", {}, at))
    (entry,) = landing.entries().to_dict("records")
    assert entry["sha256"] == hashlib.sha256(b"close\n1\n").hexdigest()
    assert (entry["fetched_at"], entry["confirmed_at"]) == (noon, noon + timedelta(hours=2))


def test_dagster_is_set_up_alike_on_both_databases():
    embedded = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    shared = yaml.safe_load((PROJECT / "deploy/dagster.postgres.yaml").read_text(encoding="utf-8"))
    assert shared.pop("storage") == {"postgres": {"postgres_url": {"env": "BJ_DATABASE_URL"}}}
    queue = {"module": "bj_pipeline.automation.attribution", "class": "AttributingCoordinator"}
    assert shared.pop("run_coordinator") == embedded.pop("run_coordinator") | queue
    assert shared == embedded
