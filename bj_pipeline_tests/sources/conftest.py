"""What tests of the source ``akshare`` share."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.sources.akshare_desk import Desk, small_market
from bj_pipeline_tests.sources.vendor_server import VendorServer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A source, its server and a small market; skipped without the package."""
    if find_spec("akshare") is None:
        pytest.skip("the extra `akshare` is not installed")
    market = small_market()
    landing = Landing(tmp_path / "landing", Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}"))
    with VendorServer() as server:
        market.serve(server)
        yield Desk(server, market, landing, [])
