"""The documentation says what the code does."""

import re

import pytest

from bj_pipeline.cli import main
from bj_pipeline.quality.stages import ALL
from bj_pipeline.settings import Settings
from bj_pipeline_tests.command_line import PROJECT

OPERATIONS = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_operations_find_each_check_with_its_remedy(check):
    assert f"| `{check.name}` | `{check.asset}` | {check.severity} | {check.remedy} |" in OPERATIONS


@pytest.mark.parametrize("name", Settings.model_fields)
def test_operations_find_each_setting(name):
    description = Settings.model_fields[name].description
    start = f"| `BJ_{name.upper()}` |"
    row = next(line for line in OPERATIONS.splitlines() if line.startswith(start))
    assert description in row


def test_no_check_and_no_setting_is_documented_that_does_not_exist():
    named = set(re.findall(r"^\| `([a-z_]+)` \|", OPERATIONS, flags=re.MULTILINE))
    assert named == {check.name for check in ALL}
    settings = set(re.findall(r"^\| `BJ_([A-Z_]+)` \|", OPERATIONS, flags=re.MULTILINE))
    assert settings == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page):
    text = page.read_text(encoding="utf-8")
    for words in re.findall(r"bj-pipeline ((?:[a-z-]+ ?)+)", text):
        command = main
        for word in words.split():
            found = getattr(command, "commands", {}).get(word)
            if found is None:
                assert command is not main, f"bj-pipeline {words}"
                break
            command = found
