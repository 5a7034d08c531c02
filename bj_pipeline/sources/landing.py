"""The landing zone: whatever a vendor sent, as it came, so that any issue can be rebuilt from it.

What belongs here: keeping bytes under their SHA-256, the index of what they are, and the source
that delivers an issue's inputs again without the vendor. What does not: asking vendors, and reading
what they sent.

A landed file is never rewritten. The same bytes are stored once; the index has a row for each
different call or name under which they came.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bj_pipeline import folders, outages, storage
from bj_pipeline.errors import DataError, MissingDataError
from bj_pipeline.issues import Issue
from bj_pipeline.sources import Delivery
from bj_pipeline.storage import ObjectPath, Place
from bj_pipeline.warehouse import rows, tables
from bj_pipeline.warehouse.store import Warehouse

_ASIDE = ".arriving"
_TEMPORARY = ".part"
"""Suffix by which earlier versions left what a killed run was writing."""
_LANDING = tables.table(tables.LANDING)
_UPSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Landing:
    """What vendors sent: a folder of bytes, and its index in the warehouse.

    Attributes:
        folder: Holds ``ab/<sha256>``, where ``ab`` are the first two digits; may lie in an object
            store.
        warehouse: Holds the index, the table ``landing``.
        clock: The present time with its zone.
    """

    folder: Place
    warehouse: Warehouse
    clock: Callable[[], datetime] = _now

    def store(self, delivery: Delivery) -> Delivery:
        """Keep a delivery; storing it twice changes nothing but the time of the last arrival.

        Returns:
            The delivery with the time of its arrival (its own, or now).
        """
        # First the bytes, then the index: a killed run leaves at most a file that nothing names.
        self._keep(delivery.sha256, delivery.content)
        return _with_time(delivery, self._index(delivery))

    def find(self, vendor: str, interface: str, parameters: Mapping[str, str]) -> Delivery | None:
        """The newest delivery of a call with exactly these parameters; None if there is none.

        Raises:
            DataError: Its bytes have changed.
        """
        query = _of_call(vendor, interface).where(_LANDING.c.parameters == _json(parameters))
        return next(iter(self._deliveries(query, limit=1)), None)

    def matching(
        self, vendor: str, interface: str, parameters: Mapping[str, str]
    ) -> list[Delivery]:
        """Deliveries whose parameters include these, the newest first.

        Raises:
            DataError: The bytes of one have changed.
        """
        query = _of_call(vendor, interface)
        for name, value in parameters.items():
            fragment = _json({name: value})[1:-1]
            query = query.where(_LANDING.c.parameters.contains(fragment, autoescape=True))
        # SQLite compares without regard to case: those that it finds are compared once more.
        rows = [
            row
            for row in self._rows(query)
            if parameters.items() <= json.loads(row.parameters).items()
        ]
        return self._there(rows)

    def load(self, sha256: str) -> bytes:
        """The bytes of that SHA-256.

        Raises:
            MissingDataError: They are not here.
            DataError: They have changed.
        """
        path = self._path(sha256)
        content = storage.content(path)
        if content is None:
            raise MissingDataError(
                f"The landing holds no {sha256}. Restore {path} from a backup, or build the issue "
                "from its vendor again."
            )
        if hashlib.sha256(content).hexdigest() != sha256:
            rule = "a landed file keeps the bytes that it arrived with"
            remedy = "Restore it from a backup, or delete it, so that it is fetched again."
            raise DataError(str(path), rule, remedy)
        return content

    def named(self, sha256: str, name: str) -> Delivery | None:
        """The delivery of these bytes under that name, else under any name; None if none.

        Raises:
            MissingDataError: It is indexed, but its bytes are gone.
            DataError: Its bytes have changed.
        """
        rows = self._rows(_newest_first().where(_LANDING.c.sha256 == sha256))
        rows.sort(key=lambda row: row.name != name)
        return self._delivery(rows[0]) if rows else None

    def entries(self) -> pd.DataFrame:
        """The index, the newest first: columns of the table ``landing`` without ``arrival``."""
        frame = pd.DataFrame(
            self._rows(_newest_first()), columns=[column.name for column in _LANDING.columns]
        )
        for column in ("fetched_at", "confirmed_at"):
            frame[column] = pd.to_datetime(frame[column]).dt.tz_localize(UTC)
        return frame.drop(columns="arrival")

    def verify(self) -> list[str]:
        """What is wrong with the landing, one sentence a file with what to do; empty if nothing."""
        entries = self.entries()
        names = dict(zip(entries["sha256"], entries["name"], strict=True))
        problems = []
        for sha256, name in sorted(names.items()):
            try:
                self.load(sha256)
            except (DataError, MissingDataError) as error:
                problems.append(f"{name}: {error}")
        known = {self._path(sha256) for sha256 in names}
        problems += [_explain_orphan(path) for path in self._files() if path not in known]
        return problems

    def _path(self, sha256: str) -> Place:
        return self.folder / sha256[:2] / sha256

    def _files(self) -> list[Place]:
        names = storage.sizes(self.folder)
        return [self.folder / name for name in names if not name.startswith(_ASIDE)]

    def _keep(self, sha256: str, content: bytes) -> None:
        path = self._path(sha256)
        if isinstance(path, ObjectPath):
            if storage.content(path) != content:
                path.write_bytes(content)
            return
        place = path.parents[1] / _ASIDE
        if storage.content(path) == content:
            if place.exists():
                folders.remove_if_left(place)  # by an arrival that was killed
            return
        with outages.explained(), folders.scratch(place) as aside:
            path.parent.mkdir(exist_ok=True)
            (aside / sha256).write_bytes(content)
            (aside / sha256).replace(path)

    @outages.outlasting
    def _index(self, delivery: Delivery) -> datetime:
        with self.warehouse.writing() as connection:
            at = delivery.fetched_at or self._now_after_others(connection, delivery)
            self._enter(connection, delivery, at.astimezone(UTC).replace(tzinfo=None))
        return at

    def _now_after_others(self, connection: Connection, delivery: Delivery) -> datetime:
        """The present time, but not before that of a delivery which this one may take the place of.

        A clock that is set back must not make yesterday's file the newest one.
        """
        latest = select(func.max(_LANDING.c.confirmed_at)).where(
            _LANDING.c.vendor == delivery.vendor, _LANDING.c.interface == delivery.interface
        )
        if delivery.vendor:
            # One call's answers follow each other; of people's files any one follows any other.
            latest = latest.where(_LANDING.c.parameters == _json(delivery.parameters))
        newest: datetime | None = connection.execute(latest).scalar_one()
        now = self.clock()
        if newest is None or newest.replace(tzinfo=UTC) <= now:
            return now
        return newest.replace(tzinfo=UTC) + timedelta(microseconds=1)

    def _enter(self, connection: Connection, delivery: Delivery, at: datetime) -> None:
        described = (
            delivery.sha256,
            delivery.vendor,
            delivery.interface,
            _json(delivery.parameters),
            delivery.name,
        )
        columns = ("sha256", "vendor", "interface", "parameters", "name")
        row = {
            "arrival": hashlib.sha256(json.dumps(described).encode()).hexdigest(),
            **dict(zip(columns, described, strict=True)),
            "fetched_at": at,
            "confirmed_at": at,
            "bytes": len(delivery.content),
        }
        insert = _UPSERT[self.warehouse.engine.dialect.name](_LANDING).values(row)
        later = insert.on_conflict_do_update(
            index_elements=["arrival"],
            set_={"confirmed_at": insert.excluded.confirmed_at},
            where=_LANDING.c.confirmed_at < insert.excluded.confirmed_at,
        )
        connection.execute(later)

    @outages.outlasting
    def _rows(self, query: "Select[tuple[object, ...]]") -> "list[Row[tuple[object, ...]]]":
        with (
            rows.understood(f"table {tables.LANDING}"),
            self.warehouse.engine.connect() as connection,
        ):
            return list(connection.execute(query).all())

    def _deliveries(
        self, query: "Select[tuple[object, ...]]", limit: int | None = None
    ) -> list[Delivery]:
        return self._there(self._rows(query), limit)

    def _there(
        self, rows: "Iterable[Row[tuple[object, ...]]]", limit: int | None = None
    ) -> list[Delivery]:
        """Deliveries whose files are there: one that is gone counts as never fetched."""
        there = (row for row in rows if self._path(row.sha256).is_file())
        return [self._delivery(row) for row in islice(there, limit)]

    def _delivery(self, row: "Row[tuple[object, ...]]") -> Delivery:
        return Delivery(
            vendor=row.vendor,
            name=row.name,
            content=self.load(row.sha256),
            interface=row.interface,
            parameters=json.loads(row.parameters),
            fetched_at=row.confirmed_at.replace(tzinfo=UTC),
        )


@dataclass(frozen=True)
class LandedSource:
    """The source ``landing``: an issue's inputs as they were when it was last built.

    Attributes:
        landing: Where they lie.
        warehouse: Its table ``input_files`` says which they were.
        name: Name of the source.
        pool_file: None: it speaks of the curated pool.
    """

    landing: Landing
    warehouse: Warehouse
    name: str = tables.LANDING
    pool_file: Path | None = None

    def remarks(self) -> tuple[str, ...]:
        """Nothing: what an issue was read from is all used."""
        return ()

    def deliver(self, issue: Issue, table: str) -> Sequence[Delivery]:
        """The files that a raw table of an issue was read from, out of the landing.

        Raises:
            MissingDataError: The table was never built, or a file of it did not pass the landing.
            DataError: The bytes of one have changed.
        """
        inputs = self.warehouse.read(tables.INPUT_FILES, issue.number)
        inputs = inputs[inputs["table"] == table].sort_values("position")
        if inputs.empty and self.warehouse.version(table, issue.number) is None:
            raise MissingDataError(
                f"{table} of issue {issue.number} was never built, so nobody knows its files. "
                "Build it from a vendor first."
            )
        return [
            self._landed(str(sha256), str(name), issue, table)
            for sha256, name in zip(inputs["sha256"], inputs["name"], strict=True)
        ]

    def _landed(self, sha256: str, name: str, issue: Issue, table: str) -> Delivery:
        found = self.landing.named(sha256, name)
        if found is None:
            raise MissingDataError(
                f"{table} of issue {issue.number} was read from {name} ({sha256}), which is not in "
                "the landing. Put the file into the inbox again, or build from its vendor."
            )
        return found


def _newest_first() -> "Select[tuple[object, ...]]":
    return select(_LANDING).order_by(_LANDING.c.confirmed_at.desc(), _LANDING.c.arrival)


def _of_call(vendor: str, interface: str) -> "Select[tuple[object, ...]]":
    return _newest_first().where(_LANDING.c.vendor == vendor, _LANDING.c.interface == interface)


def _json(parameters: Mapping[str, str]) -> str:
    return json.dumps(dict(parameters), ensure_ascii=False, sort_keys=True)


def _with_time(delivery: Delivery, fetched_at: datetime) -> Delivery:
    return Delivery(
        delivery.vendor,
        delivery.name,
        delivery.content,
        delivery.interface,
        dict(delivery.parameters),
        fetched_at,
    )


def _explain_orphan(path: Place) -> str:
    if path.suffix == _TEMPORARY:
        return f"{path}: left by an interrupted arrival. Delete it."
    return (
        f"{path}: in no index; left by an interrupted arrival, or put there by hand. Delete it: "
        "what is missed will be fetched again."
    )
