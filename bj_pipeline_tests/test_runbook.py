"""The commands of the README and of the operations page, followed word for word.

The program is one that starts at once (:mod:`bj_pipeline_tests.warm`); how the installed one starts
is a matter of ``test_cli`` and ``endurance/test_resources``.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.automation import inbox_sensor
from bj_pipeline.issues import all_issues, by_number
from bj_pipeline.settings import PACKAGE, Settings
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.automation.home import drop, quotes
from bj_pipeline_tests.command_line import PROJECT, program
from bj_pipeline_tests.sources.vendor_server import VendorServer

PAGES = {
    name: (PROJECT / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/operations.md")
}
NOT_RUN_HERE = {
    "make run": "it would install everything again; CI begins with it in a fresh clone",
    "make test": "it is what runs this",
    "git pull": "a test has no remote",
    "bj-pipeline dev": "it does not end; end_to_end/test_dagster_ui.py starts it and works in it",
    "pip install 'bj-pipeline[s3]'": "the tests' own environment has it",
}
SHORTER = {"1-65": "64-65"}
"""Sixty-five issues take minutes, and the way is the same."""


@dataclass
class Reader:
    """Somebody with an installation of their own, who has built issue 65.

    Attributes:
        folder: Where commands are typed; ``home``, ``reference`` and ``files`` lie in it.
        words: What they put for the words in capitals.
        environment: What is set besides.
    """

    folder: Path
    words: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def type(self, script: str) -> str:
        """Type lines into a shell; return what it answers. The first that fails ends the test."""
        programs = f"{program().parent}:{program(is_installed=True).parent}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BJ_", "DAGSTER_"))}
        done = subprocess.run(
            ["sh", "-eux", "-c", script],
            cwd=self.folder,
            env=kept
            | {
                "PATH": f"{programs}:{os.environ['PATH']}",
                "BJ_HOME": "home",
                "BJ_REFERENCE": "reference",
                "BJ_SOURCE": "files",
                "BJ_INPUT": "files",
            }
            | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


def exported(numbers: tuple[int, ...]) -> dict[str, pd.DataFrame]:
    """The sample's weeks as somebody would save them from Tushare, by interface."""

    def sent(table: str) -> pd.DataFrame:
        answers = [SampleSource().deliver(by_number(number), table)[0] for number in numbers]
        frames = [pd.read_csv(BytesIO(answer.content)) for answer in answers]
        frame = pd.concat(frames).drop_duplicates().rename(columns={"code": "ts_code"})
        if "date" in frame:
            frame["trade_date"] = frame["date"].str.replace("-", "")
        return frame

    prices, values = sent(tables.RAW_QUOTES), sent(tables.RAW_VALUATIONS)
    values = values.merge(prices[["ts_code", "trade_date", "close"]])
    listings = sent(tables.RAW_LISTINGS)
    days = ["ts_code", "trade_date"]
    return {
        "daily": prices[[*days, "close"]].assign(vol=prices["volume"] / 100),
        "adj_factor": prices[[*days, "adj_factor"]],
        "daily_basic": values[[*days, "close", "pe_ttm"]].assign(
            total_share=values["total_shares"] / 10_000, total_mv=values["market_cap"] / 10_000
        ),
        "index_daily": sent(tables.RAW_INDEX_QUOTES)[[*days, "close"]],
        "stock_basic": listings[["ts_code", "name"]].assign(
            list_date=listings["listed"].str.replace("-", "")
        ),
    }


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Path:
    """Vendor's files of the sample's weeks, a pool to edit, and issue 65 built from them."""
    folder = tmp_path_factory.mktemp("installation")
    shutil.copytree(PACKAGE / "reference", folder / "reference")
    shutil.copy(SampleSource.pool_file, folder / "reference" / "pool.csv")
    (folder / "files").mkdir()
    for name, frame in exported((64, 65)).items():
        frame.to_csv(folder / "files" / f"{name}.csv", index=False)
    Reader(folder).type("bj-pipeline run --issue 65")
    return folder


@pytest.fixture
def reader(installation, tmp_path) -> Reader:
    """The same installation, for one reader."""
    folder = tmp_path / "reader"
    shutil.copytree(installation, folder)
    return Reader(folder, {"NAME": "li.na", "REASON": "'a wrong unit'", "FOLDER": "files"})


# --- what the page asks people to do with their hands


def publish(reader: Reader) -> None:
    reader.type("bj-pipeline approve 65 --by li.na")


def edit_pool(reader: Reader, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    file = reader.folder / "reference" / "pool.csv"
    edit(pd.read_csv(file, dtype="str", keep_default_na=False)).to_csv(file, index=False)


def publish_and_correct(reader: Reader) -> None:
    publish(reader)
    move_a_company(reader)


def move_a_company(reader: Reader) -> None:
    def moved(pool: pd.DataFrame) -> pd.DataFrame:
        ends = pool["code"].eq("920060.BJ")
        begins = pool[ends].assign(sector="汽车", joined="2026-02-23")
        pool.loc[ends, "left"] = "2026-02-23"
        return pd.concat([pool, begins])

    edit_pool(reader, moved)


def add_a_company(reader: Reader) -> None:
    line = ["920999.BJ", "新来科技", "汽车", "2026-02-23", "", "proposed"]
    edit_pool(reader, lambda pool: pd.concat([pool, pd.DataFrame([line], columns=pool.columns)]))


def put_a_file_into_the_inbox(reader: Reader) -> None:
    settings = Settings(home=reader.folder / "home")
    drop(settings, "daily.csv", quotes(65))
    cursor = None
    for _ in range(2):
        cursor = inbox_sensor.tick(settings, cursor, datetime.now(SHANGHAI)).cursor
    reader.words["FILE"] = "daily.csv"


def lose_the_machine(reader: Reader) -> None:
    reader.type("bj-pipeline backup --to kept")
    shutil.rmtree(reader.folder / "home")
    reader.words["BACKUP"] = "kept"


def begin_anew(reader: Reader) -> None:
    shutil.rmtree(reader.folder / "home")


def name_a_new_place(reader: Reader) -> None:
    reader.words |= {"BACKUP": "kept", "NEW_BACKUP": "kept", "EMPTY": "new"}


def go_to_the_projects_folder(reader: Reader) -> None:
    shutil.copy(PROJECT / "workspace.yaml", reader.folder)
    reader.words[".bj"] = "home"


PREPARED: dict[str, Callable[[Reader], None]] = {
    "History": go_to_the_projects_folder,
    "The week": put_a_file_into_the_inbox,
    "An issue has to be revised": publish_and_correct,
    "A company joins the pool": add_a_company,
    "A company changes its sector": move_a_company,
    "Folders elsewhere, and object stores": begin_anew,
    "A machine is lost": lose_the_machine,
    "A new version of the program": name_a_new_place,
    "Housekeeping": name_a_new_place,
}


# --- the pages


def blocks(page: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Heading, and lines with what is said beside them, of every shell block."""
    heading, inside = "", False
    found: dict[str, list[tuple[str, str]]] = {}
    for line in page.splitlines():
        if line.startswith("```"):
            inside = line == "```sh"
        elif inside and line.strip():
            command, _, remark = line.partition("  #")
            found.setdefault(heading, []).append((command.strip(), remark.strip()))
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return iter(found.items())


SECTIONS = [
    pytest.param(heading, lines, id=f"{name}: {heading}")
    for name, page in PAGES.items()
    for heading, lines in blocks(page)
]


def as_typed(command: str, words: dict[str, str]) -> str:
    """A line of a page with its words in capitals filled in."""
    command = command.removeprefix(".venv/bin/")
    for general, used in (SHORTER | words).items():
        command = re.sub(rf"(?<![\w-]){re.escape(general)}(?![\w-])", used, command)
    return command


def fails_for_want_of_a_newer_calendar(command: str) -> bool:
    """The diagnosis rightly fails when the list of issues has come to its end."""
    ended = all_issues()[-1].close_date < datetime.now(SHANGHAI).date()
    return ended and command.endswith("bj-pipeline doctor")


def run_section(reader: Reader, heading: str, lines: list[tuple[str, str]]) -> None:
    PREPARED.get(heading, lambda _: None)(reader)
    typed = [
        (as_typed(command, reader.words), remark)
        for command, remark in lines
        if command not in NOT_RUN_HERE
        and command.removeprefix(".venv/bin/") not in NOT_RUN_HERE
        and not fails_for_want_of_a_newer_calendar(command)
    ]
    answer = reader.type("\n".join(command for command, _ in typed))
    for _, remark in typed:
        for promised in re.findall(r'"([^"]+)"', remark):
            assert promised in answer


@pytest.mark.parametrize(("heading", "lines"), SECTIONS)
def test_every_command_of_the_page_works_in_the_order_it_stands_there(
    reader, heading, lines, request
):
    text = " ".join(command for command, _ in lines)
    if "POSTGRESQL_URL" in text:
        url = request.getfixturevalue("empty_postgresql")
        reader.words["POSTGRESQL_URL"] = url
    if "alerts test" in text:
        server = request.getfixturevalue("receiver")
        reader.environment["BJ_ALERT_URLS"] = server.url.replace("http://", "json://") + "/hook"
    if "BUCKET" in text:
        store = request.getfixturevalue("s3_server")
        names = store.environment
        reader.words |= {
            "s3://BUCKET": store.new_bucket(),
            "AWS_ACCESS_KEY_ID=…": f"AWS_ACCESS_KEY_ID={names['AWS_ACCESS_KEY_ID']}",
            "AWS_SECRET_ACCESS_KEY=…": f"AWS_SECRET_ACCESS_KEY={names['AWS_SECRET_ACCESS_KEY']}",
            "AWS_ENDPOINT_URL=https://…": f"AWS_ENDPOINT_URL={names['AWS_ENDPOINT_URL']}",
        }
    run_section(reader, heading, lines)


def test_a_command_that_fails_would_be_noticed(reader):
    with pytest.raises(AssertionError, match="no list of issues"):
        run_section(reader, "", [("bj-pipeline backfill nonsense", "")])


def test_what_is_promised_beside_a_command_is_looked_for(reader):
    with pytest.raises(AssertionError):
        run_section(reader, "", [("bj-pipeline issues", 'says "no such words"')])


def test_only_commands_that_the_pages_name_are_left_out():
    named = {
        command.removeprefix(".venv/bin/")
        for page in PAGES.values()
        for _, lines in blocks(page)
        for command, _ in lines
    }
    assert set(NOT_RUN_HERE) <= named
    assert {"An issue has to be revised", *PREPARED} <= {
        heading for page in PAGES.values() for heading, _ in blocks(page)
    }


@pytest.fixture
def receiver() -> Iterator[VendorServer]:
    """A server that takes alerts."""
    with VendorServer() as server:
        server.answer(lambda _: True, "ok")
        yield server
