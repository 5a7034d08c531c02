"""The landing zone: what arrived is kept, found again, and checked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from bj_pipeline.errors import DataError, MissingDataError
from bj_pipeline.issues import by_number
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import LandedSource, Landing
from bj_pipeline.sources.layouts import read
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DAY = {"trade_date": "20260227"}


class Clock:
    """A clock that goes on by a minute whenever it is read."""

    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    return Landing(tmp_path / "landing", warehouse, Clock())


def delivery(content: bytes = b"ts_code\n920493.BJ\n", **changes: object) -> Delivery:
    given = {"vendor": "tushare", "name": "daily_20260227.csv", "interface": "daily"}
    return Delivery(**{**given, "content": content, "parameters": DAY, **changes})


def files(landing: Landing) -> list[Path]:
    return sorted(path for path in landing.folder.rglob("*") if path.is_file())


def test_what_arrives_is_kept_byte_for_byte_under_its_hash(landing):
    content = "\ufeff代码\r\n920493\x00\r\n".encode()
    stored = landing.store(delivery(content))
    assert [path.relative_to(landing.folder).as_posix() for path in files(landing)] == [
        f"{stored.sha256[:2]}/{stored.sha256}"
    ]
    assert landing.load(stored.sha256) == content
    assert stored.fetched_at == MONDAY + timedelta(minutes=1)


def test_the_same_bytes_twice_are_stored_once(landing):
    landing.store(delivery())
    landing.store(delivery())
    assert len(files(landing)) == 1
    assert len(landing.entries()) == 1


def test_the_same_bytes_of_another_call_share_the_file_and_have_their_own_row(landing):
    landing.store(delivery())
    landing.store(delivery(parameters={"trade_date": "20260226"}, name="daily_20260226.csv"))
    assert len(files(landing)) == 1
    assert sorted(landing.entries()["name"]) == ["daily_20260226.csv", "daily_20260227.csv"]


def test_the_newest_delivery_of_a_call_is_found_whatever_the_order_of_its_parameters(landing):
    call = {"ts_code": "920493.BJ", "period": "20241231"}
    landing.store(delivery(b"first", parameters=call))
    landing.store(delivery(b"second", parameters=call))
    found = landing.find("tushare", "daily", dict(reversed(call.items())))
    assert found is not None
    assert (found.content, found.parameters) == (b"second", call)
    assert found.fetched_at == MONDAY + timedelta(minutes=2)


def test_a_vendor_that_takes_a_correction_back_is_believed(landing):
    for content in (b"first", b"corrected", b"first"):
        landing.store(delivery(content))
    found = landing.find("tushare", "daily", DAY)
    assert found is not None
    assert found.content == b"first"
    first = landing.entries().set_index("sha256").loc[found.sha256]
    assert first["fetched_at"] == MONDAY + timedelta(minutes=1)
    assert first["confirmed_at"] == MONDAY + timedelta(minutes=3)


def test_landing_an_old_delivery_again_does_not_make_it_new(landing):
    old = landing.store(delivery(b"first"))
    landing.store(delivery(b"second"))
    landing.store(old)
    found = landing.find("tushare", "daily", DAY)
    assert found is not None
    assert found.content == b"second"


@pytest.mark.parametrize(
    ("vendor", "interface", "parameters"),
    [
        ("akshare", "daily", DAY),
        ("tushare", "adj_factor", DAY),
        ("tushare", "daily", {}),
        ("tushare", "daily", {**DAY, "ts_code": "920493.BJ"}),
    ],
)
def test_another_call_does_not_find_it(landing, vendor, interface, parameters):
    landing.store(delivery())
    assert landing.find(vendor, interface, parameters) is None


def test_matching_deliveries_come_newest_first(landing):
    for day in ("20260226", "20260227"):
        landing.store(delivery(day.encode(), parameters={"symbol": "920493", "end": day}))
    landing.store(delivery(b"other", parameters={"symbol": "920001"}))
    found = landing.matching("tushare", "daily", {"symbol": "920493"})
    assert [each.content for each in found] == [b"20260227", b"20260226"]
    assert len(landing.matching("tushare", "daily", {})) == 3


def test_asking_for_some_deliveries_reads_no_other_one(landing):
    wanted = landing.store(delivery(b"wanted", parameters={"symbol": "920493", "adjust": "a_%"}))
    other = landing.store(delivery(b"other", parameters={"symbol": "920493", "adjust": "A_%"}))
    landing._path(other.sha256).write_bytes(b"damaged")
    (found,) = landing.matching("tushare", "daily", {"adjust": "a_%", "symbol": "920493"})
    assert found.sha256 == wanted.sha256
    assert landing.matching("tushare", "daily", {"adjust": "a"}) == []
    with pytest.raises(DataError):
        landing.matching("tushare", "daily", {"symbol": "920493"})


def test_arrivals_at_the_same_time_lose_nothing(landing):
    contents = [str(number % 5).encode() for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda content: landing.store(delivery(content)), contents))
    assert len(files(landing)) == len(landing.entries()) == 5
    assert landing.verify() == []


def test_a_changed_byte_is_found_and_never_read(landing):
    stored = landing.store(delivery(b"12.30"))
    files(landing)[0].write_bytes(b"12.31")
    (problem,) = landing.verify()
    assert "daily_20260227.csv" in problem
    assert stored.sha256 in problem
    assert "backup" in problem
    for reading in (
        lambda: landing.load(stored.sha256),
        lambda: landing.find("tushare", "daily", DAY),
    ):
        with pytest.raises(DataError, match="keeps the bytes"):
            reading()


def test_damage_is_mended_when_the_same_bytes_arrive_again(landing):
    landing.store(delivery(b"12.30"))
    files(landing)[0].write_bytes(b"12.31")
    landing.store(delivery(b"12.30"))
    assert landing.verify() == []


def test_a_file_that_is_gone_is_named_and_counts_as_never_fetched(landing):
    stored = landing.store(delivery())
    files(landing)[0].unlink()
    (problem,) = landing.verify()
    assert "daily_20260227.csv" in problem
    assert "backup" in problem
    assert landing.find("tushare", "daily", DAY) is None
    with pytest.raises(MissingDataError, match=stored.sha256):
        landing.load(stored.sha256)


def test_what_an_interrupted_arrival_left_is_named_with_what_to_do(landing):
    kept = landing.store(delivery())
    folder = files(landing)[0].parent
    (folder / f"{kept.sha256}.1.part").write_bytes(b"half")
    (folder / ("0" * 64)).write_bytes(b"unknown")
    unknown, half = landing.verify()
    assert "in no index" in unknown
    assert "interrupted arrival. Delete it" in half


def test_an_empty_landing_is_in_order(landing):
    assert landing.verify() == []
    assert landing.entries().empty


def test_an_issue_is_rebuilt_from_the_landing_without_its_vendor(landing):
    issue = by_number(65)
    text = "ts_code,trade_date,close\n920493.BJ,20260213,10.5\n920493.BJ,20260227,11\n"
    factors = "ts_code,trade_date,adj_factor\n920493.BJ,20260213,1.0\n920493.BJ,20260227,1.0\n"
    sent = [
        landing.store(delivery(text.encode(), name="daily.csv", parameters={})),
        landing.store(
            delivery(factors.encode(), name="adj.csv", interface="adj_factor", parameters={})
        ),
    ]
    first = read(sent, tables.RAW_QUOTES, issue)
    landing.warehouse.replace(issue.number, {tables.RAW_QUOTES: first.frame})
    landing.warehouse.replace_input_files(issue.number, tables.RAW_QUOTES, "sample", first.files)

    source = LandedSource(landing, landing.warehouse)
    delivered = source.deliver(issue, tables.RAW_QUOTES)
    again = read(delivered, tables.RAW_QUOTES, issue)
    assert sorted(again.files["sha256"]) == sorted(first.files["sha256"])
    assert again.frame.equals(first.frame)
    with pytest.raises(MissingDataError, match="raw_listings of issue 65 was never built"):
        source.deliver(issue, tables.RAW_LISTINGS)


def test_a_rebuild_names_the_file_that_never_passed_the_landing(landing):
    issue = by_number(65)
    text = "ts_code,trade_date,close\n920493.BJ,20260213,10.5\n920493.BJ,20260227,11\n"
    unlanded = read([delivery(text.encode(), parameters={})], tables.RAW_QUOTES, issue)
    landing.warehouse.replace_input_files(issue.number, tables.RAW_QUOTES, "sample", unlanded.files)
    with pytest.raises(MissingDataError, match=r"read from daily_20260227\.csv"):
        LandedSource(landing, landing.warehouse).deliver(issue, tables.RAW_QUOTES)


def test_the_index_can_be_made_on_postgresql():
    text = str(CreateTable(tables.table(tables.LANDING)).compile(dialect=postgresql.dialect()))
    assert "PRIMARY KEY (arrival)" in text
