"""Alerts about an issue that is not there at its deadline, and about the end of the list of issues.

What belongs here: which issues are late, and why. What does not: when they are due
(:mod:`.deadlines`).
"""

from datetime import datetime, timedelta

import dagster as dg
from pydantic import Field

from bj_pipeline import errors
from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.automation import alerts
from bj_pipeline.automation.alert_tick import LONGEST_LOOK, PARTITION, Memory, Surroundings, unread
from bj_pipeline.automation.alerts import Alert
from bj_pipeline.automation.deadlines import deadline
from bj_pipeline.automation.inventory import Stored, first_error
from bj_pipeline.automation.notify import Parcel
from bj_pipeline.automation.waiting import waits_for
from bj_pipeline.issues import Issue, all_issues, by_date
from bj_pipeline.warehouse import tables

_HORIZON = "horizon"
_RUN_STATES = {
    dg.DagsterRunStatus.SUCCESS: "成功",
    dg.DagsterRunStatus.FAILURE: "失败",
    dg.DagsterRunStatus.CANCELED: "已取消",
    dg.DagsterRunStatus.QUEUED: "排队中",
}


class LateMemory(Memory):
    """Attributes: settled: Issues that were built in time, or told to be late."""

    settled: list[str] = Field(default_factory=list)


def look(around: Surroundings, memory: LateMemory) -> list[str]:
    """Note issues whose deadline has passed lately; older ones are a matter of backfills."""
    passed = [
        issue
        for issue in all_issues()
        if timedelta(0) <= around.now - deadline(issue, around.settings) < LONGEST_LOOK
    ]
    recent = {issue.key for issue in passed} | {_HORIZON}
    memory.settled = [key for key in memory.settled if key in recent]
    told: list[str] = []
    for issue in passed:
        if issue.key in memory.settled:
            continue
        memory.settled.append(issue.key)
        try:
            if issue.number in Stored(around.settings).built:
                continue
        except Exception as error:  # noqa: BLE001 - an issue that cannot be seen may be late
            told.append(f"The state of issue {issue.number} is not known ({type(error).__name__}).")
        memory.outbox[issue.key] = Parcel(title=f"【逾期】第 {issue.number} 期仍未生成")
    if _HORIZON not in memory.settled and _beyond_horizon(around.now):
        memory.settled.append(_HORIZON)
        memory.outbox[_HORIZON] = Parcel(title="【逾期】期次表已用完")
    return told


def _beyond_horizon(moment: datetime) -> str:
    """Why no issue can be late any more; empty while the list of issues goes on."""
    try:
        by_date(moment.astimezone(SHANGHAI).date())
    except errors.CalendarError as error:
        return str(error)
    return ""


def write(around: Surroundings, memory: LateMemory, key: str) -> Alert:
    """The alert about an issue, or about the end of the list."""
    if key == _HORIZON:
        lines = (alerts.first_sentence(_beyond_horizon(around.now)), "处理：按上面所说补齐期次表。")
        return Alert(memory.outbox[key].title, lines, (f"界面：{around.ui_url}",))
    issue = next(one for one in all_issues() if one.key == key)
    moment = f"{deadline(issue, around.settings):%Y-%m-%d %H:%M}"
    try:
        state = _state(Stored(around.settings), issue.number)
    except Exception as error:  # noqa: BLE001 - what is known goes out all the same
        state = unread(error)
    try:
        runs = _newest_run(around, issue)
    except Exception as error:  # noqa: BLE001 - likewise
        runs = (unread(error),)
    return alerts.late(issue, moment, state, runs, around.ui_url)


def _state(stored: Stored, number: int) -> str:
    if number in stored.built:
        return "逾期之后已生成"
    if number in stored.blocked:
        return f"被检查拦下：{'、'.join(stored.blocked[number]['check'])}"
    figures = tables.SECTOR_METRICS in stored.versions.get(number, ())
    return "只有行业数据，没有报告" if figures else "尚未生成"


def _newest_run(around: Surroundings, issue: Issue) -> tuple[str, ...]:
    """The newest run, and why it failed."""
    records = around.instance.get_run_records(dg.RunsFilter(tags={PARTITION: issue.key}), limit=1)
    if not records:
        return ("最近运行：没有；请看计划 weekly_issue 是否已开启。",)
    run = records[0].dagster_run
    state = _RUN_STATES.get(run.status, "进行中")
    told = f"最近运行：{state}，{around.run_url(run.run_id)}"
    if run.status != dg.DagsterRunStatus.FAILURE:
        return (told,)
    missing = waits_for(around.instance, run.run_id)
    cause = f"供应商尚未发布：{missing}" if missing else first_error(around.instance, run.run_id)
    return (told, f"原因：{alerts.first_sentence(cause)}")
