"""The command line: what it prints, how it ends, and that it never shows a traceback."""

import json
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from bj_pipeline.errors import ConfigurationError
from bj_pipeline.quality.metrics import vendors_agree_on_pe_ttm


@pytest.fixture
def command_line(command_line):
    """The program as installed."""
    return replace(command_line, is_installed=True)


@pytest.fixture(scope="module")
def sample_issue(sample_issue):
    """The home of issue 65, for the program as installed."""
    return replace(sample_issue, is_installed=True)


def test_help_names_every_command(command_line):
    done = command_line("--help")
    assert done.returncode == 0
    for command in ("run", "issues", "dev", "show"):
        assert f"  {command} " in done.stdout


@pytest.mark.parametrize("command", ["run", "issues", "issues extend", "dev", "show"])
def test_every_command_explains_itself(command_line, command):
    done = command_line(*command.split(), "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 4


def test_help_imports_neither_dagster_nor_pandas():
    code = "import sys, bj_pipeline.cli; print({'dagster', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_an_error_quotes_does_not_turn_the_terminal(command_line):
    done = command_line("run", "--issue", 65, "--source", "files", "--input", "/none/\x1b[2J\u202e")
    assert done.returncode == ConfigurationError.exit_code
    assert "/none/\\x1b[2J\\u202e does not exist" in done.stderr


def test_a_ui_is_refused_where_something_else_listens(command_line):
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = command_line("dev", "--port", other.getsockname()[1])
    assert done.returncode == ConfigurationError.exit_code
    assert "choose another address" in done.stderr


def test_run_says_where_the_report_lies(sample_issue):
    done = sample_issue("run", "--issue", 65)
    assert done.returncode == 0
    for name in ("report.html", "report.pdf", "manifest.json"):
        assert str(sample_issue.artifact(65, name)) in done.stdout
    assert "vendors_agree_on_pe_ttm" in done.stdout
    assert "众诚科技" in done.stdout


def test_issues_lists_weeks_and_states(sample_issue):
    lines = sample_issue("issues").stdout.splitlines()
    assert lines[0].split() == [
        "number", "week", "sessions", "first", "base_date", "close_date", "state", "sign_off",
    ]  # fmt: skip
    rows = {line.split()[0]: line for line in lines[2:]}
    assert rows["65"].split()[1:] == [
        "2026-W09", "4", "2026-02-24", "2026-02-13", "2026-02-27", "built",
    ]  # fmt: skip
    assert rows["10"].split()[2] == "1"
    assert rows["10"].endswith("missing")


def test_show_prints_csv_and_json_that_agree(sample_issue):
    csv = sample_issue.table("sector_metrics", 65)
    shown = sample_issue("show", "sector_metrics", "--issue", 65, "--format", "json")
    assert [row["sector"] for row in json.loads(shown.stdout)] == list(csv["sector"])
    assert json.loads(shown.stdout)[0]["total_market_cap"] == csv["total_market_cap"][0]
    assert list(csv.columns) == [
        "issue", "sector", "companies", "pe_ttm_median_base", "pe_ttm_median",
        "total_market_cap_base", "total_market_cap", "market_cap_median_base", "market_cap_median",
    ]  # fmt: skip


def test_dates_are_days_in_csv_and_json(sample_issue):
    assert sample_issue.table("raw_index_quotes", 65)["date"].min() == "2026-02-13"
    shown = sample_issue("show", "raw_index_quotes", "--issue", 65, "--format", "json")
    assert json.loads(shown.stdout)[0]["date"] == "2026-02-13"


def test_the_columns_that_others_script_against_keep_their_names(sample_issue):
    companies = sample_issue.table("company_metrics", 65)
    assert list(companies.columns[:12]) == [
        "issue", "code", "name", "sector", "close_base", "close", "change", "market_cap_base",
        "market_cap", "pe_ttm_base", "pe_ttm", "status",
    ]  # fmt: skip
    buckets = sample_issue.table("bucket_counts", 65)
    assert list(buckets.columns) == [
        "issue", "sector", "measure", "bucket", "companies_base", "companies",
    ]  # fmt: skip
    assert list(sample_issue.table("market_metrics", 65).columns) == ["issue", "metric", "value"]


def test_show_explains_the_columns(sample_issue):
    shown = sample_issue("show", "company_metrics", "--columns").stdout
    assert "market_cap " in shown
    assert "yuan" in shown


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["run", "--issue", "999"], 2, "past the calendar's horizon"),
        (["run", "--issue", "0"], 2, "There is no issue 0"),
        (["run", "--issue", "65", "--source", "files"], 2, "needs a folder"),
        (["run", "--issue", "65", "--source", "files", "--input", "nowhere"], 2, "nowhere"),
        (["show", "no_such_table"], 2, "There is no table"),
        (["show", "company_metrics", "--issue", "64"], 4, "holds nothing of issue 64"),
        (["show", "check_results", "--issue", "64"], 4, "holds nothing of issue 64"),
    ],
)
def test_a_mistake_is_explained_without_a_traceback(command_line, arguments, exit_code, told):
    done = command_line(*arguments)
    assert done.returncode == exit_code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_database_that_cannot_be_reached_is_one_line(command_line):
    url = "postgresql://nobody:secret-word@127.0.0.1:1/none"
    for arguments in (["issues"], ["run", "--issue", 65]):
        done = command_line(*arguments, BJ_DATABASE_URL=url)
        assert done.returncode == 11
        assert "does not answer" in done.stderr
        assert "Traceback" not in done.stderr
        assert "secret-word" not in done.stderr


def test_a_wrong_setting_is_named(command_line):
    done = command_line("run", "--issue", 65, BJ_SOURCE="terminal")
    assert done.returncode == 2
    assert "There is no source 'terminal'" in done.stderr


def test_an_empty_folder_stops_the_run_and_says_what_is_missing(command_line, tmp_path):
    (tmp_path / "input").mkdir()
    done = command_line("run", "--issue", 65, "--source", "files", "--input", tmp_path / "input")
    assert done.returncode in {5, 6}
    assert "base_and_close_dates_are_present (raw_quotes)" in done.stderr
    assert "No file of daily closes is there" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_warning_says_what_to_do(sample_issue):
    done = sample_issue("run", "--issue", 65)
    warned = next(line for line in done.stdout.splitlines() if line.startswith("Warning: "))
    assert warned.startswith("Warning: vendors_agree_on_pe_ttm (company_metrics): ")
    assert warned.endswith(vendors_agree_on_pe_ttm.remedy)
