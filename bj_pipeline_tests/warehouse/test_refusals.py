"""A database that somebody has set up otherwise, or added to, is told with what to do about it."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pandas as pd
import pytest
from sqlalchemy import create_engine, make_url

from bj_pipeline.errors import ConfigurationError, DataError
from bj_pipeline.outages import OutageError
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.warehouse.databases import postgresql_address, sqlite_address
from bj_pipeline_tests.warehouse.test_store import quotes

_numbers = count(1)
FUNCTION = "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$"
TRIGGER = "CREATE TRIGGER own BEFORE INSERT ON raw_quotes FOR EACH ROW EXECUTE FUNCTION own()"
RAISING = (FUNCTION.format("RAISE EXCEPTION 'not today';"), TRIGGER)
SLOW = (
    FUNCTION.format("PERFORM pg_sleep(60); RETURN NEW;"),
    TRIGGER,
    "ALTER DATABASE {database} SET statement_timeout = 100",
)


@pytest.fixture
def address(postgresql) -> str:
    """A warehouse in PostgreSQL that holds an issue."""
    made = postgresql_address(postgresql)
    use(made)
    return made


def use(address: str, close: float = 26.61) -> pd.DataFrame:
    """Write and read an issue, as another program than any before."""
    warehouse = Warehouse(address)
    try:
        warehouse.replace(65, {tables.RAW_QUOTES: quotes(close)})
        return warehouse.read(tables.RAW_QUOTES, 65)
    finally:
        warehouse.engine.dispose()


def execute(address: str, *statements: str) -> None:
    url = make_url(address)
    drivers = {"postgresql": "postgresql+psycopg"}
    engine = create_engine(url.set(drivername=drivers.get(url.drivername, url.drivername)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("{database}", str(url.database)))
    engine.dispose()


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        pytest.param(RAISING, r"refuses .*not today.* trigger.* restore", id="trigger"),
        pytest.param(
            ("ALTER TABLE raw_quotes ADD CONSTRAINT much CHECK (close > 1e9) NOT VALID",),
            r"refuses .*much.* restore",
            id="check",
        ),
        pytest.param(SLOW, r"refuses .*statement_timeout", id="statement timeout"),
        pytest.param(
            ("ALTER DATABASE {database} SET search_path = nowhere",),
            r"refuses .*search_path",
            id="no schema",
        ),
        pytest.param(
            ("ALTER DATABASE {database} SET default_transaction_read_only = on",),
            r"may only be read",
            id="read only",
        ),
    ],
)
def test_what_a_server_refuses_is_told_with_what_to_do(address, statements, told):
    execute(address, *statements)
    with pytest.raises(OutageError, match=told):
        use(address, close=1.0)


@pytest.mark.parametrize(
    "granted",
    [
        pytest.param((), id="nothing"),
        pytest.param(("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",), id="reading"),
        pytest.param(
            (
                "GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
                "ALTER TABLE raw_quotes ENABLE ROW LEVEL SECURITY",
            ),
            id="no row",
        ),
    ],
)
def test_a_user_without_the_rights_is_told_to_be_given_them(address, granted):
    role = f"guest{next(_numbers)}"
    execute(address, f"CREATE ROLE {role} LOGIN", *(one.format(role=role) for one in granted))
    guest = make_url(address).set(username=role).render_as_string(hide_password=False)
    with pytest.raises(OutageError, match=r"refuses .*OWNER TO"):
        use(guest, close=1.0)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_CN"])
def test_a_database_that_does_not_hold_every_chinese_name_is_refused(postgresql, encoding):
    name = f"encoded{next(_numbers)}"
    made = make_url(postgresql_address(postgresql)).set(database=name)
    how = f"ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    execute(postgresql_address(postgresql), f"CREATE DATABASE {name} {how}")
    with pytest.raises(ConfigurationError, match=f"{encoding}.*ENCODING 'UTF8'"):
        use(made.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    "setting",
    [
        "client_encoding = 'LATIN1'",
        "datestyle = 'German, DMY'",
        "extra_float_digits = -10",
        "timezone = 'America/New_York'",
        "standard_conforming_strings = off",
        "default_transaction_isolation = 'serializable'",
    ],
)
def test_settings_of_a_database_change_no_figure(address, setting):
    execute(address, f"ALTER DATABASE {{database}} SET {setting}")
    assert list(use(address, close=0.1 + 0.2)["close"]) == [0.1 + 0.2] * 4
    assert list(use(address)["date"]) == list(quotes().sort_values(["code", "date"])["date"])


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_a_writer_that_waited_for_another_writes_whatever_isolation_is_set(address, level):
    execute(address, f"ALTER DATABASE {{database}} SET default_transaction_isolation = '{level}'")
    first = Warehouse(address)
    with ThreadPoolExecutor(1) as pool:
        with first.writing() as connection:
            second = pool.submit(use, address, 2.0)
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            give_up = time.monotonic() + 60
            while not connection.exec_driver_sql(waiting).scalar_one():
                assert time.monotonic() < give_up
            connection.exec_driver_sql("UPDATE raw_quotes SET close = 3 WHERE issue = 65")
        assert set(second.result()["close"]) == {2.0}
    first.engine.dispose()


def test_a_trigger_in_sqlite_is_told_with_what_to_do(tmp_path):
    address = sqlite_address(tmp_path)
    use(address)
    body = "BEGIN SELECT RAISE(ABORT, 'not today'); END"
    execute(address, f"CREATE TRIGGER no BEFORE INSERT ON raw_quotes {body}")
    with pytest.raises(OutageError, match=r"refuses .*not today.* trigger.* restore"):
        use(address, close=1.0)


def test_rows_that_a_trigger_has_swallowed_are_never_taken_for_none(tmp_path):
    address = sqlite_address(tmp_path)
    use(address)
    execute(
        address, "CREATE TRIGGER no BEFORE INSERT ON raw_quotes BEGIN SELECT RAISE(IGNORE); END"
    )
    with pytest.raises(DataError, match="as a run has written them"):
        use(address, close=1.0)
