"""A database of which bytes were damaged: what was written, or an error with what to do."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bj_pipeline.errors import PipelineError
from bj_pipeline.outages import OutageError
from bj_pipeline.warehouse import store, tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.endurance.judging import QUIET, in_time
from bj_pipeline_tests.warehouse.test_store import quotes

PAGE = 4096
CODE, FILE, DAY = b"920046.BJ", b"daily.csv", b"2026-02-13"


@pytest.fixture
def whole(tmp_path) -> bytes:
    """A database with the quotes of an issue."""
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'whole.db'}")
    warehouse.replace(65, {tables.RAW_QUOTES: quotes()})
    warehouse.engine.dispose()
    return (tmp_path / "whole.db").read_bytes()


@pytest.fixture
def look(tmp_path, monkeypatch):
    """Write a database's bytes, read everything as another program would, and compare."""
    monkeypatch.setattr(store, "written_in", lambda _: {})
    monkeypatch.setattr(store, "seen_in", lambda _: set())
    place = tmp_path / "damaged.db"
    expected = quotes().sort_values(["code", "date"], ignore_index=True)

    def look(content: bytes) -> None:
        for end in ("", "-wal", "-shm"):
            place.with_name(place.name + end).unlink(missing_ok=True)
        place.write_bytes(content)
        warehouse = Warehouse(f"sqlite:///{place}")
        try:
            with in_time():
                read = warehouse.read(tables.RAW_QUOTES, 65)
                assert read[["code", "date", "close"]].equals(expected[["code", "date", "close"]])
                for name in (tables.RAW_QUOTES, tables.CHECK_RESULTS, tables.INPUT_FILES):
                    warehouse.read(name)
                warehouse.replace(65, {tables.RAW_QUOTES: quotes(1.0)})
        finally:
            if "engine" in warehouse.__dict__:
                warehouse.engine.dispose()

    return look


def spoilt(content: bytes, at: int, junk: bytes) -> bytes:
    return content[:at] + junk + content[at + len(junk) :]


def test_a_warehouse_with_damaged_bytes_gives_no_wrong_figure(whole, look, thorough):
    pages = st.integers(0, len(whole) // PAGE - 1)
    # The begin of a page says where its rows lie, and its end is where they begin.
    within = st.one_of(
        st.integers(0, 15), st.integers(PAGE - 600, PAGE - 4), st.integers(0, PAGE - 4)
    )

    @settings(max_examples=2000 if thorough else 100, **QUIET)
    @given(st.lists(st.tuples(pages, within, st.binary(min_size=1, max_size=4)), min_size=1))
    def damaged(places):
        content = whole
        for page, at, junk in places:
            content = spoilt(content, page * PAGE + at, junk)
        with suppress(PipelineError):
            look(content)

    damaged()


@pytest.mark.parametrize("text", [CODE, FILE, DAY, b"CREATE TABLE raw_quotes"])
def test_a_text_that_was_damaged_is_told_wherever_it_is_stored(whole, look, text):
    at = whole.index(text)
    for offset in range(len(text)):
        with pytest.raises(PipelineError):
            look(spoilt(whole, at + offset, b"\xff"))


def test_a_row_that_is_no_text_any_more_is_told_as_damage_with_a_way_out(whole, look):
    with pytest.raises(OutageError, match=r"damaged\.db is damaged\. Restore a backup"):
        look(whole.replace(CODE, b"\xff" + CODE[1:]))


def test_a_database_that_was_cut_short_is_told_as_damage(whole, look):
    for size in range(PAGE, len(whole), 5 * PAGE):
        with pytest.raises(OutageError, match="is damaged"):
            look(whole[:size])
