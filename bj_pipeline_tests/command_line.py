"""Running ``bj-pipeline`` as its users do: as a program of its own, in a home of its own."""

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).parent.parent
MARKET = PROJECT.parent / "shared" / "market"
GOLDEN = Path(__file__).parent / "golden"
WARM = "PROGRAM_THAT_IS_WARM"
"""Where the environment says which program starts at once, see :mod:`bj_pipeline_tests.warm`."""


def program(*, is_installed: bool = False) -> Path:
    """``bj-pipeline`` as installed, or where tests run, one that has its imports behind it."""
    installed = Path(sys.executable).parent / "bj-pipeline"
    return installed if is_installed else Path(os.environ.get(WARM, installed))


@dataclass(frozen=True)
class CommandLine:
    """The program with one ``BJ_HOME``.

    Attributes:
        home: Its ``BJ_HOME``.
        is_installed: Start it as installed, for tests of how it starts; otherwise it is forked from
            a process that has its imports behind it.
    """

    home: Path
    is_installed: bool = False

    def __call__(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BJ_", "DAGSTER_"))}
        return subprocess.run(
            [program(is_installed=self.is_installed), *map(str, arguments)],
            env=inherited | {"BJ_HOME": str(self.home)} | environment,
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    def table(self, name: str, issue: int) -> pd.DataFrame:
        """A warehouse table as ``show --format csv`` prints it; text columns stay text."""
        shown = self("show", name, "--issue", issue, "--format", "csv")
        assert shown.returncode == 0, shown.stderr
        return pd.read_csv(io.StringIO(shown.stdout), dtype={"code": "str", "sector": "str"})

    def artifact(self, issue: int, name: str) -> Path:
        """A finished file."""
        return self.home / "artifacts" / f"issue-{issue:03d}" / name
