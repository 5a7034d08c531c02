"""What alerts say: short, complete, and never interpreted."""

from pathlib import Path

import pytest

from bj_pipeline.automation import alerts
from bj_pipeline.automation.alerts import Alert, FailedCheck, FailedStep, Finished, Trouble, neutral
from bj_pipeline.issues import by_number

RUN = "http://ui.example/runs/1234"
ISSUE = by_number(65)
BROKEN = FailedCheck(
    name="daily_moves_respect_the_limit",
    asset="raw_quotes",
    critical=True,
    wrong="close: 2 of 625 rows",
    rows=("code=920060.BJ，close=90.0",),
    remedy="Correct the file.",
    owner="team:data",
    blocks=True,
)


@pytest.mark.parametrize(
    "hostile",
    [
        "*ST云创",
        "**粗体**",
        "[点我](http://evil.example)",
        '<at user_id="all">所有人</at>',
        "<font color='warning'>x</font>",
        "`code`",
        "# 标题",
        "__粗体__",
        "@all",
        "&lt;b&gt;",
        "~~删~~",
        "| a | b |",
        "\\*",
    ],
)
def test_hostile_text_is_not_interpreted_by_any_channel(hostile):
    shown = neutral(hostile)
    assert not set(shown) & set("*`[]<>#@&~|\\")
    assert "://" not in shown
    assert not shown.startswith("_")
    assert "__" not in shown


def test_hostile_text_stays_on_its_line_and_hides_nothing():
    assert neutral("众诚科技\n【就绪】假消息\r\u202e\u200bx\x00") == "众诚科技 【就绪】假消息 x"


def test_names_of_checks_and_files_can_still_be_copied():
    assert neutral("daily_moves_respect_the_limit") == "daily_moves_respect_the_limit"
    assert neutral("数据_2026_02.csv") == "数据_2026_02.csv"


def test_an_error_is_told_in_its_first_sentence():
    told = alerts.first_sentence("\n  daily.csv, line 7: close is positive, found -1.\nTraceback …")
    assert told == "daily.csv, line 7: close is positive, found -1."
    assert len(alerts.first_sentence("x" * 5000)) < 300


def test_a_check_that_stopped_a_run_is_told_with_rows_owner_and_remedy():
    alert = alerts.trouble(Trouble(ISSUE, "issue", RUN, succeeded=False, checks=(BROKEN,)))
    assert alert.title == "【失败】第 65 期：1 项检查未通过，其后各步已停"
    for part in (
        "2026-02-24 至 2026-02-27",
        "daily_moves_respect_the_limit（严重，raw_quotes，负责 team:data）",
        "问题：close: 2 of 625 rows",
        "code=920060.BJ",
        "处理：Correct the file.",
        "bj-pipeline run --issue 65",
        RUN,
    ):
        assert part in alert.body


def test_a_warning_does_not_read_like_a_failure():
    minor = FailedCheck("vendors_agree_on_pe_ttm", "company_metrics", critical=False, wrong="差异")
    alert = alerts.trouble(Trouble(ISSUE, "issue", RUN, succeeded=True, checks=(minor,)))
    assert alert.title.startswith("【警告】第 65 期")
    assert alert.kind == "warning"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("SourceError", "供应商不可达"),
        ("NotYetAvailableError", "尚未发布"),
        ("DataError", "改正输入"),
        ("ZeroDivisionError", "看失败步骤的日志"),
    ],
)
def test_a_failed_step_says_why_and_what_to_do(error, advice):
    step = FailedStep("raw_quotes", error, "the first line\nmore", "team:data", times=3)
    alert = alerts.trouble(Trouble(ISSUE, "issue", RUN, succeeded=False, step=step))
    assert "步骤 raw_quotes（负责 team:data，第 3 次）" in alert.body
    assert f"原因：{error}：the first line\n" in alert.body
    assert advice in alert.body
    assert "more" not in alert.body


def test_the_longest_alert_fits_into_wecom_and_keeps_its_links():
    many = tuple(
        FailedCheck(
            f"check_{i}",
            "raw_quotes",
            critical=True,
            blocks=True,
            wrong="错" * 900,
            rows=("行" * 900,),
        )
        for i in range(20)
    )
    alert = alerts.trouble(Trouble(ISSUE, "issue", RUN, succeeded=False, checks=many))
    assert len(f"{alert.title}\n{alert.body}".encode()) <= 2048
    assert alert.body.endswith(RUN)
    assert "其余见界面" in alert.body


def test_many_alerts_become_one_that_lists_them():
    one = alerts.digest([Alert(f"【失败】第 {n} 期", ()) for n in range(1, 8)], "http://ui.example")
    assert one.title == "【汇总】7 条提醒"
    assert one.body.splitlines()[2] == "【失败】第 3 期"


def test_an_issue_whose_document_cannot_be_read_is_announced_all_the_same():
    alert = alerts.ready(
        Finished(
            ISSUE, None, (Path("/a/report.pdf"),), RUN, "http://ui.example", remarks=("读不到",)
        )
    )
    assert "第 65 期" in alert.title
    assert {"读不到", "文件：/a/report.pdf"} <= set(alert.body.splitlines())
