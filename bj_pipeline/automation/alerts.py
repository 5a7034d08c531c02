"""What an alert says: Chinese, short, plain, and the same text for every channel.

What belongs here: words, order and length. What does not: Dagster, the warehouse, sending
(:mod:`.notify`) and deciding when (:mod:`.alert_sensors`).

Channels differ in what they interpret (WeCom and DingTalk read Markdown, Feishu reads ``<at>``,
e-mail is HTML), so text that comes from data passes through :func:`neutral`, which replaces the
characters that any of them would interpret by their full-width forms: ``*ST`` reads ``＊ST``.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bj_pipeline.issues import Issue
from bj_pipeline.report.document import Document
from bj_pipeline.storage import Place

MAX_BYTES = 2000
"""Of title and body: WeCom takes 2048 bytes of a text, and drops a longer one without an error."""
DIGEST = 5
"""So many alerts at once go out one by one; more become one message."""
_SENTENCE = 240
_WORDS = 160
_CHECKS_SHOWN = 6
_POINTS_SHOWN = 6
_CUT = "……（其余见界面）"

Kind = Literal["failure", "warning", "info", "success"]

_INTERPRETED = str.maketrans("*`[]<>#@&~|\\", "＊｀［］＜＞＃＠＆～｜＼")
_LONE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")

_REMEDIES = {
    "NotYetAvailableError": "供应商尚未发布该数据：稍后再跑；过了时限请联系供应商。",
    "SourceError": "供应商不可达或应答有误：查看网络与凭据，稍后重跑。",
    "DataError": "按上面的文件、行号与规则改正输入，然后重跑。",
    "ConfigurationError": "改正所指的设置，然后重跑。",
    "CheckFailedError": "先处理上面所说的检查，使其在现有数据上通过，然后重跑。",
    "MissingDataError": "先生成所缺的上游数据，然后重跑。",
    "IssueNotClosedError": "该周尚未收盘：收盘后再跑。",
}
_OTHER_REMEDY = "打开运行看失败步骤的日志；排除原因后重跑。"


@dataclass(frozen=True)
class Alert:
    """One message.

    Attributes:
        title: One line; the subject of an e-mail.
        lines: The body, one line an entry.
        links: Lines of the body that stay when it is cut: addresses and paths.
        kind: For channels that colour messages.
    """

    title: str
    lines: tuple[str, ...]
    links: tuple[str, ...] = ()
    kind: Kind = "failure"

    @property
    def body(self) -> str:
        """The body, cut from the end of ``lines`` so that title and body fit everywhere."""
        room = MAX_BYTES - _size((self.title, *self.links, _CUT))
        kept: list[str] = []
        for line in self.lines:
            room -= _size((line,))
            if room < 0:
                kept.append(_CUT)
                break
            kept.append(line)
        return "\n".join((*kept, *self.links))

    def mapped(self, change: Callable[[str], str]) -> "Alert":
        """The alert with every text passed through a function."""
        return Alert(
            change(self.title),
            tuple(change(line) for line in self.lines),
            tuple(change(link) for link in self.links),
            self.kind,
        )


@dataclass(frozen=True)
class FailedCheck:
    """A check that failed in a run.

    Attributes:
        critical: Whether it is of the graver severity.
        blocks: Whether it stopped what reads the asset.
        wrong: What is wrong, one text a broken rule.
        rows: The first offending rows as text.
        times: How often this cause has been seen by now.
    """

    name: str
    asset: str
    critical: bool
    wrong: str
    rows: tuple[str, ...] = ()
    remedy: str = ""
    owner: str = ""
    blocks: bool = False
    times: int = 1


@dataclass(frozen=True)
class FailedStep:
    """The first step that failed, and why.

    Attributes:
        step: Name of the step; empty if the run itself broke off.
        error: The error's type.
        told: Its message.
        times: How often this cause has been seen by now.
    """

    step: str
    error: str
    told: str
    owner: str = ""
    times: int = 1


@dataclass(frozen=True)
class Trouble:
    """What went wrong in a run.

    Attributes:
        issue: None if the run was of no issue, or it is not known.
        succeeded: Whether the run ended well all the same.
        remarks: What else the reader should know, such as a look-up that failed.
    """

    issue: Issue | None
    job: str
    run_url: str
    succeeded: bool
    step: FailedStep | None = None
    checks: tuple[FailedCheck, ...] = ()
    remarks: tuple[str, ...] = field(default=())


def trouble(what: Trouble) -> Alert:
    """A run that failed, or whose checks failed."""
    lines = [_week(what.issue), *what.remarks]
    if what.step is not None:
        lines += _step_lines(what.step, what.issue)
    ordered = sorted(what.checks, key=lambda one: (not one.blocks, not one.critical))
    for one in ordered[:_CHECKS_SHOWN]:
        lines += _check_lines(one)
    if len(ordered) > _CHECKS_SHOWN:
        lines.append(f"另有 {len(ordered) - _CHECKS_SHOWN} 项检查未通过，见运行。")
    mark = "【警告】" if what.succeeded else "【失败】"
    # The command stands with the links, which stay when the rest is cut.
    again = "" if what.succeeded or what.step else _rerun(what.issue)
    return Alert(
        title=f"{mark}{_name(what.issue, what.job)}：{_verdict(what)}",
        lines=tuple(filter(None, lines)),
        links=tuple(filter(None, (again, f"运行：{what.run_url}"))),
        kind="warning" if what.succeeded else "failure",
    )


def _verdict(what: Trouble) -> str:
    blocking = sum(one.blocks for one in what.checks)
    if blocking:
        return f"{blocking} 项检查未通过，其后各步已停"
    if what.succeeded:
        return f"{len(what.checks)} 项检查未通过，运行已完成"
    return "运行失败"


def _step_lines(step: FailedStep, issue: Issue | None) -> list[str]:
    place = f"步骤 {step.step}" if step.step else "运行中断"
    return [
        f"{place}{_aside(owner=step.owner, times=step.times)}",
        f"原因：{step.error}：{first_sentence(step.told)}",
        f"处理：{_REMEDIES.get(step.error, _OTHER_REMEDY)}{_rerun(issue)}",
    ]


def _check_lines(one: FailedCheck) -> list[str]:
    severity = "严重" if one.critical else "提示"
    aside = _aside(severity, one.asset, owner=one.owner, times=one.times)
    lines = [f"检查 {one.name}{aside}", f"问题：{neutral(one.wrong, _SENTENCE)}"]
    if one.rows:
        lines.append(f"前几行：{'；'.join(neutral(row, _WORDS) for row in one.rows)}")
    if one.remedy:
        lines.append(f"处理：{neutral(one.remedy, _SENTENCE)}")
    return lines


def _aside(*words: str, owner: str, times: int) -> str:
    parts = [*words]
    if owner:
        parts.append(f"负责 {owner}")
    if times > 1:
        parts.append(f"第 {times} 次")
    return f"（{'，'.join(parts)}）" if parts else ""


def _rerun(issue: Issue | None) -> str:
    return f"重跑：bj-pipeline run --issue {issue.number}，或在界面重跑该期。" if issue else ""


def late(issue: Issue, due: str, state: str, runs: Sequence[str], ui_url: str) -> Alert:
    """An issue that is not there at its deadline.

    Args:
        issue: The issue.
        due: The moment at which it was due, as printed.
        state: What is known of it, in Chinese.
        runs: What is known of its newest run, in Chinese, one line an entry.
        ui_url: Address of the Dagster UI.
    """
    return Alert(
        title=f"【逾期】{_name(issue, '')}：{due} 仍未生成",
        lines=(_week(issue), f"现状：{state}", *runs, f"处理：先看原因；{_rerun(issue)}"),
        links=(_page(issue, ui_url),),
        kind="failure",
    )


@dataclass(frozen=True)
class Finished:
    """An issue that is ready.

    Attributes:
        document: None if it could not be read.
        files: Finished files.
        revised: Whether an earlier edition of it was announced before.
    """

    issue: Issue
    document: Document | None
    files: tuple[Place, ...]
    run_url: str
    ui_url: str
    revised: bool = False
    remarks: tuple[str, ...] = ()


def ready(what: Finished) -> Alert:
    """An issue that is finished: its front page in a few lines."""
    lines = [_week(what.issue), *what.remarks]
    if what.document is not None:
        lines += _front_page(what.document)
    return Alert(
        title=f"【{'更新' if what.revised else '就绪'}】{_name(what.issue, '')}："
        f"{'新版' if what.revised else '报告'}已生成",
        lines=tuple(lines),
        links=(
            *(f"文件：{path}" for path in what.files),
            _page(what.issue, what.ui_url),
            f"运行：{what.run_url}",
        ),
        kind="success",
    )


def _front_page(document: Document) -> list[str]:
    points = document.front_page.key_points
    labels = [*points.labels, *[""] * len(points.items)]
    lines = [neutral(f"{document.title} {document.subtitle}", _WORDS)]
    if document.is_sample:
        lines.append("（样例数据，不可用于发布）")
    for label, point in list(zip(labels, points.items, strict=False))[:_POINTS_SHOWN]:
        text = neutral(document.text(point), _SENTENCE)
        lines.append(f"{label}：{text}" if label else f"· {text}")
    notices = "；".join(neutral(document.text(line), _WORDS) for line in document.notices)
    return [*lines, f"缺失：{notices}"] if notices else lines


def digest(alerts: Sequence[Alert], ui_url: str) -> Alert:
    """Many alerts in one message, a line each."""
    failed = any(alert.kind == "failure" for alert in alerts)
    return Alert(
        title=f"【汇总】{len(alerts)} 条提醒",
        lines=tuple(alert.title for alert in alerts),
        links=(f"界面：{ui_url}/runs",),
        kind="failure" if failed else alerts[0].kind,
    )


def trial(ui_url: str) -> Alert:
    """The message of ``bj-pipeline alerts test``."""
    return Alert(
        title="【测试】bj_pipeline 提醒",
        lines=("收到本条即表示提醒渠道可用；无须处理。", "示例名称：" + neutral("*ST样例 <at>")),
        links=(f"界面：{ui_url}",),
        kind="info",
    )


def first_sentence(text: str) -> str:
    """The first line of an error that says something, cut to a sentence's length."""
    lines = (line.strip() for line in text.splitlines())
    return neutral(next(filter(None, lines), "（没有说明）"), _SENTENCE)


def neutral(text: str, limit: int = _WORDS) -> str:
    """Text from data, on one line, with nothing in it that a channel would interpret."""
    visible = "".join(
        character if unicodedata.category(character)[0] != "C" else " " for character in text
    )
    one_line = " ".join(visible.split()).translate(_INTERPRETED).replace("://", "：//")
    plain = _LONE_UNDERSCORE.sub("＿", one_line)
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def _name(issue: Issue | None, job: str) -> str:
    return f"第 {issue.number} 期" if issue else f"作业 {job}"


def _page(issue: Issue, ui_url: str) -> str:
    return f"界面：{ui_url}/assets/issue_manifest?view=partitions&partition={issue.key}"


def _week(issue: Issue | None) -> str:
    return f"周：{issue.first_session} 至 {issue.close_date}" if issue else ""


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
