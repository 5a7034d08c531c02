"""Addresses of databases: the spellings that people write, and what may be shown of them.

What belongs here: reading a database URL and printing it without its password. What does not:
connecting.
"""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bj_pipeline.errors import ConfigurationError

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
_POSTGRESQL_SPELLINGS = ("postgres", POSTGRESQL)


def parse(address: str) -> URL:
    """The URL with the driver that the warehouse uses, from any common spelling.

    Raises:
        ConfigurationError: It is no URL of SQLite or PostgreSQL. Never quotes the address: what
            cannot be parsed may hold a password anywhere.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        # Without its cause, which quotes parts of the address.
        raise ConfigurationError(
            "The database URL (BJ_DATABASE_URL, or --to) cannot be read. It looks like "
            "postgresql://user:password@host:5432/name; write special characters of a password "
            "as %XX, such as %40 for @."
        ) from None
    kind = url.drivername.partition("+")[0]
    if kind == SQLITE:
        return url
    if kind in _POSTGRESQL_SPELLINGS:
        return url.set(drivername=f"{POSTGRESQL}+psycopg")
    raise ConfigurationError(
        "The database URL (BJ_DATABASE_URL, or --to) names neither SQLite nor PostgreSQL. It "
        "begins with sqlite:/// or postgresql://."
    )


def is_postgresql(address: str) -> bool:
    """Whether an address leads to PostgreSQL; an empty one does not."""
    return bool(address) and parse(address).get_backend_name() == POSTGRESQL


def for_dagster(address: str) -> str:
    """A PostgreSQL address, with its password, for Dagster's own storage.

    Its driver is named, because Dagster knows the errors of no other one.
    """
    url = parse(address).set(drivername=f"{POSTGRESQL}+psycopg2")
    return url.render_as_string(hide_password=False)


def shown(url: URL) -> str:
    """An address for messages and logs: no password, nor options, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)
