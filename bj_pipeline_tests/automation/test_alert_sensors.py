"""The alert sensors over real runs on a real instance, with messages to a real server."""

import os
import shutil
import signal
from datetime import datetime

import dagster as dg
import pytest

from bj_pipeline.assets.partitions import ISSUES, SHANGHAI
from bj_pipeline.automation import alert_tick, notify
from bj_pipeline.automation.alert_sensors import late_alerts, ready_alerts, trouble_alerts
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.stopping import cancelled_if_stopped
from bj_pipeline.definitions import build
from bj_pipeline.errors import CheckFailedError, DataError
from bj_pipeline.quality.asset_checks import BROKEN_RULES
from bj_pipeline.settings import PACKAGE, Settings
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline_tests.end_to_end.test_rebuild import _quotes
from bj_pipeline_tests.sources.vendor_server import Response, VendorServer

pytestmark = pytest.mark.filterwarnings(
    "ignore:Specifying a partitions_def on an AssetCheckSpec", "ignore:.*imghdr"
)

SECRETS = ("pass-w0rd-planted", "t0ken-planted", "tushare-planted")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A webhook to which the installation of the test sends its alerts."""
    monkeypatch.setenv("BJ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BJ_TUSHARE_TOKEN", "tushare-planted")
    monkeypatch.setenv("BJ_UI_URL", "http://ui.example/")
    with VendorServer() as server:
        host = server.url.removeprefix("http://")
        monkeypatch.setenv(
            "BJ_ALERT_URLS", f"json://ops:pass-w0rd-planted@{host}/hook?-token=t0ken-planted"
        )
        server.answer("/hook", "ok")
        yield server


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def messages(server):
    return [(one.json["title"], one.json["message"]) for one in server.requests]


def titles(server):
    return [title for title, _ in messages(server)]


class Sensor:
    """A sensor whose cursor is kept from tick to tick, as the daemon keeps it."""

    def __init__(self, sensor, instance, definitions=None):
        self.sensor, self.instance = sensor, instance
        self.repository = definitions.get_repository_def() if definitions else None
        self.cursor = None

    def tick(self, *, killed=False):
        """One tick; a daemon that is killed in it does not keep the cursor."""
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=self.repository
        ) as context:
            data = self.sensor.evaluate_tick(context)
        assert not data.run_requests
        if not killed:
            self.cursor = data.cursor or self.cursor
        shown = f"{data.skip_message} {data.cursor}"
        assert not [secret for secret in SECRETS if secret in shown], shown
        return data.skip_message


class Weather:
    """A small pipeline that goes wrong in the way that its configuration says."""

    def __init__(self, instance):
        @dg.asset(partitions_def=ISSUES, owners=["team:data"])
        def quotes(context: dg.AssetExecutionContext, config: Fault) -> None:
            context.log.debug("quotes of %s", context.partition_key)
            if config.error == "data":
                raise DataError(config.text, "close is positive", "Correct the file.", row=7)
            if config.error == "blocked":
                raise CheckFailedError("Issue 65: blocked by the check is_warm of quotes: cold.")
            if config.error == "stopped":
                signal.raise_signal(signal.SIGINT)
            if config.error:
                raise RuntimeError(config.text)

        @dg.multi_asset_check(
            specs=[
                dg.AssetCheckSpec("is_warm", asset=quotes, blocking=True, partitions_def=ISSUES),
                dg.AssetCheckSpec("is_dry", asset=quotes, partitions_def=ISSUES),
            ]
        )
        def quotes_checks(config: Fault):
            for name, severity in (
                ("is_warm", dg.AssetCheckSeverity.ERROR),
                ("is_dry", dg.AssetCheckSeverity.WARN),
            ):
                rows = dg.MetadataValue.table([dg.TableRecord({"name": config.text})])
                yield dg.AssetCheckResult(
                    check_name=name,
                    asset_key="quotes",
                    passed=name not in config.failing,
                    severity=severity,
                    metadata={
                        BROKEN_RULES: dg.MetadataValue.text(f"{name}: 1 of 2 rows"),
                        "rows": rows,
                        "remedy": "Wait for the sun.",
                    },
                )

        @dg.asset(partitions_def=ISSUES, deps=[quotes])
        def report() -> None:
            return None

        @dg.asset(partitions_def=ISSUES, deps=[report])
        def issue_manifest(config: Fault) -> dg.MaterializeResult[None]:
            return dg.MaterializeResult(metadata={"sha256": config.text})

        self.instance = instance
        self.definitions = dg.Definitions(
            assets=[quotes, report, issue_manifest],
            asset_checks=[quotes_checks],
            jobs=[dg.define_asset_job("weather", selection=dg.AssetSelection.all())],
            executor=dg.in_process_executor,
        )

    def run(self, number=65, error="", failing=(), text="x", tags=None, only=None, run_id=None):
        fault = {"config": {"error": error, "failing": list(failing), "text": text}}
        steps = ["quotes"] if only else ["quotes", "quotes_checks", "issue_manifest"]
        return self.definitions.resolve_job_def("weather").execute_in_process(
            partition_key=str(number),
            instance=self.instance,
            raise_on_error=False,
            run_id=run_id,
            tags=tags,
            asset_selection=[dg.AssetKey("quotes")] if only else None,
            run_config=QUIET | {"ops": dict.fromkeys(steps, fault)},
        )


class Fault(dg.Config):
    error: str = ""
    failing: list[str] = []  # noqa: RUF012 - Dagster's configuration copies it
    text: str = "x"


@pytest.fixture
def weather(instance):
    return Weather(instance)


@pytest.fixture
def trouble(weather, instance):
    return Sensor(trouble_alerts, instance, weather.definitions)


def test_without_addresses_a_tick_does_nothing(monkeypatch, weather, trouble):
    monkeypatch.delenv("BJ_ALERT_URLS", raising=False)
    monkeypatch.delenv("BJ_ALERT_URLS_FILE", raising=False)
    weather.run(error="crash")
    assert "BJ_ALERT_URLS is not set" in trouble.tick()
    assert trouble.cursor is None


def test_a_failed_run_is_told_with_issue_step_reason_owner_and_link(server, weather, trouble):
    run = weather.run(error="data", text="daily.csv")
    trouble.tick()
    ((title, message),) = messages(server)
    assert title == "【失败】第 65 期：运行失败"
    assert "步骤 quotes（负责 team:data）" in message
    assert "原因：DataError：daily.csv, line 7: close is positive. Correct the file." in message
    assert f"http://ui.example/runs/{run.run_id}" in message


def test_a_check_that_stops_a_run_is_one_alert_and_not_two(server, weather, trouble):
    weather.run(failing=["is_warm", "is_dry"])
    trouble.tick()
    ((title, message),) = messages(server)
    assert title == "【失败】第 65 期：1 项检查未通过，其后各步已停"
    assert "检查 is_warm（严重，quotes，负责 team:data）" in message
    assert "检查 is_dry（提示，quotes，负责 team:data）" in message
    assert message.index("is_warm") < message.index("is_dry")
    assert "Wait for the sun." in message


def test_a_check_that_only_warns_is_told_though_the_run_ends_well(server, weather, trouble):
    assert weather.run(failing=["is_dry"]).success
    trouble.tick()
    assert titles(server) == ["【警告】第 65 期：1 项检查未通过，运行已完成"]


def test_a_run_in_which_all_is_well_is_not_told(server, weather, trouble):
    weather.run()
    assert trouble.tick() == "Nothing to tell."
    assert not server.requests


def test_a_hostile_name_is_shown_and_not_interpreted(server, weather, trouble):
    weather.run(failing=["is_dry"], text="*ST坏[点我](http://evil.example)\n<at>")
    trouble.tick()
    ((_, message),) = messages(server)
    assert "＊ST坏［点我］(http：//evil.example) ＜at＞" in message


def test_a_run_that_was_stopped_with_ctrl_c_is_not_told(server, instance, weather, trouble):
    run_id = "7d5b0d3c-0f5d-4a0e-9d0a-6f7a3a0b6c11"
    with cancelled_if_stopped(instance, run_id):
        weather.run(error="stopped", run_id=run_id)
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.CANCELED
    assert trouble.tick() == "Nothing to tell."
    assert titles(server) == []


def test_the_same_cause_is_counted_and_not_repeated(server, weather, trouble):
    for _ in range(3):
        weather.run(failing=["is_warm"])
        told = trouble.tick()
    assert "now 3 times" in told
    assert len(server.requests) == 1


def test_a_run_stopped_by_an_earlier_runs_check_is_the_same_cause(server, weather, trouble):
    weather.run(failing=["is_warm"])
    trouble.tick()
    weather.run(error="blocked", only="quotes")
    assert "now 2 times" in trouble.tick()
    assert len(server.requests) == 1


def test_another_issue_or_another_row_is_another_cause(server, weather, trouble):
    weather.run(65, failing=["is_dry"], text="one")
    trouble.tick()
    weather.run(64, failing=["is_dry"], text="one")
    weather.run(65, failing=["is_dry"], text="two")
    trouble.tick()
    assert [title[4:10] for title in titles(server)] == ["第 65 期", "第 64 期", "第 65 期"]


def test_an_error_that_words_itself_anew_each_time_is_one_cause(server, weather, trouble):
    for attempt in range(3):
        weather.run(error="crash", text=f"connection 0x{attempt:x} lost")
        trouble.tick()
    assert len(server.requests) == 1


def test_what_fails_again_after_it_was_well_is_told_again(server, weather, trouble):
    for failing in (["is_dry"], [], ["is_dry"]):
        weather.run(failing=failing)
        trouble.tick()
    assert len(server.requests) == 2


def test_a_cause_seen_before_is_marked_when_a_new_one_joins_it(server, weather, trouble):
    weather.run(failing=["is_dry"])
    trouble.tick()
    weather.run(failing=["is_dry", "is_warm"])
    trouble.tick()
    assert "is_dry（提示，quotes，负责 team:data，第 2 次）" in messages(server)[1][1]


def test_a_secret_in_an_error_does_not_go_out(server, weather, trouble):
    weather.run(error="crash", text="token tushare-planted refused for pass-w0rd-planted")
    trouble.tick()
    body = server.requests[0].body.decode()
    assert not [secret for secret in SECRETS if secret in body]
    assert "token *** refused" in messages(server)[0][1].replace("＊", "*")


def test_a_daemon_killed_in_a_tick_sends_at_most_once_more(server, weather, trouble):
    trouble.tick()
    weather.run(error="crash")
    trouble.tick(killed=True)
    trouble.tick()
    trouble.tick()
    assert len(server.requests) == 2


def test_a_cursor_that_cannot_be_read_is_a_new_start(server, weather, trouble):
    trouble.cursor = "not JSON"
    weather.run(error="crash")
    trouble.tick()
    assert len(server.requests) == 1


def test_a_server_that_is_down_harms_no_run_and_the_alert_is_retried_then_given_up(
    server, weather, trouble
):
    server.answer("/hook", Response(status=503))
    run = weather.run(failing=["is_dry"])
    assert run.success
    for attempt in range(1, notify.ATTEMPTS):
        told = trouble.tick()
        assert "503" in told, attempt
        assert "Waiting to be sent: " in told
    assert f"Given up after {notify.ATTEMPTS} attempts" in trouble.tick()
    assert trouble.tick() == "Nothing to tell."
    assert weather.instance.get_run_by_id(run.run_id).is_success
    assert len(server.requests) == notify.ATTEMPTS
    # Nobody has been told, so the same cause is news once the server is back.
    server.answer("/hook", "ok")
    weather.run(failing=["is_dry"])
    assert "Sent to 1 json" in trouble.tick()


def test_an_alert_that_did_not_go_out_goes_out_once_the_server_is_back(server, weather, trouble):
    server.answer("/hook", Response(status=503), "ok")
    weather.run(error="crash")
    assert "Not sent to 1 json" in trouble.tick()
    assert "Sent to 1 json" in trouble.tick()
    trouble.tick()
    assert len(server.requests) == 2


def test_a_run_whose_events_are_lost_is_told_with_what_is_known(server, tmp_path):
    quiet = {"telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=quiet) as instance:
        weather = Weather(instance)
        run = weather.run(error="crash", only="quotes")
        (shard,) = tmp_path.rglob(f"{run.run_id}.db")
        shard.write_bytes(b"no database, and long enough to be taken for one" * 100)
        Sensor(trouble_alerts, instance, weather.definitions).tick()
    ((title, message),) = messages(server)
    assert title == "【失败】第 65 期：运行失败"
    assert "明细无法读取" in message
    assert run.run_id in message


def look_at_what_is_wrong(instance):
    job = build(Settings()).resolve_job_def("inventory")
    return job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET).success


def test_an_inventory_that_cannot_look_is_told_once(server, instance, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "warehouse.db").write_bytes(b"not a database")
    sensor = Sensor(trouble_alerts, instance, build(Settings()))
    for _ in range(2):
        assert not look_at_what_is_wrong(instance)
        sensor.tick()
    ((title, message),) = messages(server)
    assert title == "【失败】作业 inventory：运行失败"
    assert "http://ui.example/runs/" in message


def test_what_the_inventory_finds_is_not_told_again(server, instance):
    assert look_at_what_is_wrong(instance)
    assert "Nothing to tell" in Sensor(trouble_alerts, instance, build(Settings())).tick()
    assert messages(server) == []


def test_many_failures_at_once_are_one_message(server, weather, trouble):
    for number in range(1, 9):
        weather.run(number, error="crash", only="quotes")
    trouble.tick()
    ((title, message),) = messages(server)
    assert title == "【汇总】8 条提醒"
    assert "第 8 期" in message


# --- late


@pytest.fixture
def late(instance, server):  # noqa: ARG001 - the tick reads its address
    return Sensor(late_alerts, instance)


def at(monkeypatch, *moment):
    monkeypatch.setattr(alert_tick, "now", lambda: datetime(*moment, tzinfo=SHANGHAI))


def test_an_issue_is_late_once_its_deadline_has_passed_and_is_told_once(monkeypatch, server, late):
    at(monkeypatch, 2026, 2, 27, 20, 59)
    late.tick()
    assert not server.requests
    for minute in (0, 1, 2):
        at(monkeypatch, 2026, 2, 27, 21, minute)
        late.tick()
    ((title, message),) = messages(server)
    assert title == "【逾期】第 65 期：2026-02-27 21:00 仍未生成"
    assert "尚未生成" in message
    assert "weekly_issue" in message


def test_the_deadline_counts_from_friday_though_the_week_closed_before(monkeypatch, server, late):
    monkeypatch.setenv("BJ_ALERT_DEADLINE", "01:30:00")
    at(monkeypatch, 2025, 1, 31, 19, 29)
    late.tick()
    assert titles(server) == ["【逾期】第 9 期：2025-01-24 19:30 仍未生成"]
    at(monkeypatch, 2025, 1, 31, 19, 30)
    late.tick()
    assert titles(server)[1:] == ["【逾期】第 10 期：2025-01-31 19:30 仍未生成"]


def test_a_week_without_sessions_and_old_issues_are_not_late(monkeypatch, server, late):
    at(monkeypatch, 2026, 2, 20, 23, 0)
    late.tick()
    at(monkeypatch, 2026, 2, 21, 23, 0)
    late.tick()
    assert not server.requests


def test_an_issue_that_is_built_is_not_late(monkeypatch, server, late, sample_issue):
    monkeypatch.setenv("BJ_HOME", str(sample_issue.home))
    at(monkeypatch, 2026, 2, 28, 9)
    assert late.tick() == "Nothing to tell."
    assert not server.requests


def test_a_late_issue_is_told_with_its_newest_run(monkeypatch, server, late, weather):
    run = weather.run(error="crash")
    at(monkeypatch, 2026, 2, 28, 9)
    late.tick()
    assert f"失败，http://ui.example/runs/{run.run_id}" in messages(server)[0][1]


def test_a_warehouse_that_cannot_be_read_does_not_hide_a_late_issue(monkeypatch, server, late):
    monkeypatch.setenv("BJ_DATABASE_URL", "sqlite:////proc/pass-w0rd-planted/warehouse.db")
    at(monkeypatch, 2026, 2, 28, 9)
    assert "not known" in late.tick()
    ((title, message),) = messages(server)
    assert title.startswith("【逾期】第 65 期")
    assert "明细无法读取" in message
    late.tick()
    assert len(server.requests) == 1


def test_a_list_of_issues_that_has_come_to_its_end_is_told_once(monkeypatch, server, late):
    for day in (1, 2, 3):
        at(monkeypatch, 2099, 1, day, 12)
        late.tick()
    ((title, message),) = messages(server)
    assert title == "【逾期】期次表已用完"
    assert "issues extend" in message


# --- ready


@pytest.fixture
def ready(instance, server, weather):  # noqa: ARG001 - likewise
    return Sensor(ready_alerts, instance, weather.definitions)


def test_a_ready_issue_is_told_again_only_if_it_has_changed(server, weather, ready):
    for sha256 in ("a", "a", "b"):
        weather.run(text=sha256)
        ready.tick()
    assert titles(server) == ["【就绪】第 65 期：报告已生成", "【更新】第 65 期：新版已生成"]
    assert "明细无法读取" in messages(server)[0][1]


def test_a_backfill_announces_nothing(weather, ready):
    weather.run(tags={"dagster/backfill": "abc"})
    weather.run(tags={"bj/asked_by": "backfill"})
    assert ready.tick() == "Nothing to tell."


def test_a_failed_run_is_not_ready(weather, ready):
    weather.run(failing=["is_warm"])
    assert ready.tick() == "Nothing to tell."


# --- with the definitions as shipped


def test_the_sensors_ship_and_are_on():
    shipped = {one.name: one for one in build(Settings()).sensors}
    for name in ("trouble_alerts", "late_alerts", "ready_alerts"):
        assert shipped[name].default_status == dg.DefaultSensorStatus.RUNNING


def test_the_front_page_of_a_finished_issue_is_told(server, sample_issue, monkeypatch):
    settings = Settings(home=sample_issue.home)
    monkeypatch.setenv("BJ_HOME", str(sample_issue.home))
    home = dagster_environment(settings)["DAGSTER_HOME"]
    with dg.DagsterInstance.from_config(home) as instance:
        Sensor(ready_alerts, instance).tick()
    ((title, message),) = messages(server)
    assert title == "【就绪】第 65 期：报告已生成"
    assert "样例数据" in message
    assert "市场：样本池153家公司本周涨跌幅中值为+0.70%，其中96家上涨，占63%" in message
    assert f"文件：{sample_issue.artifact(65, 'report.pdf')}" in message
    assert len(f"{title}\n{message}".encode()) <= 2048


def test_a_corrupted_input_is_told_once_with_check_rows_and_remedy(
    server, instance, monkeypatch, tmp_path
):
    reference = tmp_path / "reference"
    shutil.copytree(PACKAGE / "reference", reference)
    shutil.copy(SampleSource.pool_file, reference / "pool.csv")
    monkeypatch.setenv("BJ_REFERENCE", str(reference))
    folder = tmp_path / "input"
    _quotes(folder, "90.00")
    definitions = build(Settings())
    source = {"pipeline": {"config": {"source": "files", "input": str(folder)}}}
    run = definitions.resolve_job_def("issue").execute_in_process(
        partition_key="65",
        instance=instance,
        raise_on_error=False,
        run_config=QUIET | {"resources": source},
    )
    assert not run.success
    sensor = Sensor(trouble_alerts, instance, definitions)
    sensor.tick()
    sensor.tick()
    ((title, message),) = messages(server)
    assert title == "【失败】第 65 期：1 项检查未通过，其后各步已停"
    for part in (
        "检查 daily_moves_respect_the_limit（严重，raw_quotes，负责 team:data）",
        "code=920060.BJ",
        "date=2026-02-26",
        "处理：A wrong close",
        "adjustment_factors_are_given（提示",
        f"http://ui.example/runs/{run.run_id}",
    ):
        assert part in message


def test_the_command_line_sends_a_test_message_and_tells_who_took_it(server, command_line):
    urls = os.environ["BJ_ALERT_URLS"]
    done = command_line("alerts", "test", BJ_ALERT_URLS=urls)
    assert (done.returncode, done.stdout) == (0, "1 json: sent\n")
    assert titles(server) == ["【测试】bj_pipeline 提醒"]
    server.answer("/hook", Response(status=401))
    done = command_line("alerts", "test", BJ_ALERT_URLS=urls)
    assert done.returncode == 1
    assert "401" in done.stdout
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]


def test_the_command_line_says_where_addresses_are_set(command_line):
    done = command_line("alerts", "test")
    assert done.returncode == 2
    assert "BJ_ALERT_URLS" in done.stderr
