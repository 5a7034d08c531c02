"""The issue that the checks are tried on."""

import pytest

from bj_pipeline_tests.quality.built_issue import BuiltIssue


@pytest.fixture(scope="session")
def issue_65(sample_issue) -> BuiltIssue:
    """The healthy issue 65 of the sample; tests only read it."""
    return BuiltIssue.of(sample_issue.home)
