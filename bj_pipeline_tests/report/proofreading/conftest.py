"""The healthy issue that slips are planted in; tests only read it."""

from pathlib import Path

import pytest

from bj_pipeline.issues import by_number
from bj_pipeline.reference import load_reference
from bj_pipeline.report.document import Document
from bj_pipeline.report.proofreading import FORMS, Known, read_form
from bj_pipeline.settings import PACKAGE
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.report.proofreading.planting import ISSUE, LABELS


@pytest.fixture(scope="session")
def folder(sample_issue) -> Path:
    return sample_issue.home / "artifacts" / by_number(ISSUE).folder


@pytest.fixture(scope="session")
def document(sample_issue) -> Document:
    stored = sample_issue.table(tables.REPORT_DOCUMENT, ISSUE)
    return Document.model_validate_json(stored["document"].iloc[0])


@pytest.fixture(scope="session")
def known(sample_issue) -> Known:
    return Known.of(
        by_number(ISSUE),
        sample_issue.table(tables.COMPANY_UNIVERSE, ISSUE),
        sample_issue.table(tables.COMPANY_METRICS, ISSUE),
        load_reference(PACKAGE / "reference").indices,
    )


@pytest.fixture(scope="session")
def forms(folder):
    return {name: read_form(folder / name, LABELS) for name in FORMS}


@pytest.fixture(scope="session")
def pictures(sample_issue):
    drawn = sample_issue.table(tables.REPORT_FIGURES, ISSUE)
    return {name: svg.encode() for name, svg in zip(drawn["figure"], drawn["svg"], strict=True)}
