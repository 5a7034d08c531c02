"""``bj-pipeline doctor``: it finds what is wrong, and says what to do."""

import socket
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import pytest
from dagster._daemon.types import DaemonHeartbeat
from pydantic import SecretStr

from bj_pipeline.automation import doctor, inbox_sensor
from bj_pipeline.issues import all_issues
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.automation.home import drop, edit, settled

NOW = datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    return settled(tmp_path, monkeypatch)


def findings(settings, now=NOW, **options):
    return {one.subject: one for one in doctor.diagnose(settings, now, **options)}


def test_a_fresh_home_has_no_failure_and_stays_as_it_was(settings):
    found = findings(settings)
    assert not [one for one in found.values() if one.level == doctor.FAIL]
    assert set(found) >= {
        "source", "files folder", "akshare", "tushare", "home", "database", "inbox",
        "curated files", "font", "calendar", "issues", "daemon",
    }  # fmt: skip
    assert not settings.home.exists()


def test_published_issues_of_a_warehouse_that_was_emptied_are_told(settings):
    place = settings.published / "issue-065"
    place.mkdir(parents=True)
    (place / "report.pdf").write_bytes(b"%PDF")
    for _ in ("no warehouse", "an empty one"):
        found = findings(settings)["published"]
        assert (found.level, "restore" in found.remedy) == (doctor.FAIL, True)
        assert str(place) in found.found
        warehouse = Warehouse(settings.warehouse_url)
        warehouse.engine.dispose()
    row = {"revision": 1, "state": tables.APPROVED, "by": "Li", "at": "2026-03-02T01:15:00+00:00"}
    frame = pd.DataFrame([row | {"hashes": "{}", "data_versions": "{}", "note": ""}])
    with warehouse.appending(65, {tables.APPROVALS: frame}):
        pass
    assert findings(settings)["published"].level == doctor.OK


def test_a_source_without_what_it_needs_fails_with_what_to_do(settings, tmp_path):
    found = findings(settings.model_copy(update={"source": "tushare"}))["tushare"]
    assert (found.level, "BJ_TUSHARE_TOKEN" in found.remedy) == (doctor.FAIL, True)
    missing = settings.model_copy(update={"source": "files", "input": tmp_path / "nowhere"})
    assert findings(missing)["files folder"].level == doctor.FAIL
    unknown = findings(settings.model_copy(update={"source": "terminal"}))["source"]
    assert unknown.level == doctor.FAIL
    assert "akshare" in unknown.remedy


def test_a_profile_is_looked_into(settings, tmp_path):
    profile = tmp_path / "friday.yaml"
    profile.write_text("raw_quotes: [tushare, inbox]\n")
    found = findings(settings.model_copy(update={"source": str(profile)}))
    assert found["source"].level == doctor.OK
    assert found["tushare"].level == doctor.FAIL
    gone = findings(settings.model_copy(update={"source": str(tmp_path / "gone.yaml")}))
    assert "gone.yaml" in gone["source"].found


def test_a_token_is_never_shown(settings):
    planted = "planted-planted-0123456789"
    known = settings.model_copy(
        update={
            "source": "tushare",
            "tushare_token": SecretStr(planted),
            "database_url": f"postgresql://bj:{planted}@127.0.0.1:1/bj",
        }
    )
    found = doctor.diagnose(known, NOW)
    assert planted not in doctor.table(found)
    assert "token set" in doctor.table(found)
    assert {one.subject: one.level for one in found}["database"] == doctor.FAIL


def test_a_landed_file_that_was_cut_is_counted(settings):
    landing = Landing(settings.landing, Warehouse(settings.warehouse_url))
    sent = landing.store(Delivery("tushare", "daily.csv", b"a,b\n1,2\n", "daily"))
    assert findings(settings)["landing"].level == doctor.OK
    (settings.landing / sent.sha256[:2] / sent.sha256).write_bytes(b"a,b\n")
    found = findings(settings)["landing"]
    assert found.level == doctor.FAIL
    assert "1 of 1" in found.found


def test_a_rejected_file_is_a_warning(settings):
    drop(settings, "notes.csv", "a,b\n1,2\n")
    first = inbox_sensor.tick(settings, None, NOW)
    assert findings(settings)["inbox"].level == doctor.OK
    inbox_sensor.tick(settings, first.cursor, NOW)
    assert findings(settings)["inbox"].level == doctor.WARN


def test_a_wrong_curated_file_fails_with_its_line(settings):
    edit(
        settings.reference / "pool.csv", "万源通,电子设备,2024-11-25", "万源通,电子设备,2024-31-25"
    )
    found = findings(settings)["curated files"]
    assert found.level == doctor.FAIL
    assert "pool.csv, line 2" in found.found


def test_a_sector_of_hardly_any_company_is_asked_about(settings):
    assert "sectors" not in findings(settings)
    edit(settings.reference / "pool.csv", "万源通,电子设备", "万源通,電子设备")
    found = findings(settings)["sectors"]
    assert found.level == doctor.WARN
    assert "電子设备 has 1 company: 920060.BJ" in found.found


def test_two_segments_that_differ_by_one_character_are_asked_about(settings):
    assert "segments" not in findings(settings)
    edit(settings.reference / "ai_chain.csv", "亿能电力,AI电源", "亿能电力,AI电原")
    found = findings(settings)["segments"]
    assert (found.level, found.found) == (doctor.WARN, "AI电源 and AI电原 are alike")


def test_content_that_is_not_there_fails(settings, tmp_path):
    found = findings(settings.model_copy(update={"content": tmp_path / "nowhere"}))["content"]
    assert (found.level, "house.yaml" in found.found) == (doctor.FAIL, True)


def test_a_home_that_is_a_device_fails(settings):
    found = findings(settings.model_copy(update={"home": Path("/dev/null")}))["home"]
    assert (found.level, "BJ_HOME" in found.remedy) == (doctor.FAIL, True)


def test_the_end_of_the_calendar_is_announced_in_time(settings):
    last = datetime.combine(all_issues()[-1].close_date, datetime.min.time(), NOW.tzinfo)
    for days, level in ((60, doctor.OK), (59, doctor.WARN), (0, doctor.WARN)):
        assert findings(settings, last - timedelta(days=days))["calendar"].level == level


def test_an_issue_that_is_due_is_named(settings):
    found = findings(settings, datetime(2026, 2, 27, 18, tzinfo=NOW.tzinfo))["issues"]
    assert found.level == doctor.WARN
    assert "due: 65" in found.found


def test_a_daemon_that_fell_silent_fails(settings, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    settings.dagster_home.mkdir(parents=True)
    (settings.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as instance:
        beat = DaemonHeartbeat(NOW.timestamp(), "SENSOR", "one", [])
        instance.add_daemon_heartbeat(beat)
    assert findings(settings)["daemon"].level == doctor.OK
    silent = findings(settings, NOW + timedelta(minutes=6))["daemon"]
    assert silent.level == doctor.FAIL
    assert "bj-pipeline dev" in silent.remedy
    assert findings(settings)["schedule"].level == doctor.WARN


def test_without_online_nothing_leaves_the_machine(settings, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a connection was opened"))
    assert findings(settings)


def test_online_says_which_vendor_does_not_answer(settings, monkeypatch):
    monkeypatch.setattr(doctor, "_AKSHARE_URL", "http://127.0.0.1:1/")
    local = settings.model_copy(update={"source": "akshare", "tushare_url": "http://127.0.0.1:1/"})
    found = findings(local, online=True)
    assert found["akshare online"].level == doctor.FAIL
    assert found["tushare online"].level == doctor.WARN


def test_the_command_prints_the_table_and_its_exit_code(command_line):
    done = command_line("doctor")
    # Once the calendar has ended, that is a failure too.
    assert done.returncode == ("FAIL" in done.stdout), done.stderr
    assert "the embedded sample" in done.stdout
    failed = command_line("doctor", BJ_SOURCE="terminal")
    assert failed.returncode == 1
    assert "FAIL  source" in failed.stdout
    assert "Traceback" not in failed.stderr


def test_it_answers_at_once(settings):
    findings(settings)
    assert "dagster" in sys.modules
    start = time.process_time()
    findings(settings)
    assert time.process_time() - start < 1
