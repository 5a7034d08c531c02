"""Addresses of databases: every spelling is understood, and no password is ever shown."""

import re
import traceback

import pytest

from bj_pipeline.errors import ConfigurationError, PipelineError
from bj_pipeline.warehouse import address
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.warehouse.databases import PASSWORD

REST = f"://analyst:{PASSWORD}@db.example:5433/bj"


@pytest.mark.parametrize(
    "kind", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"]
)
def test_postgresql_may_be_spelled_as_people_do(kind):
    assert address.is_postgresql(kind + REST)
    assert address.parse(kind + REST).drivername == "postgresql+psycopg"
    assert address.for_dagster(kind + REST) == "postgresql+psycopg2" + REST


def test_sqlite_and_nothing_at_all_are_not_postgresql():
    assert not address.is_postgresql("sqlite:///warehouse.db")
    assert not address.is_postgresql("")


@pytest.mark.parametrize(
    "wrong",
    [
        f"postgresql//analyst:{PASSWORD}@db.example/bj",
        f"postgresql://analyst:{PASSWORD}@db.example:{PASSWORD}/bj",
        f"mysql://analyst:{PASSWORD}@db.example/bj",
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(wrong):
    with pytest.raises(ConfigurationError, match="BJ_DATABASE_URL") as refused:
        Warehouse(wrong).engine  # noqa: B018 - its first use is what is tried
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


def test_a_server_that_does_not_answer_is_told_without_the_password():
    warehouse = Warehouse(f"postgresql://analyst:{PASSWORD}@127.0.0.1:1/bj?sslkey={PASSWORD}")
    with pytest.raises(PipelineError, match="does not answer") as refused:
        warehouse.read("partitions")
    assert "127.0.0.1:1/bj" in str(refused.value)
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))
    assert PASSWORD not in repr(warehouse)


def test_what_is_shown_names_the_database_and_nothing_secret():
    url = address.parse(f"postgresql{REST}?sslpassword={PASSWORD}")
    assert re.search("analyst.*db.example:5433/bj", address.shown(url))
    assert PASSWORD not in address.shown(url)
