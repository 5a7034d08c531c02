"""Edits of curated files: which issues they touch, and from where down these are built again."""

import pytest

from bj_pipeline.automation import curated_sensor
from bj_pipeline.issues import by_number
from bj_pipeline.report.analyst_file import folder_of
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse, data_version
from bj_pipeline_tests.automation.home import edit, settled

REPORT = {"report_document", "report_figures", "report_html", "report_pdf", "issue_manifest"}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A home whose warehouse knows issues 1 and 65 from vendors, and figures of issue 64."""
    settings = settled(tmp_path, monkeypatch)
    every = [*tables.RAW_TABLES, tables.SECTOR_METRICS, tables.MARKET_METRICS]
    for number, names in ((1, every), (64, every[:-1]), (65, every)):
        enter(settings, number, names, vendor="tushare")
    return settings


def enter(settings, number, names, *, vendor):
    """Note in the warehouse that an issue was built, without its rows."""
    warehouse = Warehouse(settings.warehouse_url)
    inputs = warehouse.read(tables.INPUT_FILES)
    empty = {name: warehouse.read(name).drop(columns="issue").head(0) for name in names}
    versions = warehouse.replace(number, empty)
    assert versions[names[0]] == data_version(empty[names[0]])
    row = dict.fromkeys(inputs.columns.drop(["issue", "table"]), "x")
    row |= {"vendor": vendor, "position": 0, "bytes": 1, "rows": 1}
    files = inputs.head(0).drop(columns=["issue", "table"]).astype(object)
    files.loc[0] = row
    warehouse.replace_input_files(number, tables.RAW_QUOTES, "sample", files)


class Daemon:
    def __init__(self, settings):
        self.settings = settings
        self.cursor: str | None = None

    def tick(self):
        result = curated_sensor.tick(self.settings, self.cursor)
        self.cursor, self.told = result.cursor, "\n".join(result.told)
        return result.requests

    def settle(self):
        """Everything that is asked for until an edit has been dealt with."""
        return [one for _ in range(3) for one in self.tick()]


@pytest.fixture
def daemon(settings):
    daemon = Daemon(settings)
    assert daemon.tick() == []
    assert "Took note" in daemon.told
    return daemon


def assets(request):
    return {key.to_user_string() for key in request.asset_selection}


def checks(request):
    return {key.name for key in request.asset_check_keys}


def test_without_an_edit_nothing_is_asked_for_and_no_file_is_read(daemon, monkeypatch):
    monkeypatch.setattr(curated_sensor, "signatures", lambda _: pytest.fail("files were read"))
    assert daemon.settle() == []


def test_a_changed_sector_builds_every_issue_in_which_it_holds_from_the_universe_down(
    daemon, settings
):
    edit(settings.reference / "pool.csv", "万源通,电子设备", "万源通,机械设备")
    requests = {one.partition_key: one for one in daemon.settle()}
    assert set(requests) == {"1", "64", "65"}
    whole = assets(requests["65"])
    assert whole >= {"company_universe", "company_metrics", "sector_trends", *REPORT}
    assert not {name for name in whole if name.startswith("raw_")}
    assert {"daily_moves_respect_the_limit", "universe_is_well_formed"} <= checks(requests["65"])
    assert assets(requests["64"]) == {
        "company_universe", "ai_chain_classification", "company_metrics", "sector_metrics",
    }  # fmt: skip
    assert daemon.settle() == []


def test_an_edit_is_acted_upon_once_the_file_rests(daemon, settings):
    path = settings.reference / "pool.csv"
    edit(path, "万源通,电子设备", "万源通,机械设备", changed=1_700_000_000)
    assert daemon.tick() == []
    edit(path, "雷神科技,电子设备", "雷神科技,汽车", changed=1_700_000_030)
    assert daemon.tick() == []
    assert len(daemon.tick()) == 3


def test_a_company_that_joins_later_touches_no_earlier_issue(daemon, settings):
    path = settings.reference / "pool.csv"
    path.write_text(path.read_text() + "920999.BJ,新公司,汽车,2026-02-20,,proposed\n")
    assert [one.partition_key for one in daemon.settle()] == ["65"]


def test_a_changed_segment_leaves_the_universe_alone(daemon, settings):
    text = (settings.reference / "ai_chain.csv").read_text()
    line = text.splitlines()[1]
    edit(settings.reference / "ai_chain.csv", line, line + "（改）")
    requests = {one.partition_key: one for one in daemon.settle()}
    assert {"1", "65"} <= set(requests)
    assert "company_universe" not in assets(requests["65"])
    assert assets(requests["65"]) >= {"ai_chain_classification", "ai_chain_metrics", *REPORT}


def test_changed_buckets_touch_the_issues_in_which_they_hold(daemon, settings):
    path = settings.reference / "buckets.csv"
    rows = path.read_text().splitlines()
    newer = [row.replace(rows[1].split(",")[0], "2026-02-20", 1) for row in rows[1:]]
    newer[0] = newer[0].replace(newer[0].split(",")[2], "亏损")
    path.write_text("\n".join([*rows, *newer]) + "\n")
    (request,) = daemon.settle()
    assert request.partition_key == "65"
    assert assets(request) >= {"bucket_counts", *REPORT}
    assert "company_metrics" not in assets(request)


def test_an_edited_topic_page_builds_its_issue_from_the_document_down(daemon, settings):
    edit(folder_of(by_number(65), settings.content / "issues") / "topic.md", "。", "！")
    (request,) = daemon.settle()
    assert request.partition_key == "65"
    assert assets(request) >= REPORT
    assert not assets(request) & {"company_metrics", "sector_trends"}


def test_a_topic_page_of_an_issue_that_is_not_built_is_no_ones_concern(daemon, settings):
    folder = folder_of(by_number(66), settings.content / "issues")
    folder.mkdir()
    (folder / "topic.md").write_text("not finished")
    assert daemon.settle() == []


def test_an_invalid_file_is_named_and_asked_for_once_corrected(daemon, settings):
    path = settings.reference / "pool.csv"
    edit(path, "万源通,电子设备,2024-11-25", "万源通,机械设备,2024-31-25", changed=1_700_000_000)
    assert daemon.settle() == []
    for word in ("pool.csv", "line 2", "joined is a date", "2024-31-25"):
        assert word in daemon.told
    edit(path, "2024-31-25", "2024-11-25", changed=1_700_000_030)
    assert {one.partition_key for one in daemon.settle()} == {"1", "64", "65"}


def test_a_wrong_topic_page_is_named_until_corrected_and_does_not_hold_up_the_pool(
    daemon, settings
):
    page = folder_of(by_number(65), settings.content / "issues") / "topic.md"
    edit(page, "key_point:", "keypoint:")
    edit(settings.reference / "pool.csv", "万源通,电子设备", "万源通,机械设备")
    requests = daemon.settle()
    assert {one.partition_key for one in requests} == {"1", "64", "65"}
    assert daemon.tick() == []
    assert "topic.md" in daemon.told
    edit(page, "keypoint:", "key_point: 新的", changed=1_700_000_060)
    assert [one.partition_key for one in daemon.settle()] == ["65"]


def test_an_edit_that_is_made_again_is_asked_for_again(daemon, settings):
    path = settings.reference / "pool.csv"
    pairs = [("电子设备", "机械设备"), ("机械设备", "电子设备"), ("电子设备", "机械设备")]
    keys = set()
    for number, (old, new) in enumerate(pairs):
        edit(path, f"万源通,{old}", f"万源通,{new}", changed=1_700_000_000 + number)
        requests = daemon.settle()
        assert len(requests) == 3
        keys |= {one.run_key for one in requests}
    assert len(keys) == 9


def test_a_killed_tick_asks_again_under_the_same_key(daemon, settings):
    edit(settings.reference / "pool.csv", "万源通,电子设备", "万源通,机械设备")
    daemon.tick()
    before = daemon.cursor
    keys = [one.run_key for one in daemon.tick()]
    daemon.cursor = before
    assert [one.run_key for one in daemon.tick()] == keys


def test_an_edit_made_while_the_issue_is_being_built_is_not_missed(daemon, settings):
    edit(settings.reference / "pool.csv", "万源通,电子设备", "万源通,机械设备")
    daemon.tick()
    enter(settings, 30, [*tables.RAW_TABLES], vendor="tushare")
    assert "30" in {one.partition_key for one in daemon.settle()}


def test_the_curated_pool_does_not_touch_the_sample(daemon, settings):
    enter(settings, 65, [tables.RAW_QUOTES], vendor="sample")
    edit(settings.reference / "pool.csv", "万源通,电子设备", "万源通,机械设备")
    assert {one.partition_key for one in daemon.settle()} == {"1", "64"}
