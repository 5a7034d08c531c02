"""The code location, as Dagster's servers load it."""

import warnings

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from bj_pipeline.definitions import build, defs
from bj_pipeline.quality.stages import ALL
from bj_pipeline.settings import Settings
from bj_pipeline_tests.command_line import PROJECT


def test_the_webserver_loads_the_workspace_without_an_error(monkeypatch, tmp_path):
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("BJ_HOME", str(tmp_path))
    target = WorkspaceFileTarget([str(PROJECT / "workspace.yaml")])
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, target) as process,
    ):
        request = process.create_request_context()
        (entry,) = request.get_code_location_entries().values()
        assert entry.load_error is None
        (repository,) = entry.code_location.get_repositories().values()
        nodes = {node.asset_key.to_user_string() for node in repository.get_asset_node_snaps()}
        assert {
            "raw_quotes",
            "company_universe",
            "ai_chain_classification",
            "sector_metrics",
            "report_html",
            "report_pdf",
            "issue_manifest",
        } <= nodes
        assert {job.name for job in repository.get_all_jobs()} >= {"issue", "figures"}


def test_everything_fits_together():
    dg.Definitions.validate_loadable(defs)


def test_every_asset_says_what_it_is_who_owns_it_and_what_it_holds():
    for key in defs.resolve_asset_graph().get_all_asset_keys():
        node = defs.resolve_asset_graph().get(key)
        assert node.description
        assert node.owners
        assert node.kinds
        assert node.group_name in {"raw", "universe", "metrics", "report", "operations"}
        assert (node.partitions_def is None) == (node.group_name == "operations")
        if node.group_name != "operations" and not key.path[-1].startswith(("report_", "issue_")):
            assert node.metadata["dagster/column_schema"]


def test_every_check_ships_with_a_question_and_a_remedy():
    graph = defs.resolve_asset_graph()
    operations = {"issue_inventory", "latest_issue"}
    checks = {
        key.name
        for key in graph.asset_check_keys
        if key.asset_key.to_user_string() not in operations
    }
    assert checks == {one.name for one in ALL}
    assert 15 <= len(checks) <= 25
    for one in ALL:
        assert one.question.endswith("?")
        assert len(one.remedy) > 20


def test_assembling_gives_no_warning_that_is_not_known(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", category=UserWarning)
        dg.Definitions.validate_loadable(build(Settings(home=tmp_path)))


@pytest.mark.parametrize("job", ["issue", "figures"])
def test_a_job_is_partitioned_by_issue(job):
    partitions = defs.resolve_job_def(job).partitions_def
    assert partitions is not None
    assert partitions.get_partition_keys()[:3] == ["1", "2", "3"]
