"""Killed between any two of its steps, a program is simply started again, and nothing is left over.

What a random moment seldom meets (``test_kills``): each case knows the steps of its program.
"""

import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bj_pipeline.automation import retention, signoff
from bj_pipeline.automation.backup import backup, restore
from bj_pipeline.issues import ISSUES_FILE, extend
from bj_pipeline.report.topic import new_topic
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse, connect
from bj_pipeline.warehouse.transfer import transfer
from bj_pipeline_tests.automation.home import quotes
from bj_pipeline_tests.endurance.programs import Home, Program
from bj_pipeline_tests.endurance.readers import half_issues, mixed_tables
from bj_pipeline_tests.endurance.strikes import COUNTED, struck
from bj_pipeline_tests.endurance.test_kills import SEED, files, places, take_inbox
from bj_pipeline_tests.endurance.test_resources import disk

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
SENT = b"an answer that nothing refers to"


def approve() -> None:
    signoff.approve(load_settings(), 65, "analyst", now=NOON)


def withdraw() -> None:
    signoff.withdraw(load_settings(), 65, "analyst", "wrong figures", now=NOON)


def take_backup() -> None:
    home = load_settings().home
    backup(load_settings(), home.parent / "backups" / "new", now=NOON)


def bring_back() -> None:
    restore(load_settings(), load_settings().home.parent / "kept")


def extend_issues() -> None:
    extend(load_settings().home / "issues.csv")


def start_topic() -> None:
    new_topic(load_settings().home / "065")


def move_database() -> None:
    settings = load_settings()
    target = connect(f"sqlite:///{settings.home.parent / 'moved.db'}")
    list(transfer(connect(settings.warehouse_url), target))
    assert not list(mixed_tables(str(target.url)))
    assert Warehouse(str(target.url)).read(tables.SECTOR_METRICS, 65).size


def clear_away() -> None:
    # Later than anything that a killed one could have left.
    retention.remove(load_settings(), datetime.now(UTC) + timedelta(days=1))


# --- what each of them begins with ---------------------------------------------------------------


def built(home: Path, sample: Path) -> None:
    shutil.copytree(sample, home, ignore=shutil.ignore_patterns("dagster*"))


def published(home: Path, sample: Path) -> None:
    built(home, sample)
    signoff.approve(Settings(home=home), 65, "analyst", now=NOON)


def kept(home: Path, sample: Path) -> None:
    published(home.parent / "source", sample)
    backup(Settings(home=home.parent / "source"), home.parent / "kept", now=NOON)
    shutil.rmtree(home.parent / "source")
    home.mkdir()


def empty(home: Path, _: Path) -> None:
    home.mkdir()


def outdated(home: Path, _: Path) -> None:
    home.mkdir()
    lines = ISSUES_FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    (home / "issues.csv").write_text("".join(lines[:-3]), encoding="utf-8")


def arriving(home: Path, _: Path) -> None:
    (home / "inbox").mkdir(parents=True)
    (home / "inbox" / "daily.csv").write_text(quotes(65), encoding="utf-8")
    (home / "inbox" / "notes.csv").write_text("one\n", encoding="utf-8")


def old(home: Path, sample: Path) -> None:
    shutil.copytree(sample, home)
    landing = Landing(home / "landing", Warehouse(Settings(home=home).warehouse_url))
    long_ago = NOON - timedelta(days=400)
    landing.store(Delivery("tushare", "a.csv", SENT, "daily", {"day": "1"}, long_ago))
    landing.warehouse.engine.dispose()


@dataclass(frozen=True)
class Case:
    """A program and its surroundings.

    Attributes:
        call: The program.
        prepare: Makes the home that it begins with, from one in which issue 65 was built.
        done_already: What it says when it was killed after its last step that counts.
        elsewhere: Setting of a folder that lies on another disk than the home.
    """

    call: Callable[[], None]
    prepare: Callable[[Path, Path], None]
    done_already: str = "nothing says so"
    elsewhere: str = ""


CASES = {
    "approve": Case(approve, built, "was approved already"),
    "withdraw": Case(withdraw, published, "was withdrawn already"),
    "backup": Case(take_backup, published, "exists already"),
    "withdraw to another disk": Case(
        withdraw, published, "was withdrawn already", elsewhere="BJ_WITHDRAWN"
    ),
    "restore": Case(bring_back, kept, "holds rows already"),
    "restore to another disk": Case(
        bring_back, kept, "holds rows already", elsewhere="BJ_ARTIFACTS"
    ),
    "issues extend": Case(extend_issues, outdated),
    "new-topic": Case(start_topic, empty, "does not replace"),
    "transfer": Case(move_database, built, "holds rows already"),
    "inbox": Case(take_inbox, arriving),
    "retention": Case(clear_away, old),
}


@dataclass(frozen=True)
class Place:
    """A home that a case begins in, with what lies beside it and on the other disk."""

    home: Home
    elsewhere: Path

    def left(self) -> dict[str, object]:
        """What a user finds, but for the databases' own."""
        found: dict[str, object] = {}
        for folder in (self.home.folder.parent, self.elsewhere):
            found |= {n: held for n, held in files(folder).items() if _is_telling(n)}
            found[f"places{len(found)}"] = sorted(n for n in places(folder) if _is_telling(n))
        return found

    def readers_find(self) -> Iterator[str]:
        """Issues that are half there."""
        artifacts = self.home.environment.get("BJ_ARTIFACTS", self.home.folder / "artifacts")
        yield from half_issues(Path(artifacts))
        yield from half_issues(self.home.folder / "published")


def _is_telling(name: str) -> bool:
    return not re.search(r"(warehouse|moved)\.db|dagster|turns|backup\.json", name)


def begun(case: Case, folder: Path, disk: Path, sample: Path) -> Place:
    """A home of its own in which the program has not been yet."""
    folder.mkdir()
    case.prepare(folder / "home", sample)
    elsewhere = disk / folder.name
    environment = {case.elsewhere: str(elsewhere)} if case.elsewhere else {}
    return Place(Home(folder / "home", environment, folder.parent / "printed"), elsewhere)


def steps_of(program: Program) -> int:
    assert program.wait() == 0, program.printed
    return int(program.printed.rsplit(COUNTED, 1)[1])


def chosen(steps: int, *, thorough: bool) -> list[int]:
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    # In the middle the files are on their way.
    return list(range(steps)) if thorough else sorted({steps // 2, chance.randrange(steps)})


@pytest.mark.parametrize("name", CASES)
def test_what_was_killed_before_any_of_its_steps_is_started_again_and_done(
    name, sample_issue, tmp_path, thorough
):
    case, sample = CASES[name], sample_issue.home

    def start(place: Place, step: int) -> Program:
        return place.home.start_call(struck, step, str(tmp_path), case.call)

    with disk(tmp_path / "disk", 64) if case.elsewhere else nullcontext(tmp_path / "disk") as other:
        quiet = begun(case, tmp_path / "quiet", other, sample)
        steps = steps_of(start(quiet, -1))
        assert steps > 0
        for step in chosen(steps, thorough=thorough):
            place = begun(case, tmp_path / f"step{step}", other, sample)
            killed = start(place, step)
            assert killed.wait() < 0, killed.printed
            assert not list(place.readers_find()), step
            again = start(place, -1)
            assert again.wait() == 0 or case.done_already in again.printed, (step, again.printed)
            assert place.left() == quiet.left(), step
            assert not list(mixed_tables(Settings(home=place.home.folder).warehouse_url))
            for folder in (place.home.folder.parent, place.elsewhere):
                shutil.rmtree(folder, ignore_errors=True)
