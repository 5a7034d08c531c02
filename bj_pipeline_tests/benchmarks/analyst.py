"""An analyst's way to the same issue, against the pipeline's.

What belongs here: the sheets that an analyst has of a week, and both sides. What does not: the
script itself (:mod:`.analyst_script`), which is written as an analyst would. That both make the
same exhibits is tested in :mod:`.test_analyst_script`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bj_pipeline_tests.benchmarks.figures import Bench, Outcome
from bj_pipeline_tests.benchmarks.issue import ISSUE, WARM_UP, warm_builder
from bj_pipeline_tests.benchmarks.measuring import environment, in_turn, worker

if TYPE_CHECKING:
    from bj_pipeline.issues import Issue

_ROUNDS = 7
_TREND = 13
_HEADERS = {
    "code": "证券代码",
    "name": "证券简称",
    "date": "日期",
    "close": "收盘价",
    "adj_factor": "复权因子",
    "volume": "成交量",
    "total_shares": "总股本",
    "market_cap": "总市值",
    "pe_ttm": "市盈率TTM",
    "fiscal_year": "报告期",
    "revenue": "营业总收入",
    "net_profit": "归母净利润",
    "published": "年报披露日期",
    "sector": "行业",
    "segment": "环节",
    "title": "公告标题",
    "category": "公告类型",
}
"""Of a vendor's spreadsheet; see ``bj_pipeline/sources/vendor_layouts/spreadsheet.yaml``."""


def script(bench: Bench) -> list[Outcome]:
    """The pipeline builds issues; the script makes the Word file and the workbook of the same."""
    home, rounds = bench.folder / "home", bench.rounds(_ROUNDS)
    first = ISSUE - rounds - WARM_UP + 1  # so that the last one is the one with a topic
    with (
        warm_builder(bench.folder, home) as build,
        worker("analyst:analyst", environment(home), bench.folder, first) as work,
    ):
        for number in range(first, first + WARM_UP):
            build(number)
            work(number)
        start = first + WARM_UP
        ours, floor = in_turn(rounds, lambda at: build(start + at), lambda at: work(start + at))
    note = (
        "Of the same exhibits, with all rows, the script makes a Word file and a workbook with "
        "native charts. It makes no PDF (without LibreOffice or Word there is no plain way to one) "
        "and no web page, traces no number, checks nothing, reads nothing back, and keeps no "
        "history but the trends'."
    )
    return [Outcome(ours, floor, note=note)]


# --- what runs in the worker


def analyst(first: str) -> Callable[[int], None]:
    """Runs the script on an issue's sheets; those from an issue on are written beforehand."""
    from bj_pipeline.issues import by_number
    from bj_pipeline_tests.benchmarks import analyst_script

    folder = Path.cwd() / "weeks"
    for number in range(int(first), ISSUE + 1):
        write_sheets(folder / by_number(number).folder, by_number(number))

    def work(number: int) -> None:
        issue = by_number(number)
        analyst_script.make(
            folder / issue.folder, number, str(issue.base_date), str(issue.close_date)
        )

    return work


def write_sheets(folder: Path, issue: "Issue") -> None:
    """Write a week's sheets: a workbook a table, as vendors' terminals export them."""
    import io

    import pandas as pd

    from bj_pipeline.issues import trailing
    from bj_pipeline.reference import load_reference
    from bj_pipeline.report.house import load_house
    from bj_pipeline.settings import PACKAGE
    from bj_pipeline.sources.sample import SampleSource
    from bj_pipeline.warehouse import tables

    source = SampleSource()
    reference = load_reference(PACKAGE / "reference", source.pool_file)
    house = load_house(PACKAGE / "content" / "house.yaml")
    folder.mkdir(parents=True)

    def sheet(title: str, frame: pd.DataFrame, **headers: str) -> None:
        frame.rename(columns=_HEADERS | headers).to_excel(folder / f"{title}.xlsx", index=False)

    sent = {
        (table, delivery.vendor): pd.read_csv(io.BytesIO(delivery.content))
        for table in tables.RAW_TABLES
        for delivery in source.deliver(issue, table)
    }
    sheet("行情", sent[tables.RAW_QUOTES, "sample"])
    sheet("估值_iFinD", sent[tables.RAW_VALUATIONS, "ifind"])
    sheet("估值_Wind", sent[tables.RAW_VALUATIONS, "wind"])
    sheet("财务", sent[tables.RAW_FINANCIALS, "sample"])
    sheet("公告", sent[tables.RAW_ANNOUNCEMENTS, "sample"], date="公告日期")
    indices = sent[tables.RAW_INDEX_QUOTES, "sample"]
    indices["name"] = indices["code"].map({one.code: one.name for one in reference.indices})
    sheet("指数", indices, code="指数代码", name="指数简称")
    weeks = [str(one.close_date) for one in trailing(issue, _TREND)]
    sheet("周历", pd.DataFrame({"收盘日": weeks}))
    texts = [("风险提示", text) for text in house.risks]
    texts += [("说明与声明", text) for text in house.disclosures]
    sheet("固定文字", pd.DataFrame(texts, columns=["部分", "文字"]))
    with pd.ExcelWriter(folder / "公司池.xlsx") as book:
        for name, members, group in (
            ("样本池", reference.pool(issue.close_date), "sector"),
            ("AI产业链", reference.ai_chain(issue.close_date), "segment"),
        ):
            rows = [(one.code, one.name, getattr(one, group)) for one in members]
            headers = [_HEADERS[column] for column in ("code", "name", group)]
            pd.DataFrame(rows, columns=headers).to_excel(book, sheet_name=name, index=False)
    _write_topic(folder / "专题.xlsx", PACKAGE / "content" / "issues" / f"{issue.number:03d}")


def _write_topic(target: Path, content: Path) -> None:
    """The analyst's own figures, a sheet a chart, and the text that goes with them."""
    import io

    import pandas as pd
    import yaml

    if not (content / "topic.md").exists():
        return
    _, header, body = (content / "topic.md").read_text(encoding="utf-8").split("---\n", 2)
    paragraphs = [part.strip() for part in body.split("\n\n")]
    texts = [yaml.safe_load(header)["title"]]
    texts += [text for text in paragraphs if not text.startswith(("!", "###"))]
    charts = []
    with pd.ExcelWriter(target) as book:
        pd.DataFrame({"文字": texts}).to_excel(book, sheet_name="文字", index=False)
        for line in body.splitlines():
            if not line.startswith("!"):
                continue
            name = line.removeprefix("![](").removesuffix(".csv)")
            path = content / f"{name}.csv"
            _, told, rows = path.read_text(encoding="utf-8").split("---\n", 2)
            chart = yaml.safe_load(told)
            charts.append((name, chart["title"], chart["unit"], chart["kind"]))
            pd.read_csv(io.StringIO(rows)).to_excel(book, sheet_name=name, index=False)
        headers = ["工作表", "标题", "单位", "类型"]
        pd.DataFrame(charts, columns=headers).to_excel(book, sheet_name="图", index=False)
