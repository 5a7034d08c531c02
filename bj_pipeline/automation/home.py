"""Where Dagster keeps its own things, and how its programs find them."""

import os
from pathlib import Path

from bj_pipeline.settings import PACKAGE, Settings

_PROJECT = PACKAGE.parent


def dagster_environment(settings: Settings) -> dict[str, str]:
    """Environment for Dagster's programs: its home, set up with the project's ``dagster.yaml``.

    An own DAGSTER_HOME of the installation wins.
    """
    given = os.environ.get("DAGSTER_HOME")
    home = Path(given) if given else settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    instance_settings = _PROJECT / "dagster.yaml"
    if not given and instance_settings.is_file():
        (home / "dagster.yaml").write_bytes(instance_settings.read_bytes())
    return {
        "DAGSTER_HOME": str(home.absolute()),
        "BJ_HOME": str(settings.home.absolute()),
        "DAGSTER_DISABLE_TELEMETRY": "true",
    }


def workspace_arguments() -> list[str]:
    """Arguments by which Dagster's programs find the code."""
    workspace = _PROJECT / "workspace.yaml"
    if workspace.is_file():
        return ["--workspace", str(workspace)]
    return ["--module-name", "bj_pipeline.definitions"]
