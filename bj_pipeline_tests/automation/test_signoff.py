"""Sign-off on real issues: what is published, what is refused, and what a rebuild becomes."""

import json
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from bj_pipeline.automation import signoff
from bj_pipeline.automation.inventory import told
from bj_pipeline.automation.signoff import SignOffError
from bj_pipeline.automation.state import issue_states
from bj_pipeline.definitions import build
from bj_pipeline.errors import CheckFailedError, ConfigurationError, MissingDataError
from bj_pipeline.quality import stages
from bj_pipeline.quality.stages import blocking
from bj_pipeline.report.artifacts import sha256
from bj_pipeline.report.document import Document
from bj_pipeline.report.house import load_house
from bj_pipeline.settings import Settings
from bj_pipeline.site.build import build_site
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

FORMS = ("report.html", "report.pdf", "report.docx", "report.xlsx", "manifest.json")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
FINISHED = next(check for check in blocking("report_pdf"))
REBUILT = (
    "ai_chain_metrics",
    "report_document",
    "report_figures",
    "report_html",
    "report_pdf",
    "report_docx",
    "report_xlsx",
    "issue_manifest",
)


def copy_of(home: Path, folder: Path) -> Settings:
    """Another installation with the same warehouse and files."""
    shutil.copytree(home, folder, ignore=shutil.ignore_patterns("dagster", "landing"))
    return Settings(home=folder)


def rebuild(settings: Settings, **environment: str) -> None:
    """Build issue 65 again from the AI-chain table down, as a run does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BJ_HOME", str(settings.home))
        for name, value in environment.items():
            patch.setenv(name, value)
        with dg.DagsterInstance.ephemeral() as instance:
            result = (
                build(Settings())
                .resolve_job_def("issue")
                .execute_in_process(
                    partition_key="65",
                    instance=instance,
                    asset_selection=[dg.AssetKey(name) for name in REBUILT],
                    run_config={
                        "resources": {"pipeline": {"config": {"source": "sample"}}},
                        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    },
                )
            )
    assert result.success


def approved(settings: Settings) -> dict[int, int]:
    """Revision of each issue that may be seen."""
    found = signoff.approved_issues(Warehouse(settings.warehouse_url))
    return {issue: entry.revision for issue, entry in found.items()}


def built(settings: Settings) -> dict[str, str]:
    return hashes(settings.artifacts / "issue-065")


def published(settings: Settings) -> Path:
    return settings.published / "issue-065"


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path there."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def content(folder: Path) -> dict[str, object]:
    """The forms' hashes and the manifest without the code's, which may be edited meanwhile."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del manifest["code_version"]
    forms = {name: sha256((folder / name).read_bytes()) for name in FORMS[:-1]}
    return {**forms, "manifest.json": manifest}


def document(settings: Settings) -> Document:
    frame = Warehouse(settings.warehouse_url).read(tables.REPORT_DOCUMENT, 65)
    return Document.model_validate_json(frame["document"].iloc[0])


def state(settings: Settings) -> str:
    return issue_states(settings).set_index("number").loc[65, "sign_off"]


def approvals(settings: Settings) -> list[tuple[int, str, str]]:
    rows = Warehouse(settings.warehouse_url).read(tables.APPROVALS, 65)
    return list(zip(rows["revision"], rows["state"], rows["by"], strict=True))


@pytest.fixture
def draft(sample_issue, tmp_path) -> Settings:
    """Issue 65 as built and seen by nobody."""
    return copy_of(sample_issue.home, tmp_path / "home")


@pytest.fixture(scope="module")
def corrected_home(sample_issue, tmp_path_factory) -> Path:
    """Revision 1 approved, then built again with another vendor's PE in the AI-chain table."""
    settings = copy_of(sample_issue.home, tmp_path_factory.mktemp("corrected") / "home")
    signoff.approve(settings, 65, "张三", now=NOON)
    rebuild(settings, BJ_AI_CHAIN_PE_TTM_VENDORS="ifind")
    return settings.home


@pytest.fixture
def corrected(corrected_home, tmp_path) -> Settings:
    """The draft of revision 2."""
    return copy_of(corrected_home, tmp_path / "home")


def test_an_approved_issue_is_published_as_it_was_built(draft):
    assert state(draft) == ""
    entry = signoff.approve(draft, 65, "张三", "看过", NOON)
    assert hashes(published(draft)) == built(draft) == dict(entry.hashes)
    assert set(entry.hashes) == set(FORMS)
    assert state(draft) == "approved"
    (row,) = Warehouse(draft.warehouse_url).read(tables.APPROVALS, 65).to_dict("records")
    assert (row["by"], row["note"], row["at"]) == ("张三", "看过", "2026-03-02T04:00:00+00:00")
    assert json.loads(row["hashes"]) == built(draft)


def test_an_approved_issue_is_built_again_to_the_same_bytes(draft):
    signoff.approve(draft, 65, "张三", now=NOON)
    rebuild(draft)
    assert content(draft.artifacts / "issue-065") == content(published(draft))
    assert "revision 1, approved by 张三" in signoff.told(65, signoff.difference(draft, 65))
    with pytest.raises(SignOffError, match="approved already by 张三 on 2026-03-02 04:00 UTC"):
        signoff.approve(draft, 65, "李四")
    assert approvals(draft) == [(1, "approved", "张三")]


def test_a_rebuild_that_differs_is_the_next_revision_and_a_draft(corrected):
    assert document(corrected).revision == 2
    assert (
        json.loads((corrected.artifacts / "issue-065/manifest.json").read_text())["revision"] == 2
    )
    assert state(corrected) == "draft of revision 2"
    assert hashes(published(corrected)) != built(corrected)


def test_the_difference_is_listed_company_by_company(corrected):
    told = signoff.told(65, signoff.difference(corrected, 65))
    assert "is revision 2, a draft." in told
    assert "AI产业链 众诚科技 本周 PE TTM: 4088.20X → -198.44X" in told
    assert "+ 不含风险警示（ST）公司。\n" in told  # the vendor is that of the other tables now


def test_every_form_of_a_revision_says_so_and_says_what_changed(corrected):
    import pypdfium2

    folder = corrected.artifacts / "issue-065"
    page = (folder / "report.html").read_text(encoding="utf-8")
    with closing(pypdfium2.PdfDocument(folder / "report.pdf")) as pdf:
        printed = "".join(one.get_textpage().get_text_bounded() for one in pdf).replace(" ", "")
    for text in (page.replace(" ", ""), printed):
        assert "第65期（修订2）" in text
        assert "更正说明" in text
        assert "4088.20X" in text


def test_approving_a_revision_keeps_the_former_one_beside_it(corrected):
    first = hashes(published(corrected))
    second = built(corrected)
    signoff.approve(corrected, 65, "李四")
    kept = {f"revision-1/{name}": value for name, value in first.items()}
    assert hashes(published(corrected)) == second | kept
    assert approvals(corrected) == [(1, "approved", "张三"), (2, "approved", "李四")]
    assert approved(corrected) == {65: 2}
    assert state(corrected) == "approved, revision 2"
    assert not list(corrected.published.glob(".*"))


def test_the_site_shows_an_approved_issue_with_the_figures_of_its_files(corrected, tmp_path):
    def chain(revisions: dict[int, int] | None) -> str:
        warehouse, target = Warehouse(corrected.warehouse_url), tmp_path / "site"
        build_site(warehouse, corrected, load_house(), target, issues=[65], revisions=revisions)
        return (target / "ai-chain.html").read_text(encoding="utf-8")

    assert "4088.20" in chain(approved(corrected))
    assert "-198.44" not in chain(approved(corrected))
    assert "-198.44" in chain(None)
    signoff.approve(corrected, 65, "李四")
    assert "-198.44" in chain(approved(corrected))


def test_an_approved_revision_keeps_its_erratum_and_its_bytes(corrected):
    signoff.approve(corrected, 65, "李四")
    rebuild(corrected, BJ_AI_CHAIN_PE_TTM_VENDORS="ifind")
    assert content(corrected.artifacts / "issue-065") == content(published(corrected))


def test_undoing_a_correction_before_its_approval_is_the_first_revision_again(corrected):
    rebuild(corrected)
    assert document(corrected).revision == 1
    assert content(corrected.artifacts / "issue-065") == content(published(corrected))


def test_a_withdrawn_issue_leaves_published_and_comes_back_as_the_next_revision(corrected):
    first = hashes(published(corrected))
    signoff.approve(corrected, 65, "李四")
    was = hashes(published(corrected))
    entry = signoff.withdraw(corrected, 65, "王五", "PE 口径有误")
    assert (entry.revision, entry.note) == (2, "PE 口径有误")
    assert not published(corrected).exists()
    assert hashes(corrected.withdrawn / "issue-065" / "revision-2") == was
    assert state(corrected) == "withdrawn, revision 2"
    assert approved(corrected) == {}
    with pytest.raises(SignOffError, match="withdrawn already by 王五"):
        signoff.withdraw(corrected, 65, "王五", "再次")
    with pytest.raises(SignOffError, match="Build it again"):
        signoff.approve(corrected, 65, "李四")
    assert "Build it again" in signoff.told(65, signoff.difference(corrected, 65))

    rebuild(corrected, BJ_AI_CHAIN_PE_TTM_VENDORS="ifind")
    third = document(corrected)
    assert third.revision == 3
    assert third.text(third.sections[0].blocks[0].line) == "本版替代修订 2，数字与文字没有变化。"
    signoff.approve(corrected, 65, "李四")
    kept = {f"revision-1/{name}": value for name, value in first.items()}
    assert hashes(published(corrected)) == built(corrected) | kept


def test_what_was_never_built_cannot_be_approved_or_compared(tmp_path):
    settings = Settings(home=tmp_path / "home")
    for ask in (
        lambda: signoff.approve(settings, 65, "张三"),
        lambda: signoff.difference(settings, 65),
    ):
        with pytest.raises(MissingDataError, match="run --issue 65"):
            ask()
    with pytest.raises(SignOffError, match="never approved"):
        signoff.withdraw(settings, 65, "张三", "无")


@pytest.mark.parametrize("name", ["report.pdf", "report.xlsx"])
def test_files_that_changed_on_disk_are_not_approved(draft, name):
    path = draft.artifacts / "issue-065" / name
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(SignOffError, match=f"{name} in .* changed after the issue was built"):
        signoff.approve(draft, 65, "张三")
    assert not published(draft).exists()
    assert approvals(draft) == []


@pytest.mark.parametrize(
    "spoilt",
    [
        {"artifacts": []},
        {"artifacts": [{"name": "report.pdf"}]},
        {"artifacts": None},
        {"data_versions": []},
        {"data_versions": None},
    ],
)
def test_an_issue_whose_record_does_not_vouch_for_each_form_is_not_approved(draft, spoilt):
    record = draft.artifacts / "issue-065" / "manifest.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | spoilt))
    with pytest.raises(SignOffError, match=r"manifest\.json is not as it was written.*--issue 65"):
        signoff.approve(draft, 65, "张三")
    assert not published(draft).exists()


def test_a_file_that_is_missing_is_not_approved(draft):
    (draft.artifacts / "issue-065" / "report.docx").unlink()
    with pytest.raises(SignOffError, match=r"report\.docx"):
        signoff.approve(draft, 65, "张三")


def test_an_issue_whose_checks_failed_is_not_approved(draft):
    warehouse = Warehouse(draft.warehouse_url)
    results = warehouse.read(tables.CHECK_RESULTS, 65)
    failed = results[results["check"] == FINISHED.name].assign(
        passed=False, summary="a figure is missing"
    )
    warehouse.record_checks(65, failed)
    with pytest.raises(CheckFailedError, match=FINISHED.name):
        signoff.approve(draft, 65, "张三")
    assert not published(draft).exists()


def test_checks_that_saw_other_data_do_not_count(draft):
    warehouse = Warehouse(draft.warehouse_url)
    movers = warehouse.read(tables.MOVERS, 65)
    warehouse.replace(65, {tables.MOVERS: movers.assign(change=movers["change"] + 0.01)})
    with pytest.raises(CheckFailedError, match="has not seen the present data"):
        signoff.approve(draft, 65, "张三")


def check_again(warehouse: Warehouse) -> None:
    """As if the checks had been run since, and had passed as before."""
    checks = {one.name: one for one in stages.ALL}
    results = warehouse.read(tables.CHECK_RESULTS, 65)
    present = [stages.seen(checks[name], warehouse, 65) for name in results["check"]]
    warehouse.record_checks(65, results.assign(data_version=present))


def test_files_of_other_data_than_the_warehouse_holds_are_not_approved(draft):
    warehouse = Warehouse(draft.warehouse_url)
    figures = warehouse.read(tables.REPORT_FIGURES, 65)
    warehouse.replace(65, {tables.REPORT_FIGURES: figures.assign(svg=figures["svg"] + " ")})
    check_again(warehouse)
    with pytest.raises(SignOffError, match="report_figures"):
        signoff.approve(draft, 65, "张三")


def test_published_files_that_somebody_touched_are_not_taken_for_the_former_revision(corrected):
    (published(corrected) / "report.pdf").write_bytes(b"other")
    with pytest.raises(SignOffError, match=r"report\.pdf in .* is not as approved"):
        signoff.approve(corrected, 65, "李四")
    assert approvals(corrected) == [(1, "approved", "张三")]


def test_files_that_nobody_approved_are_not_overwritten(draft):
    published(draft).mkdir(parents=True)
    (published(draft) / "report.pdf").write_bytes(b"of another warehouse")
    with pytest.raises(SignOffError, match="nobody approved"):
        signoff.approve(draft, 65, "张三")
    assert hashes(published(draft)) == {"report.pdf": sha256(b"of another warehouse")}
    assert approvals(draft) == []


def test_an_approval_that_was_killed_between_the_folders_is_completed_by_the_next(corrected):
    first, second = hashes(published(corrected)), built(corrected)
    place = published(corrected)
    place.rename(place.with_name(".issue-065.old"))
    place.with_name(".issue-065.new").mkdir()
    (place.with_name(".issue-065.new") / "report.pdf").write_bytes(b"half")
    signoff.approve(corrected, 65, "李四")
    kept = {f"revision-1/{name}": value for name, value in first.items()}
    assert hashes(published(corrected)) == second | kept
    assert [path.name for path in corrected.published.iterdir()] == ["issue-065"]


def test_an_approval_that_was_killed_before_its_record_is_completed_by_the_next(draft):
    shutil.copytree(draft.artifacts / "issue-065", published(draft))
    signoff.approve(draft, 65, "张三")
    assert approvals(draft) == [(1, "approved", "张三")]
    assert hashes(published(draft)) == built(draft)


class Killed(BaseException):
    """Stands for a kill: nobody handles it."""


def approve_until_the_record(settings: Settings, by: str) -> None:
    """Approve issue 65, killed when it is published and its record not yet there."""

    def stop(_: object) -> None:
        if settings.published.exists():
            raise Killed

    event.listen(Engine, "commit", stop)
    try:
        with pytest.raises(Killed):
            signoff.approve(settings, 65, by)
    finally:
        event.remove(Engine, "commit", stop)


def test_a_build_after_a_killed_approval_can_be_approved(draft):
    approve_until_the_record(draft, "张三")
    assert hashes(published(draft)) == built(draft)
    assert approvals(draft) == []
    rebuild(draft, BJ_AI_CHAIN_PE_TTM_VENDORS="ifind")
    signoff.approve(draft, 65, "李四")
    assert hashes(published(draft)) == built(draft)
    assert [path.name for path in draft.published.iterdir()] == ["issue-065"]


def test_a_build_after_a_killed_approval_of_a_correction_keeps_the_approved_revision(corrected):
    first = hashes(published(corrected))
    approve_until_the_record(corrected, "李四")
    assert hashes(published(corrected)) != first
    rebuild(corrected, BJ_AI_CHAIN_PE_TTM_VENDORS="tushare")
    signoff.approve(corrected, 65, "王五")
    kept = {f"revision-1/{name}": value for name, value in first.items()}
    assert hashes(published(corrected)) == built(corrected) | kept


def test_what_a_killed_approval_published_is_not_withdrawn_for_the_approved_revision(corrected):
    first = hashes(published(corrected))
    approve_until_the_record(corrected, "李四")
    signoff.withdraw(corrected, 65, "张三", "数据有误")
    assert hashes(corrected.withdrawn / "issue-065" / "revision-1") == first
    assert not published(corrected).exists()


def test_what_a_killed_approval_published_is_taken_back_without_another_sign_off(corrected):
    first = hashes(published(corrected))
    approve_until_the_record(corrected, "李四")
    assert hashes(published(corrected)) != first
    (told,) = signoff.take_back_killed(corrected)
    assert "bj-pipeline approve 65" in told
    assert hashes(corrected.published) == {f"issue-065/{k}": v for k, v in first.items()}
    assert signoff.take_back_killed(corrected) == []
    signoff.approve(corrected, 65, "李四")
    assert approvals(corrected) == [(1, "approved", "张三"), (2, "approved", "李四")]


def test_a_first_approval_that_was_killed_leaves_nothing_that_people_could_take_for_it(draft):
    approve_until_the_record(draft, "张三")
    assert "killed before it was on record" in told(draft)
    assert hashes(draft.published) == {}


def test_an_approval_that_was_killed_after_its_record_stays_published(corrected):
    signoff.approve(corrected, 65, "李四")
    second = hashes(published(corrected))
    mark = corrected.published / ".issue-065.unrecorded"
    mark.write_text(second["manifest.json"], encoding="utf-8")
    assert signoff.take_back_killed(corrected) == []
    assert hashes(corrected.published) == {f"issue-065/{k}": v for k, v in second.items()}


@pytest.mark.parametrize("name", ["report.pdf", "manifest.json", "revision-1/report.html"])
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"%PDF")])
def test_a_published_file_that_is_not_as_approved_is_told(corrected, name, spoil):
    signoff.approve(corrected, 65, "李四")
    assert "published files" not in told(corrected)
    spoil(published(corrected) / name)
    assert f"damaged: published files that are not as approved: {name}" in told(corrected)
    assert "1 damaged: restore what was published of 65 from a backup" in told(corrected)
    signoff.withdraw(corrected, 65, "李四", "坏了")
    assert "published files" not in told(corrected)


def test_what_people_say_is_kept_on_one_line_without_what_cannot_be_seen(draft):
    signoff.approve(draft, 65, "张\u202e三\x1b[2J\nError: x", note="看过\r\n了\udce4")
    record = Warehouse(draft.warehouse_url).read(tables.APPROVALS, 65)
    assert list(record["by"]) == ["张三 [2J Error: x"]
    assert list(record["note"]) == ["看过 了\ufffd"]
    with pytest.raises(ConfigurationError, match="--why"):
        signoff.withdraw(draft, 65, "张三", "\u200b\n")


def test_nobody_is_not_an_approver(draft):
    with pytest.raises(ConfigurationError, match="--by"):
        signoff.approve(draft, 65, "  ")
    signoff.approve(draft, 65, "张三")
    with pytest.raises(ConfigurationError, match="--why"):
        signoff.withdraw(draft, 65, "张三", "")
    assert published(draft).exists()


def test_the_command_line_approves_shows_and_withdraws(sample_issue, command_line):
    copy_of(sample_issue.home, command_line.home)
    done = command_line("approve", 65, "--by", "张三")
    assert done.returncode == 0, done.stderr
    assert str(command_line.home / "published/issue-065/report.pdf") in done.stdout
    again = command_line("approve", 65, "--by", "张三")
    assert again.returncode == SignOffError.exit_code
    assert "approved already" in again.stderr
    assert "revision 1, approved by 张三" in command_line("diff", 65).stdout
    site = command_line("site")
    assert " on 1 issue and " in site.stdout, site.stderr
    done = command_line("withdraw", 65, "--by", "张三", "--why", "有误")
    assert done.returncode == 0, done.stderr
    assert "A site shows it until `bj-pipeline site`" in done.stdout
    refused = command_line("site")
    assert refused.returncode == MissingDataError.exit_code
    assert f"{command_line.home / 'site'} still shows what was: remove it." in refused.stderr
    (line,) = [line for line in command_line("issues").stdout.splitlines() if " 2026-W09 " in line]
    assert line.endswith("withdrawn")
