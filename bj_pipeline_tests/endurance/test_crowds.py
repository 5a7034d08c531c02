"""Many programs at once, from the first use of a new home on: none disturbs its neighbour."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest

from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.endurance.programs import LEFT_TO_ENDURANCE, Home, Program
from bj_pipeline_tests.endurance.readers import half_issues, half_sites, mixed_tables, reading
from bj_pipeline_tests.warehouse.databases import postgresql_address

VENDORS = ("ifind,wind,tushare,akshare", "wind,ifind,tushare,akshare")
"""Two ways of building an issue, with different figures in every form."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def home(request, tmp_path_factory, thorough) -> Home:
    """A home that nobody has used."""
    if request.param == "postgresql" and not thorough:
        pytest.skip(LEFT_TO_ENDURANCE)
    folder = tmp_path_factory.mktemp("crowd") / "home"
    if request.param == "sqlite":
        return Home(folder, {})
    address = postgresql_address(request.getfixturevalue("postgresql"))
    return Home(folder, {"BJ_DATABASE_URL": address})


@pytest.fixture(scope="module")
def warehouse(home) -> Warehouse:
    url = home.environment.get("BJ_DATABASE_URL", "")
    return Warehouse(Settings(home=home.folder, database_url=url).warehouse_url)


@pytest.fixture(scope="module")
def crowd(home, warehouse, thorough) -> tuple[list[int], list[Program]]:
    """Runs that were started together, while somebody read what they wrote."""
    issues = [65] * 8 + list(range(57, 65)) if thorough else [65, 65]
    with reading(
        lambda: half_issues(home.folder / "artifacts"),
        lambda: mixed_tables(warehouse.url),
    ):
        programs = [
            home.start("run", "--issue", issue, BJ_PE_TTM_VENDORS=VENDORS[at % 2])
            for at, issue in enumerate(issues)
        ]
        with ThreadPoolExecutor(len(programs)) as waiting:
            list(waiting.map(Program.wait, programs))
    return issues, programs


def artifacts(home: Home, issue: int) -> dict[str, bytes]:
    folder = home.folder / "artifacts" / f"issue-{issue:03d}"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_no_run_of_a_crowd_fails_or_speaks_of_locks(crowd):
    for program in crowd[1]:
        assert program.process.exitcode == 0, program.printed
        assert "lock" not in program.printed
        assert "Traceback" not in program.printed


def test_the_issue_that_many_have_built_is_the_work_of_one(home, crowd, warehouse, thorough):
    assert 65 in crowd[0]
    left = artifacts(home, 65)
    manifest = json.loads(left["manifest.json"])
    assert manifest["data_versions"] == warehouse.versions(65)
    vendors = ",".join(manifest["settings"]["pe_ttm_vendors"])
    assert vendors in VENDORS
    if not thorough:
        return
    home.run("run", "--issue", 65, BJ_PE_TTM_VENDORS=vendors)
    # Trends may know of an issue more now; what is computed from the issue's own data may not move.
    again = json.loads(artifacts(home, 65)["manifest.json"])["data_versions"]
    moved = {name for name in again if again[name] != manifest["data_versions"][name]}
    assert moved <= {"sector_trends", "report_document", "report_figures", "facts"}


def test_every_run_of_a_crowd_is_on_record_as_having_ended_well(home, crowd, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    url = home.environment.get("BJ_DATABASE_URL", "")
    for name, value in dagster_environment(Settings(home=home.folder, database_url=url)).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs()
    found = Counter(int(run.tags["dagster/partition"]) for run in runs)
    assert all(found[issue] >= count for issue, count in Counter(crowd[0]).items())
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}


@pytest.mark.usefixtures("crowd")
def test_one_of_many_sign_offs_counts(home, thorough):
    programs = [
        home.start("approve", 65, "--by", f"analyst {at}") for at in range(8 if thorough else 2)
    ]
    codes = Counter(program.wait() for program in programs)
    assert codes == {0: 1, 10: len(programs) - 1}
    for program in programs:
        assert "approved" in program.printed or "signed off" in program.printed
    assert not list(half_issues(home.folder / "published"))


@pytest.mark.usefixtures("crowd")
def test_many_build_one_site_and_its_readers_meet_a_whole_one(home, thorough, tmp_path):
    site = tmp_path / "srv" / "site"
    with reading(lambda: half_sites(site)):
        programs = [
            home.start("site", "--to", site, BJ_PUBLISH_DRAFTS="true")
            for _ in range(8 if thorough else 2)
        ]
        assert {program.wait() for program in programs} == {0}
    assert list(site.parent.iterdir()) == [site]
