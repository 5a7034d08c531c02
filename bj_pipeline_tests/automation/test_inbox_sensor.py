"""The inbox: what is taken, where it goes, and which runs are asked for, over simulated ticks."""

import os
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from bj_pipeline.automation import curated_sensor, inbox_sensor
from bj_pipeline.definitions import build
from bj_pipeline.settings import Settings
from bj_pipeline.sources.inbox import understood, withdraw
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.automation.home import LISTINGS, drop, edit, quotes, settled

SHANGHAI = ZoneInfo("Asia/Shanghai")
LATER = datetime(2026, 3, 20, 18, tzinfo=SHANGHAI)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    return settled(tmp_path, monkeypatch)


class Daemon:
    """Ticks as the daemon drives them: the cursor and the run keys outlive a restart."""

    def __init__(self, settings, now=LATER):
        self.settings, self.now = settings, now
        self.cursor: str | None = None
        self.keys: set[str] = set()

    def tick(self, *, killed: bool = False) -> list[dg.RunRequest]:
        """Requests that become runs; a killed daemon starts none and keeps no cursor."""
        result = inbox_sensor.tick(self.settings, self.cursor, self.now)
        self.told = "\n".join(result.told)
        if killed:
            return []
        self.cursor = result.cursor
        fresh = [one for one in result.requests if one.run_key not in self.keys]
        self.keys |= {one.run_key for one in fresh}
        return fresh

    def issues(self, ticks: int = 2) -> list[str]:
        """Issues asked for in some ticks."""
        return [one.partition_key for _ in range(ticks) for one in self.tick()]


@pytest.fixture
def daemon(settings):
    return Daemon(settings)


def names(folder):
    return sorted(path.name for path in folder.glob("*")) if folder.is_dir() else []


def test_a_file_is_landed_and_its_issue_is_asked_for_once(daemon, settings):
    drop(settings, "daily.csv", quotes(65))
    assert daemon.tick() == []
    assert "whole: daily.csv" in daemon.told
    (request,) = daemon.tick()
    assert request.partition_key == "65"
    assert request.run_config["resources"]["pipeline"]["config"]["source"] == "inbox"
    assert names(settings.inbox / "done") == ["daily.csv"]
    assert not (settings.inbox / "daily.csv").exists()
    landed = Landing(settings.landing, Warehouse(settings.warehouse_url)).entries()
    assert list(landed["name"]) == ["daily.csv"]
    assert '"issues": "65"' in landed["parameters"][0]
    assert daemon.issues(3) == []


def test_a_file_that_still_grows_is_waited_for(daemon, settings):
    whole = quotes(65)
    drop(settings, "daily.csv", whole[:500], changed=1_700_000_000)
    assert daemon.issues(1) == []
    drop(settings, "daily.csv", whole, changed=1_700_000_030)
    assert daemon.issues(1) == []
    assert (settings.inbox / "daily.csv").exists()
    assert daemon.issues(1) == ["65"]


def test_a_file_that_is_saved_again_while_it_is_read_lands_as_it_was_saved_last(
    daemon, settings, monkeypatch
):
    drop(settings, "daily.csv", quotes(65))
    daemon.tick()
    place = "bj_pipeline.sources.inbox.understood"

    def slowly(name, content):
        monkeypatch.setattr(place, understood)
        delivery = understood(name, content)
        drop(settings, "daily.csv", quotes(65, scale=2.0), changed=1_700_000_030)
        return delivery

    monkeypatch.setattr(place, slowly)
    daemon.tick()
    assert names(settings.inbox / "done") == []
    assert "has changed" in daemon.told
    daemon.tick()
    daemon.tick()
    landing = Landing(settings.landing, Warehouse(settings.warehouse_url))
    (newest, _) = landing.matching("", "", {})
    assert newest.content.decode() == quotes(65, scale=2.0)
    assert (settings.inbox / "done" / "daily.csv").read_bytes() == newest.content


def test_a_killed_daemon_misses_nothing_and_asks_for_nothing_twice(daemon, settings):
    drop(settings, "daily.csv", quotes(65))
    daemon.tick()
    assert daemon.tick(killed=True) == []
    assert names(settings.inbox / "done") == ["daily.csv"]
    assert daemon.issues(3) == ["65"]


def test_a_daemon_killed_after_the_run_started_does_not_start_it_again(daemon, settings):
    drop(settings, "daily.csv", quotes(65))
    daemon.tick()
    before = daemon.cursor
    assert len(daemon.tick()) == 1
    daemon.cursor = before
    assert daemon.issues(3) == []


def test_a_reset_cursor_starts_nothing_again(daemon, settings):
    drop(settings, "daily.csv", quotes(65))
    assert daemon.issues() == ["65"]
    daemon.cursor = None
    assert daemon.issues(3) == []


def test_two_files_of_one_issue_are_one_run(daemon, settings):
    drop(settings, "daily.csv", quotes(65))
    drop(
        settings,
        "daily_20260227.csv",
        quotes(65).replace("vol\n", "vol,amount\n", 1).replace("00\n", "00,1\n"),
    )
    drop(settings, "stock_basic.csv", LISTINGS)
    assert daemon.issues(3).count("65") == 1


def test_the_same_file_twice_is_one_run(daemon, settings):
    drop(settings, "daily.csv", quotes(65))
    assert daemon.issues() == ["65"]
    drop(settings, "daily.csv", quotes(65), changed=1_700_009_000)
    assert daemon.issues(3) == []
    assert names(settings.inbox / "done") == ["daily.csv"]


def test_a_corrected_file_replaces_the_first_one_and_both_are_kept(daemon, settings):
    drop(settings, "daily.csv", quotes(65))
    assert daemon.issues() == ["65"]
    drop(settings, "daily.csv", quotes(65, scale=2))
    assert daemon.issues() == ["65"]
    done = set(names(settings.inbox / "done"))
    (former,) = done - {"daily.csv"}
    assert len(done) == 2
    assert former.endswith("-daily.csv")


def test_a_file_that_is_put_back_after_another_one_is_news(daemon, settings):
    for scale in (1, 2, 1, 2):
        drop(settings, "daily.csv", quotes(65, scale=scale))
        assert daemon.issues() == ["65"], scale


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("notes.pdf", b"%PDF-1.7 nothing", ["Rule:", "Remedy:", "notes.pdf"]),
        ("daily.csv", b"\x00\x01\x02\xff\xfe" * 40, ["Remedy:"]),
        ("daily.csv", quotes(65).replace(",20260227,", ",2026-02-30,", 1), ["Line:", "day"]),
        ("daily.csv", quotes(65).replace(",vol\n", ",prices\n"), ["vol", "Line:   1"]),
        ("daily.csv", quotes(65).replace("20260213", "19990108").replace("202602", "199901"),
         ["lies in an issue"]),
        ("stock_bj_a_spot_em.csv", "序号,代码,名称\n1,920493,并行科技\n", ["Remedy:"]),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_rejected_with_the_reason(
    daemon, settings, name, content, told
):
    drop(settings, name, content)
    drop(settings, "index_daily.csv", "ts_code,trade_date,close\n899050.BJ,20260213,1500\n"
         "899050.BJ,20260227,1510\n")  # fmt: skip
    assert daemon.issues() == ["65"]
    assert names(settings.inbox / "rejected") == [name, f"{name}.reason.txt"]
    reason = (settings.inbox / "rejected" / f"{name}.reason.txt").read_text()
    assert all(word in reason for word in told), reason
    assert "Traceback" not in reason
    assert daemon.issues() == []


def test_a_link_in_the_place_of_a_reason_is_replaced_and_what_it_leads_to_is_left(
    daemon, settings, tmp_path
):
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    drop(settings, "notes.csv", "notes\n")
    (settings.inbox / "rejected").mkdir()
    (settings.inbox / "rejected" / "notes.csv.reason.txt").symlink_to(mine)
    daemon.issues(2)
    assert mine.read_text() == "mine"
    assert "Rule:" in (settings.inbox / "rejected" / "notes.csv.reason.txt").read_text()


@pytest.mark.parametrize("name", ["done", "rejected"])
def test_a_file_called_as_a_folder_of_the_inbox_holds_up_no_other(daemon, settings, name):
    drop(settings, name, "notes\n")
    drop(settings, "daily.csv", quotes(65))
    assert daemon.issues(2) == ["65"]
    assert names(settings.inbox / "done") == ["daily.csv"]
    (refused, _) = names(settings.inbox / "rejected")
    assert (settings.inbox / "rejected" / refused).read_text() == "notes\n"


def test_a_second_refused_file_of_that_name_leaves_the_first_with_its_reason(daemon, settings):
    for content in ("a,b\n1,2\n", "c,d\n3,4\n"):
        drop(settings, "daily.csv", content)
        daemon.issues()
    assert len(names(settings.inbox / "rejected")) == 4


def test_links_folders_hidden_and_unfinished_files_are_left_alone(daemon, settings, tmp_path):
    (tmp_path / "secret.csv").write_text(quotes(65))
    settings.inbox.mkdir(parents=True)
    (settings.inbox / "link.csv").symlink_to(tmp_path / "secret.csv")
    (settings.inbox / "folder.csv").mkdir()
    os.mkfifo(settings.inbox / "pipe.csv")
    for name in (".daily.csv", "~$daily.xlsx", "daily.csv.part", "daily.csv.crdownload"):
        drop(settings, name, quotes(65))
    before = names(settings.inbox)
    assert daemon.issues(3) == []
    assert names(settings.inbox) == before
    assert (tmp_path / "secret.csv").exists()


def test_an_issue_that_has_not_closed_is_asked_for_when_it_closes(settings):
    daemon = Daemon(settings, datetime(2026, 2, 27, 15, tzinfo=SHANGHAI))
    drop(settings, "daily.csv", quotes(65))
    assert daemon.issues(3) == []
    daemon.now = datetime(2026, 2, 27, 18, tzinfo=SHANGHAI)
    assert daemon.issues(2) == ["65"]


def test_a_list_without_days_renews_the_newest_issue_alone(daemon, settings):
    drop(settings, "daily_64.csv", quotes(64))
    drop(settings, "daily_65.csv", quotes(65))
    assert sorted(daemon.issues()) == ["64", "65"]
    drop(settings, "stock_basic.csv", LISTINGS)
    assert daemon.issues(3) == ["65"]
    drop(settings, "daily_66.csv", quotes(66))
    assert daemon.issues(3) == ["66"]


def test_a_list_alone_asks_for_nothing(daemon, settings):
    drop(settings, "stock_basic.csv", LISTINGS)
    assert daemon.issues(3) == []
    assert names(settings.inbox / "done") == ["stock_basic.csv"]


def test_a_configured_profile_reads_the_inbox_among_others(daemon, settings, tmp_path):
    profile = tmp_path / "friday.yaml"
    profile.write_text("raw_quotes: [inbox, akshare]\n")
    daemon.settings = settings.model_copy(update={"source": str(profile)})
    drop(settings, "daily.csv", quotes(65))
    daemon.tick()
    (request,) = daemon.tick()
    assert request.run_config["resources"]["pipeline"]["config"]["source"] == str(profile)


def test_a_tick_without_news_opens_no_file(daemon, settings, monkeypatch):
    drop(settings, "daily.csv", quotes(65))
    daemon.issues()
    monkeypatch.setattr(Landing, "load", lambda *_: pytest.fail("a landed file was read"))
    assert daemon.issues(2) == []


def test_the_sensor_as_dagster_evaluates_it(settings):
    drop(settings, "daily.csv", quotes(65))
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = None
        for _ in range(2):
            context = dg.build_sensor_context(
                instance=instance,
                cursor=cursor,
                repository_def=build(settings).get_repository_def(),
            )
            data = inbox_sensor.inbox.evaluate_tick(context)
            cursor = data.cursor
    (request,) = data.run_requests
    assert request.partition_key == "65"
    assert request.tags["dagster/partition"] == "65"


def run(settings, request, instance):
    """Start a request as the daemon does, and wait for it."""
    name = request.job_name or "issue"
    job = build(settings).resolve_job_def(name)
    if request.asset_selection:
        job = job.get_subset(
            asset_selection=set(request.asset_selection),
            asset_check_selection=set(request.asset_check_keys),
        )
    return job.execute_in_process(
        partition_key=request.partition_key,
        instance=instance,
        raise_on_error=False,
        tags=request.tags,
        run_config=request.run_config
        | {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def test_from_the_inbox_to_the_report_and_from_an_edit_of_the_pool_to_its_next_edition(
    daemon, settings
):
    drop(settings, "daily.csv", quotes(65))
    daemon.tick()
    (request,) = daemon.tick()
    first = curated_sensor.tick(settings, None)
    assert first.requests == []
    warehouse = Warehouse(settings.warehouse_url)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(settings, request, instance).success
        assert (settings.artifacts / "issue-065" / "manifest.json").is_file()
        before = warehouse.read(tables.SECTOR_METRICS, 65).set_index("sector")["companies"]

        edit(settings.reference / "pool.csv", "万源通,电子设备", "万源通,机械设备")
        seen = curated_sensor.tick(settings, first.cursor)
        assert seen.requests == []
        second = curated_sensor.tick(settings, seen.cursor)
        (request,) = second.requests
        assert request.partition_key == "65"
        assert request.run_config["resources"]["pipeline"]["config"]["source"] == "inbox"
        done = run(settings, request.with_replaced_attrs(job_name="__ASSET_JOB"), instance)
        assert done.success
    steps = {event.step_key for event in done.get_step_success_events()}
    assert not {name for name in steps if name.startswith("raw_") and name != "raw_checks"}
    assert {"company_universe", "sector_metrics", "report_pdf", "issue_manifest"} <= steps
    after = warehouse.read(tables.SECTOR_METRICS, 65).set_index("sector")["companies"]
    assert after["电子设备"] == before["电子设备"] - 1
    assert after["机械设备"] == before["机械设备"] + 1
    assert curated_sensor.tick(settings, second.cursor).requests == []


def test_an_issue_is_built_again_when_one_of_its_files_is_withdrawn(daemon, settings):
    drop(settings, "daily.csv", quotes(65))
    drop(settings, "contradicts.csv", quotes(65, scale=1.1))
    assert daemon.issues() == ["65"]
    landing = Landing(settings.landing, Warehouse(settings.warehouse_url))
    withdraw(landing, "contradicts.csv")
    assert daemon.issues() == ["65"]
    withdraw(landing, "daily.csv")
    assert daemon.issues() == []


def test_the_command_line_lists_and_withdraws_what_came_through_the_inbox(command_line):
    settings = Settings(home=command_line.home)
    drop(settings, "daily.csv", quotes(65))
    cursor = None
    for _ in range(2):
        cursor = inbox_sensor.tick(settings, cursor, LATER).cursor
    assert "daily.csv" in command_line("inbox", "list").stdout
    done = command_line("inbox", "withdraw", "daily.csv")
    assert (done.returncode, "is read no more" in done.stdout) == (0, True)
    assert "daily.csv" not in command_line("inbox", "list").stdout
    again = command_line("inbox", "withdraw", "daily.csv")
    assert again.returncode == 4
    assert "inbox list" in again.stderr
