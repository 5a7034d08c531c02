"""The record of an issue: from which inputs, by which code and settings, with which result.

It holds no time, no run and no folder, so that the same inputs give the same bytes.
"""

import json
from pathlib import Path

from bj_pipeline import __version__
from bj_pipeline.errors import DataError
from bj_pipeline.report.artifacts import FORMS, newest, sha256
from bj_pipeline.report.document import Document
from bj_pipeline.settings import Settings
from bj_pipeline.storage import Place, content
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

ARTIFACTS = FORMS
_REPORTED_SETTINGS = ("pe_ttm_vendors", "ai_chain_pe_ttm_vendors")


def manifest(document: Document, warehouse: Warehouse, settings: Settings, folder: Place) -> str:
    """The manifest as JSON text.

    Args:
        document: The issue's document.
        warehouse: Holds the list of inputs, data versions and check results.
        settings: Those that change figures are recorded; none of them is a secret.
        folder: Where the finished files lie.

    Raises:
        DataError: A file there is not the one that the warehouse knows as built last.
    """
    issue = document.issue
    inputs = warehouse.read(tables.INPUT_FILES, issue)
    checks = warehouse.read(tables.CHECK_RESULTS, issue)
    built = warehouse.versions(issue, files=True)
    record = {
        "issue": issue,
        "revision": document.revision,
        "week": document.week,
        "sessions": [str(document.first_session), str(document.close_date)],
        "base_date": str(document.base_date),
        "issue_date": str(document.issue_date),
        "publication_date": str(document.publication_date),
        "exhibits": len(list(document.exhibits())),
        "source": ", ".join(dict.fromkeys(inputs["source"])),
        "sample": document.is_sample,
        "missing": [document.text(line) for line in document.notices],
        "code_version": {"bj_pipeline": __version__, "code_sha256": code_sha256()},
        "settings": {name: list(getattr(settings, name)) for name in _REPORTED_SETTINGS},
        "inputs": inputs.to_dict("records"),
        "data_versions": warehouse.versions(issue),
        "checks": checks[["check", "severity", "passed", "failed_rows"]].to_dict("records"),
        "artifacts": [
            _described(folder, name, built.get(asset_of(name), "")) for name in ARTIFACTS
        ],
    }
    return json.dumps(record, ensure_ascii=False, indent=2, default=int) + "\n"


def asset_of(name: str) -> str:
    """The asset that a finished file is, as its data version is recorded: ``report_pdf``."""
    return name.replace(".", "_")


def _described(folder: Place, name: str, digest: str) -> dict[str, str | int]:
    path = newest(folder, name, digest)
    found = content(path)
    if found is None or sha256(found) != digest:
        rule = "a manifest vouches for the files as they were built"
        raise DataError(str(path), rule, "Build the issue again, and nothing else meanwhile.")
    return {"name": name, "sha256": digest, "bytes": len(found)}


def code_sha256() -> str:
    """SHA-256 over the package's code, templates and curated data."""
    package = Path(__file__).parent.parent
    files = sorted(
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts
    )
    text = "\n".join(f"{path.relative_to(package)} {sha256(path.read_bytes())}" for path in files)
    return sha256(text.encode())
